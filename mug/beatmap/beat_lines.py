"""The beat grid that red lines span: sections, beats, the lines of a divisor.

This module alone turns red lines into beats and lines; snapping, lint, tempo maps and metrics ask
it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError

# A line so close before a red line is that red line: whole-ms files cannot tell them apart.
_MERGE_MS = 2.5
# Parts of a beat that count as none: products and quotients of floats are not exact.
_SAME_BEAT = 1e-9
_SLOWEST_BEAT_MS = 500.0
_QUICK_MS, _SLOW_MS = 150.0, 1500.0  # 400 and 40 beats a minute

Times = Float[np.ndarray, " n"]
Indices = Int[np.ndarray, " n"]


def folded_beat_ms(beat_ms: float) -> float:
    """A beat of the same music at 120 to 240 beats a minute: above 250, up to 500 ms.

    Half and double time are the same music, written by other people.

    Args:
        beat_ms: of a red line, above 0.
    """
    return _SLOWEST_BEAT_MS / 2 ** (math.log2(_SLOWEST_BEAT_MS / beat_ms) % 1)


def with_usual_beat(line: TimingPoint) -> TimingPoint:
    """A red line of the same music whose beat is one that notes are laid on the parts of.

    A beat below 40 or above 400 a minute becomes one of 120 to 240, and a bar has as many more or
    fewer of them; others stay. The finest parts of a beat of 10 a minute are longer than the gaps
    of most charts.

    Args:
        line: one without a tempo stays, too.
    """
    if _QUICK_MS <= line.beat_ms <= _SLOW_MS or not 0 < line.beat_ms < math.inf:
        return line
    beat_ms = folded_beat_ms(line.beat_ms)
    bar = line.meter * line.beat_ms / beat_ms
    meter = round(bar) if bar >= 1 and abs(bar - round(bar)) < _SAME_BEAT else line.meter
    return replace(line, beat_ms=beat_ms, meter=meter)


def sorted_red_lines(red_lines: Sequence[TimingPoint]) -> list[TimingPoint]:
    """Red lines by time.

    Raises:
        DataError: without one, or with a time or beat that is not finite, or a beat of 0 or less.
    """
    if not red_lines:
        raise DataError("chart.grid_needs_red_line", remedy="remedy.give_tempo_of_song")
    for line in red_lines:
        if not (math.isfinite(line.time_ms) and 0 < line.beat_ms < math.inf):
            raise DataError("chart.beat_must_last_longer_than_nothing", value=line)
    return sorted(red_lines, key=lambda line: line.time_ms)


class BeatLines:
    """The grid that red lines span; each rules until the next, the first before itself, too.

    Distances are taken relative to the red line, so that a joint shift of red lines and notes
    changes no decision.

    Args:
        red_lines: in any order.
        merge_ms: a line so close before a red line is that red line.

    Raises:
        DataError: as `sorted_red_lines`.
    """

    def __init__(self, red_lines: Sequence[TimingPoint], merge_ms: float = _MERGE_MS) -> None:
        ordered = sorted_red_lines(red_lines)
        self._merge_ms = merge_ms
        self.start_ms = np.array([line.time_ms for line in ordered], dtype=np.float64)
        self.beat_ms = np.array([line.beat_ms for line in ordered], dtype=np.float64)
        self.meter = np.array([max(line.meter, 1) for line in ordered], dtype=np.int64)
        self.length_ms = np.append(np.diff(self.start_ms), math.inf)
        in_beats = self.length_ms[:-1] / self.beat_ms[:-1]
        self.first_beat = np.append(0.0, np.cumsum(in_beats))

    def section(self, times_ms: Times) -> Indices:
        """Index of the red line that rules each time."""
        at = np.searchsorted(self.start_ms, times_ms, side="right") - 1
        section: Indices = np.maximum(at, 0).astype(np.int64)
        return section

    def beat_at(self, times_ms: Times) -> Times:
        """Duration of a beat in ms at each time."""
        beat: Times = self.beat_ms[self.section(times_ms)]
        return beat

    def beats(self, times_ms: Times) -> Times:
        """Beats from the first red line to each time, through all later ones."""
        section = self.section(times_ms)
        since = times_ms - self.start_ms[section]
        beats: Times = self.first_beat[section] + since / self.beat_ms[section]
        return beats

    def times_of(self, beats: Times) -> Times:
        """Times, in ms, of beats counted from the first red line; the inverse of `beats`."""
        at = np.searchsorted(self.first_beat, beats, side="right") - 1
        section = np.maximum(at, 0)
        since = (beats - self.first_beat[section]) * self.beat_ms[section]
        times: Times = self.start_ms[section] + since
        return times

    def lines(self, first_ms: float, last_ms: float, divisor: int, clear_ms: float = 0.0) -> Times:
        """Times of all lines of a divisor from a time to another, both included.

        Args:
            first_ms: before the first red line there are lines, too.
            last_ms: the last that counts.
            divisor: parts of a beat.
            clear_ms: lines closer than this before the next red line are left out.
        """
        found = []
        for index, (start, beat, length) in enumerate(
            zip(self.start_ms, self.beat_ms, self.length_ms, strict=True)
        ):
            low = first_ms if index == 0 else max(first_ms, start)
            step = beat / divisor
            count = np.arange(math.ceil((low - start) / step), (last_ms - start) // step + 1)
            times = start + count * step
            found.append(times[times < start + length - clear_ms])
        return np.concatenate(found).astype(np.float64)

    def bars(self, last_ms: float, clear_ms: float = 0.0) -> Times:
        """Starts of the bars from the first red line to a time; each red line begins one.

        Args:
            last_ms: this time and later ones do not count.
            clear_ms: bars closer than this before the next red line are left out.
        """
        found = [
            np.arange(start, min(start + length - clear_ms, last_ms), beat * meter)
            for start, beat, meter, length in zip(
                self.start_ms, self.beat_ms, self.meter, self.length_ms, strict=True
            )
        ]
        return np.concatenate(found).astype(np.float64)

    def beat(self, times_ms: Times) -> Indices:
        """Number of the beat, counted from the section's red line, that each time lies in."""
        section = self.section(times_ms)
        beats = (times_ms - self.start_ms[section]) / self.beat_ms[section]
        number: Indices = np.floor(beats + _SAME_BEAT).astype(np.int64)
        return number

    def nearest(self, times_ms: Times, divisor: int) -> tuple[Times, Times]:
        """The nearest line of a divisor: its time and how far it lies after the given time.

        The next red line is a line of every divisor.
        """
        at, distance = self._line(times_ms, divisor, np.rint)
        section = self.section(times_ms)
        length = self.length_ms[section]
        left = length - (times_ms - self.start_ms[section])
        ends = left < np.abs(distance)
        return np.where(ends, self.start_ms[section] + length, at), np.where(ends, left, distance)

    def around(self, time_ms: float, divisors: Sequence[int]) -> tuple[list[float], list[float]]:
        """The last line of each divisor at or before a time, and the first one at or after it."""
        one, each = np.array([time_ms], dtype=np.float64), np.array(divisors, dtype=np.int64)
        low = self._line(one, each, lambda x: np.floor(x + _SAME_BEAT))[0]
        high = self._line(one, each, lambda x: np.ceil(x - _SAME_BEAT))[0]
        return low.tolist(), high.tolist()

    def _line(
        self,
        times_ms: Times,
        divisor: int | Int[np.ndarray, " d"],
        rounding: Callable[[np.ndarray], np.ndarray],
    ) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
        """Lines and their distances; one time for many divisors, or many times for one."""
        section = self.section(times_ms)
        since = times_ms - self.start_ms[section]
        beat_ms = self.beat_ms[section]
        count = rounding(since * divisor / beat_ms).astype(np.int64)
        # In lowest terms, so that the line 2/4 is the very float that the line 1/2 is.
        common = np.gcd(count, divisor)
        offset = (count // common) * beat_ms / (divisor // common)
        length = self.length_ms[section]
        offset = np.where(offset > length - self._merge_ms, length, offset)
        return self.start_ms[section] + offset, offset - since
