"""Editing real charts: bytes that change outside the region (the promise is 0), and what it does.

    python benchmarks/editing.py --ckpt MODEL --songs DIR --edits 4

For each chart that the model can make, random regions (times, columns, both, with locks) are made
again with random strengths and samplers, written, and compared with the file byte for byte.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import patch as osu_patch
from mug.diffusion.samplers.registry import SAMPLERS
from mug.errors import ModeError
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.edit import bytes_changed_outside, edit_chart
from mug.pipeline.request import Edit, GenerationRequest, Region


def main() -> int:
    """Edits and prints the sums as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ckpt", type=Path, required=True, help="checkpoint, or folder of one")
    parser.add_argument("--songs", type=Path, required=True, help="folder with charts and songs")
    parser.add_argument("--edits", type=int, default=4, help="edits a chart (default 4)")
    parser.add_argument("--steps", type=int, default=8, help="sampler steps (default 8)")
    parser.add_argument("--charts", type=int, default=0, help="charts at most; 0 is all")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    generator = ChartGenerator.from_checkpoint(args.ckpt)
    rng = np.random.default_rng(args.seed)
    sums: Counter[str] = Counter()
    for path in sorted(args.songs.rglob("*.osu")):
        if args.charts and sums["charts"] == args.charts:
            break
        try:
            chart = osu_patch.read(path)
        except ModeError:
            continue
        audio = path.parent / chart.beatmap.audio_filename
        if chart.beatmap.keys == generator.model.keys and audio.is_file():
            sums["charts"] += 1
            request = GenerationRequest(audio=audio, steps=args.steps)
            sums.update(_edit(generator, chart, request, args, rng))
    print(json.dumps(dict(sums), indent=2))
    return int(sums["bytes_changed_outside"] > 0)


def _edit(
    generator: ChartGenerator,
    chart: osu_patch.ChartFile,
    request: GenerationRequest,
    args: argparse.Namespace,
    rng: np.random.Generator,
) -> Counter[str]:
    sums: Counter[str] = Counter()
    for _ in range(args.edits):
        edit = _random_edit(chart.beatmap, rng)
        asked = replace(
            request,
            sampler=str(rng.choice(sorted(SAMPLERS))),
            seed=int(rng.integers(1 << 30)),
        )
        (made,) = edit_chart(generator, chart.beatmap, asked, edit)
        after = made.apply_to_file(chart)
        counts: dict[str, Any] = {
            "edits": 1,
            "bytes_changed_outside": bytes_changed_outside(chart, after, edit),
            "bytes": len(chart.data),
            "kept": len(chart.beatmap.hit_objects) - len(made.removed),
            "removed": len(made.removed),
            "added": len(made.added),
            "dropped": len(made.dropped),
        }
        sums.update(counts)
    return sums


def _random_edit(beatmap: Beatmap, rng: np.random.Generator) -> Edit:
    first, last = np.sort(rng.uniform(0, beatmap.last_ms, 2)).tolist()
    columns = rng.permutation(beatmap.keys)[: rng.integers(1, beatmap.keys + 1)].tolist()
    region = Region(first, last + 1, frozenset(columns) if rng.random() < 0.5 else None)
    middle = (first + last) / 2
    locks = (Region(middle, middle + 500),) if rng.random() < 0.5 else ()
    return Edit(region, locks, strength=float(rng.choice([0.3, 0.7, 1.0])))


if __name__ == "__main__":
    sys.exit(main())
