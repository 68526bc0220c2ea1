"""DPM-Solver++ 2M: second order from the predictions of two steps."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor

from mug.diffusion.sampling import Constraint, Generators, step_tensor
from mug.diffusion.schedule import NoiseSchedule
from mug.diffusion.spacing import levels
from mug.protocols import Denoiser, Progress


class DPMSolverSampler:
    """Solves the probability-flow equation in half log signal-to-noise; deterministic.

    Args:
        spacing: which time steps, see `mug.diffusion.spacing`: `logsnr`, `karras`, or `trailing`
            and `linspace` (evenly in time).

    Source: Lu et al. 2022 (DPM-Solver++), algorithm 2.
    """

    def __init__(self, spacing: str = "logsnr") -> None:
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
        older: Tensor | None = None
        stride_before = 0.0
        for done, (step, bar, bar_next) in enumerate(plan, start=1):
            if constraint is not None:
                x = constraint.noisy(x, bar, generator)
            x_0 = denoise(x, step_tensor(x, step)).x0
            stride = _log_snr(bar_next) - _log_snr(bar)  # infinite where it lands on clean data
            target = x_0
            if older is not None and math.isfinite(stride):
                target = x_0 + stride / (2 * stride_before) * (x_0 - older)
            keep = ((1 - bar_next) / (1 - bar)) ** 0.5
            x = keep * x - bar_next**0.5 * math.expm1(-stride) * target
            older, stride_before = x_0, stride
            if progress is not None:
                progress(done, len(plan))
        return x if constraint is None else constraint.clean(x)


def _log_snr(bar: float) -> float:
    return math.inf if bar >= 1 else 0.5 * math.log(bar / (1 - bar))
