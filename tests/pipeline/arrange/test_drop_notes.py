"""Thinning: what goes first, how far, and that nothing is added."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import note_strategies
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.hit_objects import HitObject, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.pipeline.arrange.drop_notes import crossing, drop_notes, dropping_order

RED = [TimingPoint(0.0, 400.0)]  # a bar lasts 1600 ms
BAR = [Rice(i % 4, 200.0 * i) for i in range(8)]  # halves of a beat

notes = note_strategies.notes(6000, 60, unique=True)


def at_most(count: int) -> Callable[[Sequence[HitObject]], float]:
    return lambda some: len(some) - count


@settings(max_examples=100, deadline=None)
@given(notes, st.integers(0, 60))
def test_a_part_of_the_chart_stays_and_no_more_goes_than_must(
    chart: list[HitObject], count: int
) -> None:
    order = dropping_order(chart, RED)
    assert len(set(order)) == len(order)
    kept = drop_notes(chart, RED, at_most(count))
    assert set(kept) <= set(chart)
    assert len(kept) == min(len(chart), max(count, len(chart) - len(order)))
    assert set(drop_notes(chart, RED, at_most(count - 1))) <= set(kept)
    assert drop_notes(kept, RED, at_most(count)) == kept or len(kept) > count


def test_what_is_easy_enough_stays() -> None:
    assert drop_notes(BAR, RED, lambda _: 0.0) == tuple(BAR)


@pytest.mark.parametrize(
    ("count", "stay"),
    [(4, (0.0, 400.0, 800.0, 1200.0)), (2, (0.0, 800.0)), (1, (0.0,))],
)
def test_off_beats_go_before_beats_and_beats_before_bars(count: int, stay: Sequence[float]) -> None:
    assert tuple(note.start_ms for note in drop_notes(BAR, RED, at_most(count))) == stay


def test_at_least_one_row_in_four_beats_stays() -> None:
    kept = drop_notes([Rice(0, 100.0 * i) for i in range(64)], RED, lambda _: 1.0)
    assert [note.start_ms for note in kept] == [0.0, 1600.0, 3200.0, 4800.0]


def test_the_most_crowded_go_first() -> None:
    sparse = [Rice(0, 0.0), Rice(1, 200.0)]
    dense = [Rice(i % 4, 8000.0 + 100.0 * i) for i in range(16)]
    first = dropping_order([*sparse, *dense], RED)[:8]
    assert all(note.start_ms > 8000 for note in first)
    assert all(note.start_ms % 200 == 100 for note in first)  # quarters before halves


def test_chords_become_single_notes_in_the_column_that_has_rested() -> None:
    chords = [Rice(c, 400.0 * i) for i, pair in enumerate([(0, 1), (0, 2), (0, 1)]) for c in pair]
    kept = drop_notes(chords, RED, at_most(3))
    assert kept == (Rice(0, 0.0), Rice(2, 400.0), Rice(1, 800.0))


def test_tempo_changes_count_by_their_own_beat() -> None:
    red = [*RED, TimingPoint(1600.0, 200.0)]
    chart = [Rice(0, 0.0), Rice(1, 200.0), Rice(2, 1600.0), Rice(3, 1800.0)]
    assert drop_notes(chart, red, at_most(3)) == (chart[0], chart[2], chart[3])


def test_bars_that_are_alike_stay_alike() -> None:
    stream = [Rice(i % 4, 100.0 * i) for i in range(16 * 8)]  # eight bars of quarters
    kept = [note.start_ms for note in drop_notes(stream, RED, at_most(96))]
    bars = [{time % 1600 for time in kept if time // 1600 == bar} for bar in range(2, 6)]
    assert all(len(bar ^ bars[0]) <= 1 for bar in bars)  # one place is having its turn
    assert 8 < len(bars[0]) < 16


guesses = st.none() | st.integers(0, 300)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 5), max_size=200), st.floats(-1, 500), st.booleans(), guesses)
def test_a_crossing_is_the_one_that_halving_finds(
    steps: list[float], goal: float, falling: bool, guess: int | None
) -> None:
    sign = -1.0 if falling else 1.0
    values = [sign * sum(steps[:n]) - sign * goal for n in range(len(steps) + 1)]
    began = values[0] <= 0
    other = [n for n, value in enumerate(values) if (value <= 0) != began]
    found = crossing(len(steps), values.__getitem__, guess)
    assert found == (other[0] - 1 if other else len(steps))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=200), guesses)
def test_a_crossing_lies_between_two_signs_or_at_the_end(
    values: list[float], guess: int | None
) -> None:
    found = crossing(len(values) - 1, values.__getitem__, guess)
    began = values[0] <= 0
    assert (values[found] <= 0) == began
    assert found == len(values) - 1 or (values[found + 1] <= 0) != began


def test_a_crossing_takes_fewer_looks_than_halving() -> None:
    asked: list[int] = []

    def excess(count: int) -> float:
        asked.append(count)
        return float((count / 4000) ** 0.7 - 0.4)

    found = crossing(4000, excess)
    assert len(asked) == len(set(asked)) <= 10
    asked.clear()
    assert crossing(4000, excess, found + 2) == found
    assert len(asked) <= 6
