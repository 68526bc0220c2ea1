"""Attention: clamped distances, both tables, the original's order of operations."""

import copy
import math

import pytest
import torch
from torch import nn

from mug.model.attention import (
    BasicTransformerBlock,
    ContextualTransformer,
    CrossAttention,
    by_distance,
)


@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (3, 5), (200, 21), (70, 150)])
def test_tables_are_read_at_the_clamped_distance(queries, keys):
    table = torch.randn(129, 2)
    spread = by_distance(table, queries, keys)
    assert spread.shape == (2, queries, keys)
    for i in range(0, queries, max(1, queries // 7)):
        for j in range(keys):
            assert torch.equal(spread[:, i, j], table[min(64, max(-64, j - i)) + 64])


def test_every_step_of_the_formula():
    torch.manual_seed(0)
    module = CrossAttention(4, 6, heads=2, dim_head=3).eval()
    nn.init.normal_(module.relative_position_embedding), nn.init.normal_(module.C_embedding)
    x, context = torch.randn(1, 5, 4), torch.randn(1, 3, 6)
    q, k, v = module.to_q(x)[0], module.to_k(context)[0], module.to_v(context)[0]
    out = torch.zeros(5, 6)
    for h in range(2):
        part = slice(3 * h, 3 * h + 3)
        for i in range(5):
            bias = [module.relative_position_embedding[j - i + 64, h] for j in range(3)]
            scores = [(q[i, part] @ k[j, part] + bias[j]) / math.sqrt(3) for j in range(3)]
            weights = torch.stack(scores).softmax(0)
            factor = torch.stack([module.C_embedding[j - i + 64, h] for j in range(3)])
            out[i, part] = (weights * factor) @ v[:, part]
    assert torch.allclose(module(x, context)[0], module.to_out(out), atol=1e-6)


def test_names_and_starting_tables():
    module = CrossAttention(8, heads=2, dim_head=4)
    names = ["relative_position_embedding", "C_embedding", "to_q.weight", "to_k.weight"]
    assert list(module.state_dict()) == [
        *names,
        "to_v.weight",
        "to_out.0.weight",
        "to_out.0.bias",
    ]
    assert torch.all(module.relative_position_embedding == 0)
    assert torch.all(module.C_embedding == 1)


def test_transformer_starts_as_identity_and_uses_its_context():
    torch.manual_seed(0)
    module = ContextualTransformer(32, 4, 8, context_dim=6).eval()
    x, context = torch.randn(2, 32, 10), torch.randn(2, 6, 21)
    assert torch.equal(module(x, context), x)
    nn.init.normal_(module.proj_out.weight)
    assert not torch.allclose(module(x, context), module(x, context * 2))
    alone = ContextualTransformer(32, 4, 8).eval()
    nn.init.normal_(alone.proj_out.weight)
    assert alone(x).shape == x.shape


def test_other_group_counts_are_possible():
    assert ContextualTransformer(24, 2, 12, num_groups=8)(torch.zeros(1, 24, 4)).shape == (1, 24, 4)


def test_checkpointed_block_repeats_its_dropout():
    torch.manual_seed(0)
    plain = BasicTransformerBlock(16, 2, 8, dropout=0.5, checkpoint=False)
    saving = copy.deepcopy(plain)
    saving.use_checkpoint = True
    x = torch.randn(1, 12, 16)
    for module in (plain, saving):
        torch.manual_seed(5)
        module(x).square().sum().backward()
    for a, b in zip(plain.parameters(), saving.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad)
