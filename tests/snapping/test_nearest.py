"""Snapping: nearest, unbiased, without collisions, once and for all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.snapping.nearest import SnapGrid, snap_to_grid

RED = [TimingPoint(100.0, 400.0)]  # 150 bpm: eighths of a beat are 50 ms, sixths 66.7 ms


def times(result) -> list[float]:
    return [note.start_ms for note in result.hit_objects]


def test_nearest_line():
    notes = [Rice(0, t) for t in (101.0, 499.0, 705.0, 229.0, 161.0, 52.0)]
    got = snap_to_grid(notes, RED)
    want = [100, 500, 700, 100 + 400 / 3, 100 + 400 / 6, 50]
    np.testing.assert_allclose(times(got), want)
    assert got.unsnapped == ()


def test_exact_notes_stay_and_errors_cancel():
    lines = [100 + k * 400 / 4 for k in range(200)]
    exact = snap_to_grid([Rice(0, t) for t in lines], RED)
    np.testing.assert_allclose(times(exact), lines, atol=1e-9)
    rng = np.random.default_rng(3)
    noisy = snap_to_grid([Rice(0, t + rng.uniform(-10, 10)) for t in lines], RED, (1, 2, 4))
    np.testing.assert_allclose(times(noisy), lines, atol=1e-9)


def test_whole_milliseconds_are_not_pulled_one_way():
    beat = 60000 / 173.3
    lines = np.array([37.4 + k * beat / 4 for k in range(2000)])
    got = snap_to_grid([Rice(0, round(t)) for t in lines], [TimingPoint(37.4, beat)])
    assert np.abs(np.mean(np.array(times(got)) - lines)) < 1e-6


def test_both_ends_of_a_hold():
    (hold,) = snap_to_grid([LongNote(1, 103.0, 597.0, hitsound=2, sample="x")], RED).hit_objects
    assert hold == LongNote(1, 100.0, 600.0, hitsound=2, sample="x")


def test_a_short_hold_does_not_vanish():
    got = snap_to_grid([LongNote(1, 97.0, 104.0)], RED, (1,))
    (hold,) = got.hit_objects
    assert hold.end_ms > hold.start_ms
    assert got.unsnapped == (hold,)


def test_no_collisions_and_the_nearer_wins():
    got = snap_to_grid([Rice(0, 93.0), Rice(0, 105.0), Rice(1, 93.0)], RED, (1,))
    assert times(got) == [93.0, 100.0, 100.0]
    assert got.unsnapped == (Rice(0, 93.0),)
    got = snap_to_grid([LongNote(0, 100.0, 490.0), Rice(0, 495.0)], RED, (1,))
    assert got.hit_objects == (LongNote(0, 100.0, 490.0), Rice(0, 500.0))


def test_what_fits_nothing_is_kept_and_counted():
    got = snap_to_grid([Rice(0, 300.0), LongNote(1, 101.0, 290.0)], RED, (1,))
    assert got.hit_objects == (Rice(0, 300.0), LongNote(1, 100.0, 290.0))
    assert got.unsnapped == got.hit_objects


def test_each_red_line_rules_its_own_stretch():
    reds = [TimingPoint(1000.0, 300.0), TimingPoint(0.0, 400.0)]
    got = snap_to_grid([Rice(0, t) for t in (-395.0, 805.0, 995.0, 1295.0)], reds, (1,))
    assert times(got) == [-400, 800, 1000, 1300]


@pytest.mark.parametrize(
    ("reds", "divisors"),
    [
        ([], (1,)),
        (RED, ()),
        (RED, (0, 1)),
        ([TimingPoint(0.0, 0.0)], (1,)),
        ([TimingPoint(0.0, -5.0)], (1,)),
        ([TimingPoint(0.0, float("inf"))], (1,)),
        ([TimingPoint(float("nan"), 300.0)], (1,)),
    ],
)
def test_senseless_grids_are_refused(reds, divisors):
    with pytest.raises(DataError):
        snap_to_grid([Rice(0, 1.0)], reds, divisors)


moments = st.floats(-2000, 20000).map(lambda t: round(t, 3))
note_sets = st.lists(
    st.one_of(
        st.builds(Rice, st.integers(0, 3), moments),
        st.builds(
            lambda column, start, length: LongNote(column, start, round(start + length, 3)),
            st.integers(0, 3),
            moments,
            st.floats(0.01, 800),
        ),
    ),
    max_size=40,
)
red_sets = st.lists(st.builds(TimingPoint, moments, st.floats(150, 800)), min_size=1, max_size=3)
divisor_sets = st.lists(st.sampled_from([1, 2, 3, 4, 6, 8, 16]), min_size=1, max_size=4)


def overlaps(notes) -> int:
    """Pairs of neighbours in a column that meet."""
    count = 0
    for column in range(4):
        spans = sorted((n.start_ms, n.last_ms) for n in notes if n.column == column)
        count += sum(b[0] <= a[1] for a, b in itertools.pairwise(spans))
    return count


@settings(max_examples=150, deadline=None)
@given(note_sets, red_sets, divisor_sets, st.floats(0, 60))
def test_invariants(notes: list[HitObject], reds, divisors, tolerance):
    once = snap_to_grid(notes, reds, divisors, tolerance)
    assert snap_to_grid(once.hit_objects, reds, divisors, tolerance) == once
    assert len(once.hit_objects) == len(notes)
    assert overlaps(once.hit_objects) <= overlaps(notes)
    grid = SnapGrid(reds, divisors)
    for before, after in zip(notes, once.hit_objects, strict=True):
        assert (type(before), before.column) == (type(after), after.column)
        assert after.last_ms > after.start_ms or isinstance(after, Rice)
        for old, new in ((before.start_ms, after.start_ms), (before.last_ms, after.last_ms)):
            assert abs(new - old) <= tolerance
            on_line = abs(grid.nearest(new) - new) < 1e-5
            assert on_line or (new == old and after in once.unsnapped)
