"""Encoder and decoder of notes: convolutions over time, halving and doubling its length."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from mug.model.modules import Downsample, Normalize, ResnetBlock, Upsample


class _Middle(nn.Module):
    """Two residual blocks at the coarsest level."""

    def __init__(self, channels: int, num_groups: int, dropout: float) -> None:
        super().__init__()
        self.block_1 = ResnetBlock(channels, dropout=dropout, num_groups=num_groups)
        self.block_2 = ResnetBlock(channels, dropout=dropout, num_groups=num_groups)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
        h: Tensor = self.block_2(self.block_1(x))
        return h


class Encoder(nn.Module):
    """Notes to the parameters of the posterior: twice `z_channels` channels.

    Args:
        x_channels: channels of the note array, four a key.
        middle_channels: channels at the finest level; multiples of `num_groups`.
        z_channels: channels of the latent.
        channel_mult: channels of each level as multiples of `middle_channels`; each level after
            the first halves the number of frames.
        num_res_blocks: residual blocks a level.
        num_groups: groups of the normalisations.
        dropout: probability in the residual blocks.
    """

    def __init__(
        self,
        x_channels: int,
        middle_channels: int,
        z_channels: int,
        channel_mult: Sequence[int] = (1, 2, 4, 4),
        num_res_blocks: int = 1,
        num_groups: int = 32,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.conv_in = nn.Conv1d(x_channels, middle_channels, 3, padding=1)
        channels = middle_channels
        self.down = nn.ModuleList()
        for i, mult in enumerate(channel_mult):
            level = nn.Module()
            level.block = nn.ModuleList()
            for _ in range(num_res_blocks):
                width = middle_channels * mult
                level.block.append(ResnetBlock(channels, width, dropout, num_groups))
                channels = width
            if i < len(channel_mult) - 1:
                level.downsample = Downsample(channels)
            self.down.append(level)
        self.mid = _Middle(channels, num_groups, dropout)
        self.norm_out = Normalize(channels, num_groups)
        self.conv_out = nn.Conv1d(channels, 2 * z_channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b z2 t_latent"]:
        """Mean and log-variance, stacked on the channel axis."""
        h = self.conv_in(x)
        for level in self.down:
            for block in level.block:
                h = block(h)
            if hasattr(level, "downsample"):
                h = level.downsample(h)
        h = self.mid(h)
        return self.conv_out(silu(self.norm_out(h)))


class Decoder(nn.Module):
    """Latents to note logits and offsets; arguments as `Encoder`'s.

    Each level holds one residual block more than the encoder's. Levels are numbered from the
    finest, so that the highest number comes first.
    """

    def __init__(
        self,
        x_channels: int,
        middle_channels: int,
        z_channels: int,
        channel_mult: Sequence[int] = (1, 2, 4, 4),
        num_res_blocks: int = 1,
        num_groups: int = 32,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        channels = middle_channels * channel_mult[-1]
        self.conv_in = nn.Conv1d(z_channels, channels, 3, padding=1)
        self.mid = _Middle(channels, num_groups, dropout)
        levels = []
        for i, mult in reversed(list(enumerate(channel_mult))):
            level = nn.Module()
            level.block = nn.ModuleList()
            for _ in range(num_res_blocks + 1):
                width = middle_channels * mult
                level.block.append(ResnetBlock(channels, width, dropout, num_groups))
                channels = width
            if i > 0:
                level.upsample = Upsample(channels)
            levels.insert(0, level)
        self.up = nn.ModuleList(levels)
        self.norm_out = Normalize(channels, num_groups)
        self.conv_out = nn.Conv1d(channels, x_channels, 3, padding=1)

    def forward(self, z: Float[Tensor, "b z t_latent"]) -> Float[Tensor, "b c t"]:
        """Logits of starts and holds, offsets as they are."""
        h = self.mid(self.conv_in(z))
        for level in reversed(list(self.up)):
            for block in level.block:
                h = block(h)
            if hasattr(level, "upsample"):
                h = level.upsample(h)
        return self.conv_out(silu(self.norm_out(h)))
