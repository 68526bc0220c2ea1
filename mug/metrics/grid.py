"""How well a chart keeps to a given beat grid. The grid is never the chart's own estimate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from mug.beatmap.hit_objects import HitObject
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError

CLEAN_MS = 6.0
"""A note so close to a line is on it."""

SYNC_DIVISORS = (4, 6)
"""Lines that count for the clean rate: quarters and sixths of a beat, and what they contain."""

_PHASE_DIVISOR = 4
_PHASE_STEP_MS = 0.5
_KERNEL_MS = 4.0

Times = Float64[np.ndarray, " n"]


class Grid:
    """Beats of red lines; each rules until the next, the first also before itself.

    Args:
        red_lines: in any order.

    Raises:
        DataError: without a red line, and for times or beats that are no tempo.
    """

    def __init__(self, red_lines: Sequence[TimingPoint]) -> None:
        if not red_lines:
            raise DataError("a grid needs a red line", remedy="Give the tempo of the song")
        for line in red_lines:
            if not (math.isfinite(line.time_ms) and 0 < line.beat_ms < math.inf):
                raise DataError("a red line without a usable tempo", value=line)
        lines = sorted(red_lines, key=lambda line: line.time_ms)
        self.start_ms = np.array([line.time_ms for line in lines], np.float64)
        self.beat_ms = np.array([line.beat_ms for line in lines], np.float64)
        self.meter = np.array([max(line.meter, 1) for line in lines], np.int64)
        self.end_ms = np.append(self.start_ms[1:], math.inf)

    def section(self, times_ms: Times) -> np.ndarray:
        """Index of the red line that rules each time."""
        at = np.searchsorted(self.start_ms, times_ms, side="right") - 1
        section: np.ndarray = np.maximum(at, 0)
        return section

    def beat_at(self, times_ms: Times) -> Times:
        """Duration of a beat in ms at each time."""
        beat: np.ndarray = self.beat_ms[self.section(times_ms)]
        return beat

    def error(self, times_ms: Times, divisors: Sequence[int]) -> Times:
        """Signed distance in ms of each time from the nearest line of any of the divisors."""
        section = self.section(times_ms)
        since = times_ms - self.start_ms[section]
        nearest: np.ndarray = times_ms - self.end_ms[section]  # the next red line is a line, too
        for divisor in divisors:
            step = self.beat_ms[section] / divisor
            error = since - np.rint(since / step) * step
            nearest = np.where(np.abs(error) < np.abs(nearest), error, nearest)
        return nearest

    def lines(self, first_ms: float, last_ms: float, divisor: int) -> Times:
        """Times of all lines of a divisor from a time to another, both included."""
        found = []
        for index, (start, beat, end) in enumerate(
            zip(self.start_ms, self.beat_ms, self.end_ms, strict=True)
        ):
            low = first_ms if index == 0 else max(first_ms, start)
            step = beat / divisor
            count = np.arange(math.ceil((low - start) / step), (last_ms - start) // step + 1)
            times = start + count * step
            found.append(times[times < end - CLEAN_MS])
        return np.concatenate(found).astype(np.float64)

    def bars(self, last_ms: float) -> Times:
        """Starts of the bars from the first red line to a time."""
        found = []
        for start, beat, meter, end in zip(
            self.start_ms, self.beat_ms, self.meter, self.end_ms, strict=True
        ):
            times = np.arange(start, min(end - CLEAN_MS, last_ms), beat * meter)
            found.append(times)
        return np.concatenate(found).astype(np.float64)


@dataclass(frozen=True)
class GridSync:
    """How a chart's notes lie about a grid.

    Args:
        clean_rate: share of the notes within 6 ms of a line, 0 ... 1.
        phase_ms: the shift that the whole chart seems to have; positive is late. It is known up
            to a quarter of a beat.
        mean_ms: mean signed distance from the nearest line; positive is late.
        chance: clean rate of notes strewn evenly in time.
    """

    clean_rate: float
    phase_ms: float
    mean_ms: float
    chance: float


def grid_sync(notes: Sequence[HitObject], red_lines: Sequence[TimingPoint]) -> GridSync:
    """Clean rate, phase and mean against the human grid.

    Args:
        notes: of the chart that is judged; starts and ends of long notes are not told apart
            here: only starts count.
        red_lines: of a chart by people.

    Raises:
        DataError: for a grid without a tempo.
    """
    grid = Grid(red_lines)
    times = np.array([note.start_ms for note in notes], np.float64)
    if not len(times):
        return GridSync(0.0, math.nan, math.nan, math.nan)
    error = grid.error(times, SYNC_DIVISORS)
    span = np.arange(times.min(), times.max() + grid.beat_ms[0], 1.0)
    chance = float((np.abs(grid.error(span, SYNC_DIVISORS)) <= CLEAN_MS).mean())
    clean = float((np.abs(error) <= CLEAN_MS).mean())
    return GridSync(clean, _phase(grid, times), float(error.mean()), chance)


def _phase(grid: Grid, times_ms: Times) -> float:
    """The shift at which most notes lie on quarters of a beat, softly counted."""
    error = grid.error(times_ms, (_PHASE_DIVISOR,))
    period = grid.beat_at(times_ms) / _PHASE_DIVISOR
    reach = float(np.median(period)) / 2
    shifts = np.arange(0.0, reach, _PHASE_STEP_MS)
    shifts = np.concatenate([[0.0], np.stack([shifts[1:], -shifts[1:]], axis=1).ravel()])
    away = error[None, :] - shifts[:, None]
    away -= np.rint(away / period) * period
    weight = np.exp(-0.5 * (away / _KERNEL_MS) ** 2).sum(axis=1)
    return float(shifts[int(np.argmax(weight))])  # of equal ones the smallest shift
