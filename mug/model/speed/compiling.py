"""Networks compiled by torch.compile."""

from __future__ import annotations

from typing import Any

import torch
import torch._dynamo
from torch import nn

from mug.model.s4 import S4


def compile_network(network: nn.Module, backend: str) -> None:
    """Compile the calls of a network in place; names of its parameters stay.

    State-space kernels and their transforms, which are of complex numbers and depend on a layer's
    known length, run as they are.

    Args:
        network: bound to its lengths, see `mug.model.s4.bind_lengths`.
        backend: of torch.compile.
    """
    layers = list(network.modules())
    as_it_is: Any = torch.compiler.disable
    limits: Any = torch._dynamo.config  # a block is compiled again for each of its widths
    limits.recompile_limit = max(limits.recompile_limit, len(layers))
    for layer in layers:
        if isinstance(layer, S4):
            plain: Any = layer
            plain.response = as_it_is(layer.response)
            plain.convolve = as_it_is(layer.convolve)
    network.compile(backend=backend)
