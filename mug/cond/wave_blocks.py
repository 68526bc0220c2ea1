"""Stages of the audio encoders; module names are those of the original's checkpoints.

Source: reference facts, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mug.model.attention import ContextualTransformer
from mug.model.modules import (
    Downsample,
    Downsample2D,
    Normalize,
    ResnetBlock,
    ResnetBlock2D,
    Upsample,
)
from mug.model.s4 import S4


def dilations_of(block: int) -> tuple[int, int]:
    """Tap distances of a level's blocks: near for even ones, far for odd ones."""
    # Two blocks of a level see 1 + 2 (1 + 2 + 4 + 8) = 31 frames of it, for the price of four
    # convolutions.
    return (1, 2) if block % 2 == 0 else (4, 8)


class DownLevel(nn.Module):
    """Residual blocks, then half the resolution unless it is the last level.

    Args:
        blocks: residual blocks over one or two axes.
        downsample: what follows them; None at the end.
        use_checkpoint: keep fewer activations of the blocks for the backward pass.
    """

    def __init__(
        self,
        blocks: Sequence[ResnetBlock] | Sequence[ResnetBlock2D],
        downsample: Downsample | Downsample2D | None,
        use_checkpoint: bool,
    ) -> None:
        super().__init__()
        self.block = nn.ModuleList(blocks)
        for block in blocks:
            block.use_checkpoint = use_checkpoint
        self.downsample = nn.Identity() if downsample is None else downsample

    def forward(self, h: Float[Tensor, "b c *axes"]) -> Float[Tensor, "b d *halves"]:
        """One level of the encoder."""
        for block in self.block:
            h = block(h)
        out: Tensor = self.downsample(h)
        return out


class ScaleLevel(nn.Module):
    """Half the resolution (but for the first level), then residual blocks with attention.

    Args:
        downsample: what comes first; None at the first level.
        blocks: residual blocks over time.
        attention: a transformer after each block, or none at all.
        use_checkpoint: keep fewer activations of the blocks for the backward pass.
    """

    def __init__(
        self,
        downsample: Downsample | None,
        blocks: Sequence[ResnetBlock],
        attention: Sequence[ContextualTransformer],
        use_checkpoint: bool,
    ) -> None:
        super().__init__()
        self.downsample = nn.Identity() if downsample is None else downsample
        self.block = nn.ModuleList(blocks)
        for block in blocks:
            block.use_checkpoint = use_checkpoint
        self.attn = nn.ModuleList(attention)

    def forward(self, h: Float[Tensor, "b c t"]) -> Float[Tensor, "b d s"]:
        """One level of the encoder."""
        h = self.downsample(h)
        for i, block in enumerate(self.block):
            h = block(h)
            # Attention costs the square of the length; configs ask for it at the coarse levels
            # alone.
            if len(self.attn):
                # One after each block, so that later blocks see what attention has gathered.
                h = self.attn[i](h)
        return h


class Middle(nn.Module):
    """Two residual blocks, the first of which sets the width, with attention between or none."""

    def __init__(
        self, block_1: ResnetBlock, attn: ContextualTransformer | None, block_2: ResnetBlock
    ) -> None:
        super().__init__()
        self.block_1 = block_1
        self.attn = nn.Identity() if attn is None else attn
        self.block_2 = block_2

    def forward(self, h: Float[Tensor, "b c t"]) -> Float[Tensor, "b d t"]:
        """The same length."""
        out: Tensor = self.block_2(self.attn(self.block_1(h)))
        return out


class SingleOutput(nn.Module):
    """Ending of the encoders with one output: middle, normalisation, SiLU, convolution.

    Subclasses set `mid`, `norm_out` and `conv_out`; their names lie at the top of the checkpoints.
    """

    mid: Middle
    norm_out: nn.GroupNorm
    conv_out: nn.Conv1d

    def finish(self, h: Float[Tensor, "b c t"]) -> Float[Tensor, "b d t"]:
        """From the last level to the encoder's output."""
        out: Tensor = self.conv_out(functional.silu(self.norm_out(self.mid(h))))
        return out


class S4BidirectionalLayer(nn.Module):
    """Adds a state-space layer that looks both ways in time.

    Args:
        channels: width; a multiple of `num_groups`.
        num_groups: groups of the normalisation (the original always has 32).
        s4_kernel_sum: "half" for the original's published weights, "conjugate" for new models.
    """

    def __init__(
        self, channels: int, num_groups: int = 32, s4_kernel_sum: str = "conjugate"
    ) -> None:
        super().__init__()
        # The state-space layer is linear until its GELU: the normalisation keeps its input at one
        # scale.
        self.norm = Normalize(channels, num_groups)
        self.s4_model = S4(channels, bidirectional=True, kernel_sum=s4_kernel_sum)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
        """The same length and width."""
        out: Tensor = x + self.s4_model(self.norm(x))
        return out


class UpLevel(nn.Module):
    """Residual and state-space blocks in turn, then twice the resolution unless it is the last."""

    def __init__(self, blocks: Sequence[nn.Module], upsample: Upsample | None) -> None:
        super().__init__()
        self.block = nn.ModuleList(blocks)
        self.upsample = nn.Identity() if upsample is None else upsample

    def forward(self, h: Float[Tensor, "b c t"], used: int) -> Float[Tensor, "b d s"]:
        """Run the first `used` blocks, then the upsampling."""
        # The original runs the first half alone by mistake (B30); its weights need the same.
        for block in self.block[:used]:
            h = block(h)
        out: Tensor = self.upsample(h)
        return out
