"""PLMS: DDIM steps along an extrapolation of the last four noise predictions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mug.diffusion.samplers.base import Sampler, SamplerRun, Step

# Adams-Bashforth weights of the newest prediction and its predecessors, by how many there are.
_WEIGHTS = {
    1: (1.0,),
    2: (3 / 2, -1 / 2),
    3: (23 / 12, -16 / 12, 5 / 12),
    4: (55 / 24, -59 / 24, 37 / 24, -9 / 24),
}


class PLMSSampler(Sampler):
    """Linear multi-step method of order 4; deterministic given `x_T`.

    The first step calls the denoiser twice (an improved Euler step), so that `steps` steps take
    `steps + 1` calls.

    Args:
        spacing: which time steps, see `mug.diffusion.samplers.spacing`; the weights assume even
            spacing in time.

    Source: Liu et al. 2022, eqs. 9 to 13.
    """

    def __init__(self, spacing: str = "trailing") -> None:
        super().__init__(spacing)

    def calls(self, steps: int) -> int:
        """One more than steps, but for a single step, which lands on clean data at once."""
        return steps + int(steps > 1)

    def stepper(self, run: SamplerRun) -> Step:
        """Remember the last four predictions."""
        history: list[Tensor] = []  # newest first

        def step(x: Tensor, index: int) -> Tensor:
            at, bar, bar_next = run.plan[index]
            eps = run.predict(x, at).eps
            history.insert(0, eps)
            del history[len(_WEIGHTS) :]
            slope = _extrapolate(history)
            if index == 0 and bar_next < 1:
                trial = _ddim_step(x, eps, bar, bar_next)
                following = run.plan[min(1, len(run.plan) - 1)].step
                # Nothing to extrapolate from yet: an improved Euler step, of order 2.
                slope = (eps + run.predict(trial, following).eps) / 2
            return _ddim_step(x, slope, bar, bar_next)

        return step


def _extrapolate(history: Sequence[Tensor]) -> Tensor:
    weights = _WEIGHTS[len(history)]
    return torch.stack([w * e for w, e in zip(weights, history, strict=True)]).sum(0)


def _ddim_step(x: Tensor, eps: Tensor, bar: float, bar_next: float) -> Tensor:
    x_0: Tensor = (x - (1 - bar) ** 0.5 * eps) / bar**0.5
    following: Tensor = bar_next**0.5 * x_0 + (1 - bar_next) ** 0.5 * eps
    return following
