"""Averaging, the loss guard, resources, and the config in the checkpoint."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import yaml
from pytorch_lightning.loggers import CSVLogger
from tiny_training import TinyData, TinyModule, make_trainer
from torch import nn

from mug.callbacks.ema import EMA, decay_at
from mug.callbacks.guard import LossGuard
from mug.callbacks.resources import ResourceCallback
from mug.callbacks.setup import SetupCallback
from mug.errors import ConfigError, TrainingError
from mug.model.memory.peak import peak_memory_mib


def test_decay_warms_up_to_its_value() -> None:
    assert [round(decay_at(0.99, n), 4) for n in (0, 1, 8)] == [0.1, 0.1818, 0.5]
    assert decay_at(0.99, 10**6) == 0.99
    with pytest.raises(ConfigError, match="decay"):
        EMA(1.0)


class Recorded(pl.Callback):
    """The raw weights after each step, and the weights that validation saw."""

    def __init__(self) -> None:
        self.raw: list[torch.Tensor] = []
        self.validated: list[torch.Tensor] = []

    def on_train_batch_end(self, trainer: pl.Trainer, module: TinyModule, *rest: object) -> None:
        if trainer.global_step > len(self.raw):
            self.raw.append(module.net[0].weight.detach().clone())

    def on_validation_batch_start(
        self, trainer: pl.Trainer, module: TinyModule, *rest: object
    ) -> None:
        self.validated.append(module.net[0].weight.detach().clone())


def test_validation_sees_the_average_of_the_formula(tmp_path: Path) -> None:
    recorded = Recorded()
    trainer = make_trainer(tmp_path, recorded, epochs=1, num_sanity_val_steps=0)
    module = TinyModule()
    trainer.fit(module, datamodule=TinyData())
    mean = recorded.raw[0].clone()  # the first step is taken over as it is
    for updates, value in enumerate(recorded.raw[1:], start=1):
        d = min(0.9, (1 + updates) / (10 + updates))
        mean = d * mean + (1 - d) * value
    assert torch.allclose(recorded.validated[0], mean, atol=1e-6)
    assert not torch.allclose(mean, recorded.raw[-1], atol=1e-4)
    assert torch.allclose(module.net[0].weight, mean, atol=1e-6), "what is left after training"


def test_buffers_are_copied_and_counters_stay_whole() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))
            self.register_buffer("L", torch.tensor(0))

    ema = EMA(0.5)
    module = Counting()
    average = torch.optim.swa_utils.AveragedModel(module, use_buffers=False, **ema._kwargs)
    for value in (1, 5):
        module.L.fill_(value)
        average.update_parameters(module)
    assert int(average.module.L) == 5


def test_nan_stops_before_the_weights_see_it(tmp_path: Path) -> None:
    module = TinyModule(spoil_at=3)
    with pytest.raises(TrainingError, match=r"not finite at step 3 .*nan.*learning_rate"):
        make_trainer(tmp_path, LossGuard()).fit(module, datamodule=TinyData())
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert kept["global_step"] == 3
    assert all(torch.isfinite(value).all() for value in kept["current_model_state"].values())


def test_resources_are_logged_on_a_cpu(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = make_trainer(tmp_path, ResourceCallback(), epochs=1, log_every_n_steps=1)
    trainer.logger = CSVLogger(tmp_path, name="", version="")
    with caplog.at_level(logging.INFO, logger="mug.callbacks.resources"):
        trainer.fit(TinyModule(), datamodule=TinyData())
    assert "epoch 0: " in caplog.text
    header = (tmp_path / "metrics.csv").read_text().splitlines()[0]
    assert "epoch_seconds" in header
    memory = peak_memory_mib(torch.device("cpu"))
    assert memory is None or 50 < memory < 1e5


def test_an_epoch_that_is_gone_on_with_is_timed_from_then_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def train(start: Path | None = None) -> None:
        trainer = make_trainer(tmp_path, ResourceCallback(), epochs=1)
        trainer.fit(TinyModule(), datamodule=TinyData(), ckpt_path=start, weights_only=True)

    train()
    within_the_epoch = min(tmp_path.glob("copy*.ckpt"))
    began = time.perf_counter()
    with caplog.at_level(logging.INFO, logger="mug.callbacks.resources"):
        train(within_the_epoch)
    seconds = re.findall(r"epoch 0: ([0-9.]+) s", caplog.text)
    assert float(seconds[-1]) <= time.perf_counter() - began + 0.1


def test_config_is_kept_beside_and_inside(tmp_path: Path) -> None:
    config = {"model": {"target": "x", "params": {"k": [1, None, 0.5]}}}
    callback = SetupCallback(config, tmp_path, now="then")
    make_trainer(tmp_path, callback, epochs=1).fit(TinyModule(), datamodule=TinyData())
    assert yaml.safe_load((tmp_path / "configs/then.yaml").read_text()) == config
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["mug_config"] == config
