r"""Charts of one model with fewer steps and other samplers, judged on the same rows and noise.

    python scripts/compose_songs.py --varied --held_out --out HELD --count 7 --seed 1 \
        --min_s 70 --max_s 130
    python benchmarks/few_steps.py --songs HELD --arms angular:12 angular:8 angular:6

For every third chart of each song one chart is made with its stars and its share of long notes,
timing given, rows bound. Stars and notes are those of the notes as sampled, nothing is fixed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from mug.difficulty.stars import ln_ratio, star_rating
from mug.evaluation.figures import figures_of
from mug.evaluation.made import GIVEN, Maker, ModelRun
from mug.evaluation.sampled import start_lines
from mug.evaluation.songs import Against, load_songs, load_sound
from mug.pipeline.beat import song_with_beat
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.decode import decode_latent
from mug.pipeline.model.choice import find_model
from mug.pipeline.rows import rows_for
from mug.pipeline.sample import ChartRequest, chart_seed, sample_latents

FIGURES = {
    "f1_20": "F1 ±20 ms",
    "f1_20_matched": "matched rows",
    "tail_f1_50": "tails",
    "js_transition": "row transitions, JS",
    "js_chord": "chord sizes, JS",
    "self_similarity": "self-similarity",
}
EVERY = 3  # charts of a song


def model_options(about: str | None, *, guidance_scale: float) -> argparse.ArgumentParser:
    """Options of a benchmark that charts songs of a folder with one model."""
    made = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--ckpt", type=Path, help="model (default: the shipped one)")
    made.add_argument("--songs", type=Path, required=True, help="folder of songs with charts")
    made.add_argument("--keys", type=int, default=4)
    made.add_argument("--guidance_scale", type=float, default=guidance_scale)
    return made


def main() -> int:
    """Print a row for each arm."""
    made = model_options(__doc__, guidance_scale=2.5)
    made.add_argument("--arms", nargs="+", default=["angular:12", "angular:8"], help="NAME:STEPS")
    args = made.parse_args()
    torch.set_num_threads(1)
    generator = ChartGenerator.from_checkpoint(find_model(args.ckpt, args.keys))
    found: dict[str, dict[str, list[float]]] = {arm: defaultdict(list) for arm in args.arms}
    for song in load_songs(args.songs, args.keys):
        sound = load_sound(song.audio)
        for index in range(0, len(song.charts), EVERY):
            against = Against(song, index, sound)
            for arm, row in _judged(generator, against, args.guidance_scale, args.arms).items():
                for name, value in row.items():
                    found[arm][name].append(value)
    heads = [*FIGURES.values(), "stars - asked, absolute", "processor s a chart"]
    print(
        f"{len(found[args.arms[0]]['s'])} charts, guidance {args.guidance_scale:g}, rows bound.\n"
    )
    print("| sampler:steps | " + " | ".join(heads) + " |\n|" + "---|" * (len(heads) + 1))
    for arm, columns in found.items():
        values = [f"{np.nanmean(columns[name]):.3f}" for name in (*FIGURES, "stars", "s")]
        print(f"| {arm} | " + " | ".join(values) + " |")
    return 0


def _judged(
    generator: ChartGenerator, against: Against, guidance: float, arms: list[str]
) -> dict[str, dict[str, float]]:
    """Figures of one chart by each arm."""
    model, human = generator.model, against.human.hit_objects
    maker = Maker(generator, against, ModelRun(seeds=1, candidates=1))
    prompt = {"sr": against.stars, "ln_ratio": ln_ratio(human)}
    request = replace(maker.request(prompt, seed=0, timing=GIVEN), guidance_scale=guidance)
    song = song_with_beat(model, maker.song, request.finish)
    chart = ChartRequest(request.prompt, request.negative_prompt, chart_seed(0, 0))
    rows = rows_for(model, song, chart, None)
    found = {}
    for arm in arms:
        sampler, _, steps = arm.partition(":")
        asked = replace(request, sampler=sampler, steps=int(steps))
        began = time.process_time()
        latent = sample_latents(model, song, [chart], asked, rows=[rows])[0]
        spent = time.process_time() - began
        raw = maker.raw(decode_latent(model, song, latent, rows))
        figures = figures_of(raw, against, None, start_lines(model, song, latent, against.lines))
        row = {name: float(figures.get(name, np.nan)) for name in FIGURES}
        found[arm] = row | {"stars": abs(star_rating(raw) - against.stars), "s": spent}
    return found


if __name__ == "__main__":
    sys.exit(main())
