"""The main job from nothing: compose songs, prepare them, train on them, chart a song held out.

Every step is a command that users run themselves; finished steps are not done again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

from _common import run_command

ROOT = Path(__file__).resolve().parents[1]
SONGS, SEED, HELD_OUT_SEED = 28, 0, 1_000_000


def main() -> int:
    """Runs the steps that are not done yet and prints where the results lie."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("outputs/demo"), help="folder of results")
    parser.add_argument("--songs", type=int, default=SONGS, help=f"songs (default {SONGS})")
    parser.add_argument(
        "override", nargs="*", help="key=value for both training configs, e.g. shorter runs"
    )
    args = parser.parse_args()
    out = args.out.resolve()
    began = time.monotonic()
    _compose(out, args.songs)
    _prepare(out)
    first_stage = _train(out, "first_stage", "configs/mug/demo_autoencoder.yaml", args.override)
    diffusion = _train(
        out,
        "diffusion",
        "configs/mug/demo.yaml",
        [f"model.params.first_stage_config.params.ckpt_path={first_stage}", *args.override],
    )
    model = out / "model"
    _step(out, "convert", ["scripts/convert_checkpoint.py", str(diffusion), str(model)])
    _generate(out, model)
    _summary(out, time.monotonic() - began)
    return 0


def _compose(out: Path, songs: int) -> None:
    compose = ["scripts/compose_songs.py", "--workers", "2"]
    songs_dir, held_out = out / "songs", out / "held_out"
    _step(
        out,
        "compose",
        [*compose, "--out", str(songs_dir), "--count", str(songs), "--seed", str(SEED)],
    )
    _step(
        out,
        "compose_held_out",
        [*compose, "--out", str(held_out), "--count", "1", "--seed", str(HELD_OUT_SEED)],
    )


def _prepare(out: Path) -> None:
    dataset = out / "dataset"
    _step(
        out,
        "prepare",
        [
            "scripts/prepare_beatmap.py",
            *("--song_dir", str(out / "songs")),
            *("--out_dir", str(dataset)),
            *("--mode_int", "3", "--cs", "4"),
        ],
    )
    _step(
        out,
        "features",
        [
            "scripts/prepare_beatmap_features.py",
            *("--beatmap_txt", str(dataset / "beatmap.txt")),
            *("--features_yaml", "configs/mug/mania_beatmap_features.yaml"),
        ],
    )


def _train(out: Path, name: str, config: str, overrides: list[str]) -> Path:
    """Trains a stage, going on where an interrupted run stopped; returns its last checkpoint."""
    logs = out / "logs" / name
    data = [
        f"data.params.common_params.txt_file={out / 'dataset' / 'beatmap.txt'}",
        f"data.params.common_params.cache_dir={out / 'cache'}",
    ]
    command = ["main.py", "--base", config, "-t", "--logdir", str(logs), "--no-test"]
    unfinished = sorted(logs.glob("*/checkpoints/last.ckpt"))
    if unfinished and not _is_done(out, name, [*command, *data, *overrides]):
        resume = ["-r", str(unfinished[-1].parents[1])]
        _step(out, name, [*command, *data, *overrides], extra=resume)
    else:
        _step(out, name, [*command, *data, *overrides])
    checkpoints = sorted(logs.glob("*/checkpoints/last.ckpt"))
    return checkpoints[-1]


def _generate(out: Path, model: Path) -> None:
    song = next(path for path in sorted((out / "held_out").rglob("*")) if path.suffix in AUDIO)
    _step(
        out,
        "generate",
        [
            "scripts/generate.py",
            *("--ckpt", str(model)),
            *("--audio", str(song)),
            *("--out", str(out / "demo.osz")),
            *("--picture", str(out / "demo.png")),
            *("--sr", "2.5", "--count", "2", "--guidance_scale", "2", "--seed", "0"),
        ],
    )


AUDIO = {".ogg", ".mp3", ".flac", ".wav"}


def _digest(command: list[str]) -> str:
    return hashlib.sha256("\0".join(command).encode()).hexdigest()


def _marker(out: Path, name: str) -> Path:
    return out / ".done" / name


def _is_done(out: Path, name: str, command: list[str]) -> bool:
    marker = _marker(out, name)
    return marker.exists() and marker.read_text() == _digest(command)


def _step(out: Path, name: str, command: list[str], extra: list[str] | None = None) -> None:
    """Runs a command unless the same one is done; its output goes straight to the terminal."""
    if _is_done(out, name, command):
        print(f"[{name}] done before")
        return
    print(f"\n[{name}] python {' '.join(command)}", flush=True)
    began = time.monotonic()
    subprocess.run([sys.executable, *command, *(extra or [])], cwd=ROOT, check=True)
    print(f"[{name}] took {time.monotonic() - began:.0f} s", flush=True)
    marker = _marker(out, name)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text(_digest(command))


def _summary(out: Path, seconds: float) -> None:
    report = json.loads((out / "demo.json").read_text(encoding="utf-8"))
    print(f"\nDone in {seconds / 60:.1f} minutes.")
    for chart in report["charts"]:
        print(f"  {chart['difficulty']}: {chart['reached']}")
    print(f"Charts:  {out / 'demo.osz'}")
    print(f"Picture: {out / 'demo.png'}")
    print(f"Report:  {out / 'demo.json'}")
    print(f"Model:   {out / 'model'} (use it with scripts/generate.py --ckpt)")


if __name__ == "__main__":
    sys.exit(run_command(main))
