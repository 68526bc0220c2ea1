"""Sequences whose channels lie side by side in memory, frame after frame.

Shapes stay `[b, c, t]`; only the strides differ. In bfloat16 a processor convolves such a sequence
a third faster, for it needs no reordering; torch does so with images alone ("channels last"), which
is why a sequence becomes an image of one row here.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

Pair = tuple[int, int]


def to_channels_last(x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
    """The same values in this order."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


def is_channels_last(x: Tensor) -> bool:
    """Return whether a tensor is a sequence in this order, and not in the usual one as well."""
    # One channel or one frame is contiguous both ways; it counts as the usual order.
    return x.dim() == 3 and not x.is_contiguous() and x.transpose(1, 2).is_contiguous()


def pays(x: Tensor) -> bool:
    """Return whether convolutions and their gradients are faster in this order."""
    # Measured for bfloat16 on a processor, in training (docs/performance.md); nothing is claimed
    # elsewhere.
    return x.device.type == "cpu" and x.dtype == torch.bfloat16 and torch.is_grad_enabled()


def convolved(x: Float[Tensor, "b c t"], conv: nn.Conv1d, right: int = 0) -> Float[Tensor, "b d s"]:
    """A convolution that keeps the order of its input.

    Args:
        x: in either order.
        conv: padded with zeros, ungrouped.
        right: further zeros at the end.
    """
    if not is_channels_last(x):
        out: Tensor = conv(functional.pad(x, (0, right)) if right else x)
        return out
    # A sequence as an image of one row: torch has a channels-last layout for images alone.
    image = functional.pad(x[:, :, None], (0, right)) if right else x[:, :, None]
    taps = as_image(conv.stride, conv.padding, conv.dilation)
    return functional.conv2d(image, conv.weight[:, :, None], conv.bias, *taps).squeeze(2)


def as_image(stride: object, padding: object, dilation: object) -> tuple[Pair, Pair, Pair]:
    """Arguments of a convolution over one axis as those of one over an image of one row."""
    return _pair(1, stride), _pair(0, padding), _pair(1, dilation)


def _pair(other: int, given: object) -> Pair:
    assert isinstance(given, tuple)
    return other, int(given[0])


def group_norm_backward(
    grad: Float[Tensor, "b c h w"],
    x: Float[Tensor, "b c h w"],
    moments: tuple[Float[Tensor, "b g"], Float[Tensor, "b g"]],
    gain: Float[Tensor, " c"],
) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, " c"], Float[Tensor, " c"]]:
    """Gradients of a group normalisation, of input, gain and shift, in channels-last order.

    Torch's own takes ten times as long there. With x' = (x - mean) r and n values a group, dx = r
    (gain dy - Σ gain dy / n - x' Σ gain dy x' / n): a scale for dy, one for x and a constant.

    Args:
        grad: of the result, dy, channels last.
        x: the input, channels last.
        moments: mean and r = 1 / deviation of each item's groups.
        gain: of each channel.
    """
    # Sums over a group are sums of its channels' sums, so one pass over the tensor serves all.
    (mean, r), channels = moments, x.shape[1]
    each = channels // mean.shape[1]
    wide = [part.repeat_interleave(each, 1) for part in moments]
    shifts, products = _sums(grad), _sums(grad * x)
    to_gain = ((products - shifts * wide[0]) * wide[1]).sum(0)
    of_shift, of_product = (
        (part * gain).reshape(len(x), -1, each).sum(2) for part in (shifts, products)
    )
    share = 1 / (each * x[0, 0].numel())
    slope = (of_shift * mean - of_product) * r**3 * share
    constant = -slope * mean - of_shift * r * share
    scale = _plane(wide[1] * gain)
    coarse = scale.to(x.dtype)
    to_x = torch.addcmul(_spread(constant, each, x), x, _spread(slope, each, x))
    if coarse.dtype != scale.dtype:  # what bfloat16 cuts off, lest a whole channel be off by it
        to_x = to_x.addcmul_(grad, (scale - coarse).to(x.dtype))
    return to_x.addcmul_(grad, coarse), to_gain, shifts.sum(0)


def _sums(x: Tensor) -> Tensor:
    """Sums over the pixels as a matrix product, the quickest way, in float32 at least."""
    pixels = x.permute(0, 2, 3, 1).flatten(1, 2)
    ones = pixels.new_ones(1, 1, pixels.shape[1]).expand(len(x), -1, -1)
    sums = (ones @ pixels).squeeze(1)
    return sums if sums.dtype == torch.float64 else sums.float()


def _plane(x: Tensor) -> Tensor:
    return x[:, :, None, None]


def _spread(values: Tensor, each: int, like: Tensor) -> Tensor:
    return _plane(values.repeat_interleave(each, 1).to(like.dtype))
