"""A network, data and a trainer of a second, with everything that makes resuming hard."""

from __future__ import annotations

import logging
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mug.callbacks.checkpoint import AtomicCheckpointIO, ResumeCheckpoint
from mug.callbacks.ema import EMA
from mug.callbacks.rng import StepRandomness

ITEMS, BATCH = 14, 2


class Items(Dataset[Tensor]):
    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int) -> Tensor:
        return torch.randn(4, generator=torch.Generator().manual_seed(index))


class TinyData(pl.LightningDataModule):
    """Shuffles by epoch and, after a resume, leaves out the batches that were seen."""

    def __init__(self, batch_size: int = BATCH) -> None:
        super().__init__()
        assert batch_size == BATCH

    def train_dataloader(self) -> Any:
        return DataLoader(Items(), batch_sampler=Batches(self))

    def val_dataloader(self) -> Any:
        return DataLoader(Items(), batch_size=7)


class Batches:
    def __init__(self, data: TinyData) -> None:
        self.data = data
        self.resumed = False

    def __len__(self) -> int:
        return ITEMS // BATCH

    def __iter__(self) -> Any:
        loop = self.data.trainer.fit_loop
        epoch, seen = loop.epoch_progress.current.processed, 0
        progress = loop.epoch_loop.batch_progress
        if loop.restarting and not self.resumed and not progress.is_last_batch:
            seen = progress.current.processed
        self.resumed = True
        order = torch.randperm(ITEMS, generator=torch.Generator().manual_seed(epoch)).tolist()
        return iter([order[i : i + BATCH] for i in range(0, ITEMS, BATCH)][seen:])


class TinyModule(pl.LightningModule):
    """Drop-out, noise, Adam, a scheduler per step and one that waits for validation."""

    def __init__(self, spoil_at: int | None = None, monitor: str | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3), nn.Linear(8, 4))
        self.spoil_at, self.monitor = spoil_at, monitor
        self.seen: list[float] = []
        self.rates: list[float] = []

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        self.seen.append(float(batch.sum()))
        loss = (self.net(batch) - batch + 0.1 * torch.randn_like(batch)).square().mean()
        return loss * float("nan") if self.spoil_at == self.global_step else loss

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        torch.randn(3)  # validation must not disturb the noise of training
        self.log("val/loss", (self.net(batch) - batch).square().mean() + self.current_epoch)

    def on_train_epoch_start(self) -> None:
        self.rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.net.parameters(), lr=0.05)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": plateau, "monitor": "val/loss"},
        }


class KeepCopies(ResumeCheckpoint):
    """Also keeps each state that was ever in last.ckpt, as a kill would leave it."""

    def _save(self, trainer: pl.Trainer) -> None:
        super()._save(trainer)
        copies = sorted(self.path.parent.glob("copy*.ckpt"))
        shutil.copy(self.path, self.path.parent / f"copy{len(copies):02}.ckpt")


def make_trainer(
    folder: Path, *more: pl.Callback, epochs: int = 3, every: int | None = 1, **arguments: Any
) -> pl.Trainer:
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*your dataloader is not resumable.*")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    return pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        accumulate_grad_batches=2,
        callbacks=[
            StepRandomness(7),
            EMA(0.9),
            *more,
            KeepCopies(folder / "last.ckpt", every),
        ],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        plugins=[AtomicCheckpointIO()],
        **arguments,
    )


def states_equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
