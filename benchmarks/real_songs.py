"""The whole job on real songs: prepare, train `configs/mug/small.yaml`, judge on a song held out.

    MUG_REAL_DATA=FOLDER python benchmarks/real_songs.py --out outputs/real_songs

FOLDER holds `songs/<song>/` with audio and osu!mania charts. Writes OUT/results.json, the table
OUT/results.md, and pictures. Finished steps are not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._folds import Training, prepare, train
from benchmarks._judge import judge_charts, judge_first_stage, judge_loss, table
from mug.cli.common import run
from mug.cli.steps import Steps
from mug.errors import DataError
from mug.files import atomic_write


def main() -> int:
    """Run the steps that are not done yet, judge, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("outputs/real_songs"))
    parser.add_argument("--held_out", default="goin-under", help="song that no stage sees")
    parser.add_argument("--size", default="small", help="configs/mug/SIZE.yaml (default small)")
    parser.add_argument("--steps", type=int, default=50, help="sampler steps")
    parser.add_argument("--guidance_scale", type=float, default=2.0)
    parser.add_argument("override", nargs="*", help="key=value for both training configs")
    args = parser.parse_args()
    if not os.environ.get("MUG_REAL_DATA"):
        raise DataError("MUG_REAL_DATA is not set", remedy="Point it at the folder of real songs")
    steps = Steps(args.out.resolve())
    data = prepare(steps, Path(os.environ["MUG_REAL_DATA"]) / "songs")
    how = Training(args.size, tuple(args.override))
    diffusion = train(steps, data, args.held_out, how)
    results = _judge(diffusion, steps, args)
    with atomic_write(steps.out / "results.json", "w", encoding="utf-8") as handle:
        json.dump(results, handle, indent=2)
    text = table(results)
    with atomic_write(steps.out / "results.md", "w", encoding="utf-8") as handle:
        handle.write(text)
    print(text)
    return 0


def _judge(checkpoint: Path, steps: Steps, args: argparse.Namespace) -> dict[str, Any]:
    from mug.pipeline.model.checkpoint import load_model
    from mug.util import instantiate_from_config

    model = load_model(checkpoint)
    data = instantiate_from_config(model.config["data"])
    data.setup("fit")
    validation = data.datasets["validation"]
    return {
        "held_out": args.held_out,
        "seconds": {name: steps.seconds(name) for name in ("first stage", "diffusion")},
        "parameters": sum(p.numel() for p in model.ddpm.model.parameters()),
        "first_stage": judge_first_stage(model, validation),
        "loss": judge_loss(model, validation),
        "charts": judge_charts(
            model, validation, steps.out, steps=args.steps, guidance_scale=args.guidance_scale
        ),
    }


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="The same command goes on from here."))
