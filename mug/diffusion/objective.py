"""Training objective of the denoiser: loss and metrics of a batch at given noise levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import adaptive_max_pool1d

from mug.diffusion.losses import check_loss_type, elementwise_loss, per_sample_mean
from mug.diffusion.parameterization import Parameterization

Reduce = Callable[[Tensor], Tensor]
DataLoss = Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]]


def full_precision(x: Tensor) -> Tensor:
    """Half precision widened to float32; float32 and float64 as they are."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


class Target(NamedTuple):
    """Training target of a batch.

    Attributes:
        z_0: clean latents `[b, ...]`.
        std: spread of their posterior, for the metric loss_ratio; None where it has none.
        mask: 1 where the loss counts, broadcasting against `z_0`; None for everywhere.
        data_loss: judges predicted latents after decoding (recon only).
        notes: the data that the latents stand for; None where nothing is judged after decoding.
        valid: 1 where a chart has been, 0 behind its end; None for everywhere.
    """

    z_0: Tensor
    std: Tensor | None = None
    mask: Tensor | None = None
    data_loss: DataLoss | None = None
    notes: Tensor | None = None
    valid: Tensor | None = None


class Losses(NamedTuple):
    """Loss of a batch: in total, of each sample, and what to log by name."""

    total: Tensor
    per_sample: Tensor
    parts: dict[str, Tensor]


class Objective:
    """Weighted denoising loss.

    Args:
        parameterization: what the network's output means.
        loss_type: l1, l2 or smooth_l1.
        l_simple_weight: weight of the plain loss.
        original_elbo_weight: weight of the loss in units of the variational bound.
    """

    def __init__(
        self,
        parameterization: Parameterization,
        loss_type: str,
        l_simple_weight: float = 1.0,
        original_elbo_weight: float = 0.0,
    ) -> None:
        self.parameterization, self.loss_type = parameterization, check_loss_type(loss_type)
        self.l_simple_weight = l_simple_weight
        self.original_elbo_weight = original_elbo_weight
        # Float64 until here: the weights span many orders of magnitude.
        self.bound_weights = torch.from_numpy(parameterization.lvlb_weights().astype(np.float32))

    def noisy(
        self, z_0: Float[Tensor, "b ..."], step: Int[Tensor, "b"], noise: Float[Tensor, "b ..."]
    ) -> Float[Tensor, "b ..."]:
        """The clean latents at their noise levels."""
        return self.parameterization.schedule.q_sample(z_0, step, noise)

    def losses(
        self,
        output: Float[Tensor, "b ..."],
        target: Target,
        step: Int[Tensor, "b"],
        noise: Float[Tensor, "b ..."],
    ) -> Losses:
        """Loss of the network's output, in float32 at least whatever the network computes in."""
        # Sums over a long sequence would lose digits in half precision.
        output = full_precision(output)
        if self.parameterization.name == "recon":
            per_sample, parts = self._after_decoding(output, target)
        else:
            wanted = self.parameterization.target(target.z_0, noise, step)
            error = elementwise_loss(self.loss_type, output, wanted)
            per_sample = per_sample_mean(error, target.mask)
            # Metrics in the same units as the reference's logs; no gradient goes through them.
            parts = _metrics(output.detach() - wanted, target.std)
        simple = per_sample.mean()
        self.bound_weights = self.bound_weights.to(step.device)
        # Logged even at weight 0: it compares runs with different weightings.
        bound = (self.bound_weights[step] * per_sample).mean()
        total = self.l_simple_weight * simple + self.original_elbo_weight * bound
        parts = {
            "loss_simple": simple.detach(),
            **parts,
            "loss_vlb": bound.detach(),
            "loss": total.detach(),
        }
        return Losses(total, per_sample, parts)

    @staticmethod
    def _after_decoding(output: Tensor, target: Target) -> tuple[Tensor, dict[str, Tensor]]:
        if target.data_loss is None:
            raise ValueError("recon needs a loss of the decoded data")
        loss, parts = target.data_loss(output)
        return loss.expand(len(output)), {name: part.detach() for name, part in parts.items()}


def _metrics(error: Tensor, std: Tensor | None) -> dict[str, Tensor]:
    size = error.abs()
    metrics = {"loss_mae": size.mean(), "loss_mse": error.square().mean()}
    if std is not None:
        # Explodes where the posterior is narrow (B14); logged only.
        metrics["loss_ratio"] = (size / std).mean()
    return metrics


def latent_mask(valid: Float[Tensor, "b t"], z: Float[Tensor, "b ..."]) -> Tensor:
    """The mask of data frames on the latents' last axis: 1 where any frame behind one counts."""
    # The maximum: a latent frame counts if any of its note frames lies within the chart.
    pooled = adaptive_max_pool1d(valid.float()[:, None], z.shape[-1])
    return pooled.view(len(z), *[1] * (z.ndim - 2), z.shape[-1])


class LevelMeter:
    """Mean loss in each tenth of the noise range, gathered over an epoch.

    Args:
        steps: number of time steps of the schedule.
        levels: parts that the range is cut into.
    """

    def __init__(self, steps: int, levels: int = 10) -> None:
        self.steps, self.levels = steps, levels
        self._sums: Tensor | None = None

    def update(self, step: Int[Tensor, "b"], per_sample: Float[Tensor, "b"]) -> None:
        """Add the losses of a batch."""
        if self._sums is None or self._sums.device != step.device:
            self._sums = torch.zeros(2, self.levels, device=step.device)
        # Loss differs by orders of magnitude over the noise range; one mean hides where a model
        # fails.
        level = step * self.levels // self.steps
        loss = per_sample.detach().float()
        # On the device: reading numbers back at every step would stall it.
        self._sums.index_add_(1, level, torch.stack([loss, torch.ones_like(loss)]))

    def means(self, reduce: Reduce | None = None) -> dict[int, float]:
        """Level to mean loss, for those that occurred; starts again at nothing.

        Args:
            reduce: sums a tensor over processes.
        """
        if self._sums is None:
            return {}
        sums = self._sums if reduce is None else reduce(self._sums)
        self._sums = None
        return {
            level: total / count
            for level, (total, count) in enumerate(sums.T.tolist())
            if count > 0
        }
