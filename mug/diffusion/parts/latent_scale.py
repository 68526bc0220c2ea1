"""Factor between the first stage's latents and those that are diffused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mug.diffusion.parts.options import LatentOptions
from mug.errors import TrainingError

Gather = Callable[[Tensor], Tensor]


class LatentScale:
    """Scale of the latents, given or measured on the first batch.

    The factor is a buffer of the model, so that it is saved, loaded and moved with it; 0 stands for
    a factor that was not measured yet.

    Args:
        options: the factor, or that it is measured.

    Source: Rombach et al. 2022, section 3.3 and appendix G (unit variance).
    """

    def __init__(self, options: LatentOptions) -> None:
        self.measured, self._given = options.scale_by_std, float(options.scale)
        self._buffer: Callable[[], Tensor] | None = None
        self._gather: Gather | None = None

    def register(self, module: nn.Module) -> None:
        """Make the factor a buffer of a module; kept in the checkpoint only where measured."""
        factor = torch.tensor(0.0 if self.measured else self._given)
        module.register_buffer("latent_factor", factor, persistent=self.measured)
        # By name, because moving a module to a device replaces its buffers.
        self._buffer = partial(module.get_buffer, "latent_factor")

    def gather_with(self, gather: Gather) -> None:
        """Measure over all processes: `gather` adds the latents that others hold of a step."""
        self._gather = gather

    @property
    def factor(self) -> Tensor:
        """The factor, without axes."""
        assert self._buffer is not None, "register comes first"
        return self._buffer()

    def measure(self, z: Float[Tensor, "b ..."]) -> None:
        """Take the factor from the first latents that come along, once."""
        if not self.measured or self.factor.is_nonzero():
            return
        z = z.float()
        self.factor.copy_(1 / (z if self._gather is None else self._gather(z)).std())

    def removed(self, z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Return diffused latents in the first stage's scale.

        Raises:
            TrainingError: where the factor was to be measured and never was.
        """
        if not self.factor.is_nonzero():
            raise TrainingError(
                "model.scale_of_latents_was_never_measured",
                remedy="remedy.train_model_scale_by_std_or_load_checkpoint",
            )
        return z / self.factor
