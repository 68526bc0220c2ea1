"""The posterior of a variational autoencoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


class DiagonalGaussian:
    """Independent normal distributions, one a latent value.

    Args:
        mean: their means.
        logvar: logarithms of their variances; limited to -10 ... 20, outside of which no gradient
            passes.
        scale: factor of everything that is drawn from it, so that latents have the size that the
            diffusion expects.
    """

    def __init__(
        self, mean: Float[Tensor, "b ..."], logvar: Float[Tensor, "b ..."], scale: float = 1.0
    ) -> None:
        self.mean, self.scale = mean, scale
        # Limits of the reference (B13): deviations from e^-5 to e^10.
        self.logvar = logvar.clamp(-10.0, 20.0)

    @property
    def std(self) -> Float[Tensor, "b ..."]:
        """Standard deviations before scaling."""
        return torch.exp(0.5 * self.logvar)

    @property
    def var(self) -> Float[Tensor, "b ..."]:
        """Variances before scaling."""
        return self.logvar.exp()

    def mode(self) -> Float[Tensor, "b ..."]:
        """The most likely latent."""
        return self.mean * self.scale

    def sample(
        self, generator: torch.Generator | Sequence[torch.Generator] | None = None
    ) -> Float[Tensor, "b ..."]:
        """A random latent; drawn where the generator lives (on the CPU without one).

        Args:
            generator: of all latents, or one for each.
        """
        if isinstance(generator, Sequence):
            shape = self.mean.shape[1:]
            # One generator an item: its noise is the same in whatever batch it comes.
            noise = torch.stack(
                [torch.randn(shape, generator=one, device=one.device) for one in generator]
            )
        else:
            device = torch.device("cpu") if generator is None else generator.device
            noise = torch.randn(self.mean.shape, generator=generator, device=device)
        return (self.mean + self.std * noise.to(self.mean)) * self.scale

    def kl(self) -> Float[Tensor, ""]:
        """Divergence from the standard normal distribution, as a mean over all values.

        Source: Kingma and Welling 2014, appendix B; the mean instead of the sum is the
        reference's, and what its kl_weight is relative to.
        """
        # exp() in half precision would lose the small variances.
        logvar = self.logvar.float()
        return 0.5 * (self.mean.float().square() + logvar.exp() - 1 - logvar).mean()
