"""Parts of a network that stay in full precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


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
