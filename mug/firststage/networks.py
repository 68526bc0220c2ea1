"""Encoder and decoder of notes: convolutions over time, halving and doubling its length."""

from __future__ import annotations

from collections.abc import Sequence

from einops import rearrange
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


class _Level(nn.Module):
    """Residual blocks of one level, and the step to the next one."""

    def __init__(
        self, widths: Sequence[tuple[int, int]], options: tuple[float, int], ending: str | None
    ) -> None:
        super().__init__()
        dropout, num_groups = options
        self.block = nn.ModuleList(
            ResnetBlock(inner, outer, dropout, num_groups) for inner, outer in widths
        )
        # Under these names in checkpoints; absent where the level is the last.
        self.downsample = Downsample(widths[-1][1]) if ending == "down" else None
        self.upsample = Upsample(widths[-1][1]) if ending == "up" else None

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c_out t_out"]:
        h = x
        for block in self.block:
            h = block(h)
        # At most one of the two is there.
        for ending in (self.downsample, self.upsample):
            h = h if ending is None else ending(h)
        return h


def _widths(inner: int, outer: int, blocks: int) -> list[tuple[int, int]]:
    """Channels before and after each block of a level."""
    return [(inner, outer), *[(outer, outer)] * (blocks - 1)]


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
        patch: neighbouring frames that the first convolution takes as channels of one; 1 as in
            the original. A patch of 8 and one level give latents of an eighth of the frames as
            three halvings do, but which of the eight frames a note is in need not be learned
            through three layers: small networks find it in a tenth of the steps.

    Source: Shi et al. 2016 for the patches.
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
        patch: int = 1,
    ) -> None:
        super().__init__()
        self.patch = patch
        self.conv_in = nn.Conv1d(x_channels * patch, middle_channels, 3, padding=1)
        channels = middle_channels
        self.down = nn.ModuleList()
        for i, mult in enumerate(channel_mult):
            widths = _widths(channels, middle_channels * mult, num_res_blocks)
            ending = "down" if i < len(channel_mult) - 1 else None
            self.down.append(_Level(widths, (dropout, num_groups), ending))
            channels = middle_channels * mult
        self.mid = _Middle(channels, num_groups, dropout)
        self.norm_out = Normalize(channels, num_groups)
        self.conv_out = nn.Conv1d(channels, 2 * z_channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b z2 t_latent"]:
        """Mean and log-variance, stacked on the channel axis."""
        # The frames of a patch become channels, so that their order is kept exactly.
        h = self.conv_in(rearrange(x, "b c (t p) -> b (c p) t", p=self.patch))
        for level in self.down:
            h = level(h)
        out: Tensor = self.conv_out(silu(self.norm_out(self.mid(h))))
        return out


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
        patch: int = 1,
    ) -> None:
        super().__init__()
        self.patch = patch
        channels = middle_channels * channel_mult[-1]
        self.conv_in = nn.Conv1d(z_channels, channels, 3, padding=1)
        self.mid = _Middle(channels, num_groups, dropout)
        levels: list[_Level] = []
        for i, mult in reversed(list(enumerate(channel_mult))):
            widths = _widths(channels, middle_channels * mult, num_res_blocks + 1)
            # Built from the coarsest level, numbered from the finest, as checkpoints have it.
            levels.insert(0, _Level(widths, (dropout, num_groups), "up" if i > 0 else None))
            channels = middle_channels * mult
        self.up = nn.ModuleList(levels)
        self.norm_out = Normalize(channels, num_groups)
        self.conv_out = nn.Conv1d(channels, x_channels * patch, 3, padding=1)

    def forward(self, z: Float[Tensor, "b z t_latent"]) -> Float[Tensor, "b c t"]:
        """Logits of starts and holds, offsets as they are."""
        h = self.mid(self.conv_in(z))
        for level in reversed(list(self.up)):
            h = level(h)
        out: Tensor = self.conv_out(silu(self.norm_out(h)))
        return rearrange(out, "b (c p) t -> b c (t p)", p=self.patch)
