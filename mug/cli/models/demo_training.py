"""Training from nothing: compose songs, prepare them, train on them, chart a song held out.

Every step is a command that users run themselves; finished steps are not done again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from mug.cli.common import run
from mug.cli.steps import Steps

SONGS, SEED, HELD_OUT_SEED = 28, 0, 1
AUDIO = {".ogg", ".mp3", ".flac", ".wav"}


def main() -> int:
    """Run the steps that are not done yet and print where the results lie."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("outputs/demo-training"), help="folder of results"
    )
    parser.add_argument("--songs", type=int, default=SONGS, help=f"songs (default {SONGS})")
    parser.add_argument(
        "override", nargs="*", help="key=value for both training configs, e.g. shorter runs"
    )
    args = parser.parse_args()
    steps = Steps(args.out.resolve())
    began = time.monotonic()
    _compose(steps, args.songs)
    _prepare(steps)
    model = _train(steps, args.override)
    _generate(steps, model)
    _summary(steps.out, time.monotonic() - began)
    return 0


def _compose(steps: Steps, songs: int) -> None:
    common = ["scripts/compose_songs.py", "--workers", "2", "--difficulties", "3"]
    for name, count, seed in (("songs", songs, SEED), ("held_out", 1, HELD_OUT_SEED)):
        where = ["--out", str(steps.out / name), "--count", str(count), "--seed", str(seed)]
        steps.run(f"compose {name}", [*common, *where])


def _prepare(steps: Steps) -> None:
    dataset = steps.out / "dataset"
    folders = ["--song_dir", str(steps.out / "songs"), "--out_dir", str(dataset)]
    steps.run("prepare", ["scripts/prepare_beatmap.py", *folders, "--mode_int", "3", "--cs", "4"])
    files = ["--beatmap_txt", str(dataset / "beatmap.txt")]
    schema = ["--features_yaml", "configs/mug/mania_beatmap_features.yaml"]
    steps.run("features", ["scripts/prepare_beatmap_features.py", *files, *schema])


def _train(steps: Steps, overrides: list[str]) -> Path:
    data = [
        f"data.params.common_params.txt_file={steps.out / 'dataset' / 'beatmap.txt'}",
        f"data.params.common_params.audio.cache_dir={steps.out / 'cache'}",
        *overrides,
    ]
    first_stage = steps.train("first stage", "configs/mug/demo_autoencoder.yaml", data)
    frozen = f"model.params.first_stage_config.params.ckpt_path={first_stage}"
    diffusion = steps.train("diffusion", "configs/mug/demo.yaml", [frozen, *data])
    model = steps.out / "model"
    steps.run("convert", ["scripts/convert_checkpoint.py", str(diffusion), str(model)])
    return model


def _generate(steps: Steps, model: Path) -> None:
    held_out = steps.out / "held_out"
    song = next(path for path in sorted(held_out.rglob("*")) if path.suffix in AUDIO)
    out = ["--out", str(steps.out / "demo.osz"), "--picture", str(steps.out / "demo.png")]
    truth = json.loads((song.parent / "truth.json").read_text(encoding="utf-8"))
    asked = ["--sr", "2.0", "--guidance_scale", "2", "--seed", "0"]
    asked += ["--count", "2", "--candidates", "6"]  # the best two of six
    asked += ["--title", truth["title"], "--artist", truth["artist"]]
    command = ["scripts/generate.py", "--ckpt", str(model), "--audio", str(song), *out, *asked]
    steps.run("generate", command)


def _summary(out: Path, seconds: float) -> None:
    report = json.loads((out / "demo.json").read_text(encoding="utf-8"))
    print(f"\nDone in {seconds / 60:.1f} minutes.")
    for chart in report["charts"]:
        reached = {name: chart["reached"][name] for name in ("notes", "long_notes", "sr")}
        print(f"  {chart['difficulty']}: {reached}")
    print(f"Charts:  {out / 'demo.osz'}")
    print(f"Picture: {out / 'demo.png'}")
    print(f"Report:  {out / 'demo.json'}")
    print(f"Model:   {out / 'model'} (use it with scripts/generate.py --ckpt)")


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="The same command goes on from here.")
