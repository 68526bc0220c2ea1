"""Numbers as vectors: diffusion time steps, positions."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional


def timestep_embedding(
    timesteps: Shaped[Tensor, " b"], dim: int, max_period: float = 10000.0
) -> Float[Tensor, "b {dim}"]:
    """Sinusoids of geometrically falling frequency: cosines first, then sines.

    Args:
        timesteps: one number a sample; fractions are allowed.
        dim: width of the result; an odd one ends with a column of zeros.
        max_period: period of the slowest sinusoid, in time steps, over 2 pi.

    Source: Vaswani et al. 2017, section 3.5, in the order of Ho et al. 2020's code.
    """
    # The frequencies fall from 1 to nearly 1 / max_period: neighbouring steps differ in the fast
    # ones, the tenths of the schedule in the slow ones.
    half = dim // 2
    index = torch.arange(half, dtype=torch.float32, device=timesteps.device)
    frequencies = torch.exp(-math.log(max_period) * index / half)
    angles = timesteps[:, None].float() * frequencies
    # Cosines first: trained weights depend on the order.
    table = torch.cat([angles.cos(), angles.sin()], dim=1)
    return functional.pad(table, (0, dim % 2))


class PositionalEmbedding(nn.Module):
    """Buffer of frequencies that two of the original's encoders carry and never use.

    It exists so that their checkpoints load key by key.
    """

    inv_freq: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        index = torch.arange(0, channels, 2).float()
        self.register_buffer("inv_freq", 1 / (10000 ** (index / channels)))
