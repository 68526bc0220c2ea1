"""DDIM: deterministic steps, with noise by choice."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from mug.diffusion.sampling import Constraint, Generators, noise_like, step_tensor
from mug.diffusion.schedule import NoiseSchedule
from mug.diffusion.spacing import levels
from mug.protocols import Denoiser, Progress


class DDIMSampler:
    """Steps along the predicted noise towards the predicted clean sample.

    Args:
        spacing: which time steps, see `mug.diffusion.spacing`; `original` copies the reference,
            including the trace of noise that it leaves.
        eta: 0 deterministic ... 1 as much noise as ancestral sampling.
        temperature: factor of that noise.

    Source: Song et al. 2021, eqs. 12 and 16.
    """

    def __init__(
        self, spacing: str = "trailing", eta: float = 0.0, temperature: float = 1.0
    ) -> None:
        self.spacing, self.eta, self.temperature = spacing, eta, temperature

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
        for done, (step, bar, bar_next) in enumerate(plan, start=1):
            if constraint is not None:
                x = constraint.noisy(x, bar, generator)
            x_0, eps = denoise(x, step_tensor(x, step))
            sigma = self.eta * ((1 - bar_next) / (1 - bar) * (1 - bar / bar_next)) ** 0.5
            x = bar_next**0.5 * x_0 + max(1 - bar_next - sigma**2, 0.0) ** 0.5 * eps
            if sigma > 0:
                x = x + sigma * self.temperature * noise_like(x, generator)
            if progress is not None:
                progress(done, len(plan))
        return x if constraint is None else constraint.clean(x)
