"""DPM-Solver++ 2M: second order from the predictions of two steps."""

from __future__ import annotations

import math

from torch import Tensor

from mug.diffusion.samplers.base import Sampler, SamplerRun, Step, half_log_snr


class DPMSolverSampler(Sampler):
    """Solves the probability-flow equation in half log signal-to-noise; deterministic.

    Args:
        spacing: which time steps, see `mug.diffusion.samplers.spacing`: `logsnr`, `karras`, or
            `trailing` and `linspace` (evenly in time).

    Source: Lu et al. 2022 (DPM-Solver++), algorithm 2.
    """

    def __init__(self, spacing: str = "logsnr") -> None:
        super().__init__(spacing)

    def stepper(self, run: SamplerRun) -> Step:
        """Remember the last prediction and the stride that led away from it."""
        before: tuple[Tensor, float] | None = None

        def step(x: Tensor, index: int) -> Tensor:
            nonlocal before
            at, bar, bar_next = run.plan[index]
            x_0 = target = run.predict(x, at).x0
            stride = half_log_snr(bar_next) - half_log_snr(bar)  # infinite onto clean data
            if before is not None and math.isfinite(stride):
                older, stride_before = before
                target = x_0 + stride / (2 * stride_before) * (x_0 - older)
            before = x_0, stride
            keep = ((1 - bar_next) / (1 - bar)) ** 0.5
            # expm1 is exact for short strides, and -1 onto clean data, where the stride is
            # infinite.
            following: Tensor = keep * x - bar_next**0.5 * math.expm1(-stride) * target
            return following

        return step
