"""The optimiser and compiled networks: the same training, otherwise computed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_diffusion import LIGHTNING_ADVICE, batch, fit, small
from torch import nn

from mug.diffusion.optimizer import adamw

pytestmark = LIGHTNING_ADVICE


def weights_after(steps: int, *, fused: bool | None) -> torch.Tensor:
    torch.manual_seed(0)
    layer = nn.Linear(30, 20)
    groups = [
        {"params": [layer.weight], "weight_decay": 0.1},
        {"params": [layer.bias], "weight_decay": 0.0},
    ]
    optimizer = adamw(groups, 0.01, fused=fused)
    for step in range(steps):
        optimizer.zero_grad()
        layer(torch.full((3, 30), float(step))).square().mean().backward()
        optimizer.step()
    return torch.cat([layer.weight.detach().flatten(), layer.bias.detach()])


def test_fused_steps_are_the_plain_ones_but_for_rounding() -> None:
    plain = weights_after(20, fused=False)
    torch.testing.assert_close(weights_after(20, fused=True), plain, rtol=1e-4, atol=1e-6)
    assert torch.equal(weights_after(20, fused=None), weights_after(20, fused=True))


def test_a_fused_optimiser_is_the_default_and_can_be_switched_off() -> None:
    for given, expected in ((None, True), (True, True), (False, False)):
        model = small(fused=given)
        model.learning_rate = 0.01
        assert bool(model.configure_optimizers().defaults["fused"]) is expected


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gradients_are_clipped_before_a_fused_step(precision: str) -> None:
    model = small(allow_untrained_first_stage=True)
    model.learning_rate = 0.01
    optimizer, norms = model.configure_optimizers(), []

    def note(*_: object) -> None:
        gradients = [p.grad.norm() for p in model.parameters() if p.grad is not None]
        norms.append(float(torch.stack(gradients).norm()))

    optimizer.register_step_post_hook(note)
    model.configure_optimizers = lambda: optimizer
    fit(model, max_steps=2, precision=precision, gradient_clip_val=1e-3)
    assert len(norms) == 2
    assert max(norms) == pytest.approx(1e-3, rel=0.01)


def test_networks_are_compiled_when_asked_for_and_keep_their_names() -> None:
    """Not before the layers' lengths are bound; dynamo's own plain backend is enough here."""
    names = {}
    for backend in (None, "eager"):
        model = small(compile_backend=backend, allow_untrained_first_stage=True)
        model.on_train_batch_start(batch(), 0)
        parts = (model.model.unet_model, model.model.wave_model, model.model.first_stage_model)
        compiled = [part._compiled_call_impl is not None for part in parts]
        assert compiled == [backend is not None, backend is not None, False]
        names[backend] = model.state_dict().keys()
    assert names[None] == names["eager"]


_ALIKE = """
import sys
import torch
sys.path[:0] = sys.argv[1:]
from tiny_diffusion import batch, small
found, items = [], batch()
items["audio"] = items["audio"][..., :32]  # for an encoder of four levels: tracing takes long
for backend in (None, "aot_eager"):
    torch.manual_seed(0)
    model = small(4, compile_backend=backend, allow_untrained_first_stage=True)
    model.on_train_batch_start(items, 0)
    task = model.denoising
    target = task.encode(items)
    step, noise = task.draw(target, torch.Generator().manual_seed(1))
    loss = task.p_losses(target, task.condition_of(items), step, noise).total
    loss.backward()
    trained = [(name, p) for name, p in model.named_parameters() if p.grad is not None]
    found.append({name: p.grad for name, p in trained} | {"loss": loss.detach()})
plain, traced = found
assert plain.keys() == traced.keys()
assert any(".s4_model." in name for name in plain)
assert any(name.startswith("model.wave_model.") for name in plain)
for name, value in plain.items():
    torch.testing.assert_close(traced[name], value, rtol=1e-3, atol=1e-5, msg=name)
print(len(plain), "alike")
"""


def test_compiled_networks_train_alike(root: Path) -> None:
    """Traced forward and backward as for any backend, then run as they are: no compiler needed.

    In a process of its own, since the tests' checks of shapes can't be traced.
    """
    folders = [str(root / folder) for folder in (".", "tests/support", "tests/golden")]
    command = [sys.executable, "-c", _ALIKE, *folders]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "alike"
