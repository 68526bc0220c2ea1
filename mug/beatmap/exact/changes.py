"""Changes of notes, and where in a file the changed notes stand."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mug.beatmap.hit_objects import HitObject, LongNote


@dataclass(frozen=True, slots=True)
class NoteChange:
    """A note that comes, goes or becomes another one.

    Args:
        index: of the note among the chart's hit objects; None for one that comes.
        note: as it will be; None for one that goes.
    """

    index: int | None
    note: HitObject | None


@dataclass(frozen=True, slots=True)
class MovedNote:
    """A note that the format cannot hold where it was put.

    Args:
        asked: the note as it was asked for.
        written: the note as it is written.
    """

    asked: HitObject
    written: HitObject

    @property
    def by_ms(self) -> float:
        """The larger of the moves of its beginning and its end."""
        start = self.written.start_ms - self.asked.start_ms
        end = self.written.last_ms - self.asked.last_ms
        return max(start, end, key=abs)


def at_whole_ms(note: HitObject, old: HitObject | None) -> HitObject:
    """Return a note whose times are whole, but for those that its old place has.

    Args:
        note: as it should be.
        old: as it stands in the file; None for a new one.
    """
    start, end = note.start_ms, note.last_ms
    if old is None or start != old.start_ms:
        start = float(round(start))
    if old is None or end != old.last_ms or not isinstance(old, LongNote):
        end = float(round(end))
    if isinstance(note, LongNote):
        return replace(note, start_ms=start, end_ms=max(start, end))
    return replace(note, start_ms=start)


@dataclass
class Arrangement:
    """Places of changed notes in a list that stays in order of time.

    Args:
        replaced: notes that become others in their place, by index.
        removed: indices of notes that leave their place.
        inserted: notes that come before the note of an index (behind the last one for the number
            of notes), each with the index of the note that it was.
    """

    replaced: dict[int, HitObject] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    inserted: dict[int, list[tuple[HitObject, int | None]]] = field(default_factory=dict)


def arrange(notes: Sequence[HitObject], changes: Sequence[NoteChange]) -> Arrangement:
    """Find places for changed notes: their own where the order allows it.

    A note that must go elsewhere stands before the first later one.

    Args:
        notes: in the order of the file.
        changes: at most one for each note.
    """
    found = Arrangement()
    changed = {one.index: one.note for one in changes if one.index is not None}
    stay = [index for index in range(len(notes)) if index not in changed]
    coming = [(one.note, None) for one in changes if one.index is None and one.note is not None]
    going: list[tuple[HitObject, int | None]] = [*coming]
    last_ms = float("-inf")
    for index in sorted(changed):
        note = changed[index]
        if note is not None and _fits(notes, stay, index, note, last_ms):
            found.replaced[index], last_ms = note, note.start_ms
            continue
        found.removed.add(index)
        if note is not None:
            going.append((note, index))
    present = [index for index in range(len(notes)) if index not in found.removed]
    later = 0
    for note, origin in sorted(going, key=lambda pair: _order(pair[0])):
        while later < len(present) and _order(
            found.replaced.get(present[later], notes[present[later]])
        ) <= _order(note):
            later += 1
        place = present[later] if later < len(present) else len(notes)
        found.inserted.setdefault(place, []).append((note, origin))
    return found


def _fits(
    notes: Sequence[HitObject], stay: Sequence[int], index: int, note: HitObject, last_ms: float
) -> bool:
    """Return whether a list stays in order with another note in the place of one."""
    if note.start_ms == notes[index].start_ms:
        return True
    after = bisect_left(stay, index)
    before_ms = notes[stay[after - 1]].start_ms if after else float("-inf")
    after_ms = notes[stay[after]].start_ms if after < len(stay) else float("inf")
    return max(before_ms, last_ms) <= note.start_ms <= after_ms


def _order(note: HitObject) -> tuple[float, int]:
    return note.start_ms, note.column
