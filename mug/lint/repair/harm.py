"""Effect of a move on the rules without a fix: anchors, one-hand trills, jacks.

Counted are the notes beyond what the tier allows, near the note, before and after. The runs are
those of the rules themselves (`column_rules.runs`, `pattern_rules.alternations`), by their lengths
alone and from times alone: every note that might move is counted several times.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from mug.lint.pattern_rules import LEAST_TRILL_KEYS
from mug.lint.repair.notes import Notes
from mug.lint.view import ROW_MS, hand, struck_between
from mug.tiers import TierLimits

_CHORD = -1  # in place of a column, where a hand has several


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
    sides = {hand(one, work.keys) for one in columns} - {None}
    if work.keys < LEAST_TRILL_KEYS:
        sides = set()
    before = sum(_known(work, note.start_ms, one) for one in columns)
    before += sum(_known_trills(work, note.start_ms, side) for side in sides)
    work.put(index, replace(note, column=column))
    after = sum(_column_excess(work, note.start_ms, one) for one in columns)
    after += sum(_trill_excess(work, note.start_ms, side) for side in sides)
    work.put(index, note)
    return after - before


def harm_reach_ms(limits: TierLimits) -> float:
    """Largest distance of a note that counts when another is moved."""
    return max(
        limits.anchor_ms * (limits.anchor_notes + 2),
        limits.jack_ms * (limits.jack_notes + 2),
        limits.trill_ms * (limits.trill_notes + 2),
    )


def _known(work: Notes, time_ms: float, column: int) -> int:
    key = ("column", column, time_ms)
    if key not in work.counted:
        work.counted[key] = _column_excess(work, time_ms, column)
    return work.counted[key]


def _known_trills(work: Notes, time_ms: float, side: int | None) -> int:
    key = ("hand", side, time_ms)
    if key not in work.counted:
        work.counted[key] = _trill_excess(work, time_ms, side)
    return work.counted[key]


def _column_excess(work: Notes, time_ms: float, column: int) -> int:
    limits, reach_ms = work.limits, harm_reach_ms(work.limits)
    near = work.between(column, time_ms - reach_ms, time_ms + reach_ms)
    anchors, jacks = run_lengths([start for start, _ in near], work.starts, limits)
    found = sum(max(length - limits.anchor_notes, 0) for length in anchors)
    return found + sum(max(length - limits.jack_notes, 0) for length in jacks)


def _trill_excess(work: Notes, time_ms: float, side: int | None) -> int:
    limits, reach_ms = work.limits, harm_reach_ms(work.limits)
    own = [
        (start, column)
        for column in range(work.keys)
        if hand(column, work.keys) == side
        for start, _ in work.between(column, time_ms - reach_ms, time_ms + reach_ms)
    ]
    lengths = alternation_lengths(sorted(own), limits.trill_ms)
    return sum(max(length - limits.trill_notes, 0) for length in lengths)


def run_lengths(
    column: Sequence[float], starts: Sequence[float], limits: TierLimits
) -> tuple[list[int], list[int]]:
    """Lengths of a column's anchors and of its jacks, as `column_rules.runs` has them.

    Args:
        column: starts of its notes, ascending.
        starts: of all notes of the chart, ascending.
        limits: of the tier.
    """
    anchors, jacks = [1] * bool(column), [1] * bool(column)
    widest = max(limits.anchor_ms, limits.jack_ms)
    for earlier, later in pairwise(column):
        gap = later - earlier
        struck = gap <= widest and struck_between(starts, earlier, later)
        if struck and gap <= limits.anchor_ms:
            anchors[-1] += 1
        else:
            anchors.append(1)
        if not struck and gap <= limits.jack_ms:
            jacks[-1] += 1
        else:
            jacks.append(1)
    return anchors, jacks


def alternation_lengths(notes: Iterable[tuple[float, int]], limit_ms: float) -> list[int]:
    """Lengths of the trills of a hand, as `pattern_rules.alternations` has them.

    Args:
        notes: start and column of each, ascending.
        limit_ms: how far apart two rows of a trill may be.
    """
    lengths, length = list[int](), 0
    last_ms, last, before = 0.0, _CHORD, _CHORD
    for start_ms, column in _rows(notes):
        follows = length > 0 and start_ms - last_ms <= limit_ms and column not in (last, _CHORD)
        if follows and (length < 2 or column == before):
            length += 1
        else:
            lengths.append(length)
            length = (1 if follows else 0) + (column != _CHORD)
        if column != _CHORD:
            last_ms, last, before = start_ms, column, last
    lengths.append(length)
    return lengths


def _rows(notes: Iterable[tuple[float, int]]) -> list[tuple[float, int]]:
    """Start and column of each row of a hand."""
    found: list[tuple[float, int]] = []
    for start, column in notes:
        if not found or start - found[-1][0] > ROW_MS:
            found.append((start, column))
        elif column != found[-1][1]:
            found[-1] = (found[-1][0], _CHORD)
    return found
