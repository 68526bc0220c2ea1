"""Training of the release model by one process, by two threads, a loader, and two processes.

    python benchmarks/processes.py
    python benchmarks/processes.py --steps 60 --busy 1        # beside a busy core

Each way trains `configs/mug/listen.yaml` through `main.py` on composed songs with the same batch in
all, for a few steps and for more: the difference is what the steps took, start and first batches
aside. Two processes average their gradients through gloo.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.browser_runs import busy_cores

ROOT = Path(__file__).resolve().parents[1]
BATCH, FEW = 8, 6
_WHOLE = f"data.params.batch_size={BATCH}"
_TWO = (
    f"data.params.batch_size={BATCH // 2}",
    "lightning.trainer.accelerator=cpu",
    "lightning.trainer.devices=2",
    "lightning.trainer.strategy=ddp",
)
WAYS: dict[str, tuple[int, tuple[str, ...]]] = {
    "one process": (1, (_WHOLE, "data.params.num_workers=0")),
    "one process, two threads": (2, (_WHOLE, "data.params.num_workers=0")),
    "one process and a loader": (1, (_WHOLE, "data.params.num_workers=1")),
    "two processes": (1, (*_TWO, "data.params.num_workers=0")),
}
"""Threads of each process, and overrides, of each way."""

SETTINGS = (
    "model.params.training.allow_untrained_first_stage=true",
    "model.params.optimizer.scheduler_config.params.warm_up_steps=2",
    "data.params.common_params.features.feature_yaml=configs/mug/features_2.yaml",
    "data.params.common_params.lines.scorer=mug/models/4k/rhythm.safetensors",
    "data.params.train.params.lines.drawn_rows_p=0.3",
    "model.params.wave_stage_config.params.row_hints=true",  # as train_release.py has them
    "lightning.trainer.limit_val_batches=0",
    "lightning.trainer.enable_progress_bar=false",
    "lightning.callbacks.condition_probe=null",
)


def main() -> int:
    """Print a row for each way."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--out", type=Path, default=Path("outputs/processes"))
    made.add_argument("--songs", type=int, default=16, help="composed, eight charts each")
    made.add_argument("--steps", type=int, default=40)
    made.add_argument("--busy", type=int, default=0, help="processes that keep a core busy each")
    args = made.parse_args()
    beatmaps = prepare(args.out.resolve(), args.songs)
    print(f"Batch {BATCH} in all, {args.busy} busy cores beside.\n")
    print("| way | s a step | of one process |\n|---|---|---|")
    first = 0.0
    with busy_cores(args.busy):
        for name, (threads, overrides) in WAYS.items():
            few, many = (
                _train(args.out, beatmaps, threads, overrides, steps)
                for steps in (FEW, FEW + args.steps)
            )
            step = (many - few) / args.steps
            first = first or step
            print(f"| {name} | {step:.3f} | {first / step:.2f} x |", flush=True)
    return 0


def prepare(out: Path, songs: int) -> Path:
    """Composed songs as a data set; its list of beatmaps."""
    dataset = out / "dataset"
    if not (dataset / "beatmap.txt").is_file():
        lengths = ("--min_s", "70", "--max_s", "100")
        folder = str(out / "songs")
        _run("compose_songs.py", "--varied", "--out", folder, "--count", str(songs), *lengths)
        _run("prepare_beatmap.py", "--song_dir", folder, "--out_dir", str(dataset))
        listed, features = str(dataset / "beatmap.txt"), "configs/mug/features_2.yaml"
        _run("prepare_beatmap_features.py", "--beatmap_txt", listed, "--features_yaml", features)
    return dataset / "beatmap.txt"


def _run(script: str, *words: str) -> None:
    subprocess.run([sys.executable, f"scripts/{script}", *words], cwd=ROOT, check=True)


def _train(
    out: Path, beatmaps: Path, threads: int, overrides: tuple[str, ...], steps: int
) -> float:
    """Seconds of a training from its command to its end."""
    words = [
        *("--base", "configs/mug/listen.yaml", "-t", "-l", str(out.resolve() / "logs")),
        f"data.params.common_params.txt_file={beatmaps}",
        f"data.params.common_params.audio.cache_dir={out.resolve() / 'cache'}",
        f"lightning.trainer.max_steps={steps}",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "main.py", *words, *SETTINGS, *overrides],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
    )
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
