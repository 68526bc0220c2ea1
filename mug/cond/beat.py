"""Beat condition of the U-Net: one more part of the finest audio level."""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mug.errors import ConfigError
from mug.model.modules import zero_module


class BeatEncoder(nn.Module):
    """Beat channels on the note grid to something that is added to audio on the latent grid.

    A new encoder gives 0, so that a model begins as it would without. Latent frames in which the
    timing is nowhere known get 0 too: no condition is the same as an unknown timing.

    Args:
        out_channels: width of the audio level.
        downsampling: note frames a latent frame.
        channels: beat channels; the last is 1 where the timing is known.
        width: channels a note frame.
        hidden: channels a latent frame.

    Raises:
        ConfigError: for a width or a number of frames below 1.
    """

    def __init__(
        self,
        out_channels: int,
        downsampling: int,
        channels: int = 10,
        width: int = 32,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        for name, value in (("out_channels", out_channels), ("downsampling", downsampling)):
            if value < 1:
                raise ConfigError(
                    "model.beat_encoder_value_must_be_positive", name=name, value=value
                )
        self.downsampling = downsampling
        self.conv_in = nn.Conv1d(channels, width, 3, padding=1)
        self.conv_mid = nn.Conv1d(width * downsampling, hidden, 3, padding=1)
        # Zero: a model that is given the beat condition starts as the same model without it.
        self.conv_out = zero_module(nn.Conv1d(hidden, out_channels, 1))

    def forward(self, beat: Float[Tensor, "b c t"]) -> Float[Tensor, "b d s"]:
        """`beat`: as `mug.encoding.beat_condition` makes it; t = s * downsampling."""
        h = functional.silu(self.conv_in(beat))
        # The note frames of a latent frame become channels: which of them has the beat stays exact,
        # where strided convolutions would blur it.
        h = rearrange(h, "b c (s p) -> b (c p) s", p=self.downsampling)
        h = functional.silu(self.conv_mid(h))
        # 1 where the timing is known in any note frame of the latent frame.
        known = functional.max_pool1d(beat[:, -1:], self.downsampling)
        out: Tensor = self.conv_out(h) * known
        return out
