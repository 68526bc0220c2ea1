"""Stops a run that has gone wrong, before it spoils the weights."""

from __future__ import annotations

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from mug.errors import TrainingError


class LossGuard(Callback):
    """Stops with one sentence when the loss is not a number, before the weights see it."""

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        """Looks at the loss of each batch.

        Raises:
            TrainingError: names the step; the weights are still those of the step before.
        """
        if not bool(torch.isfinite(loss).all()):
            raise TrainingError(
                f"the loss is not finite at step {trainer.global_step}"
                f" (epoch {trainer.current_epoch})",
                value=float(loss.detach().float().mean()),
                remedy="Lower model.base_learning_rate, set lightning.trainer.gradient_clip_val=1.0"
                " or lightning.trainer.precision=32, then resume with -r",
            )
