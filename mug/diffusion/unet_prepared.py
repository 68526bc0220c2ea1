"""The U-Net for sampling: computes once, not at every step, whatever no step changes.

Once for a length (`UNetPlan`): state-space kernels as spectra, tables of relative positions, and
the projected time embeddings of the residual blocks. Once for a song and a prompt
(`UNetPlan.prepare`): keys and values of the prompt, and the audio's share of the convolutions that
it enters. The result is the network's own up to the order of additions; `docs/performance.md` says
how near and how fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

from mug.diffusion.unet import UNetModel, prompt_of
from mug.diffusion.unet_blocks import (
    AudioConcat,
    Group,
    LSTMLayer,
    S4Layer,
    TimestepResBlock,
    audio_of_levels,
)
from mug.errors import DataError
from mug.model.attention import ContextualTransformer
from mug.model.embedding import timestep_embedding
from mug.model.modules import Downsample, Upsample
from mug.model.speed.prepared_layers import (
    Positions,
    PreparedTransformer,
    TransformerContext,
    conv,
    linear,
    silu_of,
)

_Apply = Callable[[Tensor, Tensor | None], Tensor]
"""One layer: the input, and what the time step tells it."""


class UNetPlan:
    """A U-Net in evaluation mode, prepared for one latent length; its weights must not change.

    Args:
        unet: the network; its weights are read, never written. Those of convolutions and linear
            layers may have another precision than the rest, see
            `mug.model.speed.precision.lowered`.
        frames: latent frames of every call.

    Raises:
        DataError: the length does not halve evenly at each level.
    """

    def __init__(self, unet: UNetModel, frames: int) -> None:
        factor = 2 ** (len(unet.audio_channels) - 1)
        if frames % factor:
            raise DataError("model.unet_takes_multiples", factor=factor, value=frames)
        self.unet, self.frames = unet, frames
        self.times = TimeTable(unet)
        tokens = getattr(unet.options, "context_dim", None)
        self.positions = {
            module: Positions(module, length, cross=tokens is not None)
            for module, length in _with_lengths(unet, frames)
            if isinstance(module, ContextualTransformer)
        }
        self.spectra = {
            module: module.s4_model.response(length)
            for module, length in _with_lengths(unet, frames)
            if isinstance(module, S4Layer)
        }
        self.audio_blocks = {
            block: AudioSplit(block, before, channels) for block, before, channels in _entries(unet)
        }

    def prepare(self, context: Tensor | None, audios: Sequence[Tensor]) -> PreparedUNet:
        """The network for one prompt (or several, one an item) and one song.

        Args:
            context: embedded features `[b, d, tokens]`; a batch of one serves every item.
            audios: levels of the audio encoder, each with a batch of one or of all items.
        """
        return PreparedUNet(self, context, audios)


class PreparedUNet:
    """The U-Net under one condition: from noisy latents and time steps to its output."""

    def __init__(self, plan: UNetPlan, context: Tensor | None, audios: Sequence[Tensor]) -> None:
        self.plan = plan
        levels = audio_of_levels(audios, plan.unet.audio_channels)
        self._down, self._middle, self._up = self._compile(levels, context)
        embed = plan.unet.prompt_embed
        self.prompt = None if embed is None else _dense(embed, prompt_of(context))

    def _compile(
        self, levels: Sequence[Tensor | None], context: Tensor | None
    ) -> tuple[list[list[_Apply]], list[_Apply], list[list[_Apply]]]:
        unet, waiting, below = self.plan.unet, iter(levels), reversed(levels)
        sides: list[list[list[_Apply]]] = [[], []]
        for side, blocks, audio in (
            (0, unet.input_blocks, waiting),
            (1, unet.output_blocks, below),
        ):
            joined: Tensor | None = None
            for block in blocks:
                if isinstance(block, AudioConcat):
                    joined = next(audio)
                    continue
                assert isinstance(block, Group)
                sides[side].append([self._layer(layer, context, joined) for layer in block])
                joined = None
        middle = [self._layer(layer, context, None) for layer in unet.middle_block]
        return sides[0], middle, sides[1]

    def _layer(self, layer: nn.Module, context: Tensor | None, audio: Tensor | None) -> _Apply:
        plan = self.plan
        if isinstance(layer, TimestepResBlock):
            joined = None if audio is None else plan.audio_blocks[layer].join(audio)
            return lambda x, emb_out: _res_block(layer, x, emb_out, joined)
        if isinstance(layer, ContextualTransformer):
            prepared = PreparedTransformer(
                layer, plan.positions[layer], TransformerContext.of(context)
            )
            return lambda x, _: prepared(x)
        if isinstance(layer, S4Layer):
            spectrum = plan.spectra[layer]
            return lambda x, _: _state_space(layer, x, spectrum)
        return _plain(layer)

    def __call__(
        self, x: Float[Tensor, "b c t"], timesteps: Shaped[Tensor, "b *one"]
    ) -> Float[Tensor, "b c_out t"]:
        """The network's output for each sample; arguments as `UNetModel.forward`'s."""
        if x.shape[2] != self.plan.frames:
            raise DataError(
                "model.plan_is_for_latents_of_frames", frames=self.plan.frames, value=x.shape[2]
            )
        emb_out = iter(self.plan.times.at(timesteps.flatten(), x, self.prompt))
        h, skips = x, []
        for group in self._down:
            h = _run(group, h, emb_out)
            skips.append(h)
        h = _run(self._middle, h, emb_out)
        for group in self._up:
            h = _run(group, torch.cat([h, skips.pop()], dim=1), emb_out)
        norm, _, last = self.plan.unet.out
        return conv(silu_of(norm, h), last)


def _plain(layer: nn.Module) -> _Apply:
    """A layer that is told nothing and sees its input alone."""
    if isinstance(layer, Downsample):
        return lambda x, _: conv(functional.pad(x, (0, 1)), layer.conv)
    if isinstance(layer, Upsample):
        return lambda x, _: conv(x.repeat_interleave(2, dim=2), layer.conv)
    if isinstance(layer, nn.Conv1d):
        return lambda x, _: conv(x, layer)
    assert isinstance(layer, LSTMLayer), type(layer)
    return lambda x, _: layer(x)


def _run(group: Sequence[_Apply], h: Tensor, emb_out: Iterator[Tensor | None]) -> Tensor:
    for layer in group:
        h = layer(h, next(emb_out))
    return h


class TimeTable:
    """What the time steps tell the residual blocks, kept once it was asked for.

    Args:
        unet: whose time embedding and projections these are.
    """

    def __init__(self, unet: UNetModel) -> None:
        self.unet = unet
        groups = [*unet.input_blocks, unet.middle_block, *unet.output_blocks]
        layers = [layer for group in groups if isinstance(group, Group) for layer in group]
        self._blocks = [isinstance(x, TimestepResBlock) and x.emb_layers[1] for x in layers]
        self._cache: dict[float, list[Tensor | None]] = {}

    def at(
        self, steps: Shaped[Tensor, " b"], like: Tensor, prompt: Float[Tensor, "p e"] | None = None
    ) -> list[Tensor | None]:
        """One entry a layer in the order of calls, `[1 or b, c]`; None where it is told nothing.

        Args:
            steps: time step of each sample.
            like: whose device and precision the entries have.
            prompt: what is added to the steps' embedding, a row for all samples or one for each.
        """
        values = steps.tolist()
        if prompt is not None:
            rows = [self._embedding(value, like) for value in dict.fromkeys(values)]
            return self._project(_in_order(rows, values) + prompt)
        known = [self._of(value, like) for value in dict.fromkeys(values)]
        if len(known) == 1:
            return known[0]
        return [
            None if entry[0] is None else _in_order(entry, values)
            for entry in zip(*known, strict=True)
        ]

    def _of(self, value: float, like: Tensor) -> list[Tensor | None]:
        if value not in self._cache:
            self._cache[value] = self._project(self._embedding(value, like))
        return self._cache[value]

    def _embedding(self, value: float, like: Tensor) -> Tensor:
        step = torch.tensor([value], device=like.device)
        table = timestep_embedding(step, self.unet.model_channels)
        return _dense(self.unet.time_embed, table.to(like))

    def _project(self, embedding: Float[Tensor, "b e"]) -> list[Tensor | None]:
        hidden = functional.silu(embedding)
        return [
            linear(hidden, block) if isinstance(block, nn.Linear) else None
            for block in self._blocks
        ]


def _in_order(rows: Sequence[Tensor | None], values: Sequence[float]) -> Tensor:
    """Rows of the different values, one for each value; a single row serves all of them."""
    if len(rows) == 1:
        return _row(rows[0])
    where = list(dict.fromkeys(values))
    return torch.cat([_row(rows[where.index(value)]) for value in values])


def _row(row: Tensor | None) -> Tensor:
    assert row is not None
    return row


def _dense(layers: nn.Sequential, x: Tensor) -> Tensor:
    for layer in layers:
        x = linear(x, layer) if isinstance(layer, nn.Linear) else layer(x)
    return x


class AudioSplit:
    """A residual block whose input is joined with audio: the audio's own groups taken apart.

    Group normalisation knows each group alone. Where a group lies wholly in the audio, its part of
    the first convolution is the same at every step, as is the audio's part of the skip path.

    Args:
        block: the residual block.
        before: channels before the audio.
        audio: channels of the audio.
    """

    def __init__(self, block: TimestepResBlock, before: int, audio: int) -> None:
        norm, first = block.in_layers[0], block.in_layers[2]
        assert isinstance(norm, nn.GroupNorm)
        assert isinstance(first, nn.Conv1d)
        self.block, self.before, self.audio = block, before, audio
        self.norm, self.first = norm, first
        size = norm.num_channels // norm.num_groups
        low = -(-before // size) * size
        high = max(low, (before + audio) // size * size)
        self.low, self.high, self.groups = low, high, norm.num_groups - (high - low) // size
        self.weight = _without(first.weight, low, high)
        self.gain, self.shift = (_without(p[None], low, high)[0] for p in (norm.weight, norm.bias))
        skip, end = block.skip_connection, before + audio
        self.skip = _without(skip.weight, before, end) if isinstance(skip, nn.Conv1d) else None

    def join(self, audio: Float[Tensor, "b a t"]) -> JoinedAudio:
        """What one song's audio adds at every step."""
        return JoinedAudio(self, audio)


class JoinedAudio:
    """One song's share of a residual block's input.

    Args:
        split: the block, taken apart.
        audio: the song's level.
    """

    def __init__(self, split: AudioSplit, audio: Float[Tensor, "b a t"]) -> None:
        self.split = split
        block, low, high = split.block, split.low, split.high
        norm, first = split.norm, split.first
        inside = slice(low - split.before, high - split.before)
        self.edges = (audio[:, : inside.start], audio[:, inside.stop :])
        assert first.bias is not None
        self.hidden = first.bias[:, None].to(audio.dtype)
        if high > low:
            groups = norm.num_groups - split.groups
            gain, shift = norm.weight[low:high], norm.bias[low:high]
            h = functional.group_norm(audio[:, inside], groups, gain, shift, norm.eps)
            weight = first.weight[:, low:high]
            self.hidden = _conv(functional.silu(h), weight, first.bias, 1)
        self.skip = audio
        if isinstance(block.skip_connection, nn.Conv1d):
            weight = block.skip_connection.weight[:, split.before : split.before + split.audio]
            self.skip = _conv(audio, weight, block.skip_connection.bias)

    def enter(self, x: Float[Tensor, "b c t"]) -> tuple[Tensor, Tensor]:
        """First convolution and skip path of `x` (without audio) joined with the audio."""
        split = self.split
        h = self._between(x, *self.edges)
        h = functional.group_norm(h, split.groups, split.gain, split.shift, split.norm.eps)
        h = _conv(functional.silu(h, inplace=True), split.weight, None, 1)
        h = h.add_(self.hidden)
        if split.skip is None:
            return h, self._between(x, self.skip)
        return h, _conv(x, split.skip).add_(self.skip)

    def _between(self, x: Tensor, *audio: Tensor) -> Tensor:
        """Audio channels put where they belong among those of `x`."""
        before = self.split.before
        rows = [part.expand(len(x), *part.shape[1:]) for part in audio]
        return torch.cat([x[:, :before], *rows, x[:, before:]], dim=1)


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None = None, padding: int = 0) -> Tensor:
    out = functional.conv1d(x.to(weight.dtype), weight, bias, padding=padding)
    return out.to(x.dtype)


def _without(weight: Tensor, low: int, high: int) -> Tensor:
    """A weight without the input channels low ... high - 1."""
    return torch.cat([weight[:, :low], weight[:, high:]], dim=1)


def _res_block(
    block: TimestepResBlock, x: Tensor, emb_out: Tensor | None, audio: JoinedAudio | None
) -> Tensor:
    assert emb_out is not None
    if audio is None:
        h = conv(silu_of(block.in_layers[0], x), block.in_layers[2])
        skip = (
            x if isinstance(block.skip_connection, nn.Identity) else conv(x, block.skip_connection)
        )
    else:
        h, skip = audio.enter(x)
    emb_out = emb_out[:, :, None]
    norm, last = block.out_layers[0], block.out_layers[3]
    if block.use_scale_shift_norm:
        scale, shift = emb_out.chunk(2, dim=1)
        h = functional.silu((norm(h) * (1 + scale)).add_(shift), inplace=True)
    else:
        h = silu_of(norm, h.add_(emb_out))
    return conv(h, last).add_(skip)


def _state_space(layer: S4Layer, x: Tensor, spectrum: Tensor) -> Tensor:
    s4 = layer.s4_model
    y = functional.gelu(s4.convolve(layer.norm(x).float(), spectrum)).to(x.dtype)
    mixed = functional.glu(conv(y, s4.output_linear[0]), dim=1)
    return conv(mixed, layer.out_layer).add_(x)


def _groups(unet: UNetModel, frames: int) -> Iterator[tuple[Group, int]]:
    """Groups in the order of calls, each with the length of its input."""
    for block in [*unet.input_blocks, unet.middle_block, *unet.output_blocks]:
        if isinstance(block, AudioConcat):
            continue
        assert isinstance(block, Group)
        yield block, frames
        last = block[-1]
        if isinstance(last, Downsample):
            frames //= 2
        elif isinstance(last, Upsample):
            frames *= 2


def _with_lengths(unet: UNetModel, frames: int) -> Iterator[tuple[nn.Module, int]]:
    for group, length in _groups(unet, frames):
        for layer in group:
            yield layer, length


def _entries(unet: UNetModel) -> Iterator[tuple[TimestepResBlock, int, int]]:
    """Residual blocks that audio is joined before: block, channels in front of it, its own."""
    width, joined = 0, 0
    for group in [*unet.input_blocks, unet.middle_block, *unet.output_blocks]:
        if isinstance(group, AudioConcat):
            joined = group.channels
            continue
        for layer in group:
            if isinstance(layer, nn.Conv1d):
                width = layer.out_channels
            elif isinstance(layer, TimestepResBlock):
                if joined:
                    yield layer, width, joined
                last = layer.out_layers[3]
                assert isinstance(last, nn.Conv1d)
                width, joined = last.out_channels, 0
