"""The U-Net for sampling: computes once, not at every step, whatever no step changes.

Once for a length (`UNetPlan`): state-space kernels as spectra, tables of relative positions, and
the projected time embeddings of the residual blocks. Once for a song and a prompt
(`UNetPlan.prepare`): keys and values of the prompt, and the audio's share of the convolutions that
it enters. `prepare` of each layer has its formulas, `UNetModel.walk` the order of the layers. The
result is the network's own up to the order of additions; `docs/performance.md` says how near and
how fast.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

from mug.diffusion.audio_split import join_audio
from mug.diffusion.unet import UNetModel, prompt_of
from mug.diffusion.unet_blocks import (
    AudioConcat,
    Group,
    TimestepResBlock,
    audio_of_levels,
    call_layer,
)
from mug.errors import DataError
from mug.model.embedding import timestep_embedding
from mug.model.speed.precision import autocast_of, has_lowered_weights
from mug.model.speed.prepared_layers import (
    LayerContext,
    PreparedLayer,
    TimeStep,
    conv,
    has_prepared_form,
    linear,
    silu_of,
)

_Call = Callable[[nn.Module, Tensor, Tensor, Tensor | None], Tensor]
"""Calls a layer: the input, the embedding of the time step, the embedded features."""


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
        unet.check_length(frames)
        self.unet, self.frames = unet, frames
        self.times = TimeTable(unet)
        self.kept: dict[Hashable, Any] = {}

    @classmethod
    def of(cls, network: nn.Module, frames: int) -> UNetPlan | None:
        """Return the plan of a network, None for one that has to be called as it is.

        That is any network but a U-Net, and a U-Net with a `forward` of its own.
        """
        if isinstance(network, UNetModel) and type(network).forward is UNetModel.forward:
            return cls(network, frames)
        return None

    def prepare(self, context: Tensor | None, audios: Sequence[Tensor]) -> PreparedUNet:
        """The network for one prompt (or several, one an item) and one song.

        Args:
            context: embedded features `[b, d, tokens]`; a batch of one serves every item.
            audios: levels of the audio encoder, each with a batch of one or of all items.
        """
        return PreparedUNet(self, context, audios)


class PreparedUNet:
    """The U-Net under one condition: from noisy latents and time steps to its output.

    Layers are prepared in the first call, when the walk meets them with the length that they have
    there.
    """

    def __init__(self, plan: UNetPlan, context: Tensor | None, audios: Sequence[Tensor]) -> None:
        self.plan = plan
        self.context = LayerContext(context, kept=plan.kept)
        self.levels = audio_of_levels(audios, plan.unet.audio_channels)
        embed = plan.unet.prompt_embed
        self.prompt = None if embed is None else _dense(embed, prompt_of(context))
        self._layers: list[PreparedLayer] = []

    def __call__(
        self, x: Float[Tensor, "b c t"], timesteps: Shaped[Tensor, "b *one"]
    ) -> Float[Tensor, "b c_out t"]:
        """The network's output for each sample; arguments as `UNetModel.forward`'s."""
        if x.shape[2] != self.plan.frames:
            raise DataError(
                "model.plan_is_for_latents_of_frames", frames=self.plan.frames, value=x.shape[2]
            )
        step = self.plan.times.at(timesteps.flatten(), x, self.prompt)
        h = self.plan.unet.walk(x, _Walk(self, step).run)
        norm, _, last = self.plan.unet.out
        return conv(silu_of(norm, h), last)

    def layer(
        self, index: int, layer: nn.Module, length: int, joined: _Joined, call: _Call
    ) -> PreparedLayer:
        """Return the prepared form of the layer that the walk meets as number `index`."""
        # The walk meets the layers in the same order at every call, so a number names a layer.
        if index == len(self._layers):
            self._layers.append(self._prepare(layer, length, joined, call))
        return self._layers[index]

    def _prepare(
        self, layer: nn.Module, length: int, joined: _Joined, call: _Call
    ) -> PreparedLayer:
        context, prepared = self.context, has_prepared_form(layer)
        if prepared and isinstance(layer, TimestepResBlock):
            context = replace(context, audio=joined.audio, before=joined.before)
            return layer.prepare(length, context)
        form: PreparedLayer
        if prepared:
            form = layer.prepare(length, context)  # type: ignore[operator]
        elif type(layer) is nn.Conv1d:
            form = _convolution(layer)
        else:
            form = _as_it_is(layer, call, context.tokens)
        if joined.audio is None:
            return form
        return lambda x, step: form(joined.to(x), step)


@dataclass(frozen=True)
class _Joined:
    """Audio that the input of the next layer is still to be joined with; None for no audio."""

    audio: Tensor | None = None
    before: int = 0

    def to(self, x: Tensor) -> Tensor:
        return x if self.audio is None else join_audio(x, self.before, self.audio)


class _Walk:
    """One call of a prepared network: which layer and which audio are next."""

    def __init__(self, network: PreparedUNet, step: TableStep) -> None:
        self.network, self.step = network, step
        self._audio = iter([*network.levels, *reversed(network.levels)])
        self._numbers = count()
        self._joined = _Joined()

    def run(self, block: nn.Module, h: Tensor) -> Tensor:
        """Apply one block as `UNetModel.forward` does, but leave the joining to the next layer."""
        if isinstance(block, AudioConcat):
            audio = next(self._audio)
            if audio is not None:
                block.check(audio, h.shape[2])
                self._joined = _Joined(audio, h.shape[1])
            return h
        grouped = type(block).forward is Group.forward
        call = call_layer if grouped else _call_block
        for layer in block.children() if grouped else [block]:
            joined, self._joined = self._joined, _Joined()
            prepared = self.network.layer(next(self._numbers), layer, h.shape[2], joined, call)
            h = prepared(h, self.step)
        return h


def _convolution(layer: nn.Conv1d) -> PreparedLayer:
    return lambda x, step: conv(x, layer)


def _call_block(block: nn.Module, x: Tensor, emb: Tensor, context: Tensor | None) -> Tensor:
    """A block that is no group of layers, called as a group is."""
    out: Tensor = block(x, emb, context)
    return out


def _as_it_is(layer: nn.Module, call: _Call, tokens: Tensor | None) -> PreparedLayer:
    """The layer's own `forward`, under automatic precision where its weights are lowered."""
    lowered = has_lowered_weights(layer)

    def prepared(x: Tensor, step: TimeStep) -> Tensor:
        rows = len(x)
        context = None if tokens is None else tokens.expand(rows, *tokens.shape[1:])
        with autocast_of(layer, x) if lowered else nullcontext():
            return call(layer, x, step.embedding(rows), context).to(x.dtype)

    return prepared


class TimeTable:
    """Embeddings of time steps and their projections, each computed once.

    Args:
        unet: whose time embedding this is.
    """

    def __init__(self, unet: UNetModel) -> None:
        self.unet = unet
        self._embeddings: dict[float, Tensor] = {}
        self._emb_out: dict[tuple[float, nn.Module], Tensor] = {}

    def at(
        self, steps: Shaped[Tensor, " b"], like: Tensor, prompt: Float[Tensor, "p e"] | None = None
    ) -> TableStep:
        """Return the time steps of one call.

        Args:
            steps: time step of each sample.
            like: whose device and precision the embeddings have.
            prompt: what is added to the steps' embedding, a row for all samples or one for each.
        """
        return TableStep(self, steps.tolist(), like, prompt)

    def embedding(self, value: float, like: Tensor) -> Float[Tensor, "1 e"]:
        """Return the embedding of a time step."""
        if value not in self._embeddings:
            step = torch.tensor([value], device=like.device)
            table = timestep_embedding(step, self.unet.model_channels)
            self._embeddings[value] = _dense(self.unet.time_embed, table.to(like))
        return self._embeddings[value]

    def emb_out(self, value: float, projection: nn.Module, like: Tensor) -> Float[Tensor, "1 c"]:
        """Return a layer's projection of the activated embedding of a time step."""
        key = (value, projection)
        if key not in self._emb_out:
            self._emb_out[key] = linear(functional.silu(self.embedding(value, like)), projection)
        return self._emb_out[key]


class TableStep:
    """The time steps of one call, one for each sample; a `TimeStep`.

    Args:
        table: where results are kept.
        values: time step of each sample.
        like: whose device and precision the embeddings have.
        prompt: what is added to the embedding; None for nothing.
    """

    def __init__(
        self, table: TimeTable, values: Sequence[float], like: Tensor, prompt: Tensor | None
    ) -> None:
        self._table, self._values, self._like, self._prompt = table, values, like, prompt
        # All items are at one step as a rule; each embedding is worked out once.
        self._distinct = list(dict.fromkeys(values))
        self._emb_out: dict[nn.Module, Tensor] = {}

    def emb_out(self, projection: nn.Module) -> Float[Tensor, "_ c"]:
        """As `TimeStep.emb_out`."""
        if projection not in self._emb_out:
            self._emb_out[projection] = self._project(projection)
        return self._emb_out[projection]

    def embedding(self, rows: int) -> Float[Tensor, "{rows} e"]:
        """Return the embedding of time step and prompt for each sample."""
        return self._embedding.expand(rows, -1)

    @cached_property
    def _embedding(self) -> Tensor:
        rows = [self._table.embedding(value, self._like) for value in self._distinct]
        embedding = self._in_order(rows)
        return embedding if self._prompt is None else embedding + self._prompt

    @cached_property
    def _activated(self) -> Tensor:
        return functional.silu(self._embedding)

    def _project(self, projection: nn.Module) -> Tensor:
        if self._prompt is not None:
            return linear(self._activated, projection)
        emb_out = [self._table.emb_out(value, projection, self._like) for value in self._distinct]
        return self._in_order(emb_out)

    def _in_order(self, rows: Sequence[Tensor]) -> Tensor:
        """Rows of the distinct values, one for each sample; a single row serves all of them."""
        if len(rows) == 1:
            return rows[0]
        return torch.cat([rows[self._distinct.index(value)] for value in self._values])


def _dense(layers: nn.Sequential, x: Tensor) -> Tensor:
    for layer in layers:
        x = linear(x, layer) if isinstance(layer, nn.Linear) else layer(x)
    return x
