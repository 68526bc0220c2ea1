"""Layers of the U-Net's groups; module names are those of the original's checkpoints.

Source: reference facts, section 3; the residual block is Dhariwal and Nichol 2021's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mug.diffusion.audio_split import AudioSplit
from mug.errors import ConfigError, DataError
from mug.model.attention import ContextualTransformer
from mug.model.checkpointing import checkpoint
from mug.model.modules import Normalize, zero_module
from mug.model.s4 import S4
from mug.model.speed.normed_conv import normed_conv
from mug.model.speed.precision import without_autocast
from mug.model.speed.prepared_layers import (
    LayerContext,
    PreparedLayer,
    TimeStep,
    conv,
    silu_of,
)


@dataclass(frozen=True)
class BlockOptions:
    """Options that all blocks of one U-Net share; the fields are `UNetModel`'s arguments."""

    emb_channels: int
    dropout: float = 0.0
    use_scale_shift_norm: bool = False
    use_checkpoint: bool = False
    num_heads: int = -1
    num_head_channels: int = -1
    transformer_depth: int = 1
    context_dim: int | None = None
    num_groups: int = 32
    s4_kernel_sum: str = "conjugate"

    def heads(self, channels: int) -> tuple[int, int]:
        """Number of heads and channels of each.

        Raises:
            ConfigError: neither number is given, or it does not divide the channels.
        """
        given = self.num_head_channels if self.num_head_channels > 0 else self.num_heads
        if given <= 0 or channels % given:
            raise ConfigError(
                "model.attention_needs_divisor",
                channels=channels,
                value=given,
            )
        other = channels // given
        return (other, given) if self.num_head_channels > 0 else (given, other)


class TimestepResBlock(nn.Module):
    """Residual block with a time embedding; before training it is its skip path.

    Args:
        channels: channels of the input.
        out_channels: channels of the result.
        options: shared options; with `use_scale_shift_norm` the time embedding scales and shifts
            the second normalisation, else it is added before it.
    """

    def __init__(self, channels: int, out_channels: int, options: BlockOptions) -> None:
        super().__init__()
        self.use_checkpoint = options.use_checkpoint
        self.use_scale_shift_norm, self.dropout = options.use_scale_shift_norm, options.dropout
        # A scale and a shift a channel, or the shift alone.
        emb_out = 2 * out_channels if options.use_scale_shift_norm else out_channels
        self.in_layers = nn.Sequential(
            Normalize(channels, options.num_groups),
            nn.SiLU(),
            nn.Conv1d(channels, out_channels, 3, padding=1),
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(options.emb_channels, emb_out))
        self.out_layers = nn.Sequential(
            Normalize(out_channels, options.num_groups),
            nn.SiLU(),
            nn.Dropout(options.dropout),
            # Zero: a new block is its skip path, so depth does no harm at the start of training.
            zero_module(nn.Conv1d(out_channels, out_channels, 3, padding=1)),
        )
        self.skip_connection = (
            nn.Identity() if channels == out_channels else nn.Conv1d(channels, out_channels, 1)
        )

    def forward(
        self, x: Float[Tensor, "b c_in t"], emb: Float[Tensor, "b e"]
    ) -> Float[Tensor, "b c_out t"]:
        """`emb`: embedding of the time step.

        With `use_checkpoint` the backward pass computes normalised and activated tensors again, but
        not the convolutions (the whole block with drop-out or `use_scale_shift_norm`).
        """
        if not (self.use_checkpoint and torch.is_grad_enabled()):
            return self._forward(x, emb)
        if self.use_scale_shift_norm or (self.training and self.dropout):
            out: Tensor = checkpoint(self._forward, x, emb, enabled=True)
            return out
        first, last = self.in_layers[2], self.out_layers[3]
        # Same for every frame: the noise level is one number an item.
        h = normed_conv(x, self.in_layers[0], first) + self.emb_layers(emb)[:, :, None]
        return torch.add(self.skip_connection(x), normed_conv(h, self.out_layers[0], last))

    def _forward(self, x: Tensor, emb: Tensor) -> Tensor:
        h, emb_out = self.in_layers(x), self.emb_layers(emb)[:, :, None]
        if self.use_scale_shift_norm:
            scale, shift = emb_out.chunk(2, dim=1)
            # Around 1, so that a projection of zeros leaves the normalisation as it is.
            h = self.out_layers[1:](self.out_layers[0](h) * (1 + scale) + shift)
        else:
            h = self.out_layers(h + emb_out)
        out: Tensor = self.skip_connection(x) + h
        return out

    def prepare(self, length: int, context: LayerContext) -> PreparedLayer:
        """Return the same with the audio's share of the first convolution computed beforehand.

        With an audio level in the context, the input comes without its channels.
        """
        norm, first = self.in_layers[0], self.in_layers[2]
        assert isinstance(norm, nn.GroupNorm)
        assert isinstance(first, nn.Conv1d)
        audio, before, skip = context.audio, context.before, self.skip_connection
        if audio is None:
            return lambda x, step: self._prepared(
                conv(silu_of(norm, x), first),
                x if isinstance(skip, nn.Identity) else conv(x, skip),
                step,
            )
        split = context.keep(
            (self, before), lambda: AudioSplit((norm, first, skip), before, audio.shape[1])
        )
        joined = split.join(audio)
        return lambda x, step: self._prepared(*joined.enter(x), step)

    def _prepared(self, h: Tensor, skip: Tensor, step: TimeStep) -> Tensor:
        emb_out = step.emb_out(self.emb_layers[1])[:, :, None]
        norm, last = self.out_layers[0], self.out_layers[3]
        if self.use_scale_shift_norm:
            scale, shift = emb_out.chunk(2, dim=1)
            h = functional.silu((norm(h) * (1 + scale)).add_(shift), inplace=True)
        else:
            h = silu_of(norm, h.add_(emb_out))
        return conv(h, last).add_(skip)


class LSTMLayer(nn.Module):
    """Adds a recurrent pass over time, left to right; all its weights start at zero."""

    def __init__(self, channels: int, options: BlockOptions) -> None:
        super().__init__()
        self.norm = Normalize(channels, options.num_groups)
        self.lstm = zero_module(nn.LSTM(channels, channels, batch_first=True))

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
        """The same length and width; the recurrence runs in the weights' precision."""
        h = functional.silu(self.norm(x)).transpose(1, 2)
        with without_autocast(x):
            h, _ = self.lstm(h.to(next(self.lstm.parameters()).dtype))
        out: Tensor = x + h.transpose(1, 2).to(x.dtype)
        return out


class S4Layer(nn.Module):
    """Adds a state-space pass over time; at the start it adds nothing."""

    def __init__(self, channels: int, options: BlockOptions) -> None:
        super().__init__()
        self.norm = Normalize(channels, options.num_groups)
        self.s4_model = S4(channels, kernel_sum=options.s4_kernel_sum)
        self.out_layer = zero_module(nn.Conv1d(channels, channels, 3, padding=1))

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
        """The same length and width."""
        out: Tensor = x + self.out_layer(self.s4_model(self.norm(x)))
        return out

    def prepare(self, length: int, context: LayerContext) -> PreparedLayer:
        """Return the same with the kernel's spectrum computed beforehand."""
        s4 = self.s4_model
        spectrum = context.keep((self, length), lambda: s4.response(length))

        def prepared(x: Tensor, step: TimeStep) -> Tensor:
            y = functional.gelu(s4.convolve(self.norm(x).float(), spectrum)).to(x.dtype)
            mixed = functional.glu(conv(y, s4.output_linear[0]), dim=1)
            return conv(mixed, self.out_layer).add_(x)

        return prepared


class AudioConcat(nn.Module):
    """Joins one level of the audio to the channels. It has no weights, but an index in the list.

    Args:
        channels: channels of the audio level; 0 for a level without audio.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(
        self, x: Float[Tensor, "b c t"], audio: Float[Tensor, "b a s"] | None
    ) -> Float[Tensor, "b c_out t"]:
        """The audio's channels come after `x`'s.

        Raises:
            DataError: the audio has another width or length than this level.
        """
        if audio is None:
            return x
        self.check(audio, x.shape[2])
        return torch.cat([x, audio], dim=1)

    def check(self, audio: Float[Tensor, "b a s"], frames: int) -> None:
        """Refuse audio that does not fit, see `forward`."""
        found, expected = tuple(audio.shape[1:]), (self.channels, frames)
        if found != expected:
            raise DataError(
                "model.unet_expects_audio_of_shape",
                expected=expected,
                value=found,
                remedy="remedy.check_audio_channels_audio_encoder_channel_mult",
            )


class Group(nn.Sequential):
    """Layers of one entry of the U-Net; each gets what it takes: time step, context, or neither."""

    def forward(self, x: Tensor, emb: Tensor, context: Tensor | None) -> Tensor:  # type: ignore[override]
        """Apply the layers in order."""
        for layer in self:
            x = call_layer(layer, x, emb, context)
        return x


def call_layer(layer: nn.Module, x: Tensor, emb: Tensor, context: Tensor | None) -> Tensor:
    """Call a layer of a group with what its class takes."""
    given: tuple[Tensor | None, ...] = ()
    if isinstance(layer, TimestepResBlock):
        given = (emb,)
    elif isinstance(layer, ContextualTransformer):
        given = (context,)
    out: Tensor = layer(x, *given)
    return out


def transformer(channels: int, options: BlockOptions) -> ContextualTransformer:
    """A transformer with the shared options."""
    return ContextualTransformer(
        channels,
        *options.heads(channels),
        depth=options.transformer_depth,
        context_dim=options.context_dim,
        use_checkpoint=options.use_checkpoint,
        num_groups=options.num_groups,
    )


def audio_of_levels(audios: Sequence[Tensor], audio_channels: Sequence[int]) -> list[Tensor | None]:
    """Audio of each level of the U-Net, finest first; None where it takes none.

    A list at least as long as the levels is aligned at its end, as the original does (its encoder
    has ten levels, its U-Net four). A shorter one gives its entries, in order, to the levels whose
    `audio_channels` is not 0, and must have exactly one for each.

    Raises:
        DataError: too few or too many entries.
    """
    levels, taking = len(audio_channels), [i for i, c in enumerate(audio_channels) if c]
    if len(audios) >= levels:
        # The coarsest levels of both fit each other; an encoder may have finer ones that nobody
        # reads.
        aligned = audios[len(audios) - levels :]
        return [audio if c else None for audio, c in zip(aligned, audio_channels, strict=True)]
    if len(audios) != len(taking):
        raise DataError(
            "model.unet_takes_audio_at_levels",
            count=len(taking),
            levels=levels,
            value=len(audios),
            remedy="remedy.check_audio_channels_and_number_of_levels",
        )
    result: list[Tensor | None] = [None] * levels
    for level, audio in zip(taking, audios, strict=True):
        result[level] = audio
    return result
