"""The transformer with positions and context known beforehand."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from mug.model.attention import (
    BasicTransformerBlock,
    ContextualTransformer,
    CrossAttention,
    by_distance,
)
from mug.model.speed.prepared_layers import TimeStep, linear, pointwise

MOST_KEPT = 1 << 18
"""Pairs of positions up to which a table is kept; a longer one is spread out at each call."""


class PositionTable:
    """Both tables of one attention, spread over all pairs of positions.

    Args:
        attention: whose tables these are.
        queries: number of query positions.
        keys: number of key positions; None where only a call can tell.
    """

    def __init__(self, attention: CrossAttention, queries: int, keys: int | None) -> None:
        self.attention, self.queries = attention, queries
        # A gain of one everywhere leaves plain attention, for which there are fused kernels.
        self.plain = bool((attention.C_embedding == 1).all())
        self._kept: tuple[int, tuple[Tensor, Tensor]] | None = None
        if keys is not None:
            self.at(keys)

    def at(self, keys: int) -> tuple[Float[Tensor, "h q {keys}"], Float[Tensor, "h q {keys}"]]:
        """Bias of the scaled scores, and factor of the attention weights."""
        if self._kept is not None and self._kept[0] == keys:
            return self._kept[1]
        attention = self.attention
        # Scaled here once; the product of queries and keys gets the same factor in `baddbmm`.
        bias = by_distance(
            attention.relative_position_embedding * attention.scale, self.queries, keys
        )
        gain = by_distance(attention.C_embedding, self.queries, keys)
        made = (bias.contiguous(), gain if self.plain else gain.contiguous())
        if self.queries * keys <= MOST_KEPT:
            self._kept = (keys, made)
        return made


class Positions:
    """Tables of all attentions of a transformer at one length.

    Args:
        transformer: whose tables these are.
        length: positions of its input.
        cross: whether the second attentions see a context instead of the input.
    """

    def __init__(self, transformer: ContextualTransformer, length: int, *, cross: bool) -> None:
        self.tables = [
            (
                PositionTable(block.attn1, length, length),
                PositionTable(block.attn2, length, None if cross else length),
            )
            for block in _blocks(transformer)
        ]


class PreparedTransformer:
    """A transformer whose positions and context are known beforehand.

    Args:
        transformer: the layer.
        positions: its tables.
        context: what its second attentions see, channels first; keys and values are made here.
    """

    def __init__(
        self,
        transformer: ContextualTransformer,
        positions: Positions,
        context: Float[Tensor, "b d k"] | None,
    ) -> None:
        self.transformer, self.positions = transformer, positions
        tokens = None if context is None else context.transpose(1, 2)
        self._cache = [
            None if tokens is None else _keys_values(block.attn2, tokens)
            for block in _blocks(transformer)
        ]

    def __call__(self, x: Float[Tensor, "b c t"], step: TimeStep) -> Float[Tensor, "b c t"]:
        """As `ContextualTransformer.forward`; the time step says nothing here."""
        layer = self.transformer
        h = pointwise(layer.norm(x).transpose(1, 2), layer.proj_in)
        parts = zip(_blocks(layer), self.positions.tables, self._cache, strict=True)
        for block, (own, other), known in parts:
            seen = block.norm1(h)
            # In place: no gradient is needed, and `h` is this call's own tensor.
            h = h.add_(attend(block.attn1, seen, _keys_values(block.attn1, seen), own))
            seen = block.norm2(h)
            pair = _keys_values(block.attn2, seen) if known is None else known
            h = h.add_(attend(block.attn2, seen, pair, other))
            h = h.add_(_feed_forward(block, block.norm3(h)))
        return x + pointwise(h, layer.proj_out).transpose(1, 2)


def attend(
    attention: CrossAttention,
    x: Float[Tensor, "b q c"],
    source: tuple[Float[Tensor, "_ h k d"], Float[Tensor, "_ h k d"]],
    table: PositionTable,
) -> Float[Tensor, "b q c"]:
    """As `CrossAttention.forward`, one item at a time, so that its scores stay in the cache.

    Args:
        attention: the layer.
        x: where the queries come from.
        source: keys and values, with the batch of `x` or of one.
        table: its positions.
    """
    query = _heads(linear(x, attention.to_q), attention.heads)
    bias, gain = table.at(source[0].shape[2])
    # Item by item: the scores of one stay in the processor's cache, those of a batch do not.
    mixed = torch.empty_like(query)
    for item in range(len(x)):
        key, value = (part[item if len(part) > 1 else 0] for part in source)
        # Fused attention has no factor after the softmax; it is exact where that is 1 everywhere.
        if table.plain:
            mixed[item] = functional.scaled_dot_product_attention(
                query[item][None], key[None], value[None], attn_mask=bias[None],
                scale=attention.scale,
            )[0]  # fmt: skip
        else:
            scores = torch.baddbmm(bias, query[item], key.transpose(1, 2), alpha=attention.scale)
            mixed[item] = torch.softmax(scores, dim=-1).mul_(gain) @ value
    return linear(mixed.transpose(1, 2).flatten(2), attention.to_out[0])


def _feed_forward(block: BasicTransformerBlock, x: Tensor) -> Tensor:
    widen = block.ff.net[0].get_submodule("proj")
    value, gate = linear(x, widen).chunk(2, dim=-1)
    return linear(functional.gelu(gate).mul_(value), block.ff.net[2])


def _keys_values(attention: CrossAttention, tokens: Tensor) -> tuple[Tensor, Tensor]:
    key, value = linear(tokens, attention.to_k), linear(tokens, attention.to_v)
    return _heads(key, attention.heads), _heads(value, attention.heads)


def _heads(x: Float[Tensor, "b t c"], heads: int) -> Float[Tensor, "b h t d"]:
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)


def _blocks(transformer: ContextualTransformer) -> list[BasicTransformerBlock]:
    found = [b for b in transformer.transformer_blocks if isinstance(b, BasicTransformerBlock)]
    assert len(found) == len(transformer.transformer_blocks)
    return found
