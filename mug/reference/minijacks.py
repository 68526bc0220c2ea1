"""Mini-jacks: two notes of a column too close to be hit, moved or taken out. Four columns only."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import replace

from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import DataError

KEYS = 4
DEFAULT_INTERVAL_MS = 90.0

_CHORD_MS = 10.0  # notes this close are struck together
_RELEASE_MS = 50.0  # a column is blocked until so long after the end of a hold

# Where a note may go: the other finger of the hand, then the other hand from the inside out.
_DESTINATIONS = ((1, 2, 3), (0, 2, 3), (3, 1, 0), (2, 1, 0))


def remove_minijacks(
    hit_objects: Sequence[HitObject], interval_ms: float = DEFAULT_INTERVAL_MS
) -> list[HitObject]:
    """Break up notes that follow each other in a column within the interval.

    The later note moves to a free column, else the earlier one, else the less needed of the two
    goes. A jack that ends its stream stays: it can be hit. A jack as such, slower than the
    interval, is not touched.

    Source: the original's `remove_intractable_mania_mini_jacks`.

    Args:
        hit_objects: of a chart with four columns; the result is in order of start.
        interval_ms: longest distance in ms at which two notes are a mini-jack.

    Raises:
        DataError: for a column beyond the fourth.
    """
    by_time = sorted(hit_objects, key=lambda note: note.start_ms)
    stream = _Stream(by_time, interval_ms)
    index = 0
    while index < len(stream.notes):
        index = stream.repair(index)
    return stream.notes


class _Stream:
    """Notes in order of start, changed in place."""

    def __init__(self, notes: list[HitObject], interval_ms: float) -> None:
        for note in notes:
            if not 0 <= note.column < KEYS:
                raise DataError(
                    "repair.mini_jacks_are_only_known",
                    value=note.column,
                    remedy="remedy.leave_step_out_for_other_charts",
                )
        self.notes, self.interval_ms = notes, interval_ms

    def repair(self, index: int) -> int:
        """Deal with the note at an index; give the index to go on with."""
        nearest = self._previous_in_column(index)
        if nearest is None or self._ends_stream(index):
            return index + 1
        for candidate in (index, nearest):
            if candidate == index and isinstance(self.notes[index], LongNote):
                continue
            column = self._free_column(candidate)
            if column is not None:
                self.notes[candidate] = replace(self.notes[candidate], column=column)
                return index + 1
        if self._later_goes(index, nearest):
            del self.notes[index]
        else:
            del self.notes[nearest]
        return index

    def _near(self, time_ms: float, radius_ms: float) -> range:
        """Indices of the notes that start within so many milliseconds."""
        start = self._start
        first = bisect.bisect_left(self.notes, time_ms - radius_ms, key=start)
        return range(first, bisect.bisect_right(self.notes, time_ms + radius_ms, key=start))

    @staticmethod
    def _start(note: HitObject) -> float:
        return note.start_ms

    def _previous_in_column(self, index: int) -> int | None:
        """The nearest earlier note of the column within the interval."""
        note = self.notes[index]
        for other in reversed(range(self._near(note.start_ms, self.interval_ms).start, index)):
            if self.notes[other].column == note.column:
                return other
        return None

    def _ends_stream(self, index: int) -> bool:
        """Return whether nothing but its own chord follows within twice the interval."""
        start = self.notes[index].start_ms
        later = range(index + 1, self._near(start, 2 * self.interval_ms).stop)
        return all(self.notes[other].start_ms - start < _CHORD_MS for other in later)

    def _free_column(self, index: int) -> int | None:
        note = self.notes[index]
        near = self._near(note.start_ms, self.interval_ms)
        taken = {self.notes[other].column for other in near if other != index}
        for column in _DESTINATIONS[note.column]:
            if column not in taken and not self._held(column, index):
                return column
        return None

    def _held(self, column: int, index: int) -> bool:
        """Return whether the last hold that started in a column still blocks it."""
        start = self.notes[index].start_ms
        for other in reversed(range(self._near(start, 0.0).stop)):
            note = self.notes[other]
            if other != index and note.column == column and isinstance(note, LongNote):
                return note.end_ms >= start - _RELEASE_MS
        return False

    def _later_goes(self, index: int, previous: int) -> bool:
        """The one of the two that is missed less: one of a chord, and rather a tap than a hold."""
        note = self.notes[index]
        with_later = len(self._near(note.start_ms, _CHORD_MS))
        with_previous = len(self._near(self.notes[previous].start_ms, _CHORD_MS))
        hold = isinstance(note, LongNote)
        if with_later > 1 and with_later >= with_previous and not hold:
            return True
        if with_previous > 1 and with_previous >= with_later:
            return False
        return not hold
