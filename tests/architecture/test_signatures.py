"""Signatures of `mug` are checked in tests: types everywhere, shapes where they are written."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import TypeCheckError

from mug.beatmap.beat_lines import BeatLines
from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.model.attention import FeedForward
from mug.model.modules import Downsample
from mug.pipeline.request import GenerationRequest
from mug.util import nearest


def test_an_argument_of_another_type_is_refused() -> None:
    assert "ddim" in nearest("ddim", ["ddim", "plms"])
    with pytest.raises(BeartypeCallHintViolation, match="name"):
        nearest(7, ["7"])


def test_a_field_of_another_type_is_refused() -> None:
    assert Rice(0, 7).start_ms == 7  # an int passes for a float
    with pytest.raises(BeartypeCallHintViolation, match="start_ms"):
        Rice(0, "7")
    with pytest.raises(BeartypeCallHintViolation, match="column"):
        dataclasses.replace(Rice(0, 7.0), column="left")


def test_a_field_with_a_default_factory_is_checked_too(song) -> None:
    assert GenerationRequest(audio=song).prompt == {}
    with pytest.raises(BeartypeCallHintViolation, match="prompt"):
        GenerationRequest(audio=song, prompt=[("sr", 3.0)])


def test_an_array_of_another_shape_or_kind_is_refused() -> None:
    down = Downsample(4)
    assert down(torch.zeros(2, 4, 8)).shape == (2, 4, 4)
    with pytest.raises(TypeCheckError, match="forward"):
        down(torch.zeros(4, 8))
    with pytest.raises(TypeCheckError, match="forward"):
        down(torch.zeros(2, 4, 8, dtype=torch.int64))


def test_axes_of_one_name_have_one_size() -> None:
    """Arguments and result of a call belong together: the hook keeps their sizes."""
    layer = FeedForward(6)
    assert layer(torch.zeros(2, 3, 6)).shape == (2, 3, 6)
    layer.net = torch.nn.Linear(6, 5)
    with pytest.raises(TypeCheckError, match="return value"):
        layer(torch.zeros(2, 3, 6))


def test_an_alias_of_an_array_is_an_array() -> None:
    lines = BeatLines([TimingPoint(0.0, 500.0)])
    assert lines.section(np.array([0.0, 700.0])).shape == (2,)
    with pytest.raises(TypeCheckError, match="section"):
        lines.section(np.zeros((2, 2)))
