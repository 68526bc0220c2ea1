"""Conformance suite of the denoisers: it runs over the registry.

A denoiser is called as `network(x_t, step, context, *audio)`: noisy latents `[b, in_channels, t]`,
time steps `[b]`, features `[b, context_dim, k]` and one audio level `[b, c, t / 2^i]` for each of
`audio_channels`; it gives `[b, out_channels, t]`.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mug.diffusion.latent_diffusion import LatentDiffusion
from mug.diffusion.parts.options import LatentOptions
from mug.diffusion.registry import DENOISERS
from mug.diffusion.samplers.registry import make_sampler
from mug.firststage.registry import FIRST_STAGES
from mug.model.speed.precision import lowered
from mug.pipeline.model.inference_classes import for_inference
from mug.protocols import Condition
from mug.util import instantiate_from_config

every_denoiser = pytest.mark.parametrize("name", DENOISERS)


def network(name: str, seed: int = 0) -> nn.Module:
    """Every weight is drawn: layers that begin at zero would hide that they hear nothing."""
    made: nn.Module = instantiate_from_config(DENOISERS[name])
    return drawn(made, seed)


def drawn(made: nn.Module, seed: int = 0) -> nn.Module:
    made.eval().requires_grad_(requires_grad=False)
    generator = torch.Generator().manual_seed(seed)
    for key, parameter in made.named_parameters():
        if "kernel" not in key:
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return made


def arguments(name: str, frames: int, batch: int, seed: int = 0) -> list[Any]:
    params, generator = DENOISERS[name]["params"], torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    dim = params.get("context_dim")
    return [
        normal(batch, params["in_channels"], frames),
        torch.arange(batch) * 300 + 20,
        None if dim is None else normal(batch, dim, 5),
        *(
            normal(batch, channels, frames >> level)
            for level, channels in enumerate(params.get("audio_channels", ()))
        ),
    ]


@every_denoiser
@pytest.mark.parametrize(("frames", "batch"), [(16, 1), (16, 3), (40, 2)])
def test_gives_as_many_frames_as_it_gets(name: str, frames: int, batch: int) -> None:
    out = network(name)(*arguments(name, frames, batch))
    assert out.shape == (batch, DENOISERS[name]["params"]["out_channels"], frames)
    assert out.dtype == torch.float32
    assert out.isfinite().all()


@every_denoiser
def test_hears_everything_that_it_is_told(name: str) -> None:
    made, given = network(name), arguments(name, 16, 2)
    out = made(*given)
    for index, value in enumerate(given):
        if value is None:
            continue
        other = (value + 400) % 1000 if index == 1 else value.flip(1) + 1
        changed = made(*given[:index], other, *given[index + 1 :])
        assert not torch.allclose(changed, out, atol=1e-4), index


@every_denoiser
def test_an_item_does_not_depend_on_its_neighbours(name: str) -> None:
    made, given = network(name), arguments(name, 16, 3)
    together = made(*given)
    for row in range(3):
        alone = made(*(None if x is None else x[row : row + 1] for x in given))
        torch.testing.assert_close(alone, together[row : row + 1], rtol=2e-4, atol=2e-4)


@every_denoiser
def test_learns(name: str) -> None:
    made = network(name).requires_grad_().train()
    made(*arguments(name, 16, 2)).square().mean().backward()
    deaf = [key for key, p in made.named_parameters() if p.grad is None]
    assert deaf == []


@every_denoiser
def test_weights_are_all_that_it_knows(name: str) -> None:
    made, other = network(name, 0), network(name, 1)
    given = arguments(name, 16, 2)
    assert not torch.equal(made(*given), other(*given))
    other.load_state_dict(made.state_dict(), strict=True)
    assert torch.equal(made(*given), other(*given))


def diffusion(name: str) -> LatentDiffusion:
    """A model of this denoiser, without encoders: conditions are given."""
    z = DENOISERS[name]["params"]["in_channels"]
    first_stage = for_inference(FIRST_STAGES["autoencoder_kl"])
    first_stage["params"]["ddconfig"]["z_channels"] = z
    made = LatentDiffusion(
        unet_config=DENOISERS[name],
        first_stage_config=first_stage,
        cond_stage_config=None,
        wave_stage_config=None,
        latent=LatentOptions(z_channels=z),
    )
    drawn(made)
    return made


@every_denoiser
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_generates_with_a_plan_and_without(name: str, precision: torch.dtype) -> None:
    """Where a network has no prepared form, or layers of it have none, they are called as is."""
    model = diffusion(name)
    lowered(model.model.unet_model, precision)
    x_T, _, context, *audio = arguments(name, 16, 2)
    condition = Condition(context, audio)
    with torch.inference_mode():
        found = [
            make_sampler("ddim").sample(
                model.generation.denoiser(condition, plan), x_T, model.schedule, steps=3
            )
            for plan in (model.generation.plan(16), None)
        ]
    assert found[0].shape == x_T.shape
    assert found[0].dtype == torch.float32
    assert found[0].isfinite().all()
    error = (found[0] - found[1]).pow(2).mean().sqrt() / found[1].std()
    assert error < (1e-4 if precision is torch.float32 else 0.05)
