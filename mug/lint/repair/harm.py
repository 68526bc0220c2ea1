"""Effect of a move on the rules without a fix: anchors, one-hand trills, jacks.

Counted are the notes beyond what the tier allows, near the note, before and after. The runs are
those of the rules themselves.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import replace

from mug.beatmap.hit_objects import HitObject
from mug.lint.column_rules import runs
from mug.lint.pattern_rules import LEAST_TRILL_KEYS, alternations
from mug.lint.repair.notes import Notes
from mug.lint.view import ROW_MS, NoteRow, hand


def harm(work: Notes, index: int, column: int) -> int:
    """Notes of anchors, jacks and one-hand trills beyond the limits that a move would add.

    Args:
        work: the chart; it is the same after as before.
        index: the note.
        column: where it would go.

    Returns:
        Below 0 where the move makes it better.
    """
    note = work[index]
    columns = {note.column, column}
    before = _excess(work, note.start_ms, columns)
    work.put(index, replace(note, column=column))
    after = _excess(work, note.start_ms, columns)
    work.put(index, note)
    return after - before


def _excess(work: Notes, time_ms: float, columns: Iterable[int]) -> int:
    limits, found = work.limits, 0
    reach_ms = max(
        limits.anchor_ms * (limits.anchor_notes + 2),
        limits.jack_ms * (limits.jack_notes + 2),
        limits.trill_ms * (limits.trill_notes + 2),
    )
    near = {c: _near(work, c, time_ms, reach_ms) for c in columns}
    for notes in near.values():
        for most, limit_ms, jacks in (
            (limits.anchor_notes, limits.anchor_ms, False),
            (limits.jack_notes, limits.jack_ms, True),
        ):
            lengths = map(len, runs(notes, work.starts, limit_ms, jacks=jacks))
            found += sum(max(length - most, 0) for length in lengths)
    if work.keys < LEAST_TRILL_KEYS:
        return found
    for side in {hand(column, work.keys) for column in columns} - {None}:
        members = (c for c in range(work.keys) if hand(c, work.keys) == side)
        own = [n for c in members for n in near.get(c) or _near(work, c, time_ms, reach_ms)]
        lengths = map(len, alternations(_rows(own), limits.trill_ms))
        found += sum(max(length - limits.trill_notes, 0) for length in lengths)
    return found


def _near(work: Notes, column: int, time_ms: float, reach_ms: float) -> list[HitObject]:
    members = work.columns[column]
    first = bisect.bisect_left(members, (time_ms - reach_ms, -1))
    last = bisect.bisect_right(members, (time_ms + reach_ms, len(work.notes)))
    return [work[index] for _, index in members[first:last]]


def _rows(notes: Iterable[HitObject]) -> list[NoteRow]:
    found: list[list[HitObject]] = []
    for note in sorted(notes, key=lambda n: (n.start_ms, n.column)):
        if not found or note.start_ms - found[-1][0].start_ms > ROW_MS:
            found.append([])
        found[-1].append(note)
    return [NoteRow(row[0].start_ms, tuple(row)) for row in found]
