"""The option beat_condition: nothing changes without, nothing at first, and then it is heard."""

from __future__ import annotations

import pytest
import torch
from tiny_probes import audible_batch, debug_model, probed
from torch import Tensor, nn

from mug.diffusion.diffusion import DDPM
from mug.encoding.beat_condition import CHANNELS, KNOWN
from mug.errors import ConfigError


def beat_batch() -> dict[str, object]:
    batch = audible_batch(0)
    beat = torch.randn(4, CHANNELS, 64, generator=torch.Generator().manual_seed(0))
    beat[:, KNOWN] = 1
    return {**batch, "beat": beat}


class Adding(nn.Module):
    """Answers its input and what it is told at the finest level."""

    def forward(self, x: Tensor, step: Tensor, context: Tensor, *audio: Tensor) -> Tensor:
        return x + audio[0].mean(1, keepdim=True)


def wake(model: DDPM) -> None:
    with torch.no_grad():
        model.model.beat_model.conv_out.weight.fill_(0.5)


def test_a_new_model_with_the_option_is_the_model_without() -> None:
    plain, conditioned = debug_model(), debug_model(beat_condition=True)
    ours, theirs = conditioned.state_dict(), plain.state_dict()
    added = ours.keys() - theirs.keys()
    assert added
    assert all(name.startswith("model.beat_model.") for name in added)
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    batch = beat_batch()
    levels = [model.denoising.condition_of(batch).audio for model in (plain, conditioned)]
    assert all(torch.equal(a, b) for a, b in zip(*levels, strict=True))


def test_the_beat_is_added_to_the_finest_level_alone() -> None:
    model, batch = debug_model(beat_condition=True), beat_batch()
    wake(model)
    conditioned = model.denoising.condition_of(batch).audio
    unknown = model.generation.conditions(batch["audio"], None).audio
    zeros = model.generation.conditions(batch["audio"], None, torch.zeros_like(batch["beat"])).audio
    assert not torch.equal(conditioned[0], unknown[0])
    assert torch.equal(conditioned[1], unknown[1])
    assert all(torch.equal(a, b) for a, b in zip(unknown, zeros, strict=True))


def test_the_gain_of_the_beat_is_probed_where_the_beat_is_given() -> None:
    model = debug_model(Adding(), beat_condition=True)
    found = probed(model, beat_batch())
    assert [found.gain("beat", tenth) for tenth in found.tenths] == [(0, 0)] * 10
    wake(model)
    found = probed(model, beat_batch())
    assert all(found.gain("beat", tenth)[0] != 0 for tenth in found.tenths)
    assert "beat" not in probed(debug_model(Adding()), beat_batch()).samples


def test_a_dataset_that_tells_no_beat_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"common_params\.beat\.condition=true"):
        debug_model(beat_condition=True).denoising.condition_of(audible_batch(0))


@pytest.mark.parametrize("change", [{"wave_stage_config": None}, {"audio_channels": [0, 32]}])
def test_a_model_without_audio_at_its_finest_level_is_refused(change: dict[str, object]) -> None:
    from mug.config import load_config
    from mug.pipeline.model.checkpoint import build_model

    config = load_config(["configs/debug/diffusion.yaml"], ["model.params.beat_condition=true"])
    params = config["model"]["params"]
    if "audio_channels" in change:
        params["unet_config"]["params"].update(change)
    else:
        params.update(change)
    with pytest.raises(ConfigError, match="beat_condition needs audio"):
        build_model(config, published=False)
