"""Line channels: what sounds at a line is seen at that line, by group; nothing beyond the song."""

from __future__ import annotations

import numpy as np
import pytest

from mug.audio.flux import CURVES, GROUPS, HOP_MS, SAMPLE_RATE, flux_curves
from mug.beatmap.timing_points import TimingPoint
from mug.encoding.beat_axis import LINES, BeatAxis
from mug.encoding.line_channels import (
    POSITION,
    SOUND,
    USUAL_BEAT_MS,
    line_channels,
    position_channels,
)

BEAT_MS = 400.0
PEAK, MEAN, AFTER, RISE, BROAD = (
    slice(0, GROUPS),
    slice(GROUPS, 2 * GROUPS),
    slice(2 * GROUPS, 3 * GROUPS),
    slice(3 * GROUPS, 4 * GROUPS),
    slice(4 * GROUPS, SOUND),
)


def axis(*lines: tuple[float, float, int]) -> BeatAxis:
    return BeatAxis.of([TimingPoint(*line) for line in lines or ((130.0, BEAT_MS, 4),)])


@pytest.fixture(scope="module")
def curves() -> np.ndarray:
    """Noise bursts of 20 ms on beats 5 and 7 and on the 4th line of beat 8."""
    wave = np.zeros(6 * SAMPLE_RATE, np.float32)
    rng = np.random.default_rng(0)
    for place in (5, 7, 8 + 4 / LINES):
        first = round((130.0 + (place - 4) * BEAT_MS) * SAMPLE_RATE / 1000)
        wave[first : first + 441] = rng.standard_normal(441)
    return flux_curves(wave)


def test_an_onset_is_strongest_at_its_own_line(curves):
    found = line_channels(curves, axis((130.0, BEAT_MS, 4)), 0, 12).reshape(-1, SOUND)
    for line in (5 * LINES, 8 * LINES + 4):
        for part in (MEAN, RISE, BROAD):
            around = found[line - 6 : line + 7, part].sum(axis=1)
            assert int(around.argmax()) == 6
        assert (found[line, PEAK] > 1).all()
        assert (found[line, AFTER] > found[line - 2, AFTER]).all()


def test_values_are_those_of_the_definition(curves):
    beats = axis((130.0, BEAT_MS, 4))
    found = line_channels(curves, beats, 2, 4).reshape(-1, SOUND)
    line = 3 * LINES + 1
    at = round(float(beats.line_times(2, 4)[line]) / HOP_MS)
    plain = curves.astype(np.float32)

    def near(first: int, last: int) -> np.ndarray:
        return plain[at + first : at + last + 1]

    want = np.concatenate(
        [
            np.log1p(near(-5, 7)[:, :8].max(axis=0)),
            np.log1p(near(-1, 3)[:, :8].mean(axis=0)),
            near(0, 12)[:, 8:16].mean(axis=0),
            near(0, 12)[:, 8:16].mean(axis=0) - near(-16, -3)[:, 8:16].mean(axis=0),
            np.log1p([near(-5, 5)[:, 16].max(), near(-2, 2)[:, 16].max()]),
        ]
    )
    np.testing.assert_allclose(found[line], want, rtol=1e-5, atol=1e-6)


def test_zero_beyond_the_song(curves):
    beats = axis((130.0, BEAT_MS, 4))
    found = line_channels(curves, beats, -4, 30).reshape(-1, SOUND)
    times = beats.line_times(-4, 30)
    outside = (times < 0) | (times >= len(curves) * HOP_MS)
    assert outside.sum() > 100
    assert not found[outside].any()
    assert found[~outside].any(axis=1).all()
    assert not line_channels(curves, beats, 1000, 2).any()


def test_a_part_has_the_values_of_the_whole(curves):
    beats = axis((130.0, BEAT_MS, 4), (1777.0, 333.0, 3))
    whole = line_channels(curves, beats, 0, 14)
    for first, count in ((0, 3), (5, 1), (9, 5)):
        part = line_channels(curves, beats, first, count)
        np.testing.assert_array_equal(part, whole[first : first + count])


def test_a_song_of_one_frame_and_no_beats():
    assert line_channels(np.ones((1, CURVES), np.float16), axis(), 0, 2).shape == (2, LINES, SOUND)
    assert line_channels(np.ones((9, CURVES), np.float16), axis(), 0, 0).shape == (0, LINES, SOUND)


def test_position_says_the_beat_in_the_bar_and_its_length():
    found = position_channels(axis((0.0, BEAT_MS, 3), (6 * BEAT_MS, 300.0, 4)), 0, 12)
    assert found.shape == (12, POSITION)
    assert found.dtype == np.float32
    assert found[:, :4].argmax(axis=1).tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 0, 1]
    assert (found[:, :4].sum(axis=1) == 1).all()
    lengths = np.repeat([BEAT_MS, 300.0], 6)
    np.testing.assert_allclose(found[:, 4], np.log(lengths / USUAL_BEAT_MS), atol=1e-6)


def test_a_bar_of_seven_keeps_to_four_places():
    places = position_channels(axis((0.0, BEAT_MS, 7)), 0, 8)[:, :4].argmax(axis=1)
    assert places.tolist() == [0, 1, 2, 3, 3, 3, 3, 0]
