"""The axis of beats: monotone, invertible, beats begin on red lines, whatever the lines are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mug.beatmap.timing_points import TimingPoint
from mug.clock import FrameClock
from mug.encoding.beat_axis import LINES, PSEUDO_BEAT_MS, BeatAxis
from mug.errors import DataError

CLOCK = FrameClock()

red_lines = st.lists(
    st.builds(
        TimingPoint,
        st.floats(-5000, 200_000),
        st.floats(60, 6000),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=30,
)


@given(red_lines, st.sampled_from([0.75, 1.0, 1.5]))
def test_time_and_beats_are_inverse_and_monotone(lines: list[TimingPoint], rate: float) -> None:
    axis = BeatAxis.of(lines, rate)
    times = np.linspace(-2000, 220_000, 3001)
    beats = axis.beats(times)
    assert (np.diff(beats) > 0).all()
    np.testing.assert_allclose(axis.times(beats), times, rtol=0, atol=1e-6)
    warped = axis.to_axis_ms(times, CLOCK)
    np.testing.assert_allclose(axis.to_real_ms(warped, CLOCK), times, rtol=0, atol=1e-6)


@example([TimingPoint(5e-324, 60.0)])
@given(red_lines)
def test_the_axis_begins_at_or_before_the_song(lines: list[TimingPoint]) -> None:
    axis = BeatAxis.of(lines)
    assert axis.knots[0] == 0
    assert axis.knots_ms[0] <= 0
    assert axis.beats(np.zeros(1))[0] >= 0
    assert axis.beat_in_bar(0, 1)[0] == 0


@given(red_lines)
def test_each_part_begins_a_bar_on_a_whole_beat(lines: list[TimingPoint]) -> None:
    axis = BeatAxis.of(lines)
    assert (axis.knots == np.rint(axis.knots)).all()
    for beat in axis.sections:
        assert axis.beat_in_bar(int(beat), 1)[0] == 0


def test_one_tempo_has_even_beats_before_and_behind_its_line() -> None:
    axis = BeatAxis.of([TimingPoint(1234.0, 400.0, 4)])
    assert axis.knots_ms[0] == 1234.0 - 1600.0
    np.testing.assert_allclose(axis.beat_ms(0, 50), 400.0)
    np.testing.assert_allclose(axis.beats(np.array([1234.0, 1634.0, 834.0])), [4, 5, 3])
    assert axis.beat_in_bar(0, 9).tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0]


@pytest.mark.parametrize(
    ("beat_ms", "folded"), [(1000.0, 500.0), (200.0, 400.0), (250.0, 500.0), (300.0, 300.0)]
)
def test_double_and_half_time_are_the_same_axis(beat_ms: float, folded: float) -> None:
    axis = BeatAxis.of([TimingPoint(0.0, beat_ms)])
    np.testing.assert_allclose(axis.beat_ms(0, 8), folded)


def test_a_cut_beat_keeps_its_frames_over_less_time() -> None:
    lines = [TimingPoint(0.0, 400.0), TimingPoint(1000.0, 300.0)]  # two and a half beats
    axis = BeatAxis.of(lines)
    np.testing.assert_allclose(axis.beat_ms(0, 5), [400, 400, 200, 300, 300])
    assert axis.beat_in_bar(0, 5).tolist() == [0, 1, 2, 0, 1]


def test_a_short_rest_joins_the_beat_before_it() -> None:
    lines = [TimingPoint(0.0, 400.0), TimingPoint(810.0, 300.0)]  # rest 1/40 beat
    np.testing.assert_allclose(BeatAxis.of(lines).beat_ms(0, 3), [400, 410, 300])


def test_lines_that_are_no_tempo_are_left_out() -> None:
    good = TimingPoint(100.0, 400.0)
    lines = [
        good,
        TimingPoint(5000.0, 59.0),
        TimingPoint(6000.0, 6001.0),
        TimingPoint(7000.0, math.nan),
        TimingPoint(math.inf, 400.0),
    ]
    axis = BeatAxis.of(lines)
    assert axis.left_out == 4
    np.testing.assert_allclose(axis.beat_ms(0, 40), 400.0)


def test_of_lines_at_the_same_time_the_last_rules() -> None:
    axis = BeatAxis.of([TimingPoint(0.0, 400.0), TimingPoint(1.0, 300.0)])
    np.testing.assert_allclose(axis.beat_ms(4, 8), 300.0)


def test_the_longest_tempo_rules_a_bar_of_many_changes() -> None:
    lines = [TimingPoint(100.0 * i, 400.0 + i) for i in range(10)] + [TimingPoint(1600.0, 320.0)]
    axis = BeatAxis.of(lines)
    assert axis.merged_bars == 1
    np.testing.assert_allclose(axis.times(np.array([4.0])), [1600.0], atol=40)
    assert len(axis.sections) == 2


@pytest.mark.parametrize("lines", [[], [TimingPoint(0.0, 10.0)]])
def test_without_a_beat_the_grid_is_a_pseudo_grid(lines: list[TimingPoint]) -> None:
    axis = BeatAxis.of(lines)
    assert not axis.known
    np.testing.assert_allclose(axis.beat_ms(0, 9), PSEUDO_BEAT_MS)


def test_a_rate_comes_before_folding() -> None:
    axis = BeatAxis.of([TimingPoint(0.0, 400.0)], rate=2.0)
    np.testing.assert_allclose(axis.beat_ms(0, 4), 400.0)  # 200 ms, folded
    with pytest.raises(DataError, match="0"):
        BeatAxis.of([TimingPoint(0.0, 400.0)], rate=0.0)


@pytest.mark.parametrize("divisor", [LINES, 16])
def test_lines_lie_well_inside_note_frames(divisor: int) -> None:
    axis = BeatAxis.of([TimingPoint(17.0, 317.3)])
    times = axis.line_times(0, 64, divisor)
    frames = axis.to_axis_ms(times, CLOCK) / CLOCK.note_frame_ms
    inside = np.minimum(frames % 1, 1 - frames % 1)
    assert inside.min() > 1 / 7  # a file's rounding to whole ms moves a note 1/80 frame


def test_beats_of_a_song_cover_it() -> None:
    axis = BeatAxis.of([TimingPoint(0.0, 500.0)])
    assert axis.count_beats(0.0) == 1
    assert axis.count_beats(10_000.0) == 21  # the last note may lie on the line at its end
    end = axis.to_axis_ms(np.array([10_000.0]), CLOCK)[0]
    assert end <= 21 * CLOCK.latent_frame_ms


def test_axes_are_equal_where_their_lines_are() -> None:
    one, other = (TimingPoint(0.0, 400.0), TimingPoint(0.0, 401.0))
    assert BeatAxis.of([one]).key == BeatAxis.of([one]).key
    assert BeatAxis.of([one]).key != BeatAxis.of([other]).key
