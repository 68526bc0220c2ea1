"""DDPM's ancestral sampling, also over a part of the time steps."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from mug.diffusion.sampling import Constraint, Generators, noise_like, step_tensor
from mug.diffusion.schedule import NoiseSchedule
from mug.diffusion.spacing import levels
from mug.protocols import Denoiser, Progress


class AncestralSampler:
    """Draws from the posterior q(x_s | x_t, x_0) at each step.

    Args:
        spacing: which time steps, see `mug.diffusion.spacing`.
        clip: predictions of the clean sample are limited to -clip ... clip; the reference uses 10.

    Source: Ho et al. 2020, algorithm 2 and eq. 7, with beta of the visited steps.
    """

    def __init__(self, spacing: str = "trailing", clip: float | None = None) -> None:
        self.spacing, self.clip = spacing, clip

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
        """A sample from the noise `x_T` in `steps` steps.

        With `skip`, `x_T` is a sample at the level of the first step taken, see `begin`.
        """
        plan = levels(schedule, steps, self.spacing, skip)
        x = x_T
        for done, (step, bar, bar_next) in enumerate(plan, start=1):
            if constraint is not None:
                x = constraint.noisy(x, bar, generator)
            x_0 = denoise(x, step_tensor(x, step)).x0
            if self.clip is not None:
                x_0 = x_0.clamp(-self.clip, self.clip)
            beta = 1 - bar / bar_next
            x = bar_next**0.5 * beta / (1 - bar) * x_0 + (
                (bar / bar_next) ** 0.5 * (1 - bar_next) / (1 - bar) * x
            )
            if done < len(plan):
                spread = (beta * (1 - bar_next) / (1 - bar)) ** 0.5
                x = x + spread * noise_like(x, generator)
            if progress is not None:
                progress(done, len(plan))
        return x if constraint is None else constraint.clean(x)
