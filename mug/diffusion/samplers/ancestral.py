"""DDPM's ancestral sampling, also over a part of the time steps."""

from __future__ import annotations

from torch import Tensor

from mug.diffusion.samplers.base import Sampler, SamplerRun, Step, noise_like


class AncestralSampler(Sampler):
    """Draws from the posterior q(x_s | x_t, x_0) at each step.

    Args:
        spacing: which time steps, see `mug.diffusion.samplers.spacing`.
        clip: predictions of the clean sample are limited to -clip ... clip; the reference uses 10.

    Source: Ho et al. 2020, algorithm 2 and eq. 7, with beta of the visited steps.
    """

    def __init__(self, spacing: str = "trailing", clip: float | None = None) -> None:
        super().__init__(spacing)
        self.clip = clip

    @property
    def adds_noise(self) -> bool:
        """At every step but the last."""
        return True

    def stepper(self, run: SamplerRun) -> Step:
        """Each step depends on the sample alone; the last adds no noise."""

        def step(x: Tensor, index: int) -> Tensor:
            at, bar, bar_next = run.plan[index]
            x_0 = run.predict(x, at).x0
            if self.clip is not None:
                x_0 = x_0.clamp(-self.clip, self.clip)
            # Beta of the visited steps: with steps left out, one stands for the product of several.
            beta = 1 - bar / bar_next
            x = bar_next**0.5 * beta / (1 - bar) * x_0 + (
                (bar / bar_next) ** 0.5 * (1 - bar_next) / (1 - bar) * x
            )
            # The last step's posterior has no variance.
            if index < len(run.plan) - 1:
                spread = (beta * (1 - bar_next) / (1 - bar)) ** 0.5
                x = x + spread * noise_like(x, run.generator)
            return x

        return step
