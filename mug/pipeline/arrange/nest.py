"""Rhythms that nest: the onsets of an easier chart are some of those of a harder one."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mug.beatmap.hit_objects import HitObject, LongNote

SAME_MS = 2.0
"""Onsets this close are one: two times that were rounded to whole milliseconds differ by less."""


def nesting_share(easier: Sequence[HitObject], harder: Sequence[HitObject]) -> float:
    """Share of the easier chart's onsets that the harder one has too; 1 where it has none."""
    onsets, there = _onsets(easier), _onsets(harder)
    if not onsets:
        return 1.0
    return sum(abs(_nearest(there, time) - time) <= SAME_MS for time in onsets) / len(onsets)


@dataclass(frozen=True)
class Nested:
    """Notes on the onsets of a harder chart.

    Args:
        notes: by time, then column.
        moved: how many went to another time.
        left_out: how many found no place.
    """

    notes: tuple[HitObject, ...]
    moved: int
    left_out: int


def nest(easier: Sequence[HitObject], harder: Sequence[HitObject], reach_ms: float) -> Nested:
    """Notes moved, row by row, to the nearest onset of a harder chart.

    Of two rows that want one onset the nearer gets it, and the other is left out, so that chords
    do not grow. Holds keep their end; one that would end before its start, or meet the next note
    of its column, is left out.

    Args:
        easier: notes to move.
        harder: whose starts count.
        reach_ms: how far a row may go.
    """
    onsets = _onsets(harder)
    claims: dict[float, float] = {}  # onset: the row that gets it
    for time in _onsets(easier):
        onset = _nearest(onsets, time)
        holder = claims.get(onset)
        if abs(onset - time) <= reach_ms and (
            holder is None or abs(onset - time) < abs(onset - holder)
        ):
            claims[onset] = time
    goes_to = {time: onset for onset, time in claims.items()}
    notes: list[HitObject] = []
    free_from: dict[int, float] = {}
    moved = 0
    for note in sorted(easier, key=lambda n: (n.start_ms, n.column)):
        onset = goes_to.get(note.start_ms, float("nan"))
        there = replace(note, start_ms=onset)
        fits = onset > free_from.get(note.column, float("-inf"))
        if not fits or (isinstance(there, LongNote) and there.end_ms <= onset):
            continue
        moved += onset != note.start_ms
        free_from[note.column] = there.last_ms
        notes.append(there)
    return Nested(tuple(notes), moved, len(easier) - len(notes))


def _onsets(notes: Sequence[HitObject]) -> list[float]:
    return sorted({note.start_ms for note in notes})


def _nearest(times: Sequence[float], time: float) -> float:
    """The nearest of sorted times; infinitely far where there is none."""
    place = bisect.bisect_left(times, time)
    near = [*times[max(place - 1, 0) : place], *times[place : place + 1]]
    return min(near, key=lambda one: abs(one - time), default=float("inf"))
