"""Beats on the note grid."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from repository import GOLDEN, load_golden

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.clock import FrameClock
from mug.reference.beats import folded_bpm, timing_to_array

META, _ = load_golden("convertor")
CASES = [name for name, case in META["cases"].items() if "timing_to_array" in case]
CLOCK = FrameClock()


@pytest.mark.parametrize("name", CASES)
def test_equals_the_recording_where_that_is_finite(name: str) -> None:
    case = META["cases"][name]
    recorded, rate = case["timing_to_array"], case["params"].get("rate", 1.0)
    chart = osu.read(GOLDEN / "osu" / f"{name.split('/')[0]}.osu", strict=False)
    array, has_sv = timing_to_array(chart.timing, CLOCK, 4096, rate=rate, follow_scroll=True)
    if "error" in recorded:  # the original never returned
        assert array.shape == (4096, 2)
        assert array[:, 0].sum() > 500
        return
    assert list(array.shape) == recorded["shape"]
    assert has_sv == recorded["has_sv"]
    assert array[:, 0].sum() == recorded["beats"]
    assert list(np.flatnonzero(array[:, 0])[:20]) == recorded["first_idx"]
    # The recording's times were cut to whole milliseconds on the way; ours are exact.
    beats = recorded["beats"]
    assert array[:, 1].sum() / beats == pytest.approx(recorded["offset_sum"] / beats, abs=0.003)


def test_offsets_say_where_in_the_frame() -> None:
    array, _ = timing_to_array([TimingPoint(123.4, 400)], CLOCK, 200, rate=1.25)
    frames = np.flatnonzero(array[:, 0])
    times = (frames + array[frames, 1]) * CLOCK.note_frame_ms
    np.testing.assert_allclose(times, (123.4 + 200 * np.arange(len(times))) / 1.25, atol=1e-3)


def test_green_lines_are_no_tempo_unless_asked() -> None:
    timing = [ScrollPoint(0, 2.0), TimingPoint(0, 400), ScrollPoint(1000, 0.8)]
    plain, _ = timing_to_array(timing, CLOCK, 100)
    red, _ = timing_to_array([TimingPoint(0, 400)], CLOCK, 100)
    np.testing.assert_array_equal(plain, red)
    assert np.flatnonzero(red[:, 0])[:4].tolist() == [
        int(k * 200 / CLOCK.note_frame_ms) for k in range(4)
    ]


def test_beats_before_the_song_are_left_out() -> None:
    array, _ = timing_to_array([TimingPoint(-1e6, 400)], CLOCK, 100)
    assert np.flatnonzero(array[:, 0])[:2].tolist() == [0, 4]
    assert array[0, 1] == pytest.approx(0, abs=1e-6)


@given(st.floats(1e-200, 1e200) | st.floats(-9, 0) | st.just(math.inf))
def test_folding_stays_in_its_octave(bpm: float) -> None:
    folded = folded_bpm(bpm)
    if not (bpm > 0 and math.isfinite(bpm)):
        assert folded == 0
    else:
        assert 150 <= folded < 300
        assert math.log2(folded / bpm) == pytest.approx(round(math.log2(folded / bpm)), abs=1e-9)


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e4, 1e4)), max_size=6),
    st.floats(0.5, 2),
)
def test_always_ends(points: list[tuple[float, float]], rate: float) -> None:
    timing = [TimingPoint(time, beat) for time, beat in points]
    array, has_sv = timing_to_array(timing, CLOCK, 64, rate=rate)
    assert np.isfinite(array).all()
    assert not has_sv
