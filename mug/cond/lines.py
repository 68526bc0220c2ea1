"""Line channels as the sound of a model whose clock counts beats: one latent frame is a beat.

The encoder stands where the spectrogram's does (`mug.cond.wave`) and gives the U-Net its levels. No
layer of it looks at a whole song: a beat depends on its neighbours alone, however a song is cut
into windows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mug.encoding.line_tensor import CHANNELS
from mug.errors import ConfigError
from mug.model.modules import Downsample

_SMALL = 0.1  # share of its usual spread that a last layer begins with


class LineEncoder(nn.Module):
    """Line channels of beats to a list of levels, each of half the frames of the one before.

    The channels of a beat are, in this order: for each line its features; where in the bar the beat
    lies and how long it is; for each line 1 where the chart has a row; 1 where the rows are known.
    Rows that are not known count as no rows.

    Args:
        out_channels: channels of each level, the finest first.
        channels: channels of a beat.
        lines: lines a beat.
        line_features: features a line.
        line_width: channels that the features of a line become.
        width: channels inside of the first level and the coarser ones.
        blocks: residual blocks of the first level; coarser ones have one each.
        row_hints: rows come with hints of how likely one is at all other lines, in training and
            generation; the layers are the same.

    Raises:
        ConfigError: for sizes below 1, or fewer channels than the lines and rows take.
    """

    def __init__(
        self,
        out_channels: Sequence[int],
        channels: int = CHANNELS,
        lines: int = 12,
        line_features: int = 34,
        line_width: int = 16,
        width: int = 96,
        blocks: int = 2,
        row_hints: bool = False,
    ) -> None:
        super().__init__()
        position = channels - lines * line_features - lines - 1
        sizes = {"lines": lines, "line_features": line_features, "line_width": line_width}
        sizes |= {"width": width, "blocks": blocks, "levels": len(out_channels)}
        for name, value in sizes.items():
            if value < 1:
                raise ConfigError(
                    "model.line_encoder_value_must_be_positive", name=name, value=value
                )
        if position < 0:
            raise ConfigError(
                "model.line_encoder_has_too_few_channels",
                value=channels,
                expected=channels - position,
            )
        self.lines, self.line_features, self.row_hints = lines, line_features, row_hints
        # The same weights for every line: an attack sounds alike wherever in the beat it falls.
        self.conv_line = nn.Conv1d(line_features, line_width, 3, padding=1)
        self.conv_in = nn.Conv1d(lines * line_width + position, width, 3, padding=1)
        # No bias: without known rows this path adds nothing at all.
        self.conv_rows = nn.Conv1d(lines + 1, width, 3, padding=1, bias=False)
        self.down = nn.ModuleList(
            _Level(width, Downsample(width) if level else None, 1 if level else blocks)
            for level in range(len(out_channels))
        )
        self.conv_out = nn.ModuleList(small_module(nn.Conv1d(width, n, 1)) for n in out_channels)

    def forward(self, x: Float[Tensor, "b c s"]) -> list[Float[Tensor, "b _ _"]]:
        """All levels, the finest first; s is best a multiple of 2^(levels - 1)."""
        count = self.lines * self.line_features
        features, position = x[:, :count], x[:, count : -self.lines - 1]
        rows, known = x[:, -self.lines - 1 : -1], x[:, -1:]
        # Lines follow each other in time across the borders of beats.
        in_time = rearrange(features, "b (l f) s -> b f (s l)", l=self.lines)
        by_line = functional.silu(self.conv_line(in_time))
        by_beat = rearrange(by_line, "b c (s l) -> b (c l) s", l=self.lines)
        h = self.conv_in(torch.cat([by_beat, position], dim=1))
        h = h + self.conv_rows(torch.cat([rows * known, known], dim=1))
        levels = []
        for level, conv_out in zip(self.down, self.conv_out, strict=True):
            h = level(h)
            levels.append(conv_out(functional.silu(h)))
        return levels


class _Level(nn.Module):
    """Half the resolution (but for the first level), then residual blocks."""

    def __init__(self, width: int, downsample: Downsample | None, blocks: int) -> None:
        super().__init__()
        self.downsample = nn.Identity() if downsample is None else downsample
        self.block = nn.Sequential(*(_LocalBlock(width) for _ in range(blocks)))

    def forward(self, h: Float[Tensor, "b c t"]) -> Float[Tensor, "b c s"]:
        out: Tensor = self.block(self.downsample(h))
        return out


class _LocalBlock(nn.Module):
    """Residual block without normalisation, whose statistics would span the song."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width, width, 3, padding=1)
        self.conv2 = small_module(nn.Conv1d(width, width, 3, padding=2, dilation=2))

    def forward(self, h: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
        out: Tensor = h + self.conv2(functional.silu(self.conv1(functional.silu(h))))
        return out


def small_module(conv: nn.Conv1d) -> nn.Conv1d:
    """The convolution with a tenth of its usual weights and no bias: it begins near nothing."""
    # Not at zero: before the last layer has moved, the layers below it would get no gradient.
    with torch.no_grad():
        conv.weight.mul_(_SMALL)
        if conv.bias is not None:
            conv.bias.zero_()
    return conv


if __name__ == "__main__":  # the table of its layers; of listen.yaml unless a config is given
    import sys

    from mug.config import load_config
    from mug.model.summary import summary
    from mug.util import find_file, instantiate_from_config

    model = load_config(sys.argv[1:] or [find_file("configs/mug/listen.yaml")])["model"]
    node = model["params"]["wave_stage_config"]
    channels = node["params"].get("channels", CHANNELS)
    frames = model["params"]["latent"]["z_length"]
    summary(instantiate_from_config(node).eval(), torch.zeros(1, channels, frames))
