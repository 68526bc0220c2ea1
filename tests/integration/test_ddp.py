"""Two processes train as one with the same batch in all."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
import torch
from forks import Fork, Forks
from tiny_songs import make_songs

# Two epochs of three batches of four items; drop-out alone is drawn by each process for itself.
SETTINGS = (
    "model.params.allow_untrained_first_stage=true",
    "model.params.scale_by_std=true",
    "model.params.sample_posterior=true",
    "model.params.unet_config.params.dropout=0.0",
    "lightning.trainer.max_epochs=2",
    "lightning.trainer.limit_train_batches=3",
    "lightning.trainer.limit_val_batches=null",
    "lightning.trainer.enable_progress_bar=false",
    "lightning.callbacks.condition_probe=null",
    "lightning.callbacks.beatmap_logger=null",
)
TWO = ("data.params.batch_size=2", "lightning.trainer.devices=2", "lightning.trainer.strategy=ddp")
CURVE = ("train/loss_simple", "val/loss_simple", "val/loss_level_all")
TOLERANCE = 1e-4  # relative; sums of two halves are rounded otherwise, and six steps build on that


def output(training: Fork) -> str:
    done = training.wait()
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout + done.stderr


def curve(run: Path) -> list[tuple[str, int, float]]:
    """Metrics in the order of steps, over all parts of a run that was resumed."""
    points = []
    for file in sorted(run.glob("csv/*/metrics.csv")):
        with file.open(encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                points += [(n, int(row["step"]), float(row[n])) for n in CURVE if row.get(n)]
    return sorted(points)


def test_two_processes_learn_what_one_learns(tmp_path: Path, forks: Forks) -> None:
    """The second process of each pair is begun by Lightning, and imports all by itself."""

    def start(*arguments: str) -> Fork:
        return forks.start("main.py", *arguments, env={**os.environ, "OMP_NUM_THREADS": "1"})

    songs = make_songs(tmp_path / "songs", songs=6)
    common = "data.params.common_params"
    data = (
        f"{common}.txt_file={songs}",
        f"{common}.cache_dir={songs.parent / 'cache'}",
        f"{common}.split.train=0.67",
        f"{common}.split.val=0.33",
        "data.params.repeat=2",
    )
    base = ("--base", "configs/debug/diffusion.yaml", "-t", *data, *SETTINGS)
    one = start("-l", str(tmp_path / "one"), *base, "data.params.batch_size=4")
    two = start("-l", str(tmp_path / "two"), *base, *TWO, "lightning.trainer.max_epochs=1")
    printed = output(two)
    output(one)
    assert printed.count("learning rate") == 1  # one process speaks
    (alone,), (shared,) = (tmp_path / "one").iterdir(), (tmp_path / "two").iterdir()
    output(start("-r", str(shared), "-t", "lightning.trainer.max_epochs=2"))
    assert [run.name for run in (tmp_path / "two").iterdir()] == [shared.name]
    assert len(list(shared.glob("checkpoints/last*.ckpt"))) == 1
    assert len(list(shared.glob("csv/*/metrics.csv"))) == 2  # one before, one after

    expected, found = curve(alone), curve(shared)
    assert len({step for name, step, _ in found if name == CURVE[0]}) == 6
    assert [point[:2] for point in found] == [point[:2] for point in expected]
    for point, other in zip(found, expected, strict=True):
        assert point[2] == pytest.approx(other[2], rel=TOLERANCE), point[:2]
    a, b = (torch.load(run / "checkpoints/last.ckpt", weights_only=True) for run in (alone, shared))
    assert a["global_step"] == b["global_step"] == 6
    assert a["state_dict"]["latent_factor"] == pytest.approx(b["state_dict"]["latent_factor"])
