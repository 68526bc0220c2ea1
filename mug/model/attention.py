"""Attention over time with learned relative positions, and the transformer built of it.

Source: reference facts, section 2; the frame is the spatial transformer of latent diffusion
(Rombach et al. 2022), relative positions after Shaw et al. 2018.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mug.model.checkpointing import checkpoint
from mug.model.modules import Normalize, zero_module
from mug.model.speed.prepared_layers import LayerContext, PreparedLayer

MAX_DISTANCE = 64
"""Distances beyond this many positions share one table entry."""


class CrossAttention(nn.Module):
    """Multi-head attention with two tables over the clamped distance key - query.

    The first table is added to the scores before scaling; the second multiplies the weights after
    the softmax, which are not normalised again (so weights may exceed 1 or be negative). Over
    context tokens the distance is token index - time index, as in the original.

    Args:
        query_dim: channels of the queries and of the result.
        context_dim: channels of what is attended to; `query_dim` unless given.
        heads: number of heads.
        dim_head: channels of each.
        dropout: probability on the result.
    """

    def __init__(
        self,
        query_dim: int,
        context_dim: int | None = None,
        heads: int = 8,
        dim_head: int = 64,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        inner = heads * dim_head
        source = query_dim if context_dim is None else context_dim
        self.heads, self.scale = heads, dim_head**-0.5
        # Zeros and ones: a new layer is plain attention, and learns from there what distance means.
        self.relative_position_embedding = nn.Parameter(torch.zeros(2 * MAX_DISTANCE + 1, heads))
        self.C_embedding = nn.Parameter(torch.ones(2 * MAX_DISTANCE + 1, heads))
        # No biases, and these names: the original's checkpoints have them so.
        self.to_q = nn.Linear(query_dim, inner, bias=False)
        self.to_k = nn.Linear(source, inner, bias=False)
        self.to_v = nn.Linear(source, inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, query_dim), nn.Dropout(dropout))

    def forward(
        self, x: Float[Tensor, "b q c"], context: Float[Tensor, "b k d"] | None = None
    ) -> Float[Tensor, "b q c"]:
        """Attend from `x` to `context` (to `x` itself where there is none)."""
        source = x if context is None else context
        query, key, value = (
            rearrange(part, "b t (h d) -> b h t d", h=self.heads)
            for part in (self.to_q(x), self.to_k(source), self.to_v(source))
        )
        shape = (query.shape[2], key.shape[2])
        scores = query @ key.transpose(2, 3) + by_distance(self.relative_position_embedding, *shape)
        # The position term is scaled along with the scores, and the gain comes after the softmax
        # without a further normalisation. Unusual, but published weights learned it so (B16).
        weights = (scores * self.scale).softmax(dim=-1) * by_distance(self.C_embedding, *shape)
        # Under autocast softmax and tables are float32; the product is to be in the type of the
        # values.
        mixed = weights.to(value.dtype) @ value
        out: Tensor = self.to_out(rearrange(mixed, "b h t d -> b t (h d)"))
        return out


def by_distance(
    table: Float[Tensor, "entries h"], queries: int, keys: int
) -> Float[Tensor, "h {queries} {keys}"]:
    """Spread a table over all pairs: entry [h, i, j] is the table's at distance j - i, clamped."""
    reach = table.shape[0] // 2
    # All distances j - i that occur, each once; every query's row is a window of them.
    distance = torch.arange(1 - queries, keys, device=table.device)
    entries = functional.embedding(distance.clamp(-reach, reach) + reach, table)
    # One row per query, each shifted by one: a Toeplitz matrix without a gather per pair.
    return entries.unfold(0, keys, 1).flip(0).transpose(0, 1)


class _GatedLinear(nn.Module):
    """Linear layer whose second half gates the first through a GELU."""

    def __init__(self, dim_in: int, dim_out: int) -> None:
        super().__init__()
        self.proj = nn.Linear(dim_in, 2 * dim_out)

    def forward(self, x: Float[Tensor, "*axes c"]) -> Float[Tensor, "*axes d"]:
        """Source: Shazeer 2020, GLU Variants Improve Transformer, GEGLU."""
        # The value comes first, then the gate: the order of the original's checkpoints.
        value, gate = self.proj(x).chunk(2, dim=-1)
        out: Tensor = value * functional.gelu(gate)
        return out


class FeedForward(nn.Module):
    """Gated layer to four times the width and back."""

    def __init__(self, dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.net = nn.Sequential(
            _GatedLinear(dim, 4 * dim), nn.Dropout(dropout), nn.Linear(4 * dim, dim)
        )

    def forward(self, x: Float[Tensor, "*axes c"]) -> Float[Tensor, "*axes c"]:
        """The same for every position."""
        out: Tensor = self.net(x)
        return out


class BasicTransformerBlock(nn.Module):
    """Self-attention, attention to the context, feed-forward; each normalised, each added.

    Args:
        dim: channels.
        n_heads: heads of both attentions.
        d_head: channels of each head.
        dropout: probability in all three parts.
        context_dim: channels of the context; `dim` unless given.
        checkpoint: recompute activations in the backward pass.
    """

    def __init__(
        self,
        dim: int,
        n_heads: int,
        d_head: int,
        dropout: float = 0.0,
        context_dim: int | None = None,
        checkpoint: bool = True,
    ) -> None:
        super().__init__()
        self.use_checkpoint = checkpoint
        self.attn1 = CrossAttention(dim, None, n_heads, d_head, dropout)
        self.ff = FeedForward(dim, dropout)
        self.attn2 = CrossAttention(dim, context_dim, n_heads, d_head, dropout)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.norm3 = nn.LayerNorm(dim)

    def forward(
        self, x: Float[Tensor, "b t c"], context: Float[Tensor, "b k d"] | None = None
    ) -> Float[Tensor, "b t c"]:
        """Without a context the second attention attends to `x` as well."""
        out: Tensor = checkpoint(self._forward, x, context, enabled=self.use_checkpoint)
        return out

    def _forward(self, x: Tensor, context: Tensor | None) -> Tensor:
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), context)
        out: Tensor = x + self.ff(self.norm3(x))
        return out


class ContextualTransformer(nn.Module):
    """Transformer over time in a convolutional network; at the start it passes its input through.

    Args:
        in_channels: channels; a multiple of `num_groups`.
        n_heads: heads of each attention.
        d_head: channels of each head.
        depth: number of transformer blocks.
        dropout: probability in their parts.
        context_dim: channels of the context; None where there is none.
        use_checkpoint: recompute activations in the backward pass.
        num_groups: groups of the normalisation (the original always has 32).
    """

    def __init__(
        self,
        in_channels: int,
        n_heads: int,
        d_head: int,
        depth: int = 1,
        dropout: float = 0.0,
        context_dim: int | None = None,
        use_checkpoint: bool = False,
        num_groups: int = 32,
    ) -> None:
        super().__init__()
        inner = n_heads * d_head
        self.norm = Normalize(in_channels, num_groups)
        self.proj_in = nn.Conv1d(in_channels, inner, 1)
        self.transformer_blocks = nn.ModuleList(
            BasicTransformerBlock(inner, n_heads, d_head, dropout, context_dim, use_checkpoint)
            for _ in range(depth)
        )
        # Zero: the transformer adds nothing at first, so depth does not disturb early training.
        self.proj_out = zero_module(nn.Conv1d(inner, in_channels, 1))

    def forward(
        self, x: Float[Tensor, "b c t"], context: Float[Tensor, "b d k"] | None = None
    ) -> Float[Tensor, "b c t"]:
        """`context`: channels first, like `x`."""
        tokens = None if context is None else rearrange(context, "b d k -> b k d")
        h = rearrange(self.proj_in(self.norm(x)), "b c t -> b t c")
        for block in self.transformer_blocks:
            h = block(h, tokens)
        out: Tensor = x + self.proj_out(rearrange(h, "b t c -> b c t"))
        return out

    def prepare(self, length: int, context: LayerContext) -> PreparedLayer:
        """Return the same with positions, keys and values of the context computed beforehand."""
        # Not at the top: the prepared form is built on the classes of this module.
        from mug.model.speed.prepared_attention import Positions, PreparedTransformer

        # Positions depend on the length alone and serve all songs; keys and values on the prompt
        # too.
        cross = context.tokens is not None
        positions = context.keep(
            (self, length, cross), lambda: Positions(self, length, cross=cross)
        )
        return PreparedTransformer(self, positions, context.tokens)
