"""Randomness that depends on where training stands, not on how it came there."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

_TRAIN, _VALIDATE, _TEST = range(3)


class StepRandomness(Callback):
    """Seeds Python, numpy and torch before each batch from (seed, rank, stage, epoch, batch).

    Noise, drop-out and time steps of batch 17 of epoch 3 are thus the same in a run that was never
    stopped and in one that was killed and resumed before it, whatever happened in between
    (validation, sample charts, a data loader that starts again). Nothing but the seed has to be
    kept in the checkpoint; a resumed run goes on with the seed that it began with.

    Args:
        seed: of the whole run.
    """

    def __init__(self, seed: int = 23) -> None:
        self.seed = seed

    def state_dict(self) -> dict[str, Any]:
        """The seed, so that resuming under another one changes nothing."""
        return {"seed": self.seed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the seed of the run that is being resumed."""
        self.seed = int(state_dict["seed"])

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seeds for one training batch."""
        self._seed(trainer, _TRAIN, trainer.current_epoch, batch_idx)

    def on_validation_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """The same randomness in every validation, so that its losses can be compared."""
        self._seed(trainer, _VALIDATE, dataloader_idx, batch_idx)

    def on_test_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """As in validation."""
        self._seed(trainer, _TEST, dataloader_idx, batch_idx)

    def _seed(self, trainer: Trainer, stage: int, epoch: int, batch_idx: int) -> None:
        entropy = [self.seed, trainer.global_rank, stage, epoch, batch_idx]
        words = np.random.SeedSequence(entropy).generate_state(4)
        random.seed(int(words[0]))
        np.random.seed(int(words[1]))  # noqa: NPY002 - whoever still uses the global generator
        torch.manual_seed(int(words[2]) << 31 | int(words[3]) >> 1)
