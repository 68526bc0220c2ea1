"""Parts of a network that stay in full precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor, nn


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Switches automatic mixed precision off for the device of `x`.

    For recurrences and transforms, whose rounding errors add up over time.
    """
    kind = x.device.type
    if torch.amp.is_autocast_available(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()


def at_least_float32(x: Tensor) -> Tensor:
    """The tensor itself in float32 or float64, else its float32 copy."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


M = TypeVar("M", bound=nn.Module)


def lowered(network: M, dtype: torch.dtype) -> M:
    """The network itself with the weights of convolutions and linear layers in another precision.

    Everything else (normalisations, tables, state-space systems, embeddings, LSTMs) stays as it
    is. Such a network is called through `mug.diffusion.unet_plan`, which casts at each layer.
    """
    for part in network.modules():
        if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Linear):
            part.to(dtype)
    return network
