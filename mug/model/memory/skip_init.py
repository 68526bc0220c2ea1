"""Layers without memory for their weights, which are read from a file afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from mug.errors import ConfigError

_FILLED = frozenset({torch.randn, torch.rand, torch.zeros, torch.ones, torch.full})
"""Other functions that make weights; these have memory."""


class NetworkSizeError(ConfigError):
    """A network has more weights than it may have; nothing of them was allocated."""


class SkipInit(TorchFunctionMode):
    """Mode in which layers neither draw nor hold their weights: they lie on `meta`.

    Only `torch.empty` is moved there, which is what layers make their weights with; everything
    else is computed as ever, so that buffers hold what they should. `torch.device("meta")` moves
    all of it, and to do arithmetic there torch loads its compiler, which takes 2 s and 150 MiB.

        with SkipInit():
            network = nn.Linear(3, 4)
        network.load_state_dict(weights, assign=True)

    Args:
        most: weights that all layers made inside may have, if there is a limit.

    Raises:
        NetworkSizeError: inside the block, before more are made.
    """

    def __init__(self, most: int | None = None) -> None:
        super().__init__()
        self._most, self._count = most, 0

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
        if func in _FILLED:
            self._add(_numbers(args, given))
        made = func(*args, **given)
        if func is torch.empty:
            self._add(made.numel())
        return made

    def _add(self, count: int) -> None:
        self._count += count
        if self._most is not None and self._count > self._most:
            raise NetworkSizeError(
                "model.too_many_weights",
                most=f"{self._most:,}",
                value=self._count,
                remedy="remedy.take_config_that_came_with_weights",
            )


def _numbers(args: Sequence[Any], given: Mapping[str, Any]) -> int:
    """Return the number of values of a tensor from the arguments that make it."""
    size = given.get("size", args[:1] if args and not isinstance(args[0], int) else args)
    flat = size[0] if size and isinstance(size[0], Sequence) else size
    return prod(flat)
