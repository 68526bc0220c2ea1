"""AdamW as one operation, where the parameters' device has it."""

from __future__ import annotations

from typing import Any

import torch

_FUSED = ("cpu", "cuda")
"""Devices on which torch updates all parameters at once without temporary copies."""


def adamw(
    groups: list[dict[str, Any]], rate: float, *, fused: bool | None = None
) -> torch.optim.AdamW:
    """AdamW over groups of parameters.

    Args:
        groups: as torch takes them.
        rate: learning rate.
        fused: one operation for all parameters; None for where they can do that. The results
            differ in the rounding of single operations.

    Source: Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization.
    """
    if fused is None:
        parameters = [parameter for group in groups for parameter in group["params"]]
        fused = all(p.device.type in _FUSED and p.is_floating_point() for p in parameters)
    optimizer = torch.optim.AdamW(groups, lr=rate, fused=fused, foreach=None if fused else False)
    # Gradients are unscaled before the step, as for any optimizer: Lightning could not clip them
    # otherwise.
    optimizer._step_supports_amp_scaling = False
    return optimizer
