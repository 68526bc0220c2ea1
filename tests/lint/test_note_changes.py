"""Fixes as changes of notes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.exact.changes import NoteChange
from mug.beatmap.hit_objects import HitObject, Rice
from mug.lint.repair.fix import fix
from mug.lint.repair.note_changes import note_changes
from mug.lint.repair.notes import Change
from mug.tiers import Tier


@settings(max_examples=30)
@given(st.lists(st.builds(Rice, st.integers(0, 3), st.integers(0, 40).map(lambda n: n * 60.0))))
def test_changes_lead_to_the_fixed_notes(notes: list[HitObject]) -> None:
    fixed = fix(notes, tier=Tier.HARD, keys=4)
    now: list[HitObject | None] = list(notes)
    for change in note_changes(notes, fixed.changes):
        assert change.index is not None
        now[change.index] = change.note
    assert sorted(map(repr, filter(None, now))) == sorted(map(repr, fixed.hit_objects))


def test_a_note_that_comes_back_is_no_change() -> None:
    one, two = Rice(0, 1.0), Rice(1, 1.0)
    there_and_back = [Change("jack", one, two), Change("jack", two, one)]
    assert note_changes([one], there_and_back) == []
    assert note_changes([one, one], [Change("jack", one, None)]) == [NoteChange(1, None)]
