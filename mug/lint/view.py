"""A chart as the rules see it: by column, by row, by hand, and with its tempo."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mug.beatmap.beat_lines import BeatLines, folded_beat_ms
from mug.beatmap.hit_objects import HitObject
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.tiers import LIMITS, Tier, TierLimits

MOST_KEYS = 18
ROW_MS = 5.0  # notes that start this close are struck together


def hand(column: int, keys: int) -> int | None:
    """The hand of a column: 0 left, 1 right, None for the middle of an odd number."""
    if 2 * column == keys - 1:
        return None
    return int(2 * column > keys - 1)


def same_hand(first: int, second: int, keys: int) -> bool:
    """Return whether one hand can play both; the middle column goes with either."""
    hands = {hand(first, keys), hand(second, keys)} - {None}
    return len(hands) < 2


def check_notes(notes: Sequence[HitObject], keys: int) -> None:
    """Refuse what no rule can be applied to.

    Raises:
        DataError: for a number of columns other than 1 to 18, a note beside the columns and a
            time that is not a number.
    """
    if not 1 <= keys <= MOST_KEYS:
        raise DataError("lint.number_of_columns_out_of_range", most=MOST_KEYS, value=keys)
    for note in notes:
        if not 0 <= note.column < keys:
            raise DataError("lint.note_lies_beside_columns", keys=keys, value=note)
        if not (math.isfinite(note.start_ms) and math.isfinite(note.last_ms)):
            raise DataError("common.note_time_is_not_number", value=note)


@dataclass(frozen=True)
class NoteRow:
    """Notes struck together, by column."""

    start_ms: float
    notes: tuple[HitObject, ...]

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """Their columns, ascending, each once."""
        return tuple(sorted({note.column for note in self.notes}))


@dataclass(frozen=True)
class ChartView:
    """View of a chart that the rules look at.

    Args:
        keys: columns.
        notes: by start, then column.
        tier: whose limits hold.
        red_lines: the tempo; may be empty.
        audio_ms: length of the song, None where unknown.
    """

    keys: int
    notes: tuple[HitObject, ...]
    tier: Tier
    red_lines: tuple[TimingPoint, ...] = ()
    audio_ms: float | None = None

    @property
    def limits(self) -> TierLimits:
        """The limits of its tier."""
        return LIMITS[self.tier]

    @property
    def all_columns(self) -> tuple[int, ...]:
        """Every column."""
        return tuple(range(self.keys))

    @cached_property
    def columns(self) -> tuple[tuple[HitObject, ...], ...]:
        """The notes of each column, by start."""
        found: list[list[HitObject]] = [[] for _ in range(self.keys)]
        for note in self.notes:
            found[note.column].append(note)
        return tuple(map(tuple, found))

    @cached_property
    def rows(self) -> tuple[NoteRow, ...]:
        """The notes by time of striking."""
        found: list[list[HitObject]] = []
        for note in self.notes:
            if not found or note.start_ms - found[-1][0].start_ms > ROW_MS:
                found.append([])
            found[-1].append(note)
        by_column = (sorted(row, key=lambda note: note.column) for row in found)
        return tuple(NoteRow(min(n.start_ms for n in row), tuple(row)) for row in by_column)

    @cached_property
    def starts(self) -> tuple[float, ...]:
        """Starts of all notes, ascending."""
        return tuple(note.start_ms for note in self.notes)

    def beat_ms(self, time_ms: float) -> float:
        """Duration of a beat there, folded to 250 up to 500 ms; 333 ms without a tempo."""
        if self._lines is None:
            return 60000.0 / 180
        return folded_beat_ms(float(self._lines.beat_at(np.array([time_ms], np.float64))[0]))

    @cached_property
    def _lines(self) -> BeatLines | None:
        """The grid of the red lines that are a tempo; None without any."""
        usable = [
            line
            for line in self.red_lines
            if 0 < line.beat_ms < math.inf and math.isfinite(line.time_ms)
        ]
        return BeatLines(usable) if usable else None


def struck_between(starts: Sequence[float], first_ms: float, second_ms: float) -> bool:
    """Return whether something is struck after the one time's row and before the other's.

    Args:
        starts: starts of all notes, ascending.
        first_ms: start of the earlier note.
        second_ms: start of the later note.
    """
    after = bisect.bisect_right(starts, first_ms + ROW_MS)
    return after < len(starts) and starts[after] < second_ms - ROW_MS
