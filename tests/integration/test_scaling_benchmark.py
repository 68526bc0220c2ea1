"""The benchmark that says what a training step grows with."""

from __future__ import annotations

import pytest
import torch

from benchmarks.scaling import POINTS, exponent, random_batch, step_module, table


def test_exponent_of_a_power():
    assert exponent({n: 3.0 * n**1.5 for n in (2, 4, 16)}) == pytest.approx(1.5)


def test_table_has_a_row_for_each_size_and_the_exponents():
    rows = {size: {"processor": 0.25 * size, "mib": 7.0} for size in (2, 4)}
    lines = table("batch", {"processor": "CPU s", "mib": "MiB"}, rows).splitlines()[2:]
    assert lines[0] == "| batch (width 64, frames 8192) | CPU s | MiB |"
    assert lines[2:] == ["| 2 | 0.5 | 7 |", "| 4 | 1 | 7 |", "| exponent | 1.00 | 0.00 |"]


@pytest.mark.parametrize("width", POINTS["width"])
def test_every_width_fits_the_audio_to_the_unet(width):
    with torch.device("meta"):
        module = step_module(width)
    unet, wave = module.model.unet_model, module.model.wave_model
    audio = torch.zeros(1, 128, 4096, device="meta")
    with torch.no_grad():
        levels = wave(audio)[-len(unet.audio_channels) :]
    assert tuple(level.shape[1] for level in levels) == unet.audio_channels
    assert unet.model_channels == width


def test_batch_has_the_shapes_of_the_data():
    batch = random_batch(4096, 3)
    assert {name: tuple(value.shape) for name, value in batch.items()} == {
        "note": (3, 16, 512),
        "valid": (3, 512),
        "audio": (3, 128, 4096),
        "feature": (3, 21),
    }
