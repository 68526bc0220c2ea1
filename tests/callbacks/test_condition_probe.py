"""The probe in training: when it runs, what it logs and writes, and that it disturbs nothing."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from tiny_probes import Scaled, audible_batch, debug_model
from torch import nn
from torch.utils.data import DataLoader

from mug.callbacks.condition_probe import ConditionProbe
from mug.callbacks.ema import EMA
from mug.diffusion.diffusion import DDPM
from mug.errors import ConfigError

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*is smaller than the logging interval.*"),
    pytest.mark.filterwarnings("ignore:.*in eval mode at the start of training.*"),
    pytest.mark.filterwarnings("ignore:.*dataloader is not resumable.*"),
]


class Learning(Scaled):
    """Answers a learnt multiple of its input, with drop-out."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(0.3))
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.factor * x)


def loader(batches: int = 3) -> DataLoader[Any]:
    return DataLoader([audible_batch(seed) for seed in range(batches)], batch_size=None)


def fit(tmp_path: Path, *callbacks: pl.Callback, epochs: int = 3, **more: Any) -> DDPM:
    model = debug_model(Learning(), learning_rate=0.05)
    model._lengths_bound = True  # these networks have none
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        **more,
    )
    trainer.fit(model, loader(), loader())
    return model


class Seen(pl.Callback):
    """Metrics after each validation."""

    def __init__(self) -> None:
        self.metrics: list[dict[str, float]] = []

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if not trainer.sanity_checking:
            self.metrics.append({k: float(v) for k, v in trainer.callback_metrics.items()})


def rows_of(folder: Path) -> list[dict[str, str]]:
    lines = (folder / "probe/step00000003.csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines))


def test_it_runs_every_few_validations_and_writes_beside_the_run(tmp_path: Path) -> None:
    fit(tmp_path, ConditionProbe(every_n_validations=2, batches=2), Seen())
    written = sorted(path.name for path in (tmp_path / "probe").iterdir())
    assert written == [
        f"step0000000{n}.{ending}" for n in (3, 9) for ending in ("csv", "json", "png")
    ]
    rows = rows_of(tmp_path)
    assert [int(row["tenth"]) for row in rows] == list(range(10))
    assert {row["samples"] for row in rows} == {"8"}, "two batches of four"


def test_what_is_logged_is_what_is_written(tmp_path: Path) -> None:
    seen = Seen()
    fit(tmp_path, ConditionProbe(batches=1), seen, epochs=1)
    (metrics,) = seen.metrics
    row = rows_of(tmp_path)[0]
    assert metrics["val/loss_t0"] == pytest.approx(float(row["loss"]), rel=1e-5)
    assert metrics["val/constant_t0"] == pytest.approx(float(row["constant"]), rel=1e-5)
    assert metrics["val/ratio_t0"] == pytest.approx(float(row["ratio"]), rel=1e-5)
    assert metrics["val/gain_audio_t0"] == metrics["val/gain_features_t9"] == 0
    assert {"val/ratio", "val/gain_audio", "val/gain_features", "val/loss_t9"} <= metrics.keys()


def test_training_goes_on_as_without_it(tmp_path: Path) -> None:
    with_probe, without = fit(tmp_path, ConditionProbe()), fit(tmp_path)
    assert torch.equal(with_probe.model.unet_model.factor, without.model.unet_model.factor)
    assert with_probe.training is without.training


def test_averaged_weights_are_probed(tmp_path: Path) -> None:
    """The order of the callbacks does not matter."""
    factors: list[float] = []

    class Watching(ConditionProbe):
        def probe(self, model: DDPM, batches: Any) -> Any:
            factors.append(float(model.model.unet_model.factor))
            assert not model.training
            return super().probe(model, batches)

    for callbacks in ((EMA(0.5), Watching()), (Watching(), EMA(0.5))):
        fit(tmp_path, *callbacks, epochs=1)
    raw = fit(tmp_path, epochs=1).model.unet_model.factor.item()
    assert factors[0] == factors[1]
    assert factors[0] != pytest.approx(raw, rel=1e-4)


def test_sanity_checks_and_other_models_are_not_probed(tmp_path: Path) -> None:
    fit(tmp_path, ConditionProbe(), epochs=0, num_sanity_val_steps=1)
    assert not (tmp_path / "probe").exists()


def test_the_count_of_validations_survives_a_resume() -> None:
    probe, other = ConditionProbe(every_n_validations=3), ConditionProbe(every_n_validations=3)
    probe._validations = 5
    other.load_state_dict(probe.state_dict())
    assert other._validations == 5


@pytest.mark.parametrize("wrong", [{"every_n_validations": 0}, {"batches": 0}])
def test_impossible_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ConditionProbe(**wrong)
