r"""Controls of a model asked for over their range: what was reached, and whether it rises with it.

    python scripts/compose_songs.py --varied --held_out --out HELD --count 7 --seed 1 \
        --min_s 70 --max_s 130
    python benchmarks/controls.py --songs HELD

Each song is charted with every value of a control, beside its own stars and seed; the timing is
given. Figures are means over songs of the notes as sampled and as delivered; the rank correlation
(Spearman) is that of one song's values, asked and reached.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from benchmarks.few_steps import model_options
from mug.beatmap.beatmap import Beatmap
from mug.difficulty.stars import ln_ratio, rows_a_second, star_rating
from mug.evaluation.made import GIVEN, Asked, Maker, ModelRun
from mug.evaluation.songs import Against, load_songs, load_sound
from mug.metrics.statistics import spearman
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.model.choice import find_model


def density(chart: Beatmap) -> float:
    """Rows a second, from the first to the last."""
    return rows_a_second(chart.hit_objects) or 0.0


def long_notes(chart: Beatmap) -> float:
    """Share of notes that are held."""
    return ln_ratio(chart.hit_objects)


MEASURES: dict[str, Callable[[Beatmap], float]] = {
    "sr": star_rating,
    "density": density,
    "ln_ratio": long_notes,
}
SWEEPS: dict[str, tuple[float, ...]] = {
    "sr": (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0),
    "density": (1.0, 2.0, 4.0, 6.0, 8.0, 10.0),
    "ln_ratio": (0.0, 0.1, 0.2, 0.4, 0.6, 0.8),
}
BESIDE: dict[str, Asked] = {"sr": {}, "density": {}, "ln_ratio": {"sr": 3.0}}
"""Asked for beside a control; density and stars say much the same, so neither has the other."""


def main() -> int:
    """Print a table for each control."""
    made = model_options(__doc__, guidance_scale=2.0)
    made.add_argument("--steps", type=int, default=6)
    args = made.parse_args()
    torch.set_num_threads(1)
    generator = ChartGenerator.from_checkpoint(find_model(args.ckpt, args.keys))
    makers = []
    for song in load_songs(args.songs, args.keys):
        against = Against(song, len(song.charts) // 2, load_sound(song.audio))
        makers.append(Maker(generator, against, ModelRun(seeds=1, candidates=1)))
    print(f"{len(makers)} songs, guidance {args.guidance_scale:g}, {args.steps} steps.")
    for control, values in SWEEPS.items():
        print(_table(control, values, [_reached(maker, control, args) for maker in makers]))
    return 0


def _reached(maker: Maker, control: str, args: argparse.Namespace) -> dict[str, list[float]]:
    """Values reached by one song, as sampled and as delivered."""
    measure = MEASURES[control]
    requests = [
        replace(
            maker.request({**BESIDE[control], control: value}, seed=0, timing=GIVEN),
            guidance_scale=args.guidance_scale,
            steps=args.steps,
        )
        for value in SWEEPS[control]
    ]
    found: dict[str, list[float]] = defaultdict(list)
    for made in maker.make(requests):
        found["as sampled"].append(measure(maker.raw(made.result.raw[0])))
        found["as delivered"].append(measure(made.result.beatmaps[0]))
    return found


def _table(control: str, values: Sequence[float], songs: list[dict[str, list[float]]]) -> str:
    """Markdown: a row for each value, and a last one of rank correlations."""
    kinds = list(songs[0])
    lines = [f"\n| {control} asked | {' | '.join(kinds)} |", "|---|" + "---|" * len(kinds)]
    for index, value in enumerate(values):
        means = [np.mean([song[kind][index] for song in songs]) for kind in kinds]
        lines.append(f"| {value:g} | " + " | ".join(f"{mean:.2f}" for mean in means) + " |")
    ranks = [
        np.mean([spearman(np.array(values), np.array(song[kind])) for song in songs])
        for kind in kinds
    ]
    lines.append("| Spearman | " + " | ".join(f"{rank:.3f}" for rank in ranks) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
