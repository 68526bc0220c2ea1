"""Notes that are being fixed: what stands in the way, column by column."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.lint.column_rules import SAME_MS, pair_rule
from mug.lint.view import same_hand, struck_between
from mug.tiers import TierLimits

Locked = Callable[[HitObject], bool]
Kind = Literal["moved", "shortened", "removed"]

_LONG_MS = 1000.0
"""Holds longer than this are looked up one by one, so that others need no look further back."""

_ROUNDING_MS = 1.0  # by which sums of times may miss what their differences say


class Room(IntEnum):
    """Obstacles of a column for a note; more is less free."""

    CALM = 0  # no rule is broken, and no jack made
    FREE = 1  # no rule is broken
    SHIELDED = 2  # only shields come about


@dataclass(frozen=True, slots=True)
class Change:
    """Change of one note.

    Args:
        rule: the rule that asked for it.
        before: the note.
        after: what it became; None where it was removed.
    """

    rule: str
    before: HitObject
    after: HitObject | None

    @property
    def kind(self) -> Kind:
        """Moved to another column, shortened (a hold may become a tap) or removed."""
        if self.after is None:
            return "removed"
        return "shortened" if self.after.column == self.before.column else "moved"

    @property
    def time_ms(self) -> float:
        """Start of the note."""
        return self.before.start_ms

    def __str__(self) -> str:
        """One line for people."""
        place = f"{self.time_ms:.0f} ms, column {self.before.column + 1}: {self.kind}"
        if self.after is None:
            return f"{place} ({self.rule})"
        if self.kind == "moved":
            return f"{place} to column {self.after.column + 1} ({self.rule})"
        end = f"to {self.after.last_ms:.0f} ms" if isinstance(self.after, LongNote) else "to a tap"
        return f"{place} {end} ({self.rule})"


class Notes:
    """A chart whose notes may be moved, shortened and removed.

    Args:
        notes: of the chart, in any order; they keep their index.
        keys: columns.
        limits: of its tier.
        locked: which notes may not be touched, and must not come about.
    """

    def __init__(
        self, notes: Sequence[HitObject], keys: int, limits: TierLimits, locked: Locked
    ) -> None:
        self.notes: list[HitObject | None] = list(notes)
        self.keys, self.limits, self.changes = keys, limits, list[Change]()
        self._locked = locked
        self._fixed = [locked(note) for note in notes]
        self.columns: list[list[tuple[float, int]]] = [[] for _ in range(keys)]
        self._longest_ms = [0.0] * keys  # of the holds that have been in a column
        self.counted: dict[tuple[str, int | None, float], int] = {}  # see `harm`; of the chart now
        self.touched: list[int] = []  # notes that were moved or shortened, until someone asks
        self._long: list[list[tuple[float, int]]] = [[] for _ in range(keys)]
        for index, note in enumerate(notes):
            self.columns[note.column].append((note.start_ms, index))
            self._note_length(index, note)
        for column in self.columns:
            column.sort()
        self.starts = sorted(note.start_ms for note in notes)
        self.reach_ms = max(limits.mini_jack_ms, limits.release_ms, limits.shield_ms, SAME_MS)
        self._tap_ms = max(limits.mini_jack_ms, SAME_MS)  # from a start to a tap; shields are holds
        self._nearest = [_nearest_columns(column, keys) for column in range(keys)]

    def order(self, indices: Iterable[int] | None = None) -> list[int]:
        """Indices of what is left, by start, column and end.

        Args:
            indices: of notes that are there; all by default.
        """
        if indices is None:
            indices = (i for i, note in enumerate(self.notes) if note is not None)
        places = [
            (note.start_ms, note.column, note.last_ms, index)
            for index in indices
            if (note := self.notes[index]) is not None
        ]
        places.sort()
        return [index for *_, index in places]

    def holds(self) -> list[int]:
        """Indices of the holds that are left, in order."""
        return self.order(i for i, note in enumerate(self.notes) if isinstance(note, LongNote))

    def after(self, time_ms: float) -> list[int]:
        """Indices of what is left and lasts beyond a time, in order."""
        return self.order(
            i for i, note in enumerate(self.notes) if note is not None and note.last_ms > time_ms
        )

    def __getitem__(self, index: int) -> HitObject:
        note = self.notes[index]
        if note is None:
            raise KeyError(index)  # nobody asks for what was removed
        return note

    def alive(self, index: int) -> bool:
        """Return whether a note is still there."""
        return self.notes[index] is not None

    def free(self, index: int) -> bool:
        """Return whether a note may be touched."""
        return not self._fixed[index]

    # ------------------------------------------------------------------ what stands in the way

    def crowded(self) -> set[int]:
        """Notes that may break a rule with one before them in their column.

        All that do are among them, and few others.
        """
        found: set[int] = set()
        # `_until` of every note, without a call for each; taps are nearer to others than holds.
        struck_ms, released_ms = self.reach_ms + _ROUNDING_MS, self.limits.release_ms + _ROUNDING_MS
        tap_ms = self._tap_ms + _ROUNDING_MS
        for members in self.columns:
            until, before = -math.inf, -math.inf
            for start, index in members:
                note = self.notes[index]
                hold = isinstance(note, LongNote)
                if start < until or start < before + (struck_ms if hold else tap_ms):
                    found.add(index)
                before = start
                if isinstance(note, LongNote):
                    until = max(until, note.end_ms + released_ms)
        return found

    def crowded_by(self, index: int) -> list[int]:
        """Notes that may break a rule with this one before them in its column."""
        note = self[index]
        members, until = self.columns[note.column], self._until(note)
        found: list[int] = []
        for place in range(bisect.bisect_right(members, (note.start_ms, index)), len(members)):
            start, other = members[place]
            if start >= until:
                break
            found.append(other)
        return found

    def _until(self, note: HitObject) -> float:
        """A time from which on no later note of the column breaks a rule with a note."""
        free_ms = max(note.start_ms + self.reach_ms, note.last_ms + self.limits.release_ms)
        return free_ms + _ROUNDING_MS

    def _holds_until(self, index: int, column: int) -> float:
        """As `_until`, for a note that may have left the column."""
        note = self.notes[index]
        return -math.inf if note is None or note.column != column else self._until(note)

    def conflicts(self, index: int, column: int) -> list[tuple[int, str]]:
        """Notes that a note would break a rule with in a column, by start, and the rule."""
        note = self[index]
        members, found = self.columns[column], list[tuple[int, str]]()
        until = max(note.start_ms, note.last_ms) + self.reach_ms
        since = note.start_ms - self.reach_ms - _LONG_MS - _ROUNDING_MS
        lasting = self._long[column]
        first_long = (note.start_ms - self.reach_ms - self._longest_ms[column] - _ROUNDING_MS, -1)
        early = [
            place
            for place in lasting[
                bisect.bisect_left(lasting, first_long) : bisect.bisect_left(lasting, (since, -1))
            ]
            if self._holds_until(place[1], column) > note.start_ms
        ]
        last = bisect.bisect_right(members, (until, len(self.notes)))
        near = members[bisect.bisect_left(members, (since, -1)) : last]
        for start, other in (*early, *near):
            if other == index:
                continue
            first, second = self[other], note
            if (note.start_ms, index) < (start, other):
                first, second = second, first
            rule = pair_rule(first, second, self.limits)
            if rule is not None:
                found.append((other, rule))
        return found

    def between(self, column: int, since_ms: float, until_ms: float) -> list[tuple[float, int]]:
        """Starts and indices of a column's notes from one time to another."""
        members = self.columns[column]
        first = bisect.bisect_left(members, (since_ms, -1))
        return members[first : bisect.bisect_right(members, (until_ms, len(self.notes)))]

    def neighbours(self, index: int, column: int) -> tuple[HitObject | None, HitObject | None]:
        """The notes of a column before and after a note."""
        members = self.columns[column]
        place = bisect.bisect_left(members, (self[index].start_ms, index))
        after = place + (place < len(members) and members[place][1] == index)
        before = self[members[place - 1][1]] if place else None
        return before, self[members[after][1]] if after < len(members) else None

    def makes_jack(self, index: int, column: int) -> bool:
        """Return whether a note would repeat, or be repeated, with nothing between."""
        start = self[index].start_ms
        around = (n.start_ms for n in self.neighbours(index, column) if n is not None)
        return any(self.is_jack(min(at, start), max(at, start)) for at in around)

    def is_jack(self, first_ms: float, second_ms: float) -> bool:
        """Return whether two notes of a column at these times are a jack."""
        near = second_ms - first_ms <= self.limits.jack_ms
        return near and not struck_between(self.starts, first_ms, second_ms)

    def destinations(self, index: int) -> list[tuple[int, Room]]:
        """Columns where a note finds room, nearest first, and how much.

        The other columns of its hand come first, then the other hand's. Of two as near, the one
        further inside.
        """
        note = self[index]
        if not self.free(index):
            return []
        found: list[tuple[int, Room]] = []
        for column in self._nearest[note.column]:
            room = self._room(index, column)
            if room is not None and self.may_move(index, column):
                found.append((column, room))
        return found

    def may_move(self, index: int, column: int) -> bool:
        """Return whether neither the note nor its place in a column is locked."""
        return self.free(index) and not self._locked(replace(self[index], column=column))

    def _room(self, index: int, column: int) -> Room | None:
        shields = False
        for _, rule in self.conflicts(index, column):
            if rule != "shield":
                return None
            shields = True
        if shields:
            return Room.SHIELDED
        return Room.FREE if self.makes_jack(index, column) else Room.CALM

    # ------------------------------------------------------------------ what can be done

    def move(self, index: int, column: int, rule: str) -> None:
        """Put a note into another column."""
        before, after = self[index], replace(self[index], column=column)
        self.put(index, after)
        self._note_length(index, after)
        self.counted.clear()
        self.touched.append(index)
        self.changes.append(Change(rule, before, after))

    def put(self, index: int, after: HitObject) -> None:
        """Put a note into another column without a word about it, to look what that does."""
        before = self[index]
        self._take(before, index)
        bisect.insort(self.columns[after.column], (after.start_ms, index))
        self.notes[index] = after

    def shorten(self, index: int, end_ms: float, rule: str) -> bool:
        """End a hold earlier, as a tap where little is left; whether that may be done."""
        note = self[index]
        if not isinstance(note, LongNote) or not self.free(index):
            return False
        if end_ms - note.start_ms >= self.limits.hold_ms:
            after: HitObject = replace(note, end_ms=end_ms)
        else:
            after = Rice(note.column, note.start_ms, note.hitsound, note.sample, note.new_combo)
        if self._locked(after):
            return False
        self._set(index, after, rule)
        self.touched.append(index)
        return True

    def remove(self, index: int, rule: str) -> bool:
        """Take a note out; whether that may be done: no column loses its last note."""
        note = self[index]
        if not self.free(index) or len(self.columns[note.column]) < 2:
            return False
        self._take(note, index)
        del self.starts[bisect.bisect_left(self.starts, note.start_ms)]
        self._set(index, None, rule)
        return True

    def _take(self, note: HitObject, index: int) -> None:
        members = self.columns[note.column]
        del members[bisect.bisect_left(members, (note.start_ms, index))]

    def _note_length(self, index: int, note: HitObject) -> None:
        length = note.last_ms - note.start_ms
        self._longest_ms[note.column] = max(self._longest_ms[note.column], length)
        if length > _LONG_MS:
            entry, lasting = (note.start_ms, index), self._long[note.column]
            place = bisect.bisect_left(lasting, entry)
            if lasting[place : place + 1] != [entry]:
                lasting.insert(place, entry)

    def longest_ms(self, column: int) -> float:
        """Length of the longest hold that has been in a column."""
        return self._longest_ms[column]

    def _set(self, index: int, after: HitObject | None, rule: str) -> None:
        self.changes.append(Change(rule, self[index], after))
        self.notes[index] = after
        self.counted.clear()


def _nearest_columns(column: int, keys: int) -> list[int]:
    """The other columns: those of the hand first, the near ones first, the inner ones first."""

    def place(other: int) -> tuple[bool, int, float, int]:
        inside = abs(other - (keys - 1) / 2)
        return not same_hand(other, column, keys), abs(other - column), inside, other

    return sorted((other for other in range(keys) if other != column), key=place)
