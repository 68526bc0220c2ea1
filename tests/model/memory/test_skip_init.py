"""Networks without memory for their weights."""

from __future__ import annotations

import subprocess
import sys

import torch
from repository import ROOT
from torch import nn

from mug.model.memory.skip_init import SkipInit


class Parts(nn.Module):
    """One of each kind of layer, and a buffer that no file holds."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(2, 3, 3)
        self.normalisation = nn.GroupNorm(1, 3)
        self.recurrent = nn.LSTM(3, 2)
        self.embedding = nn.Embedding(5, 2)
        self.drawn = nn.Parameter(torch.randn(2, 2) * 0.5)
        self.register_buffer("table", torch.arange(4.0).cumsum(0), persistent=False)


def test_layers_hold_no_weights_until_they_are_loaded() -> None:
    torch.manual_seed(0)
    full = Parts()
    state = torch.get_rng_state()
    with SkipInit():
        empty = Parts()
    layers = (empty.convolution, empty.normalisation, empty.recurrent, empty.embedding)
    assert all(p.is_meta for layer in layers for p in layer.parameters())
    empty.load_state_dict(full.state_dict(), assign=True)
    assert not any(p.is_meta for p in empty.parameters())
    assert torch.equal(empty.convolution.weight, full.convolution.weight)
    assert not torch.equal(state, torch.get_rng_state()), "what is no layer is still drawn"


def test_buffers_are_computed() -> None:
    with SkipInit():
        empty = Parts()
    assert empty.table.tolist() == [0.0, 1.0, 3.0, 6.0]


def test_what_is_made_elsewhere_stays_there() -> None:
    with SkipInit():
        assert torch.empty(2).is_meta
        assert not torch.empty(2, device="cpu").is_meta
        assert not torch.zeros(2).is_meta
    assert not torch.empty(2).is_meta


def test_the_full_model_is_built_without_torchs_compiler() -> None:
    code = """
import sys
from mug.config import load_config
from mug.model.memory.skip_init import SkipInit
from mug.pipeline.model.checkpoint import build_model
config = load_config(['configs/mug/mug_diffusion.yaml'], check=False)
with SkipInit():
    model = build_model(config, published=False)
held = sum(p.numel() for p in model.parameters() if not p.is_meta)
print(sum(p.numel() for p in model.parameters()), held)
print([m for m in ('torch._dynamo', 'sympy', 'pytorch_lightning') if m in sys.modules])"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    numbers, loaded = done.stdout.splitlines()
    total, held = map(int, numbers.split())
    assert total > 150e6
    assert held < 2e6  # state-space systems, which are computed from formulas
    assert loaded == "[]"
