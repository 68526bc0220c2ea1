"""Synchrony of a chart with a given beat grid, which is never the chart's own estimate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from mug.beatmap.beat_lines import BeatLines
from mug.beatmap.hit_objects import HitObject
from mug.beatmap.timing_points import TimingPoint

CLEAN_MS = 6.0
"""A note so close to a line is on it."""

SYNC_DIVISORS = (4, 6)
"""Lines that count for the clean rate: quarters and sixths of a beat, and what they contain."""

_PHASE_DIVISOR = 4
_PHASE_STEP_MS = 0.5
_KERNEL_MS = 4.0
_MOST_QUARTERS = 8  # by which a phase is unwrapped, either way
_SURE = 3.0  # standard deviations

Times = Float64[np.ndarray, " n"]


class Grid(BeatLines):
    """Beats of red lines, as given: no line is moved to a red line that is near.

    Args:
        red_lines: in any order.

    Raises:
        DataError: without a red line, and for times or beats that are no tempo.
    """

    def __init__(self, red_lines: Sequence[TimingPoint]) -> None:
        super().__init__(red_lines, merge_ms=0.0)

    def error(self, times_ms: Times, divisors: Sequence[int]) -> Times:
        """Signed distance in ms of each time from the nearest line of any of the divisors."""
        after = np.stack([self.nearest(times_ms, divisor)[1] for divisor in divisors])
        # Of several divisors the nearest line; `nearest` gives line minus time, the error is the
        # opposite.
        best = np.abs(after).argmin(axis=0)
        nearest: np.ndarray = -np.take_along_axis(after, best[None], axis=0)[0]
        return nearest

    def lines(
        self, first_ms: float, last_ms: float, divisor: int, clear_ms: float = CLEAN_MS
    ) -> Times:
        """As of `BeatLines`; what is no cleaner than a red line is left out."""
        return super().lines(first_ms, last_ms, divisor, clear_ms)

    def bars(self, last_ms: float, clear_ms: float = CLEAN_MS) -> Times:
        """As of `BeatLines`; what is no cleaner than a red line is left out."""
        return super().bars(last_ms, clear_ms)


@dataclass(frozen=True)
class GridSync:
    """Distances of a chart's notes from a grid.

    Args:
        clean_rate: share of the notes within 6 ms of a line, 0 ... 1.
        phase_ms: the shift that the whole chart seems to have; positive is late. Without human
            rows it is known up to a quarter of a beat.
        mean_ms: mean signed distance from the nearest line; positive is late.
        chance: clean rate of notes strewn evenly in time.
    """

    clean_rate: float
    phase_ms: float
    mean_ms: float
    chance: float


def grid_sync(
    notes: Sequence[HitObject],
    red_lines: Sequence[TimingPoint],
    reference: Sequence[HitObject] = (),
) -> GridSync:
    """Clean rate, phase and mean against the human grid.

    Args:
        notes: of the chart that is judged; only starts count.
        red_lines: of a chart by people.
        reference: its notes; with them a phase of up to two beats is known from one of a quarter
            less or more.

    Raises:
        DataError: for a grid without a tempo.
    """
    grid = Grid(red_lines)
    times = np.array([note.start_ms for note in notes], np.float64)
    if not len(times):
        return GridSync(0.0, math.nan, math.nan, math.nan)
    error = grid.error(times, SYNC_DIVISORS)
    # Every ms of the chart as if it were a note: what chance would give on this very grid.
    span = np.arange(times.min(), times.max() + grid.beat_ms[0], 1.0)
    chance = float((np.abs(grid.error(span, SYNC_DIVISORS)) <= CLEAN_MS).mean())
    clean = float((np.abs(error) <= CLEAN_MS).mean())
    phase = _phase(grid, times)
    if reference:
        phase = _unwrapped(phase, grid, times, np.array([n.start_ms for n in reference], float))
    return GridSync(clean, phase, float(error.mean()), chance)


def _phase(grid: Grid, times_ms: Times) -> float:
    """The shift at which most notes lie on quarters of a beat, softly counted."""
    error = grid.error(times_ms, (_PHASE_DIVISOR,))
    period = grid.beat_at(times_ms) / _PHASE_DIVISOR
    reach = float(np.median(period)) / 2
    shifts = np.arange(0.0, reach, _PHASE_STEP_MS)
    # From 0 outwards: `argmax` takes the first of equal ones.
    shifts = np.concatenate([[0.0], np.stack([shifts[1:], -shifts[1:]], axis=1).ravel()])
    away = error[None, :] - shifts[:, None]
    # A shift by a whole quarter is no shift: the rest lies within half a quarter on either side.
    away -= np.rint(away / period) * period
    # A soft count: notes that are off by design, or wrong, hardly pull the shift.
    weight = np.exp(-0.5 * (away / _KERNEL_MS) ** 2).sum(axis=1)
    return float(shifts[int(np.argmax(weight))])  # of equal ones the smallest shift


def _unwrapped(
    phase_ms: float,
    grid: Grid,
    times_ms: Times,
    reference_ms: Float64[np.ndarray, " reference"],
) -> float:
    """The phase, moved by the whole quarters at which most notes meet human ones.

    It is moved only where that is sure: a note that meets a human one at either shift says nothing,
    and those that do at one of both are a coin thrown for each.
    """
    reference = np.unique(reference_ms)
    period = grid.beat_at(times_ms) / _PHASE_DIVISOR

    def met(quarters: int) -> np.ndarray:
        moved = times_ms - phase_ms - quarters * period
        after = np.clip(np.searchsorted(reference, moved), 1, max(len(reference) - 1, 1))
        near = np.stack([reference[after - 1], reference[np.minimum(after, len(reference) - 1)]])
        weights: np.ndarray = np.exp(-0.5 * (np.abs(near - moved).min(axis=0) / _KERNEL_MS) ** 2)
        return weights

    here, best, gained = met(0), 0, 0.0
    for quarters in sorted(range(-_MOST_QUARTERS, _MOST_QUARTERS + 1), key=abs):
        more = met(quarters) - here
        gain = float(more.sum())
        if gain > max(gained, _SURE * float(np.sqrt((more**2).sum()))) + 1e-6:
            best, gained = quarters, gain
    return phase_ms + best * float(np.median(period))
