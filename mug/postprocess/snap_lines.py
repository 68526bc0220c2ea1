"""Lines of the beat grid as arrays: sections, beats, the nearest line of a divisor."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError

# A line so close before a red line is that red line: whole-ms files cannot tell them apart.
_MERGE_MS = 2.5
# Parts of a beat that count as none: products and quotients of floats are not exact.
_SAME_BEAT = 1e-9

Times = Float[np.ndarray, " n"]
Indices = Int[np.ndarray, " n"]


def sorted_red_lines(red_lines: Sequence[TimingPoint]) -> list[TimingPoint]:
    """Red lines by time.

    Raises:
        DataError: without one, or with a time or beat that is not finite, or a beat of 0 or less.
    """
    if not red_lines:
        raise DataError("a grid needs a red line", remedy="Give the tempo of the song")
    for line in red_lines:
        if not (math.isfinite(line.time_ms) and 0 < line.beat_ms < math.inf):
            raise DataError("a beat must last longer than nothing", value=line)
    return sorted(red_lines, key=lambda line: line.time_ms)


class BeatLines:
    """The grid that red lines span; each rules until the next, the first before itself, too.

    Distances are taken relative to the red line, so that a joint shift of red lines and notes
    changes no decision.

    Args:
        red_lines: in any order.

    Raises:
        DataError: as `sorted_red_lines`.
    """

    def __init__(self, red_lines: Sequence[TimingPoint]) -> None:
        ordered = sorted_red_lines(red_lines)
        self.start_ms = np.array([line.time_ms for line in ordered], dtype=np.float64)
        self.beat_ms = np.array([line.beat_ms for line in ordered], dtype=np.float64)
        self.meter = np.array([max(line.meter, 1) for line in ordered], dtype=np.int64)
        self.length_ms = np.append(np.diff(self.start_ms), math.inf)

    def section(self, times_ms: Times) -> Indices:
        """Index of the red line that rules each time."""
        at = np.searchsorted(self.start_ms, times_ms, side="right") - 1
        section: Indices = np.maximum(at, 0).astype(np.int64)
        return section

    def beat(self, times_ms: Times) -> Indices:
        """Number of the beat, counted from the section's red line, that each time lies in."""
        section = self.section(times_ms)
        beats = (times_ms - self.start_ms[section]) / self.beat_ms[section]
        number: Indices = np.floor(beats + _SAME_BEAT).astype(np.int64)
        return number

    def nearest(self, times_ms: Times, divisor: int) -> tuple[Times, Times]:
        """The nearest line of a divisor: its time and how far it lies after the given time."""
        return self._line(times_ms, divisor, np.rint)

    def around(self, time_ms: float, divisor: int) -> tuple[float, float]:
        """The last line at or before a time and the first one at or after it."""
        one = np.array([time_ms], dtype=np.float64)
        low = self._line(one, divisor, lambda x: np.floor(x + _SAME_BEAT))[0][0]
        high = self._line(one, divisor, lambda x: np.ceil(x - _SAME_BEAT))[0][0]
        return float(low), float(high)

    def _line(
        self, times_ms: Times, divisor: int, rounding: Callable[[Times], Times]
    ) -> tuple[Times, Times]:
        section = self.section(times_ms)
        since = times_ms - self.start_ms[section]
        beat_ms = self.beat_ms[section]
        count = rounding(since * divisor / beat_ms).astype(np.int64)
        # In lowest terms, so that the line 2/4 is the very float that the line 1/2 is.
        common = np.gcd(count, divisor)
        offset = (count // common) * beat_ms / (divisor // common)
        length = self.length_ms[section]
        offset = np.where(offset > length - _MERGE_MS, length, offset)
        return self.start_ms[section] + offset, offset - since


Allowed = tuple[tuple[int, ...], ...]
"""Divisors that may be used, for each section."""


@dataclass(frozen=True)
class LineTable:
    """The nearest line of every divisor to every time.

    Args:
        states: all divisors, rising.
        at_ms: time of the nearest line.
        distance_ms: how far it lies after the time; infinite where the divisor is not allowed.
        reached: [i, j]: lines of divisor j are lines of divisor i, too.
    """

    states: tuple[int, ...]
    at_ms: Float[np.ndarray, "n s"]
    distance_ms: Float[np.ndarray, "n s"]
    reached: Bool[np.ndarray, "s s"]

    @property
    def nearest_ms(self) -> Times:
        """Distance of each time to the nearest line of all, 0 or more."""
        nearest: Times = np.abs(self.distance_ms).min(axis=1)
        return nearest


def line_table(lines: BeatLines, allowed: Allowed, times_ms: Times) -> LineTable:
    """Looks up the nearest line of every divisor.

    Args:
        lines: the grid.
        allowed: divisors of each section.
        times_ms: any times.
    """
    states = tuple(sorted({d for section in allowed for d in section}))
    permitted = np.array([[d in own for d in states] for own in allowed], dtype=bool)
    found = [lines.nearest(times_ms, d) for d in states]
    distance = np.stack([d for _, d in found], axis=1)
    return LineTable(
        states=states,
        at_ms=np.stack([at for at, _ in found], axis=1),
        distance_ms=np.where(permitted[lines.section(times_ms)], distance, np.inf),
        reached=np.array([[d % e == 0 for e in states] for d in states], dtype=bool),
    )
