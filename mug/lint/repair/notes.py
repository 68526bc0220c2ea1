"""Notes that are being fixed: what stands in the way, column by column."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.lint.column_rules import pair_rule
from mug.lint.view import same_hand, struck_between
from mug.tiers import TierLimits

Locked = Callable[[HitObject], bool]
Kind = Literal["moved", "shortened", "removed"]


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
        for index, note in enumerate(notes):
            self.columns[note.column].append((note.start_ms, index))
        for column in self.columns:
            column.sort()
        self.starts = sorted(note.start_ms for note in notes)
        self._longest_ms = [0.0] * keys  # of the holds that have been in a column
        for note in notes:
            self._lengthen(note)
        self._reach_ms = max(limits.mini_jack_ms, limits.release_ms, limits.shield_ms)
        self._nearest = [_nearest_columns(column, keys) for column in range(keys)]

    def order(self) -> list[int]:
        """Indices of what is left, by start, column and end."""
        places = (
            (note.start_ms, note.column, note.last_ms, index)
            for index, note in enumerate(self.notes)
            if note is not None
        )
        return [index for *_, index in sorted(places)]

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

    def conflicts(self, index: int, column: int) -> list[tuple[int, str]]:
        """Notes that a note would break a rule with in a column, by start, and the rule."""
        note = self[index]
        members, found = self.columns[column], list[tuple[int, str]]()
        until = max(note.start_ms, note.last_ms) + self._reach_ms
        since = note.start_ms - self._reach_ms - self._longest_ms[column]
        for place in range(bisect.bisect_left(members, (since, -1)), len(members)):
            start, other = members[place]
            if start > until:
                break
            if other == index:
                continue
            first, second = self[other], note
            if (note.start_ms, index) < (start, other):
                first, second = second, first
            rule = pair_rule(first, second, self.limits)
            if rule is not None:
                found.append((other, rule))
        return found

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
        self._lengthen(after)
        self.changes.append(Change(rule, before, after))

    def put(self, index: int, after: HitObject) -> None:
        """Put a note into another column without a word about it, to look what that does."""
        before = self[index]
        self.columns[before.column].remove((before.start_ms, index))
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
        return True

    def remove(self, index: int, rule: str) -> bool:
        """Take a note out; whether that may be done: no column loses its last note."""
        note = self[index]
        if not self.free(index) or len(self.columns[note.column]) < 2:
            return False
        self.columns[note.column].remove((note.start_ms, index))
        del self.starts[bisect.bisect_left(self.starts, note.start_ms)]
        self._set(index, None, rule)
        return True

    def _lengthen(self, note: HitObject) -> None:
        longest = max(self._longest_ms[note.column], note.last_ms - note.start_ms)
        self._longest_ms[note.column] = longest

    def _set(self, index: int, after: HitObject | None, rule: str) -> None:
        self.changes.append(Change(rule, self[index], after))
        self.notes[index] = after


def _nearest_columns(column: int, keys: int) -> list[int]:
    """The other columns: those of the hand first, the near ones first, the inner ones first."""

    def place(other: int) -> tuple[bool, int, float, int]:
        inside = abs(other - (keys - 1) / 2)
        return not same_hand(other, column, keys), abs(other - column), inside, other

    return sorted((other for other in range(keys) if other != column), key=place)
