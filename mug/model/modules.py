"""Blocks that every network is made of: normalisation, resampling, residual blocks.

Module names are those of the original's checkpoints. Source: reference facts, section 2; residual
blocks after He et al. 2016, in the pre-activation order of latent diffusion (Rombach et al. 2022).
"""

from __future__ import annotations

from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mug.errors import ConfigError
from mug.model.checkpointing import checkpoint
from mug.model.speed.channels_last import convolved
from mug.model.speed.normed_conv import normed_conv
from mug.model.speed.prepared_layers import LayerContext, PreparedLayer, conv


class GroupNorm(nn.GroupNorm):
    """Group normalisation that takes a group of a single value, too, which becomes the bias.

    The sound of less than a second comes to that in the lowest level.
    """

    def forward(self, x: Tensor) -> Tensor:
        """As `torch.nn.functional.group_norm`, without its check of the size."""
        cudnn = torch.backends.cudnn.enabled
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps, cudnn)


def Normalize(channels: int, num_groups: int = 32) -> nn.GroupNorm:  # noqa: N802 (original's name)
    """Group normalisation with the original's epsilon.

    Args:
        channels: a multiple of `num_groups`.
        num_groups: groups that share mean and variance.

    Raises:
        ConfigError: the channels cannot be split evenly.
    """
    if channels % num_groups:
        raise ConfigError(
            "model.normalisation_needs_multiple_of_groups",
            groups=num_groups,
            value=channels,
            remedy="remedy.change_channels_or_num_groups_where_network",
        )
    # Torch's default is 1e-5; the published weights were trained with 1e-6.
    return GroupNorm(num_groups, channels, eps=1e-6, affine=True)


class Downsample(nn.Module):
    """Halves the time axis with a strided convolution.

    One zero is added on the right only, so that frame i of the result sees frames 2i ... 2i+2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        # No padding here: `forward` adds a zero on the right alone, as the checkpoints were
        # trained.
        self.conv = nn.Conv1d(channels, channels, 3, stride=2)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t_half"]:
        """Of t frames, t/2 (rounded down)."""
        return convolved(x, self.conv, right=1)

    def prepare(self, length: int, context: LayerContext) -> PreparedLayer:
        """Return the same in the precision of the weights."""
        return lambda x, step: conv(functional.pad(x, (0, 1)), self.conv)


class Upsample(nn.Module):
    """Doubles the time axis: each frame twice, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t_double"]:
        """Of t frames, 2t."""
        out: Tensor = self.conv(x.repeat_interleave(2, dim=2))
        return out

    def prepare(self, length: int, context: LayerContext) -> PreparedLayer:
        """Return the same in the precision of the weights."""
        return lambda x, step: conv(x.repeat_interleave(2, dim=2), self.conv)


class Downsample2D(nn.Module):
    """Halves frequency and time; one zero is added below and on the right only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Float[Tensor, "b c f t"]) -> Float[Tensor, "b c f_half t_half"]:
        """Of f x t, f/2 x t/2 (rounded down)."""
        out: Tensor = self.conv(functional.pad(x, (0, 1, 0, 1)))
        return out


class Upsample2D(nn.Module):
    """Doubles frequency and time: each value four times, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c f t"]) -> Float[Tensor, "b c f_double t_double"]:
        """Of f x t, 2f x 2t."""
        out: Tensor = self.conv(x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
        return out


class _Resnet(nn.Module):
    """Base of the residual blocks of one and two dimensions; `kind` is the convolution class.

    With `use_checkpoint` the backward pass computes the normalised and activated tensors again but
    not the convolutions; the whole block where drop-out stands between them.
    """

    def __init__(
        self,
        kind: type[nn.Conv1d] | type[nn.Conv2d],
        channels: tuple[int, int],
        dropout: float,
        num_groups: int,
        dilations: tuple[int, int],
    ) -> None:
        super().__init__()
        self.use_checkpoint = False
        inner, outer = channels
        first, second = dilations
        # Normalisation and activation before each convolution (pre-activation): the skip path stays
        # free of both, so gradients reach early layers unchanged.
        self.norm1 = Normalize(inner, num_groups)
        # Padding equal to the dilation keeps the number of frames.
        self.conv1 = kind(inner, outer, 3, padding=first, dilation=first)
        self.norm2 = Normalize(outer, num_groups)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = kind(outer, outer, 3, padding=second, dilation=second)
        # One tap where the widths differ, under the original's name ("network in network").
        self.nin_shortcut = nn.Identity() if inner == outer else kind(inner, outer, 1)

    def forward(self, x: Float[Tensor, "b c_in *axes"]) -> Float[Tensor, "b c_out *axes"]:
        """Skip path plus two normalised, activated convolutions."""
        if not (self.use_checkpoint and torch.is_grad_enabled()):
            return self._forward(x)
        if self.training and self.dropout.p:
            out: Tensor = checkpoint(self._forward, x, enabled=True)
            return out
        # Two steps of their own: each keeps its input alone for the backward pass.
        h = normed_conv(normed_conv(x, self.norm1, self.conv1), self.norm2, self.conv2)
        skip = self.nin_shortcut
        return torch.add(convolved(x, skip) if isinstance(skip, nn.Conv1d) else skip(x), h)

    def _forward(self, x: Tensor) -> Tensor:
        h = self.conv1(_silu(self.norm1(x)))
        h = self.conv2(self.dropout(_silu(self.norm2(h))))
        skip: Tensor = self.nin_shortcut(x)
        # In place where no gradient needs `h`: one tensor of the level less at the peak.
        return torch.add(skip, h) if h.requires_grad else h.add_(skip)


def _silu(fresh: Tensor) -> Tensor:
    """The activation of a tensor that nobody else reads: in place where no gradient needs it."""
    return functional.silu(fresh, inplace=not fresh.requires_grad)


class ResnetBlock(_Resnet):
    """Residual block over time `[b, c, t]`.

    Args:
        in_channels: channels of the input; a multiple of `num_groups`.
        out_channels: channels of the result; `in_channels` unless given.
        dropout: probability before the second convolution.
        num_groups: groups of both normalisations.
        dilations: spacing of the taps of the first and the second convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        dropout: float = 0.0,
        num_groups: int = 32,
        dilations: tuple[int, int] = (1, 1),
    ) -> None:
        channels = (in_channels, out_channels or in_channels)
        super().__init__(nn.Conv1d, channels, dropout, num_groups, dilations)


class ResnetBlock2D(_Resnet):
    """Residual block over frequency and time `[b, c, f, t]`; arguments as `ResnetBlock`'s."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        dropout: float = 0.0,
        num_groups: int = 32,
        dilations: tuple[int, int] = (1, 1),
    ) -> None:
        channels = (in_channels, out_channels or in_channels)
        super().__init__(nn.Conv2d, channels, dropout, num_groups, dilations)


M = TypeVar("M", bound=nn.Module)


def zero_module(module: M) -> M:
    """The module with all parameters set to zero: as last layer of a branch it adds nothing yet."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module
