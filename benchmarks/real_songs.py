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

from benchmarks._judge import judge_charts, judge_first_stage, judge_loss, table
from mug.data.feature_db import FeatureDB
from mug.data.split import Entry, split_beatmaps
from mug.errors import DataError
from mug.util import atomic_write
from scripts._common import run
from scripts._steps import Steps

METRONOMES = ("quaver-offset-calibrator",)  # a click track teaches no music


def main() -> int:
    """Runs the steps that are not done yet, judges, and writes the results."""
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
    listed = _prepare(steps, Path(os.environ["MUG_REAL_DATA"]) / "songs")
    common = [
        f"data.params.common_params.txt_file={listed}",
        f"data.params.common_params.cache_dir={steps.out / 'cache'}",
        f"data.params.common_params.split_salt={_salt(listed, args.held_out)}",
        *args.override,
    ]
    first_stage = steps.train("first stage", f"configs/mug/{args.size}_autoencoder.yaml", common)
    frozen = f"model.params.first_stage_config.params.ckpt_path={first_stage}"
    diffusion = steps.train("diffusion", f"configs/mug/{args.size}.yaml", [frozen, *common])
    results = _judge(diffusion, steps, args)
    with atomic_write(steps.out / "results.json", "w", encoding="utf-8") as handle:
        json.dump(results, handle, indent=2)
    text = table(results)
    with atomic_write(steps.out / "results.md", "w", encoding="utf-8") as handle:
        handle.write(text)
    print(text)
    return 0


def _prepare(steps: Steps, songs: Path) -> Path:
    """The list of four-key charts, metronomes left out."""
    dataset = steps.out / "dataset"
    folders = ["--song_dir", str(songs), "--out_dir", str(dataset)]
    steps.run("prepare", ["scripts/prepare_beatmap.py", *folders, "--mode_int", "3", "--cs", "4"])
    files = ["--beatmap_txt", str(dataset / "beatmap.txt")]
    schema = ["--features_yaml", "configs/mug/mania_beatmap_features.yaml"]
    steps.run("features", ["scripts/prepare_beatmap_features.py", *files, *schema])
    lines = (dataset / "beatmap.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.partition("/")[0] not in METRONOMES]
    listed = dataset / "songs.txt"
    with atomic_write(listed, "w", encoding="utf-8") as handle:
        handle.write("\n".join(kept) + "\n")
    return listed


def _salt(listed: Path, held_out: str) -> str:
    """A salt of the split under which exactly the named song is for validation."""
    lines = listed.read_text(encoding="utf-8").splitlines()
    with FeatureDB(listed.parent / "features.db") as database:
        found = [database.find((listed.parent / line).resolve()) for line in lines]
    entries = [
        Entry(listed.parent / line, row.beatmapset, row.audio_hash or "")
        for line, row in zip(lines, found, strict=True)
        if row is not None
    ]
    for number in range(10_000):
        part = split_beatmaps(entries, {"train": 0.9, "val": 0.1, "test": 0.0}, salt=str(number))
        if {entry.path.parent.name for entry in part.val} == {held_out}:
            return str(number)
    raise DataError("no such song to hold out", value=held_out)


def _judge(checkpoint: Path, steps: Steps, args: argparse.Namespace) -> dict[str, Any]:
    from mug.pipeline.checkpoint import load_model
    from mug.util import instantiate_from_config

    model = load_model(checkpoint)
    data = instantiate_from_config(model.config["data"])
    data.setup("fit")
    validation = data.datasets["validation"]
    return {
        "held_out": args.held_out,
        "seconds": {name: steps.seconds(name) for name in ("first stage", "diffusion")},
        "parameters": sum(p.numel() for p in model.ddpm.parameters()),
        "first_stage": judge_first_stage(model, validation),
        "loss": judge_loss(model, validation),
        "charts": judge_charts(
            model, validation, steps.out, steps=args.steps, guidance_scale=args.guidance_scale
        ),
    }


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="The same command goes on from here."))
