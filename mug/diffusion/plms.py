"""PLMS: DDIM steps along an extrapolation of the last four noise predictions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mug.diffusion.sampling import Constraint, Generators, step_tensor
from mug.diffusion.schedule import NoiseSchedule
from mug.diffusion.spacing import levels
from mug.protocols import Denoiser, Progress

# Adams-Bashforth weights of the newest prediction and its predecessors, by how many there are.
_WEIGHTS = {
    1: (1.0,),
    2: (3 / 2, -1 / 2),
    3: (23 / 12, -16 / 12, 5 / 12),
    4: (55 / 24, -59 / 24, 37 / 24, -9 / 24),
}


class PLMSSampler:
    """Linear multi-step method of order 4; deterministic given `x_T`.

    The first step calls the denoiser twice (an improved Euler step), so that `steps` steps take
    `steps + 1` calls.

    Args:
        spacing: which time steps, see `mug.diffusion.spacing`; the weights assume even spacing
            in time.

    Source: Liu et al. 2022, eqs. 9 to 13.
    """

    def __init__(self, spacing: str = "trailing") -> None:
        self.spacing = spacing

    def sample(
        self,
        denoise: Denoiser,
        x_T: Float[Tensor, "b ..."],
        schedule: NoiseSchedule,
        *,
        steps: int,
        generator: Generators = None,
        constraint: Constraint | None = None,
        progress: Progress | None = None,
        skip: int = 0,
    ) -> Float[Tensor, "b ..."]:
        """A sample from the noise `x_T` in `steps` steps (`original` spacings may take more).

        With `skip`, `x_T` is a sample at the level of the first step taken, see `begin`.
        """
        plan = levels(schedule, steps, self.spacing, skip)
        x = x_T
        history: list[Tensor] = []  # newest first
        for index, (step, bar, bar_next) in enumerate(plan):
            if constraint is not None:
                x = constraint.noisy(x, bar, generator)
            eps = denoise(x, step_tensor(x, step)).eps
            history = [eps, *history[:3]]
            slope = _extrapolate(history)
            if index == 0 and bar_next < 1:
                trial = _ddim_step(x, eps, bar, bar_next)
                following = plan[min(1, len(plan) - 1)][0]
                slope = (eps + denoise(trial, step_tensor(x, following)).eps) / 2
            x = _ddim_step(x, slope, bar, bar_next)
            if progress is not None:
                progress(index + 1, len(plan))
        return x if constraint is None else constraint.clean(x)


def _extrapolate(history: Sequence[Tensor]) -> Tensor:
    weights = _WEIGHTS[len(history)]
    return torch.stack([w * e for w, e in zip(weights, history, strict=True)]).sum(0)


def _ddim_step(x: Tensor, eps: Tensor, bar: float, bar_next: float) -> Tensor:
    x_0: Tensor = (x - (1 - bar) ** 0.5 * eps) / bar**0.5
    following: Tensor = bar_next**0.5 * x_0 + (1 - bar_next) ** 0.5 * eps
    return following
