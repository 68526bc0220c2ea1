"""Notes onto the beat grid: by the nearest line (`snap_to_grid`) or by voice (`snap_chart`)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mug.beatmap.beat_lines import BeatLines
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.snapping.chart import BeatDivisor, Snapping, snap_chart
from mug.snapping.columns import Removed
from mug.snapping.options import SnapOptions

__all__ = [
    "BeatDivisor",
    "Removed",
    "SnapGrid",
    "SnapOptions",
    "Snapped",
    "Snapping",
    "snap_chart",
    "snap_to_grid",
]

# Lines of two divisors this close are one line; the coarser divisor's value is taken for it.
_SAME_MS = 1e-6


@dataclass(frozen=True)
class Snapped:
    """Notes after snapping.

    Args:
        hit_objects: all of them, in the order given.
        unsnapped: those of them whose start or end is not on the grid.
    """

    hit_objects: tuple[HitObject, ...]
    unsnapped: tuple[HitObject, ...]


def snap_to_grid(
    hit_objects: Sequence[HitObject],
    red_lines: Sequence[TimingPoint],
    divisors: Sequence[int] = (1, 2, 3, 4, 6, 8),
    tolerance_ms: float = 20.0,
) -> Snapped:
    """Moves starts and ends to the nearest line of the beat grid.

    Rounding is to the nearest line: what lies on the grid stays, and notes move neither early nor
    late on average. A time with no line within the tolerance stays, and so does one that would
    meet or pass another note of its column. Of two that want one line, the nearer gets it.
    Snapping twice is snapping once.

    Args:
        hit_objects: taps and holds.
        red_lines: each rules from its time to the next one's; the first rules before it, too.
        divisors: equal parts of a beat that make up the grid.
        tolerance_ms: how far a time may be moved.

    Raises:
        DataError: without a red line or a divisor, or with one that is not positive.
    """
    grid = SnapGrid(red_lines, divisors)
    notes = list(hit_objects)
    grid.look_up(time for note in notes for time in (note.start_ms, note.last_ms))
    columns: dict[int, list[int]] = {}
    for index in sorted(range(len(notes)), key=lambda i: (notes[i].start_ms, notes[i].last_ms)):
        columns.setdefault(notes[index].column, []).append(index)
    for members in columns.values():
        while _snap_column(notes, members, grid, tolerance_ms):
            pass  # each round puts one more time on the grid, so it ends
    off = tuple(n for n in notes if _moved(n, grid, tolerance_ms) != n or not _on_grid(n, grid))
    return Snapped(tuple(notes), off)


class SnapGrid:
    """Lines at parts of a beat, from red line to red line.

    Args:
        red_lines: in any order.
        divisors: equal parts of a beat.

    Raises:
        DataError: without a red line or a divisor, or with one that is not positive.
    """

    def __init__(self, red_lines: Sequence[TimingPoint], divisors: Sequence[int]) -> None:
        self._lines = BeatLines(red_lines, merge_ms=_SAME_MS)
        if not divisors or min(divisors) < 1:
            raise DataError("timing.divisors_must_be_positive", value=list(divisors))
        self._divisors = sorted(set(divisors))
        self._known: dict[float, float] = {}

    def look_up(self, times_ms: Iterable[float]) -> None:
        """Find the lines of many times at once, for `nearest` to give."""
        wanted = [time for time in set(times_ms) if time not in self._known]
        times = np.array(wanted, dtype=np.float64)
        best, least = times, np.full(len(times), np.inf)
        for divisor in self._divisors:
            at, after = self._lines.nearest(times, divisor)
            # Clearly nearer: where lines of two divisors coincide, the coarser one's value stays.
            nearer = np.abs(after) < least - _SAME_MS
            best, least = np.where(nearer, at, best), np.where(nearer, np.abs(after), least)
        self._known.update(zip(wanted, best.tolist(), strict=True))

    def nearest(self, time_ms: float) -> float:
        """The line nearest to a time."""
        if time_ms not in self._known:
            self.look_up((time_ms,))
        return self._known[time_ms]


def _on_grid(note: HitObject, grid: SnapGrid) -> bool:
    times = {note.start_ms, note.last_ms}
    return all(abs(grid.nearest(time) - time) <= _SAME_MS for time in times)


def _snap_time(time_ms: float, grid: SnapGrid, tolerance_ms: float) -> float:
    at = grid.nearest(time_ms)
    return at if abs(at - time_ms) <= tolerance_ms else time_ms


def _moved(note: HitObject, grid: SnapGrid, tolerance_ms: float) -> HitObject:
    """The note where it would like to be, whatever stands there."""
    start = _snap_time(note.start_ms, grid, tolerance_ms)
    if isinstance(note, LongNote):
        return replace(note, start_ms=start, end_ms=_snap_time(note.end_ms, grid, tolerance_ms))
    return replace(note, start_ms=start)


def _snap_column(
    notes: list[HitObject], members: list[int], grid: SnapGrid, tolerance_ms: float
) -> bool:
    """One round over a column, the smallest moves first; says whether anything moved."""
    targets = []
    for place, index in enumerate(members):
        note, target = notes[index], _moved(notes[index], grid, tolerance_ms)
        if target != note:
            distance = abs(target.start_ms - note.start_ms) + abs(target.last_ms - note.last_ms)
            # The smallest moves first: whoever is nearly right keeps its line.
            targets.append((distance, place, target))
    changed = False
    for _, place, target in sorted(targets, key=lambda entry: entry[:2]):
        index = members[place]
        before = notes[members[place - 1]].last_ms if place else -math.inf
        after = notes[members[place + 1]].start_ms if place + 1 < len(members) else math.inf
        for choice in _choices(notes[index], target):
            # Order within a column stays; a move that would meet another note has to wait.
            if before < choice.start_ms and choice.last_ms < after:
                notes[index], changed = choice, True
                break
    return changed


def _choices(note: HitObject, target: HitObject) -> list[HitObject]:
    """The target and, for a hold, each of its ends alone; none that changes nothing or is empty."""
    if not (isinstance(note, LongNote) and isinstance(target, LongNote)):
        return [target]
    choices = [target, replace(note, start_ms=target.start_ms), replace(note, end_ms=target.end_ms)]
    return [c for c in choices if c != note and c.start_ms < c.end_ms]
