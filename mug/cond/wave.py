"""Audio encoders: spectrograms to conditions of the U-Net, at one or many resolutions.

`MelspectrogramScaleEncoder1D` is the one in use; the others exist for the original's other
configurations. Source: reference facts, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mug.cond.wave_blocks import (
    DownLevel,
    Middle,
    S4BidirectionalLayer,
    ScaleLevel,
    SingleOutput,
    UpLevel,
    dilations_of,
)
from mug.errors import ConfigError
from mug.model.attention import ContextualTransformer
from mug.model.embedding import PositionalEmbedding
from mug.model.modules import (
    Downsample,
    Downsample2D,
    Normalize,
    ResnetBlock,
    ResnetBlock2D,
    Upsample,
)
from mug.model.speed.channels_last import pays, to_channels_last

__all__ = [
    "MelspectrogramEncoder",
    "MelspectrogramEncoder1D",
    "MelspectrogramScaleEncoder1D",
    "S4BidirectionalLayer",
    "STFTEncoder",
    "TimingDecoder",
]


class MelspectrogramScaleEncoder1D(nn.Module):
    """Log-mel spectrogram to a list of levels, each of half the frames of the one before.

    Args:
        n_freq: mel bands.
        middle_channels: width of the first level.
        attention_resolutions: downsampling factors (1, 2, 4 ...) of the levels with attention.
        num_res_blocks: residual blocks a level.
        channel_mult: width of each level in multiples of `middle_channels`.
        num_heads: heads of each attention.
        num_groups: groups of the residual blocks' normalisations.
        dropout: probability in the residual blocks and the attention.
        use_checkpoint: recompute activations in the backward pass.
        attention_groups: groups of the attention's normalisation (the original always has 32).
    """

    def __init__(  # noqa: PLR0913, PLR0917 (the original's YAML names these)
        self,
        n_freq: int,
        middle_channels: int,
        attention_resolutions: Sequence[int],
        num_res_blocks: int,
        channel_mult: Sequence[int] = (1, 2, 4, 8),
        num_heads: int = 8,
        num_groups: int = 32,
        dropout: float = 0.0,
        use_checkpoint: bool = False,
        attention_groups: int = 32,
    ) -> None:
        super().__init__()
        self.use_checkpoint = use_checkpoint
        self.conv_in = nn.Conv1d(n_freq, middle_channels, 3, padding=1)
        self.down = nn.ModuleList()
        width = middle_channels
        for level, factor in enumerate(channel_mult):
            out = middle_channels * factor
            blocks = [
                ResnetBlock(out if i else width, out, dropout, num_groups, dilations_of(i))
                for i in range(num_res_blocks)
            ]
            attention = [
                ContextualTransformer(
                    out,
                    num_heads,
                    out // num_heads,
                    dropout=dropout,
                    use_checkpoint=use_checkpoint,
                    num_groups=attention_groups,
                )
                for _ in range(num_res_blocks if 2**level in attention_resolutions else 0)
            ]
            downsample = Downsample(width) if level else None
            self.down.append(ScaleLevel(downsample, blocks, attention, use_checkpoint))
            width = out

    def forward(self, x: Float[Tensor, "b f t"]) -> list[Float[Tensor, "b _ _"]]:
        """All levels, the finest first; t is best a multiple of 2^(levels - 1)."""
        h, levels = self.conv_in(x), []
        # Only with checkpointing: its convolutions keep the order, plain layers would undo it.
        h = to_channels_last(h) if self.use_checkpoint and pays(h) else h
        for level in self.down:
            h = level(h)
            levels.append(h)
        return levels


class STFTEncoder(SingleOutput):
    """Complex spectrogram to one sequence.

    Args:
        n_fft: window of the transform; the spectrogram has n_fft/2 + 1 rows, of which the last
            (the Nyquist frequency) is left out.
        middle_channels: width that `channel_mult` multiplies.
        out_channels: width of the result.
        num_res_blocks: residual blocks a level.
        channel_mult: width of each level; time is halved after each but the last.
        dropout: probability in the residual blocks.
        freq_stride: rows that one step of the first convolution moves on.
        num_groups: groups of the normalisations.
        use_checkpoint: recompute activations in the backward pass.
        num_heads: heads of the attention in the middle.
        attention_groups: groups of the attention's normalisation (the original always has 32).
        as_list: return `[output]`, which the U-Net takes as its audio (the original returns the
            bare tensor, which its U-Net could not take: B21).

    Raises:
        ConfigError: `freq_stride` does not divide n_fft/2.
    """

    def __init__(  # noqa: PLR0913, PLR0917 (the original's YAML names these)
        self,
        n_fft: int,
        middle_channels: int,
        out_channels: int,
        num_res_blocks: int,
        channel_mult: Sequence[int] = (1, 2, 4, 8),
        dropout: float = 0.0,
        freq_stride: int = 32,
        num_groups: int = 8,
        use_checkpoint: bool = False,
        num_heads: int = 8,
        attention_groups: int = 32,
        as_list: bool = False,
    ) -> None:
        super().__init__()
        # The windows of the first convolution overlap by half and must tile the rows exactly.
        if n_fft % (2 * freq_stride) or freq_stride % 2:
            raise ConfigError("model.freq_stride_must_divide_n_fft", value=(n_fft, freq_stride))
        self.as_list = as_list
        rows = n_fft // 2 // freq_stride
        self.conv_in = nn.Conv2d(
            2,
            rows,
            (2 * freq_stride, 1),
            stride=(freq_stride, 1),
            padding=(freq_stride // 2, 0),
        )
        self.down = nn.ModuleList()
        width = rows * rows  # as many channels as rows of the first convolution are left
        for level, factor in enumerate(channel_mult):
            out = middle_channels * factor
            blocks = [
                ResnetBlock(out if i else width, out, dropout, num_groups, dilations_of(i))
                for i in range(num_res_blocks)
            ]
            downsample = Downsample(out) if level < len(channel_mult) - 1 else None
            self.down.append(DownLevel(blocks, downsample, use_checkpoint))
            width = out
        self.mid = Middle(
            ResnetBlock(width, middle_channels, dropout, num_groups),
            ContextualTransformer(
                middle_channels,
                num_heads,
                middle_channels // num_heads,
                use_checkpoint=use_checkpoint,
                num_groups=attention_groups,
            ),
            ResnetBlock(middle_channels, middle_channels, dropout, num_groups),
        )
        self.norm_out = Normalize(middle_channels, num_groups)
        self.conv_out = nn.Conv1d(middle_channels, out_channels, 3, padding=1)

    def forward(
        self, x: Float[Tensor, "b 2 f t"]
    ) -> Float[Tensor, "b d s"] | list[Float[Tensor, "b d s"]]:
        """`x`: real and imaginary part (or whatever two planes the dataset gives)."""
        # Without the Nyquist row n_fft / 2 rows are left, a multiple of the stride. Channels vary
        # slowest, the order that checkpoints have.
        h = rearrange(self.conv_in(x[:, :, :-1]), "b c f t -> b (c f) t")
        for level in self.down:
            h = level(h)
        out = self.finish(h)
        return [out] if self.as_list else out


class MelspectrogramEncoder(SingleOutput):
    """Log-mel spectrogram to one sequence, through convolutions over frequency and time.

    Args:
        n_freq: mel bands; a multiple of 2^(levels - 1).
        middle_channels: width that `channel_mult` multiplies.
        out_channels: width of the result.
        num_res_blocks: residual blocks a level.
        channel_mult: width of each level; frequency and time are halved after each but the last.
        dropout: probability in the residual blocks.
        use_checkpoint: recompute activations in the backward pass.

    Raises:
        ConfigError: the bands cannot be halved that often.
    """

    def __init__(
        self,
        n_freq: int,
        middle_channels: int,
        out_channels: int,
        num_res_blocks: int,
        channel_mult: Sequence[int] = (1, 2, 4, 8),
        dropout: float = 0.0,
        use_checkpoint: bool = False,
    ) -> None:
        super().__init__()
        levels = len(channel_mult)
        if n_freq % 2 ** (levels - 1):
            raise ConfigError(
                "model.n_freq_must_be_multiple", exponent=levels - 1, levels=levels, value=n_freq
            )
        self.position_embedding = PositionalEmbedding(middle_channels)
        self.conv_in = nn.Conv2d(1, middle_channels, 3, padding=1)
        self.down = nn.ModuleList()
        width = middle_channels
        for level, factor in enumerate(channel_mult):
            out = middle_channels * factor
            blocks = [
                ResnetBlock2D(out if i else width, out, dropout, 8) for i in range(num_res_blocks)
            ]
            downsample = Downsample2D(out) if level < levels - 1 else None
            self.down.append(DownLevel(blocks, downsample, use_checkpoint))
            width = out
        self.mid = Middle(
            ResnetBlock(width * n_freq // 2 ** (levels - 1), middle_channels, dropout, 16),
            None,
            ResnetBlock(middle_channels, middle_channels, dropout, 8),
        )
        self.norm_out = Normalize(middle_channels, 8)
        self.conv_out = nn.Conv1d(middle_channels, out_channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b f t"]) -> Float[Tensor, "b d s"]:
        """Frames t to t / 2^(levels - 1)."""
        h = self.conv_in(x[:, None])
        for level in self.down:
            h = level(h)
        return self.finish(rearrange(h, "b c f t -> b (c f) t"))


class MelspectrogramEncoder1D(SingleOutput):
    """Log-mel spectrogram to one sequence, through convolutions over time.

    Arguments as `MelspectrogramEncoder`'s; `n_freq` is free, widths are multiples of 32.
    """

    def __init__(
        self,
        n_freq: int,
        middle_channels: int,
        out_channels: int,
        num_res_blocks: int,
        channel_mult: Sequence[int] = (1, 2, 4, 8),
        dropout: float = 0.0,
        use_checkpoint: bool = False,
    ) -> None:
        super().__init__()
        self.position_embedding = PositionalEmbedding(middle_channels)
        self.conv_in = nn.Conv1d(n_freq, middle_channels, 3, padding=1)
        self.down = nn.ModuleList()
        width = middle_channels
        for level, factor in enumerate(channel_mult):
            out = middle_channels * factor
            blocks = [ResnetBlock(out if i else width, out, dropout) for i in range(num_res_blocks)]
            downsample = Downsample(out) if level < len(channel_mult) - 1 else None
            self.down.append(DownLevel(blocks, downsample, use_checkpoint))
            width = out
        self.mid = Middle(
            ResnetBlock(width, middle_channels, dropout),
            None,
            ResnetBlock(middle_channels, middle_channels, dropout),
        )
        self.norm_out = Normalize(middle_channels)
        self.conv_out = nn.Conv1d(middle_channels, out_channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b f t"]) -> Float[Tensor, "b d s"]:
        """Frames t to t / 2^(levels - 1)."""
        h = self.conv_in(x)
        for level in self.down:
            h = level(h)
        return self.finish(h)


class TimingDecoder(nn.Module):
    """Latent sequence to a finer one, for timing; part of no configuration.

    Args:
        x_channels: channels of the result.
        middle_channels: width that `channel_mult` multiplies.
        z_channels: channels of the latents.
        channel_mult: width of each level, the finest first.
        num_res_blocks: residual blocks a level, each followed by a state-space layer.
        num_groups: groups of the residual blocks' normalisations.
        dropout: probability in the residual blocks.
        s4_kernel_sum: "half" for the original's numbers, "conjugate" for new models.
        half_of_blocks: run only the first half of each level's blocks, as the original does by
            mistake (B30); its later blocks have weights that nothing ever used.
    """

    def __init__(  # noqa: PLR0913, PLR0917 (the original's names, plus two choices)
        self,
        x_channels: int,
        middle_channels: int,
        z_channels: int,
        channel_mult: Sequence[int] = (1, 2, 4, 8),
        num_res_blocks: int = 1,
        num_groups: int = 32,
        dropout: float = 0.0,
        s4_kernel_sum: str = "conjugate",
        half_of_blocks: bool = False,
    ) -> None:
        super().__init__()
        # Each step adds a residual and a state-space block.
        self.used = num_res_blocks * (1 if half_of_blocks else 2)
        width = middle_channels * channel_mult[-1]
        self.conv_in = nn.Conv1d(z_channels, width, 3, padding=1)
        levels: list[UpLevel] = []
        for level, factor in reversed(list(enumerate(channel_mult))):
            blocks: list[nn.Module] = []
            for _ in range(num_res_blocks):
                blocks.append(ResnetBlock(width, middle_channels * factor, dropout, num_groups))
                width = middle_channels * factor
                blocks.append(S4BidirectionalLayer(width, s4_kernel_sum=s4_kernel_sum))
            # Numbered from the finest level, as in checkpoints, though built from the coarsest.
            levels.insert(0, UpLevel(blocks, Upsample(width) if level else None))
        self.up = nn.ModuleList(levels)
        self.norm_out = Normalize(width, num_groups)
        self.conv_out = nn.Conv1d(width, x_channels, 3, padding=1)

    def forward(self, z: Float[Tensor, "b c t"]) -> Float[Tensor, "b x s"]:
        """Frames t to t * 2^(levels - 1)."""
        h = self.conv_in(z)
        for level in reversed(self.up):
            h = level(h, self.used)
        out: Tensor = self.conv_out(functional.silu(self.norm_out(h)))
        return out


if __name__ == "__main__":  # the table of its layers; of the full model unless a config is given
    import sys

    from mug.config import load_config
    from mug.model.summary import summary
    from mug.util import find_file, instantiate_from_config

    config = load_config(sys.argv[1:] or [find_file("configs/mug/mug_diffusion.yaml")])
    encoder = instantiate_from_config(config["model"]["params"]["wave_stage_config"])
    given = config["data"]["params"]["common_params"]
    frames = given["window"]["max_audio_frame"]
    summary(encoder.eval(), torch.zeros(1, given["audio"]["n_mels"], frames))
