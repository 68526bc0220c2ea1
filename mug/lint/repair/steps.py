"""Fixes of each rule, applied until none applies.

Every step lowers, in this order of weight: the number of notes, of holds, the time that is held,
the pairs of notes that break a rule (shields apart), the empty columns, the shields, the notes of
jacks, anchors and trills beyond what is allowed. None raises one without lowering a heavier one, so
it ends, and a second pass finds nothing to do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mug.beatmap.hit_objects import LongNote, Rice
from mug.lint.chart_rules import AFTER_MS
from mug.lint.findings import Finding
from mug.lint.repair.harm import harm
from mug.lint.repair.notes import Notes, Room
from mug.lint.view import ROW_MS, hand, same_hand

_PAIRS = ("same_time", "inside_hold", "mini_jack", "release_gap", "shield")
_SHORTENED = ("inside_hold", "release_gap")
_REMOVED = ("same_time", "inside_hold", "mini_jack", "release_gap")


@dataclass(frozen=True)
class Scope:
    """Rules to fix, and the places of their findings.

    Args:
        places: by rule the findings to fix; None for everywhere.
    """

    places: Mapping[str, Sequence[Finding] | None]

    def has(self, rule: str, columns: Sequence[int], start_ms: float, end_ms: float) -> bool:
        """Return whether a place is to be fixed."""
        found = self.places.get(rule, ())
        if found is None:
            return True
        return any(
            f.time_ms <= end_ms and f.end_ms >= start_ms and not set(f.columns).isdisjoint(columns)
            for f in found
        )

    def mirrored(self, keys: int) -> Scope:
        """The same in the mirrored chart."""

        def turn(finding: Finding) -> Finding:
            columns = sorted(keys - 1 - column for column in finding.columns)
            return replace(finding, columns=tuple(columns))

        return Scope({r: f if f is None else [turn(x) for x in f] for r, f in self.places.items()})


def apply_fixes(work: Notes, scope: Scope, audio_ms: float | None) -> None:
    """Apply every step until none changes anything."""
    done = -1
    while done != len(work.changes):
        done = len(work.changes)
        _end_with_song(work, scope, audio_ms)
        _reduce_chords(work, scope)
        _release_short_holds(work, scope)
        _part_pairs(work, scope)
        _fill_columns(work, scope)
        _break_jacks(work, scope)


def _end_with_song(work: Notes, scope: Scope, audio_ms: float | None) -> None:
    if audio_ms is None:
        return
    for index in work.order():
        note = work[index]
        if note.last_ms <= audio_ms + AFTER_MS or not scope.has(
            "after_audio", (note.column,), note.start_ms, note.last_ms
        ):
            continue
        if note.start_ms > audio_ms + AFTER_MS:
            work.remove(index, "after_audio")
        else:
            work.shorten(index, audio_ms, "after_audio")


def _release_short_holds(work: Notes, scope: Scope) -> None:
    for index in work.order():
        note = work[index]
        short = note.last_ms - note.start_ms < work.limits.hold_ms
        if (
            short
            and isinstance(note, LongNote)
            and scope.has("short_hold", (note.column,), note.start_ms, note.start_ms)
        ):
            work.shorten(index, note.start_ms, "short_hold")


# ---------------------------------------------------------------------------- chords


def _reduce_chords(work: Notes, scope: Scope) -> None:
    most = work.limits.chord_notes(work.keys)
    while True:
        before = len(work.changes)
        for row in _rows(work):
            if len(row) > most:
                _reduce(work, scope, row, most)
        if len(work.changes) == before:
            return


def _rows(work: Notes) -> list[list[int]]:
    """Indices of notes struck together; the same rows as lint's."""
    rows: list[list[int]] = []
    since = 0.0
    for index in work.order():
        start = work[index].start_ms
        if not rows or start - since > ROW_MS:
            rows.append([])
            since = start
        rows[-1].append(index)
    return rows


def _reduce(work: Notes, scope: Scope, row: list[int], most: int) -> None:
    """Take notes out of a chord until it is small enough."""
    columns = [work[index].column for index in row]
    start, end = work[row[0]].start_ms, work[row[-1]].start_ms
    if not scope.has("chord_size", columns, start, end):
        return
    left = list(row)
    while len(left) > most:
        gone = next((i for i in _least_needed(work, left) if work.remove(i, "chord_size")), None)
        if gone is None:
            return
        left.remove(gone)


def _least_needed(work: Notes, row: Sequence[int]) -> list[int]:
    """The notes of a chord, those first that are missed least.

    Taps before holds, the fuller hand before the other, what lies closest to another note of its
    column first.
    """
    hands = [hand(work[index].column, work.keys) for index in row]

    def need(index: int) -> tuple[bool, int, float, int]:
        note = work[index]
        side = hand(note.column, work.keys)
        gap = _gap_ms(work, index)
        return isinstance(note, LongNote), -hands.count(side), gap, note.column

    return sorted(row, key=need)


def _gap_ms(work: Notes, index: int) -> float:
    """From a note to the nearest other one of its column, start to start."""
    note = work[index]
    around = (n for n in work.neighbours(index, note.column) if n is not None)
    return min((abs(n.start_ms - note.start_ms) for n in around), default=math.inf)


# ---------------------------------------------------------------------------- pairs


def _part_pairs(work: Notes, scope: Scope) -> None:
    while True:
        before = len(work.changes)
        for index in work.order():
            while work.alive(index) and _part(work, scope, index):
                pass
        if len(work.changes) == before:
            return


def _part(work: Notes, scope: Scope, index: int) -> bool:
    """Parts a note from the first one before it that it can be parted from."""
    note = work[index]
    for other, rule in work.conflicts(index, note.column):
        first = work[other]
        earlier = (first.start_ms, other) < (note.start_ms, index)
        span = first.start_ms, max(note.start_ms, first.last_ms)
        if earlier and rule in _PAIRS and scope.has(rule, (note.column,), *span):
            if _move_either(work, other, index, rule):
                return True
            if rule in _SHORTENED and _shorten_before(work, other, index, rule):
                return True
            if rule in _REMOVED and _remove_either(work, other, index, rule):
                return True
    return False


def _move_either(work: Notes, earlier: int, later: int, rule: str) -> bool:
    """Move one of two notes to where other rules lose least.

    Of ways as good: rather without a jack, within the hand, the later note, not far.
    """
    least = Room.SHIELDED if rule in _REMOVED else Room.FREE
    ways = [
        (
            room is Room.SHIELDED,
            max(harm(work, index, column), 0),
            room,
            not same_hand(column, work[index].column, work.keys),
            index != later,
            place,
            index,
            column,
        )
        for index in (later, earlier)
        for place, (column, room) in enumerate(work.destinations(index))
        if room <= least
    ]
    if not ways:
        return False
    *_, index, column = min(ways)
    work.move(index, column, rule)
    return True


def _shorten_before(work: Notes, earlier: int, later: int, rule: str) -> bool:
    """End a hold early enough for the next note of its column."""
    first, second = work[earlier], work[later]
    if second.start_ms - first.start_ms < work.limits.mini_jack_ms:
        return False
    return work.shorten(earlier, second.start_ms - work.limits.release_ms, rule)


def _remove_either(work: Notes, earlier: int, later: int, rule: str) -> bool:
    """Take out the later of two notes; of two at one time, rather a tap than a hold."""
    order = (later, earlier)
    tap_first = isinstance(work[earlier], Rice) and isinstance(work[later], LongNote)
    if rule == "same_time" and tap_first:
        order = (earlier, later)
    return any(work.remove(index, rule) for index in order)


# ---------------------------------------------------------------------------- empty columns


def _fill_columns(work: Notes, scope: Scope) -> None:
    """Give each empty column a note of a column that can spare one."""
    for column in range(work.keys):
        if work.columns[column] or not scope.has("empty_column", (column,), -math.inf, math.inf):
            continue
        spare = [
            (
                not same_hand(column, work[index].column, work.keys),
                isinstance(work[index], LongNote),
                harm(work, index, column),
                -len(work.columns[work[index].column]),
                _gap_ms(work, index),
                index,
            )
            for index in work.order()
            if len(work.columns[work[index].column]) > 1 and work.may_move(index, column)
        ]
        if spare:
            work.move(min(spare)[-1], column, "empty_column")


# ---------------------------------------------------------------------------- jacks


def _break_jacks(work: Notes, scope: Scope) -> None:
    for column in range(work.keys):
        while _break_one(work, scope, column):
            pass


def _break_one(work: Notes, scope: Scope, column: int) -> bool:
    """Move one note out of a jack that is too long, to where fewer notes are too many."""
    most = work.limits.jack_notes
    for run in _jacks(work, column):
        span = work[run[0]].start_ms, work[run[-1]].start_ms
        if len(run) <= most or not scope.has("jack", (column,), *span):
            continue
        ways = [
            (harm(work, index, to), room, turn, place, index, to)
            for turn, index in enumerate((*run[most:], *reversed(run[:most])))
            for place, (to, room) in enumerate(work.destinations(index))
            if room <= Room.FREE
        ]
        if ways and min(ways)[0] < 0:
            *_, index, to = min(ways)
            work.move(index, to, "jack")
            return True
    return False


def _jacks(work: Notes, column: int) -> list[list[int]]:
    """Stretches of a column that are jacks, as indices."""
    runs: list[list[int]] = []
    for _, index in work.columns[column]:
        if runs and work.is_jack(work[runs[-1][-1]].start_ms, work[index].start_ms):
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs
