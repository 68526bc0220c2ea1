"""Layers without memory for their weights, which are read from a file afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode


class SkipInit(TorchFunctionMode):
    """Mode in which layers neither draw nor hold their weights: they lie on `meta`.

    Only `torch.empty` is moved there, which is what layers make their weights with; everything
    else is computed as ever, so that buffers hold what they should. `torch.device("meta")` moves
    all of it, and to do arithmetic there torch loads its compiler, which takes 2 s and 150 MiB.

        with SkipInit():
            network = nn.Linear(3, 4)
        network.load_state_dict(weights, assign=True)
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """The call itself, but for the two that make and draw weights."""
        given = dict(kwargs or {})
        if func is nn.init.normal_:  # of embeddings: the one way to draw that loads the compiler
            return given["tensor"]
        # Tensors with a device of their own were placed on purpose.
        if func is torch.empty and given.get("device") is None:
            given["device"] = "meta"
        return func(*args, **given)
