"""Memory for time: activations that are computed again in the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint as torch_checkpoint


def checkpoint(function: Callable[..., Any], *inputs: Any, enabled: bool) -> Any:
    """`function(*inputs)`, whose inner activations are not kept for the backward pass.

    The second run sees the random state and the autocast state of the first, so that dropout drops
    the same values (the original's own version did not keep them).

    Args:
        function: may use parameters and buffers; they get their gradients.
        inputs: positional arguments, None included.
        enabled: False calls the function plainly; so does a forward pass without gradients.

    Source: Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost.
    """
    if not (enabled and torch.is_grad_enabled()):
        return function(*inputs)
    # Not reentrant: the other kind gives no gradients where no input requires one. The random state
    # is kept, or dropout would drop other values in the second run (B35).
    return torch_checkpoint(function, *inputs, use_reentrant=False, preserve_rng_state=True)
