"""The beat encoder: adds nothing while new, and nothing where the timing is unknown."""

from __future__ import annotations

import pytest
import torch

from mug.cond.beat import BeatEncoder
from mug.encoding.beat_condition import CHANNELS, KNOWN
from mug.errors import ConfigError


def awake(seed: int = 0) -> BeatEncoder:
    """An encoder whose last layer is no longer zero."""
    torch.manual_seed(seed)
    encoder = BeatEncoder(6, downsampling=4)
    with torch.no_grad():
        encoder.conv_out.weight.normal_()
        encoder.conv_out.bias.normal_()
    return encoder


def beat(frames: int = 32) -> torch.Tensor:
    found = torch.randn(2, CHANNELS, frames, generator=torch.Generator().manual_seed(1))
    found[:, KNOWN] = 1
    return found


def test_a_new_encoder_gives_zero_on_the_latent_grid() -> None:
    out = BeatEncoder(6, downsampling=4)(beat())
    assert out.shape == (2, 6, 8)
    assert not out.any()


def test_the_last_of_its_channels_is_whether_the_timing_is_known() -> None:
    assert KNOWN == CHANNELS - 1
    assert awake().conv_in.in_channels == CHANNELS


def test_latent_frames_without_a_known_timing_get_zero() -> None:
    given = beat()
    given[0, :, 8:] = 0  # latent frames 2 and on
    given[1] = 0
    out = awake()(given)
    assert (out[0, :, :2] != 0).all()
    assert not out[0, :, 2:].any()
    assert not out[1].any()


def test_it_learns_from_the_first_step() -> None:
    encoder = BeatEncoder(6, downsampling=4)
    encoder(beat()).sum().backward()
    grad = encoder.conv_out.weight.grad
    assert grad is not None
    assert grad.abs().sum() > 0


@pytest.mark.parametrize("wrong", [{"out_channels": 0}, {"downsampling": 0}])
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        BeatEncoder(**{"out_channels": 6, "downsampling": 4, **wrong})
