"""Sample charts: where, when, and that they are what the model said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.callbacks.beatmap_logger import BeatmapLogger, SamplingOptions
from mug.encoding.convertor import ManiaConvertor
from mug.errors import GenerationError

CHART: list[HitObject] = [Rice(0, 500.0), LongNote(2, 700.0, 1200.0), Rice(3, 1500.0)]


class Posterior:
    def __init__(self, z: Tensor) -> None:
        self.z = z

    def mode(self) -> Tensor:
        return self.z


class Perfect(pl.LightningModule):
    """Reconstructs exactly, in logits."""

    def encode(self, x: Tensor) -> Posterior:
        assert not self.training
        return Posterior(x)

    def decode(self, z: Tensor) -> Tensor:
        keys = z.shape[1] // 4
        logits = z.clone()
        for rows in (slice(0, keys), slice(2 * keys, 3 * keys)):
            logits[:, rows] = 20 * z[:, rows] - 10
        return logits


class FakeTrainer(pl.Trainer):
    """A trainer that never trains: only what the callback asks for."""

    sanity_checking = False
    is_global_zero = True
    current_epoch = 2
    checkpoint_callbacks: tuple[Any, ...] = ()
    default_root_dir = ""

    def __init__(self, root: Path) -> None:
        self.default_root_dir = str(root)


@pytest.fixture
def batch() -> dict[str, Any]:
    note = torch.from_numpy(ManiaConvertor(max_frames=64).encode(CHART).note)
    return {"note": torch.stack([note] * 3), "meta": {"title": ["a/b", "v1.0/c", "d"]}}


def test_reconstructions_beside_the_human_charts(tmp_path: Path, batch: dict[str, Any]) -> None:
    module = Perfect().train()
    logger = BeatmapLogger(count=2)
    logger.on_validation_batch_end(FakeTrainer(tmp_path), module, None, batch, 0)
    folder = tmp_path / "samples/val/epoch000002"
    assert len(list(folder.glob("*.osu"))) == len(list(folder.glob("*.png"))) == 4
    made = osu.read(folder / "batch0_01_reconstructed.osu")
    human = osu.read(folder / "batch0_01_human.osu")
    assert made.hit_objects == human.hit_objects
    times = [(note.start_ms, note.last_ms) for note in made.hit_objects]
    expected = [(note.start_ms, note.last_ms) for note in CHART]
    assert np.allclose(times, expected, atol=1)
    assert made.title == "v1.0/c (reconstructed)"
    assert module.training, "the mode of the model is put back"


@pytest.mark.parametrize(
    ("change", "options", "index", "split"),
    [
        ({}, {}, 1, "val"),
        ({}, {}, 0, "train"),
        ({"sanity_checking": True}, {}, 0, "val"),
        ({"is_global_zero": False}, {}, 0, "val"),
        ({}, {"every_n_epochs": 3}, 0, "val"),
        ({}, {"splits": ["test"]}, 0, "val"),
    ],
)
def test_nothing_is_written_when_it_is_not_due(
    tmp_path: Path,
    batch: dict[str, Any],
    change: dict[str, Any],
    options: dict[str, Any],
    index: int,
    split: str,
) -> None:
    trainer = FakeTrainer(tmp_path)
    for name, value in change.items():
        setattr(trainer, name, value)
    logger = BeatmapLogger(**options)
    hook = {"val": logger.on_validation_batch_end, "train": logger.on_train_batch_end}[split]
    hook(trainer, Perfect(), None, batch, index)
    assert not list(tmp_path.iterdir())


def test_train_and_test_splits_and_another_folder(tmp_path: Path, batch: dict[str, Any]) -> None:
    logger = BeatmapLogger(
        splits=["train", "test"], count=1, pictures=False, folder=str(tmp_path / "here")
    )
    trainer = FakeTrainer(tmp_path)
    logger.on_train_batch_end(trainer, Perfect(), None, batch, 0)
    logger.on_test_batch_end(trainer, Perfect(), None, batch, 0)
    assert sorted(p.name for p in (tmp_path / "here").iterdir()) == ["test", "train"]
    assert not list(tmp_path.rglob("*.png"))


def test_an_unknown_sampler_is_refused_at_once() -> None:
    with pytest.raises(GenerationError, match="ddim"):
        BeatmapLogger(sampling=SamplingOptions(sampler="dim"))
