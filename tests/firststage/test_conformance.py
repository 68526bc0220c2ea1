"""Conformance suite of the first stages: it runs over the registry.

A first stage has `encode` (a posterior with `mode`, `sample` and `kl`), `decode`, and
`downsampling`: the notes' frames of a latent frame.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from mug.firststage.registry import FIRST_STAGES
from mug.pipeline.model.inference_classes import for_inference
from mug.protocols import FirstStage
from mug.util import instantiate_from_config

every_first_stage = pytest.mark.parametrize("name", FIRST_STAGES)
CHANNELS = 16


def made(name: str) -> Any:
    torch.manual_seed(0)
    return instantiate_from_config(for_inference(copy.deepcopy(FIRST_STAGES[name]))).eval()


def notes(first_stage: Any, batch: int = 3, latent_frames: int = 8) -> Tensor:
    shape = (batch, CHANNELS, latent_frames * first_stage.downsampling)
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


@every_first_stage
@pytest.mark.parametrize("latent_frames", [1, 8, 13])
def test_encodes_and_decodes_any_length(name: str, latent_frames: int) -> None:
    first_stage = made(name)
    assert isinstance(first_stage, FirstStage)
    x = notes(first_stage, latent_frames=latent_frames)
    z = first_stage.encode(x).mode()
    assert z.shape[0] == 3
    assert z.shape[2] == latent_frames
    logits = first_stage.decode(z)
    assert logits.shape == x.shape
    assert logits.isfinite().all()


@every_first_stage
def test_the_mode_is_one_and_samples_follow_their_generator(name: str) -> None:
    first_stage = made(name)
    posterior = first_stage.encode(notes(first_stage))
    assert torch.equal(posterior.mode(), first_stage.encode(notes(first_stage)).mode())
    one, same, other = (posterior.sample(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert posterior.kl() >= 0


@every_first_stage
def test_an_item_does_not_depend_on_its_neighbours(name: str) -> None:
    first_stage = made(name)
    x = notes(first_stage)
    together = first_stage.decode(first_stage.encode(x).mode())
    alone = first_stage.decode(first_stage.encode(x[1:2]).mode())
    torch.testing.assert_close(alone, together[1:2], rtol=1e-4, atol=1e-4)


@every_first_stage
def test_weights_are_all_that_it_knows(name: str) -> None:
    first_stage, other = made(name), made(name)
    for parameter in other.parameters():
        torch.nn.init.normal_(parameter)
    other.load_state_dict(first_stage.state_dict(), strict=True)
    x = notes(first_stage)
    assert torch.equal(first_stage.encode(x).mode(), other.encode(x).mode())


@every_first_stage
def test_trains_under_the_trainer(name: str) -> None:
    import pytorch_lightning as pl

    first_stage = instantiate_from_config(copy.deepcopy(FIRST_STAGES[name]))
    assert isinstance(first_stage, pl.LightningModule)
    x = notes(first_stage)
    first_stage.decode(first_stage.encode(x).mode()).square().mean().backward()
    assert all(p.grad is not None for p in first_stage.parameters())
