"""Normalisation, SiLU and a convolution as one step that keeps its input alone for the gradient.

Of the three the convolution is dear and the other two are cheap but large: their results are
computed again in the backward pass, the convolution is not. A chain of such steps keeps one
tensor each in place of three, for a twentieth more time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from mug.model.speed.channels_last import as_image, group_norm_backward, is_channels_last
from mug.model.speed.precision import without_autocast

_KNOWN = ("cpu", "cuda", "meta")
"""Devices of which it is known that they have the gradients' operations by name."""


def normed_conv(
    x: Float[Tensor, "b c *axes"], norm: nn.Module, conv: nn.Module
) -> Float[Tensor, "b d *others"]:
    """`conv(silu(norm(x)))`, bit for bit with its gradients, under automatic precision too.

    An input whose frames come first keeps that order; there, rounding is otherwise.

    Args:
        x: input, kept for the backward pass; nothing may write to it.
        norm: a group normalisation with gain and shift.
        conv: over one or two axes, padded with zeros, ungrouped.
    """
    assert isinstance(norm, nn.GroupNorm)
    assert isinstance(conv, nn.Conv1d | nn.Conv2d)
    if x.device.type not in _KNOWN:
        plain: Tensor = conv(functional.silu(norm(x)))
        return plain
    taps: tuple[Any, ...] = (conv.stride, conv.padding, conv.dilation)
    image = is_channels_last(x)
    x, weight = (x[:, :, None], conv.weight[:, :, None]) if image else (x, conv.weight)
    taps = as_image(*taps) if image else taps
    how = _How(norm.num_groups, norm.eps, taps, _precision(x, weight))
    out: Tensor = _NormedConv.apply(  # type: ignore[no-untyped-call]
        x, norm.weight, norm.bias, weight, conv.bias, how
    )
    return out.squeeze(2) if image else out


class _How(NamedTuple):
    """Arguments that are no tensors."""

    groups: int
    eps: float
    taps: tuple[Any, ...]  # stride, padding, dilation
    precision: torch.dtype


def _precision(x: Tensor, weight: Tensor) -> torch.dtype:
    """Precision that the convolution computes in."""
    kind = x.device.type
    known = torch.amp.is_autocast_available(kind)
    if known and torch.is_autocast_enabled(kind) and x.dtype != torch.float64:
        return torch.get_autocast_dtype(kind)
    return weight.dtype


class _NormedConv(torch.autograd.Function):
    """Gradients come from the operations that torch itself would call."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gain: Tensor, shift: Tensor, weight: Tensor, bias: Tensor | None,
        how: _How,
    ) -> Tensor:  # fmt: skip
        ctx.save_for_backward(x, gain, shift, weight)
        ctx.how, ctx.bias_sizes = how, None if bias is None else [len(bias)]
        with without_autocast(x):
            normed, _, _ = _normalised(x, gain, shift, how)
            # `normed` is made here and read by nobody else.
            active = functional.silu(normed, inplace=True).to(how.precision)
            weight = weight.to(how.precision)
            bias = None if bias is None else bias.to(how.precision)
            out: Tensor = torch.ops.aten.convolution(
                active, weight, bias, *how.taps, False, _none(how), 1
            )
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, gain, shift, weight = ctx.saved_tensors
        how, wanted = ctx.how, ctx.needs_input_grad[:5]
        # Without a gradient of input, gain or shift the convolution's own gradients are enough.
        before = any(wanted[:3])
        with without_autocast(x):
            normed, mean, spread = _normalised(x, gain, shift, how)
            active = functional.silu(normed).to(how.precision)
            to_active, to_weight, to_bias = torch.ops.aten.convolution_backward(
                _ordered(grad, x), active, weight.to(how.precision), ctx.bias_sizes, *how.taps,
                False, _none(how), 1, [before, wanted[3], wanted[4]],
            )  # fmt: skip
            # Its memory is free again before the gradients of the same size are made.
            del active
            found: tuple[Tensor | None, ...] = (None, None, None)
            if before:
                to_normed = torch.ops.aten.silu_backward(to_active.to(normed.dtype), normed)
                found = _norm_backward(to_normed, x.to(normed.dtype), (mean, spread), gain, how)
        found = (*found, to_weight, to_bias)
        kept = (x, gain, shift, weight, gain)  # a bias has the type of the gain
        cast = [None if g is None else g.to(k.dtype) for g, k in zip(found, kept, strict=True)]
        return (*cast, None)


def _normalised(x: Tensor, gain: Tensor, shift: Tensor, how: _How) -> tuple[Tensor, Tensor, Tensor]:
    """The normalised input, and mean and 1 / deviation of each group.

    Like automatic precision: in the input's type on a processor, in float32 elsewhere.
    """
    lowered = how.precision in (torch.bfloat16, torch.float16) and how.precision != gain.dtype
    # As autocast does it on each device, so that the result is the same bit for bit.
    x = x.float() if lowered and x.device.type != "cpu" else x
    out: tuple[Tensor, Tensor, Tensor] = torch.native_group_norm(
        _ordered(x, x), gain, shift, *_sizes(x), how.groups, how.eps
    )
    return out


def _norm_backward(
    grad: Tensor, x: Tensor, moments: tuple[Tensor, Tensor], gain: Tensor, how: _How
) -> tuple[Tensor | None, ...]:
    if _order(x) is torch.channels_last:
        return group_norm_backward(_ordered(grad, x), x, moments, gain)
    found: tuple[Tensor | None, ...] = torch.ops.aten.native_group_norm_backward(
        grad, x.contiguous(), *moments, gain, *_sizes(x), how.groups, [True, True, True]
    )
    return found


def _order(x: Tensor) -> torch.memory_format:
    last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last and not x.is_contiguous() else torch.contiguous_format


def _ordered(x: Tensor, like: Tensor) -> Tensor:
    return x.contiguous(memory_format=_order(like))


def _sizes(x: Tensor) -> tuple[int, int, int]:
    """Items, channels, and values of each channel."""
    return x.shape[0], x.shape[1], x[0, 0].numel()


def _none(how: _How) -> list[int]:
    """Output padding, of which only transposed convolutions know."""
    return [0] * len(how.taps[0])
