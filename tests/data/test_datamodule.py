"""Order of training items, and resuming it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import Dataset

import mug.data.datamodule as module
from mug.data.datamodule import DataModuleFromConfig, EpochSampler
from mug.errors import ConfigError, DataError

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*smaller than the logging interval:UserWarning"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*callbacks used to create the checkpoint:UserWarning"),
]


class Keys(Dataset[torch.Tensor]):
    """Items that say with which key they were asked for."""

    __module__ = "mug.data.datamodule"  # where configs may reach it

    def __init__(self, length: int = 10, offset: int = 0) -> None:
        self.length, self.offset = length, offset

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, key: tuple[int, int] | int) -> torch.Tensor:
        epoch, index = key if isinstance(key, tuple) else (-1, key)
        return torch.tensor([epoch, index + self.offset])


@pytest.fixture(autouse=True)
def _reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Keys", Keys, raising=False)


class Recorder(pl.LightningModule):
    """Writes down the keys that it was trained on."""

    def __init__(self, stop_after: int | None = None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[int, int]] = []
        self.stop_after = stop_after

    def training_step(self, batch: torch.Tensor, _: int) -> torch.Tensor:
        if self.stop_after is not None and self.global_step == self.stop_after:
            raise KeyboardInterrupt
        self.seen += [(int(epoch), int(index)) for epoch, index in batch]
        return self.weight * 0

    def validation_step(self, batch: torch.Tensor, _: int) -> None:
        assert (batch[:, 0] == -1).all()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def data(num_workers: int = 0, **changes: Any) -> DataModuleFromConfig:
    options: dict[str, Any] = {
        "batch_size": 3,
        "train": {"target": "mug.data.datamodule.Keys", "params": {"length": 10}},
        "validation": {"target": "mug.data.datamodule.Keys"},
        "num_workers": num_workers,
        "seed": 5,
    }
    return DataModuleFromConfig(**{**options, **changes})


def trainer(folder: Path, **changes: Any) -> pl.Trainer:
    options: dict[str, Any] = {
        "accelerator": "cpu",
        "max_epochs": 3,
        "default_root_dir": folder,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
    }
    return pl.Trainer(**{**options, **changes})


def uninterrupted(folder: Path) -> list[tuple[int, int]]:
    recorder = Recorder()
    trainer(folder).fit(recorder, data())
    return recorder.seen


def test_each_epoch_sees_every_item_once_in_another_order(tmp_path: Path) -> None:
    seen = uninterrupted(tmp_path)
    epochs = [[index for epoch, index in seen if epoch == wanted] for wanted in range(3)]
    assert [epoch for epoch, _ in seen] == sorted(epoch for epoch, _ in seen)
    assert all(sorted(order) == list(range(10)) for order in epochs)
    assert len({tuple(order) for order in epochs}) == 3
    assert uninterrupted(tmp_path) == seen


@pytest.mark.parametrize("steps", [1, 3, 4, 5, 8, 9])
def test_resuming_after_a_saved_step_continues_exactly(tmp_path: Path, steps: int) -> None:
    checkpoints = pl.callbacks.ModelCheckpoint(tmp_path, every_n_train_steps=steps, save_top_k=-1)
    first = Recorder()
    trainer(tmp_path, callbacks=[checkpoints], enable_checkpointing=True).fit(first, data())
    saved = min(tmp_path.glob("*.ckpt"), key=lambda path: path.stat().st_mtime)
    state = torch.load(saved, weights_only=True)
    assert state["global_step"] == steps
    second = Recorder()
    trainer(tmp_path).fit(second, data(), ckpt_path=saved)
    batches = [3, 3, 3, 1] * 3
    assert second.seen == first.seen[sum(batches[:steps]) :]


@pytest.mark.parametrize(("steps", "num_workers"), [(2, 0), (4, 0), (6, 0), (5, 2)])
def test_resuming_an_interrupted_run_continues_exactly(
    tmp_path: Path, steps: int, num_workers: int
) -> None:
    whole = uninterrupted(tmp_path)
    first = Recorder(stop_after=steps)
    runner = trainer(tmp_path)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        runner.fit(first, data(num_workers))
    saved = tmp_path / "last.ckpt"
    runner.save_checkpoint(saved)
    second = Recorder()
    trainer(tmp_path).fit(second, data(num_workers), ckpt_path=saved)
    assert first.seen + second.seen == whole


def test_resuming_after_the_end_of_an_epoch(tmp_path: Path) -> None:
    whole = uninterrupted(tmp_path)
    first = Recorder()
    runner = trainer(tmp_path, max_epochs=2)
    runner.fit(first, data())
    runner.save_checkpoint(tmp_path / "end.ckpt")
    second = Recorder()
    trainer(tmp_path).fit(second, data(), ckpt_path=tmp_path / "end.ckpt")
    assert first.seen + second.seen == whole


def test_resuming_with_another_batch_size_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runner = trainer(tmp_path, max_steps=2)
    runner.fit(Recorder(), data())
    runner.save_checkpoint(tmp_path / "two.ckpt")
    with caplog.at_level(logging.WARNING, module.__name__):
        trainer(tmp_path).fit(Recorder(), data(batch_size=4), ckpt_path=tmp_path / "two.ckpt")
    assert "not those of the interrupted run" in caplog.text


@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 5), st.integers(0, 9))
def test_ranks_share_an_epoch(length: int, replicas: int, epoch: int, seed: int) -> None:
    parts = []
    for rank in range(replicas):
        sampler = EpochSampler(length, seed=seed, replicas=replicas, rank=rank)
        sampler.set_epoch(epoch)
        parts.append(list(sampler))
    assert len({len(part) for part in parts}) == 1
    assert {key for part in parts for key in part} == {(epoch, index) for index in range(length)}


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 4))
def test_repeated_items_come_so_often_and_never_twice_alike(
    length: int, repeat: int, epoch: int
) -> None:
    sampler = EpochSampler(length, seed=1, repeat=repeat)
    keys = []
    for number in range(epoch, epoch + 2):
        sampler.set_epoch(number)
        keys += list(sampler)
    assert len(keys) == len(set(keys)) == 2 * repeat * length
    assert [index for _, index in keys].count(0) == 2 * repeat


def test_a_repeated_epoch_is_resumed_exactly(tmp_path: Path) -> None:
    whole = Recorder()
    trainer(tmp_path).fit(whole, data(repeat=2))
    first = Recorder(stop_after=9)
    runner = trainer(tmp_path)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        runner.fit(first, data(repeat=2))
    runner.save_checkpoint(tmp_path / "last.ckpt")
    second = Recorder()
    trainer(tmp_path).fit(second, data(repeat=2), ckpt_path=tmp_path / "last.ckpt")
    assert first.seen + second.seen == whole.seen
    with pytest.raises(ConfigError, match="repeat"):
        data(repeat=0)


def test_a_later_start_is_the_rest_of_the_epoch() -> None:
    whole, rest = (EpochSampler(11, seed=1, batch_size=2) for _ in range(2))
    whole.set_epoch(4)
    rest.start_at(4, 3)
    rest.set_epoch(4)
    assert list(rest) == list(whole)[6:]
    assert len(rest) == 11
    rest.set_epoch(5)
    assert len(list(rest)) == 11


def test_common_params_win_over_a_datasets_own() -> None:
    loaders = data(common_params={"length": 4, "offset": 100})
    loaders.setup("fit")
    batches = torch.cat(list(loaders.train_dataloader()))
    assert sorted(batches[:, 1].tolist()) == [100, 101, 102, 103]
    assert torch.cat(list(loaders.val_dataloader()))[:, 1].tolist() == [100, 101, 102, 103]


def test_shuffle_flags() -> None:
    plain = torch.cat(list(data().val_dataloader()))[:, 1].tolist()
    shuffled = torch.cat(list(data(shuffle_val_dataloader=True).val_dataloader()))[:, 1].tolist()
    assert plain == list(range(10))
    assert sorted(shuffled) == plain
    assert shuffled != plain


@pytest.mark.filterwarnings("ignore:.*Skipping val loop:UserWarning")
def test_runs_without_validation(tmp_path: Path) -> None:
    recorder = Recorder()
    trainer(tmp_path, max_epochs=1).fit(recorder, data(validation=None))
    assert len(recorder.seen) == 10


def test_empty_dataset_is_refused() -> None:
    with pytest.raises(DataError, match="train dataset is empty"):
        data(train={"target": "mug.data.datamodule.Keys", "params": {"length": 0}}).setup("fit")


def test_misspelt_parameter_is_refused() -> None:
    with pytest.raises(ConfigError, match="length"):
        data(common_params={"lenght": 4}).setup("fit")


def test_missing_dataset_is_named() -> None:
    with pytest.raises(DataError, match="no train dataset"):
        data(train=None).train_dataloader()


def test_default_number_of_workers_is_the_originals() -> None:
    assert DataModuleFromConfig(4).num_workers == 8
    assert np.isscalar(DataModuleFromConfig(4, num_workers=0).num_workers)
