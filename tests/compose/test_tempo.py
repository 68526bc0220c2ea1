"""Beats to milliseconds: analytic truths."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mug.compose.tempo import METRES, TICKS, SongTempo
from mug.errors import DataError


def test_steady_tempo_places_beats_by_hand():
    tempo = SongTempo.build(250.0, [(0, 120.0)])
    assert [tempo.ms(b) for b in (0.0, 1.0, 2.5, 4.0)] == [250.0, 750.0, 1500.0, 2250.0]


def test_tempo_change_begins_at_its_beat():
    tempo = SongTempo.build(100.0, [(0, 120.0), (4, 60.0)])
    assert tempo.segments[1].time_ms == 2100.0
    assert [tempo.ms(b) for b in (3.5, 4.0, 5.0)] == [1850.0, 2100.0, 3100.0]
    assert tempo.shortest_beat_ms == 500.0


def test_triplet_swing_moves_the_off_beat_and_no_beat():
    tempo = SongTempo.build(0.0, [(0, 60.0)], swing=2 / 3)
    assert tempo.ms(3.0) == 3000.0
    assert tempo.ms(3.5) == pytest.approx(3000 + 2000 / 3)
    assert tempo.ms(3.25) == pytest.approx(3000 + 1000 / 3)
    assert tempo.ms(3.75) == pytest.approx(3000 + 2500 / 3)


@given(
    st.floats(0, 3000),
    st.floats(40, 320),
    st.floats(40, 320),
    st.floats(0.5, 0.75),
    st.integers(1, 200),
)
def test_time_always_rises_and_no_step_is_shorter_than_said(offset, first, second, swing, change):
    tempo = SongTempo.build(offset, [(0, first), (change, second)], swing)
    ticks = range(max(0, change - 2) * TICKS, (change + 2) * TICKS)
    for step in (2, 3, 4, 6, 12):
        times = [tempo.tick_ms(t) for t in ticks if t % step == 0]
        gaps = [b - a for a, b in pairwise(times)]
        if step in (3, 6, 12):  # thirds of a beat are not swung
            assert min(gaps) >= tempo.shortest_step_ms(step) - 1e-6
        assert min(gaps) > 0


def test_metres_fill_their_bars():
    for metre in METRES.values():
        assert metre.bar % metre.half == 0
        assert metre.half == 2 * metre.quarter
        assert metre.compound == (metre.name == "6/8")


def test_a_map_must_begin_at_beat_zero():
    with pytest.raises(DataError, match="begins at beat 0"):
        SongTempo.build(0.0, [(4, 120.0)])
