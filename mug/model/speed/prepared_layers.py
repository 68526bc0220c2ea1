"""Prepared layers: what stays the same between the steps of one generation, taken out of the call.

A layer may have `prepare(length, context)` beside `forward`. It returns a function of the input and
the time step with the answers of `forward`; whatever only the length, the song and the prompt
decide is computed once. A layer without it is called as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

T = TypeVar("T")


@runtime_checkable
class TimeStep(Protocol):
    """One time step of each sample, as the layers of a prepared network meet it."""

    def emb_out(self, projection: nn.Module) -> Tensor:
        """`projection(silu(embedding))` `[1 or b, c]`, computed once for each time step."""
        ...

    def embedding(self, rows: int) -> Tensor:
        """The embedding `[rows, e]` of time step and prompt."""
        ...


PreparedLayer = Callable[[Tensor, TimeStep], Tensor]
"""`prepared(x, step)`: the input `[b, c, t]` and its `TimeStep`."""


@dataclass(frozen=True)
class LayerContext:
    """Conditions that a layer is prepared for, besides the length of its input.

    Args:
        tokens: embedded features `[b, d, k]`, channels first; None without features.
        audio: the level `[b, a, t]` that is joined to this layer's input; None for the most layers.
        before: channels of the input that come before the audio's.
        kept: results that hold for every song and prompt, see `keep`.
    """

    tokens: Tensor | None = None
    audio: Tensor | None = None
    before: int = 0
    kept: dict[Hashable, Any] = field(default_factory=dict)

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value under a key; make it on the first call.

        Args:
            key: the layer, and all that the value depends on besides its weights.
            make: gives the value.
        """
        if key not in self.kept:
            self.kept[key] = make()
        found: T = self.kept[key]
        return found


def has_prepared_form(layer: nn.Module) -> bool:
    """Tell if `prepare` belongs to the layer's `forward`.

    A subclass that overrides `forward` alone has none: the inherited form would leave out what the
    subclass adds.
    """
    # From the class itself upwards: whichever of the two is overridden last decides.
    for kind in type(layer).__mro__:
        if "prepare" in vars(kind):
            return True
        if "forward" in vars(kind):
            return False
    return False


def conv(x: Float[Tensor, "b c t"], layer: nn.Module) -> Float[Tensor, "b d s"]:
    """A convolution in the precision of its weights; the result in that of `x`."""
    assert isinstance(layer, nn.Conv1d)
    out = functional.conv1d(
        x.to(layer.weight.dtype), layer.weight, layer.bias, layer.stride, layer.padding
    )
    return out.to(x.dtype)


def linear(x: Tensor, layer: nn.Module) -> Tensor:
    """A linear layer in the precision of its weights; the result in that of `x`."""
    assert isinstance(layer, nn.Linear)
    return functional.linear(x.to(layer.weight.dtype), layer.weight, layer.bias).to(x.dtype)


def pointwise(x: Float[Tensor, "b t c"], layer: nn.Module) -> Float[Tensor, "b t d"]:
    """A convolution of one tap, as a linear layer over the last axis."""
    assert isinstance(layer, nn.Conv1d)
    # A matrix product; as a convolution it would be copied into columns first (im2col).
    weight = layer.weight[:, :, 0]
    return functional.linear(x.to(weight.dtype), weight, layer.bias).to(x.dtype)


def silu_of(norm: nn.Module, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
    """Normalisation, then the activation, in one buffer."""
    return functional.silu(norm(x), inplace=True)
