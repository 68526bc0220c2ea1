"""Averaged weights: what is validated, sampled from and handed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

from mug.errors import ConfigError

_MultiAverage = Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]


def decay_at(decay: float, updates: int) -> float:
    """The decay after so many updates: min(decay, (1 + n) / (10 + n)).

    Without this warm-up the average of a short run would still be mostly its random start.
    """
    return min(decay, (1 + updates) / (10 + updates))


def _average(decay: float) -> _MultiAverage:
    @torch.no_grad()
    def update(
        averaged: Sequence[Tensor], current: Sequence[Tensor], updates: Tensor | int
    ) -> None:
        weight = 1 - decay_at(decay, int(updates))
        pairs = list(zip(averaged, current, strict=True))
        moving = [(m, v) for m, v in pairs if m.is_floating_point() or m.is_complex()]
        means = [mean for mean, _ in moving]
        # All at once: on a GPU a thousand small operations would take longer to start than to run.
        torch._foreach_lerp_(means, [value.to(mean.dtype) for mean, value in moving], weight)
        for mean, value in pairs:
            if not (mean.is_floating_point() or mean.is_complex()):
                mean.copy_(value)

    return update


class EMA(WeightAveraging):
    """Exponential moving average of the weights, exact across resumes.

    Validation and sample charts use the averaged weights; a checkpoint's `state_dict` holds them,
    `current_model_state` the raw ones that training goes on from. Buffers are copied, not averaged.

    Args:
        decay: of the average per optimiser step, 0 ... 1, after a warm-up (see `decay_at`).
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ConfigError("training.ema_decay_out_of_range", value=decay)
        super().__init__(use_buffers=False, multi_avg_fn=_average(decay))
        self.decay = decay
        self._averaged_in_place = False

    def _swap_models(self, pl_module: LightningModule) -> None:
        super()._swap_models(pl_module)
        self._averaged_in_place = not self._averaged_in_place

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Put the raw weights back when validation is cut short, before anything is saved."""
        if self._averaged_in_place:
            self._swap_models(pl_module)
