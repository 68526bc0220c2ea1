"""Time-step sinusoids."""

import math

import numpy as np
import torch
from repository import load_golden
from torch import nn

from mug.model.checkpointing import checkpoint
from mug.model.embedding import PositionalEmbedding, timestep_embedding


def test_cosines_then_sines_and_a_zero_column():
    table = timestep_embedding(torch.tensor([0, 3]), 5)
    slow = math.exp(-math.log(10000) / 2)
    expected = [math.cos(3), math.cos(3 * slow), math.sin(3), math.sin(3 * slow), 0]
    assert table[0].tolist() == [1, 1, 0, 0, 0]
    assert np.allclose(table[1], expected, atol=1e-6)


def test_recorded_embedding():
    meta, arrays = load_golden("schedule")
    found = [name for name in arrays if "embedding" in name]
    assert found
    steps = torch.tensor(meta["timestep_embedding_t"])
    for name in found:
        table = timestep_embedding(steps, arrays[name].shape[1])
        assert np.abs(table.numpy() - arrays[name]).max() < 2e-5


def test_unused_frequencies_of_old_checkpoints():
    assert np.allclose(PositionalEmbedding(4).inv_freq, [1, 0.01])
    assert list(PositionalEmbedding(16).state_dict()) == ["inv_freq"]


def test_checkpoint_gives_parameters_their_gradients_and_repeats_dropout():
    torch.manual_seed(0)
    block = nn.Sequential(nn.Linear(4, 50), nn.Dropout(0.5), nn.Linear(50, 1))
    x, grads = torch.randn(3, 4), []
    for enabled in (False, True):
        block.zero_grad()
        torch.manual_seed(7)
        checkpoint(block, x, enabled=enabled).sum().backward()
        grads.append([p.grad.clone() for p in block.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


def test_checkpoint_recomputes_only_where_gradients_are_kept():
    calls = []

    def run(x):
        calls.append(1)
        return x.sin()

    x = torch.ones(2, requires_grad=True)
    checkpoint(run, x, enabled=True).sum().backward()
    assert len(calls) == 2
    with torch.no_grad():
        checkpoint(run, x, enabled=True)
    assert len(calls) == 3
