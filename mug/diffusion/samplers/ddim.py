"""DDIM: deterministic steps, with noise by choice."""

from __future__ import annotations

from torch import Tensor

from mug.diffusion.samplers.base import Sampler, SamplerRun, Step, noise_like


class DDIMSampler(Sampler):
    """Steps along the predicted noise towards the predicted clean sample.

    Args:
        spacing: which time steps, see `mug.diffusion.samplers.spacing`; `original` copies the
            reference, including the trace of noise that it leaves.
        eta: 0 deterministic ... 1 as much noise as ancestral sampling.
        temperature: factor of that noise.

    Source: Song et al. 2021, eqs. 12 and 16.
    """

    def __init__(
        self, spacing: str = "trailing", eta: float = 0.0, temperature: float = 1.0
    ) -> None:
        super().__init__(spacing)
        self.eta, self.temperature = eta, temperature

    @property
    def adds_noise(self) -> bool:
        """With any `eta` but 0."""
        return self.eta > 0

    def stepper(self, run: SamplerRun) -> Step:
        """Each step depends on the sample alone."""

        def step(x: Tensor, index: int) -> Tensor:
            at, bar, bar_next = run.plan[index]
            x_0, eps = run.predict(x, at)
            sigma = self.eta * ((1 - bar_next) / (1 - bar) * (1 - bar / bar_next)) ** 0.5
            # The share of the predicted noise; rounding, or an eta above 1, may bring it below 0.
            x = bar_next**0.5 * x_0 + max(1 - bar_next - sigma**2, 0.0) ** 0.5 * eps
            if sigma > 0:
                x = x + sigma * self.temperature * noise_like(x, run.generator)
            return x

        return step
