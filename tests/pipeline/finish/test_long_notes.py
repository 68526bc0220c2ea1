"""Long notes brought to a share: as many as asked for, where no rule is broken."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from note_strategies import notes

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.lint.column_rules import pair_rule
from mug.pipeline.finish.cleanup import Surroundings, finish_notes
from mug.pipeline.finish.long_notes import WITHIN, with_share_held
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.request import GenerationRequest
from mug.tiers import LIMITS, Tier

HARD = LIMITS[Tier.HARD]
SHARES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0])
RUN = [Rice(n % 4, 250.0 * n) for n in range(80)]
"""Each column has a rest of 1,000 ms after each note, and a row begins after 250."""


def share_of(some: list[HitObject]) -> float:
    return sum(isinstance(note, LongNote) for note in some) / len(some)


def broken(some: list[HitObject]) -> int:
    """Pairs of neighbours in a column that break a rule."""
    found = 0
    for column in range(4):
        mine = sorted((n for n in some if n.column == column), key=lambda n: n.start_ms)
        found += sum(pair_rule(a, b, HARD) is not None for a, b in pairwise(mine))
    return found


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_with_room_the_share_is_the_one_asked_for(share: float) -> None:
    held = with_share_held(RUN, share, HARD, 30_000.0)
    assert share_of(held) == pytest.approx(share, abs=0.02)
    ends = [note.end_ms - note.start_ms for note in held if isinstance(note, LongNote)]
    assert all(length == 250.0 for length in ends)  # until the next row begins
    assert with_share_held(held, 0.0, HARD, 30_000.0) == RUN


def test_the_longest_rests_are_held_first_and_the_shortest_holds_let_go_first() -> None:
    some = [Rice(0, 0.0), Rice(1, 1000.0), Rice(2, 1200.0), Rice(3, 1700.0), Rice(0, 2600.0)]
    (one,) = [n for n in with_share_held(some, 0.2, HARD, 4000.0) if isinstance(n, LongNote)]
    assert (one.column, one.end_ms) == (0, 1000.0)
    two: list[HitObject] = [LongNote(0, 0.0, 900.0), LongNote(1, 1000.0, 1100.0)]
    assert with_share_held(two, 0.5, HARD, 4000.0) == [two[0], Rice(1, 1000.0)]


def test_a_share_that_is_near_changes_nothing() -> None:
    assert with_share_held(RUN, WITHIN, HARD, 30_000.0) == RUN
    assert with_share_held([], 0.5, HARD, 30_000.0) == []


@settings(max_examples=60)
@given(some=notes(4000, 30), share=SHARES)
def test_starts_and_columns_stay_and_no_further_rule_is_broken(
    some: list[HitObject], share: float
) -> None:
    held = with_share_held(some, share, HARD, 4200.0)
    assert [(n.column, n.start_ms) for n in held] == [(n.column, n.start_ms) for n in some]
    assert broken(held) <= broken(some)
    assert all(
        note in some or note.last_ms <= 4200.0 for note in held if isinstance(note, LongNote)
    )
    if some:
        assert abs(share_of(held) - share) <= abs(share_of(some) - share) + 1e-9


def test_a_chart_is_finished_with_the_share_of_its_prompt(tmp_path) -> None:
    """Not where the fixes are off, nor where nothing is asked for."""
    where = Surroundings(4, (TimingPoint(0.0, 500.0),), 30_000.0)
    for prompt, fixes, expected in (
        ({"ln_ratio": 0.6}, "tier", 0.6),
        ({"ln_ratio": 0.6}, "none", 0.0),
        ({}, "tier", 0.0),
    ):
        finish = FinishOptions(fixes=fixes)
        options = GenerationRequest(tmp_path, prompt=prompt, finish=finish).finish_by_prompt
        done, changes = finish_notes(RUN, options, where)
        assert share_of(done) == pytest.approx(expected, abs=0.02)
        assert changes.counts.get("turned", 0) == sum(isinstance(n, LongNote) for n in done)
