"""Parts of a network that stay in full precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor, nn

from mug.errors import ConfigError
from mug.model.speed.thread_count import SMALL
from mug.util import nearest


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Switch automatic mixed precision off for the device of `x`.

    For recurrences and transforms, whose rounding errors add up over time.
    """
    kind = x.device.type
    if torch.amp.is_autocast_available(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()


def at_least_float32(x: Tensor) -> Tensor:
    """The tensor itself in float32 or float64, else its float32 copy."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def multiplies_bfloat16(kind: str) -> bool:
    """Return whether a device of this kind multiplies bfloat16 faster than float32.

    Args:
        kind: `cpu`, `cuda` …
    """
    if kind == "cuda":
        # Tensor cores multiply bfloat16 from compute capability 8 (Ampere) on.
        return torch.cuda.is_available() and torch.cuda.get_device_capability()[0] >= 8
    if kind != "cpu":
        return False
    # Private names of torch; it has no public ones for these two instruction sets.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""Names of the weights' precisions."""

AUTO = "auto"
"""Name of the precision that suits the device and the size of the model."""


def precision_for(asked: str, kind: str, weights: int) -> str:
    """Return the name of a precision for a device and a model.

    Args:
        asked: a name of `PRECISIONS`, which is returned, or `auto`: bf16 for a large model where
            the device multiplies such numbers, else fp32.
        kind: of the device: `cpu`, `cuda` …
        weights: of the model.

    Raises:
        ConfigError: for an unknown name.
    """
    if asked == AUTO:
        return "bf16" if weights > SMALL and multiplies_bfloat16(kind) else "fp32"
    dtype_of(asked)
    return asked


def dtype_of(precision: str) -> torch.dtype:
    """The type behind a name.

    Raises:
        ConfigError: for an unknown one.
    """
    if precision not in PRECISIONS:
        raise ConfigError(
            "model.unknown_precision",
            value=precision,
            remedy=nearest(precision, [*PRECISIONS, AUTO]),
        )
    return PRECISIONS[precision]


_HALVES = (torch.bfloat16, torch.float16)


def has_lowered_weights(network: nn.Module) -> bool:
    """Tell if some weights of a network are in half precision, see `lowered`."""
    return any(parameter.dtype in _HALVES for parameter in network.parameters())


def autocast_of(network: nn.Module, x: Tensor) -> AbstractContextManager[object]:
    """Automatic mixed precision for a network with lowered weights that is called as it is.

    Args:
        network: its lowered weights decide the precision.
        x: on the device of the call.
    """
    # All lowered weights have one type, so the first tells it.
    found = next((p.dtype for p in network.parameters() if p.dtype in _HALVES), None)
    return nullcontext() if found is None else torch.autocast(x.device.type, dtype=found)


M = TypeVar("M", bound=nn.Module)


def lowered(network: M, dtype: torch.dtype) -> M:
    """The network itself with the weights of convolutions and linear layers in another precision.

    Everything else (normalisations, tables, state-space systems, embeddings, LSTMs) stays as it
    is. Such a network is called through `mug.diffusion.unet_prepared`, which casts at each layer.
    """
    for name in lowered_names(network):
        parameter = network.get_parameter(name)
        parameter.data = parameter.data.to(dtype)
    return network


def lowered_names(network: nn.Module) -> list[str]:
    """Names of the parameters that `lowered` changes."""
    return [
        f"{name}.{part}" if name else part
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear)
        for part, _ in module.named_parameters(recurse=False)
    ]
