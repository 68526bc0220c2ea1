"""Fixes of each rule, applied until none applies.

Every step lowers, in this order of weight: the number of notes, of holds, the time that is held,
the pairs of notes that break a rule (shields apart), the empty columns, the shields, the notes of
jacks, anchors and trills beyond what is allowed. None raises one without lowering a heavier one, so
it ends, and a second pass finds nothing to do.
"""

from __future__ import annotations

import bisect
import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.lint.chart_rules import AFTER_MS
from mug.lint.findings import Finding
from mug.lint.repair.harm import harm, harm_reach_ms
from mug.lint.repair.notes import Notes, Room
from mug.lint.view import ROW_MS, hand, same_hand

_PAIRS = ("same_time", "inside_hold", "mini_jack", "release_gap", "shield")
_SHORTENED = ("inside_hold", "release_gap")
_REMOVED = ("same_time", "inside_hold", "mini_jack", "release_gap")

_Way = tuple[int, Room, int, int]
"""Harm of a move, room there, turn among the columns, column."""


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
    for index in work.after(audio_ms + AFTER_MS):
        note = work[index]
        if not scope.has("after_audio", (note.column,), note.start_ms, note.last_ms):
            continue
        if note.start_ms > audio_ms + AFTER_MS:
            work.remove(index, "after_audio")
        else:
            work.shorten(index, audio_ms, "after_audio")


def _release_short_holds(work: Notes, scope: Scope) -> None:
    for index in work.holds():
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
    while _crowds(work, most):
        before = len(work.changes)
        for row in _rows(work):
            if len(row) > most:
                _reduce(work, scope, row, most)
        if len(work.changes) == before:
            return


def _crowds(work: Notes, most: int) -> bool:
    """Return whether any row may have more notes."""
    starts = work.starts
    return any(b - a <= ROW_MS for a, b in zip(starts, starts[most:], strict=False))


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
    work.touched.clear()
    crowded = work.crowded()
    while crowded:
        before = len(work.changes)
        crowded = _part_crowded(work, scope, crowded)
        if len(work.changes) == before:
            return


def _part_crowded(work: Notes, scope: Scope, crowded: set[int]) -> set[int]:
    """Part notes in order; a change may crowd others, of which the later ones follow at once.

    Args:
        work: the chart.
        scope: what to fix.
        crowded: all notes that may break a rule with one before them, and perhaps others.

    Returns:
        The same afterwards.
    """
    were = list(work.notes)  # the order is that of now, whatever is moved

    def place(index: int) -> tuple[float, int, float, int]:
        note = were[index]
        assert note is not None  # only notes that are there crowd others
        return note.start_ms, note.column, note.last_ms, index

    queue = sorted(place(index) for index in crowded if work.alive(index))
    waiting = {index for *_, index in queue}
    while queue:
        turn = heapq.heappop(queue)
        index = turn[-1]
        while work.alive(index) and _part(work, scope, index):
            for other in _crowded_again(work):
                crowded.add(other)
                if place(other) > turn and other not in waiting:
                    heapq.heappush(queue, place(other))
                    waiting.add(other)
    return crowded


def _crowded_again(work: Notes) -> set[int]:
    """Notes that may break a rule with one before them since some were touched."""
    touched = {index for index in work.touched if work.alive(index)}
    work.touched.clear()
    return touched.union(*(work.crowded_by(index) for index in touched))


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
        ways: dict[int, list[_Way]] = {}
        since = -math.inf
        while (moved := _break_one(work, scope, column, since, ways)) is not None:
            # Nothing changes for notes further away: their ways stay, and earlier jacks, which had
            # none, still have none.
            since = moved.start_ms - _reach_ms(work, column)
            until = moved.last_ms + _reach_ms(work, column)
            for _, index in work.between(column, since, until):
                ways.pop(index, None)


def _reach_ms(work: Notes, column: int) -> float:
    """Largest distance of a note that has a say in where a note of a column may go."""
    return harm_reach_ms(work.limits) + work.reach_ms + work.longest_ms(column) + 1.0


def _break_one(
    work: Notes, scope: Scope, column: int, since_ms: float, known: dict[int, list[_Way]]
) -> HitObject | None:
    """Move one note out of a jack that is too long, to where fewer notes are too many.

    Args:
        work: the chart.
        scope: what to fix.
        column: with the jacks.
        since_ms: earlier jacks are left alone.
        known: ways of notes that were looked at; receives further ones.

    Returns:
        The note as it was, if one could be moved.
    """
    most = work.limits.jack_notes
    for run in _jacks(work, column, since_ms):
        span = work[run[0]].start_ms, work[run[-1]].start_ms
        if len(run) <= most or not scope.has("jack", (column,), *span):
            continue
        ways = []
        for turn, index in enumerate((*run[most:], *reversed(run[:most]))):
            if index not in known:
                known[index] = _ways(work, index)
            ways += [(h, room, turn, place, index, to) for h, room, place, to in known[index]]
        if ways and min(ways)[0] < 0:
            *_, index, to = min(ways)
            note = work[index]
            work.move(index, to, "jack")
            return note
    return None


def _ways(work: Notes, index: int) -> list[_Way]:
    return [
        (harm(work, index, to), room, place, to)
        for place, (to, room) in enumerate(work.destinations(index))
        if room <= Room.FREE
    ]


def _jacks(work: Notes, column: int, since_ms: float) -> Iterator[list[int]]:
    """Stretches of a column that are jacks, as indices, from the one at a time on."""
    members = work.columns[column]
    first = min(bisect.bisect_left(members, (since_ms, -1)), max(len(members) - 1, 0))
    while first and work.is_jack(members[first - 1][0], members[first][0]):
        first -= 1
    run: list[int] = []
    last_ms = 0.0
    for start_ms, index in members[first:]:
        far = start_ms - last_ms > work.limits.jack_ms  # most are, and need no look between
        if run and (far or not work.is_jack(last_ms, start_ms)):
            yield run
            run = []
        run.append(index)
        last_ms = start_ms
    if run:
        yield run
