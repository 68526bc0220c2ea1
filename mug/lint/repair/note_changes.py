"""Fixes of a chart as changes of its notes, which every format writes exactly."""

from __future__ import annotations

from collections.abc import Sequence

from mug.beatmap.exact.changes import NoteChange
from mug.beatmap.hit_objects import HitObject
from mug.lint.repair.notes import Change


def note_changes(notes: Sequence[HitObject], changes: Sequence[Change]) -> list[NoteChange]:
    """Return what fixes made of each note that is another one after them.

    Args:
        notes: before the fixes.
        changes: `FixedChart.changes`, in order.
    """
    now: list[HitObject | None] = list(notes)
    places: dict[HitObject, list[int]] = {}
    for index, note in enumerate(notes):
        places.setdefault(note, []).append(index)
    for change in changes:
        index = places[change.before].pop()
        now[index] = change.after
        if change.after is not None:
            places.setdefault(change.after, []).append(index)
    pairs = zip(notes, now, strict=True)
    return [NoteChange(i, after) for i, (before, after) in enumerate(pairs) if after != before]
