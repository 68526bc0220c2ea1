"""Fixing takes time in proportion to the notes, and counts runs as the rules do."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_charts import dense_notes, hold, tap

from benchmarks._calls import count_calls
from mug.beatmap.hit_objects import HitObject
from mug.lint.column_rules import runs
from mug.lint.pattern_rules import alternations
from mug.lint.repair.fix import fix
from mug.lint.repair.harm import alternation_lengths, run_lengths
from mug.lint.repair.notes import Notes
from mug.lint.view import ChartView
from mug.tiers import LIMITS, Tier

TIERS = st.sampled_from(list(Tier))


def stretched(pattern: Sequence[tuple[int, float, float]], times: int) -> list[HitObject]:
    """A pattern of columns, starts and lengths, again and again with four seconds between."""
    span_ms = 4000.0 + max(start for _, start, _ in pattern)
    return [
        hold(column, start + turn * span_ms, start + turn * span_ms + length)
        if length
        else tap(column, start + turn * span_ms)
        for turn in range(times)
        for column, start, length in pattern
    ]


JACKS = [(0, 100.0 * i, 0.0) for i in range(8)] + [(3, 60.0 * i, 0.0) for i in range(6)]
CROWDS = [(i % 2, 35.0 * i, 300.0 * (i % 3 == 0)) for i in range(16)]
CHORDS = [(column, 500.0 * i, 0.0) for i in range(4) for column in range(4)]
LONG_HOLDS = [(1, 50.0 * i, 9000.0 * (i == 0)) for i in range(4)]


@pytest.mark.parametrize("pattern", [JACKS, CROWDS, CHORDS, LONG_HOLDS])
def test_four_times_the_notes_take_four_times_the_calls(
    pattern: list[tuple[int, float, float]],
) -> None:
    few, many = (
        count_calls(lambda n=n: fix(stretched(pattern, n), tier=Tier.HARD, keys=4))
        for n in (10, 40)
    )
    assert many < 4.6 * few


def test_fixing_a_clean_chart_takes_a_few_calls_a_note() -> None:
    clean = stretched([(i % 4, 200.0 * i, 0.0) for i in range(16)], 20)
    assert count_calls(lambda: fix(clean, tier=Tier.HARD, keys=4)) < 40 * len(clean)


@settings(max_examples=150, deadline=None)
@given(dense_notes(4), TIERS)
def test_runs_are_as_long_as_those_of_the_rules(notes: list[HitObject], tier: Tier) -> None:
    limits, starts = LIMITS[tier], sorted(note.start_ms for note in notes)
    for column in range(4):
        own = sorted((n for n in notes if n.column == column), key=lambda note: note.start_ms)
        anchors, jacks = run_lengths([note.start_ms for note in own], starts, limits)
        assert anchors == [len(run) for run in runs(own, starts, limits.anchor_ms, jacks=False)]
        assert jacks == [len(run) for run in runs(own, starts, limits.jack_ms, jacks=True)]


@settings(max_examples=150, deadline=None)
@given(dense_notes(2), TIERS)
def test_trills_are_as_long_as_those_of_the_rule(notes: list[HitObject], tier: Tier) -> None:
    ordered = sorted(notes, key=lambda note: (note.start_ms, note.column))
    rows = ChartView(2, tuple(ordered), tier).rows
    expected = [len(run) for run in alternations(rows, LIMITS[tier].trill_ms)]
    found = alternation_lengths(
        [(note.start_ms, note.column) for note in ordered], LIMITS[tier].trill_ms
    )
    assert [length for length in found if length] == [length for length in expected if length]


@settings(max_examples=150, deadline=None)
@given(dense_notes(3), TIERS)
def test_notes_that_break_a_rule_with_an_earlier_one_are_crowded(
    notes: list[HitObject], tier: Tier
) -> None:
    work = Notes(notes, 3, LIMITS[tier], lambda _: False)
    crowded = work.crowded()
    for index, note in enumerate(notes):
        for other, _ in work.conflicts(index, note.column):
            first, second = sorted((index, other), key=lambda i: (notes[i].start_ms, i))
            assert second in crowded
            assert second in work.crowded_by(first)
