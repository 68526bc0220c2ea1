"""Lines and voices: where lines lie, what divisors cost, what jitter is found."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.snapping.lines import BeatLines, Permitted, line_table, sorted_red_lines, voice
from mug.snapping.options import DIVISORS
from mug.snapping.rows import evidence_of, make_rows
from mug.snapping.voices import Voices, line_cost

LINES = BeatLines([TimingPoint(1000.3, 333.3), TimingPoint(100.0, 480.0, meter=3)])
NOBODY = np.zeros(0)


def test_voices_are_odd_parts():
    assert [voice(d) for d in (1, 2, 4, 8, 16)] == [1] * 5
    assert [voice(d) for d in (3, 6, 12, 24)] == [3] * 4
    assert [voice(d) for d in (5, 7, 10)] == [5, 7, 5]


@pytest.mark.parametrize("ladder", [(1, 2, 4, 8, 16), (3, 6, 12), (1, 3), (5, 10)])
def test_finer_lines_are_rarer(ladder):
    assert all(line_cost(a) < line_cost(b) for a, b in itertools.pairwise(ladder))
    assert line_cost(1) == 0


def test_a_line_is_the_same_number_for_every_divisor_that_has_it():
    times = np.linspace(-900, 4000, 2001)
    for coarse, fine in ((1, 2), (2, 4), (3, 6), (4, 16), (6, 12)):
        at, _ = LINES.nearest(times, coarse)
        again, distance = LINES.nearest(at, fine)
        np.testing.assert_array_equal(again, at)
        np.testing.assert_allclose(distance, 0, atol=1e-9)


def test_nearest_is_nearest():
    times = np.array([100.0, 219.0, 225.0, -141.0, 999.0, 1001.0, 1166.0])
    at, distance = LINES.nearest(times, 2)
    # 820 + 240 would lie after the second red line, which is a line itself.
    np.testing.assert_allclose(at, [100, 100, 340, -140, 1000.3, 1000.3, 1166.95])
    np.testing.assert_allclose(at - times, distance, atol=1e-9)


def test_lines_on_both_sides():
    assert LINES.around(500.0, [4, 1]) == ([460.0, 100.0], [580.0, 580.0])
    assert LINES.around(460.0, [4]) == ([460.0], [460.0])


def test_beats_and_sections():
    times = np.array([-1.0, 100.0, 579.9, 580.0, 1000.3, 1333.7])
    np.testing.assert_array_equal(LINES.section(times), [0, 0, 0, 0, 1, 1])
    np.testing.assert_array_equal(LINES.beat(times), [-1, 0, 0, 1, 0, 1])


def test_divisors_that_are_not_allowed_are_infinitely_far():
    table = line_table(LINES, Permitted(((1, 3), (1, 2))), np.array([260.0, 1166.95]))
    assert table.states == (1, 2, 3)
    np.testing.assert_allclose(table.distance_ms[0], [-160.0, np.inf, 0.0], atol=1e-9)
    np.testing.assert_allclose(table.nearest_ms, [0.0, 0.0], atol=1e-9)
    assert not np.isfinite(table.distance_ms[1, 2])


@pytest.mark.parametrize("beat_ms", [0.0, -1.0, float("nan"), float("inf")])
def test_senseless_red_lines_are_refused(beat_ms):
    with pytest.raises(DataError):
        sorted_red_lines([TimingPoint(0.0, beat_ms)])
    with pytest.raises(DataError):
        sorted_red_lines([])


def test_rows_hold_a_column_once():
    rows = make_rows(range(5), [10.0, 0.0, 4.0, 9.0, 30.0], [0, 1, 2, 2, 3], 10.0)
    assert rows.members == ((1, 2), (3, 0), (4,))
    np.testing.assert_allclose(rows.times_ms, [2.0, 9.5, 30.0])
    np.testing.assert_allclose(rows.weights, np.sqrt([2, 2, 1]))
    evidence = evidence_of(rows, [0, 1, 2, 2, 3], NOBODY)
    np.testing.assert_array_equal(evidence.pairs, [[0, 1]])


def voices_of(times, columns=None) -> Voices:
    columns = [k % 4 for k in range(len(times))] if columns is None else columns
    rows = make_rows(range(len(times)), list(times), columns, 0.0)
    return Voices(
        BeatLines([TimingPoint(0.0, 480.0)]),
        Permitted((DIVISORS,)),
        evidence_of(rows, columns, NOBODY),
    )


@pytest.mark.parametrize("divisor", DIVISORS)
def test_exact_beats_take_the_coarsest_divisor_that_has_them(divisor):
    times = np.arange(10 * divisor) * 480.0 / divisor
    chosen, _ = voices_of(times).choose(0.5)
    np.testing.assert_array_equal(chosen, [divisor] * 10)


@pytest.mark.parametrize("sigma", [2.0, 6.5, 12.0])
def test_jitter_is_found_whatever_the_voice(sigma):
    rng = np.random.default_rng(1)
    for divisor in (2, 3, 4):
        times = np.arange(100 * divisor) * 480.0 / divisor
        found = voices_of(times + rng.normal(0, sigma, len(times))).estimate_jitter_ms()
        assert found == pytest.approx(sigma, rel=0.25)


def test_two_notes_of_a_column_ask_for_a_finer_divisor():
    # At 0 and 52 ms, with 16 ms of jitter: far from a line of 1/4, unless both want one.
    times = [480.0 * k for k in range(8)] + [8 * 480.0 - 8, 8 * 480.0 + 52]
    apart, _ = voices_of(times, [k % 4 for k in range(8)] + [5, 6]).choose(16.0)
    jack, _ = voices_of(times, [k % 4 for k in range(8)] + [5, 5]).choose(16.0)
    assert jack[-1] > apart[-1]
