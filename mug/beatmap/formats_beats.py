"""Beats and milliseconds: for formats that place notes on beats instead of at times."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from mug.beatmap.formats_limits import MAX_BEAT
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError

SAME_MS = 0.05  # a tempo change this near to a whole beat is on it
_LEAST_MS = 1e-3  # of two tempo changes nearer than this, the first lasts no time
DEFAULT_BEAT_MS = 500.0

Tempo = tuple[Fraction, float]  # beat, beats a minute


@dataclass(frozen=True)
class BeatClock:
    """When each beat is.

    Args:
        beats: where the tempo changes, ascending; the first counts for everything before it too.
        times_ms: when that is.
        beat_ms: duration of a beat from there on.
    """

    beats: tuple[Fraction, ...]
    times_ms: tuple[float, ...]
    beat_ms: tuple[float, ...]

    @classmethod
    def from_tempi(
        cls, tempi: Sequence[Tempo], known_ms: float, known_beat: Fraction = Fraction(0)
    ) -> BeatClock:
        """A clock with one beat at a known time.

        Args:
            tempi: ascending, at least one.
            known_ms: when `known_beat` is.
            known_beat: any beat.
        """
        beats = tuple(beat for beat, _ in tempi)
        lengths = tuple(60000.0 / bpm for _, bpm in tempi)
        times = [0.0]
        for index in range(1, len(beats)):
            gap = float(beats[index] - beats[index - 1])
            times.append(times[-1] + gap * lengths[index - 1])
        shift = known_ms - cls(beats, tuple(times), lengths).time_ms(known_beat)
        return cls(beats, tuple(t + shift for t in times), lengths)

    def time_ms(self, beat: Fraction) -> float:
        """When a beat is."""
        index = max(bisect_right(self.beats, beat) - 1, 0)
        return self.times_ms[index] + float(beat - self.beats[index]) * self.beat_ms[index]

    def beat_at(self, time_ms: float) -> float:
        """Which beat is at a time."""
        index = max(bisect_right(self.times_ms, time_ms) - 1, 0)
        since = (time_ms - self.times_ms[index]) / self.beat_ms[index]
        return float(self.beats[index]) + since

    def snap(self, time_ms: float, divisors: Sequence[int], tolerance_ms: float) -> Fraction:
        """The beat for a time: of the first divisor that is near enough, else of the last one."""
        exact = self.beat_at(time_ms)
        beat = Fraction(0)
        for divisor in divisors:
            beat = Fraction(round(exact * divisor), divisor)
            if abs(self.time_ms(beat) - time_ms) <= tolerance_ms:
                break
        return beat


@dataclass(frozen=True)
class BeatGrid:
    """Tempi on whole beats that make every red line the beginning of a beat.

    Args:
        tempi: (beat, beats a minute), the first at beat 0.
        zero_ms: when beat 0 is.
        red_beats: the beat of each red line.
        bent: beats whose length was changed, because a red line comes in the middle of one.
    """

    tempi: tuple[Tempo, ...]
    zero_ms: float
    red_beats: tuple[int, ...]
    bent: int

    @property
    def clock(self) -> BeatClock:
        """When each of these beats is."""
        return BeatClock.from_tempi(self.tempi, self.zero_ms)


def lay_beats(reds: Sequence[TimingPoint], first_ms: float, *, decimals: int = 9) -> BeatGrid:
    """Beats for red lines anywhere: the last beat before a red line is made to end there.

    Args:
        reds: the red lines, at least one.
        first_ms: beat 0 comes no later than this.
        decimals: of the tempi, so that the file and this computation mean the same.

    Raises:
        BeatmapError: for more beats than any format holds.
    """
    ordered = sorted(reds, key=lambda point: point.time_ms)
    start = ordered[0]
    bars = math.ceil(max(start.time_ms - first_ms, 0.0) / (start.beat_ms * start.meter))
    at = min(bars * start.meter, int(MAX_BEAT) + 1)
    tempi: dict[int, float] = {0: round(start.bpm, decimals) or start.bpm}
    zero_ms = start.time_ms - at * 60000.0 / tempi[0]
    now, bent, red_beats, current = start.time_ms, 0, [at], 0
    for point in ordered[1:]:
        length = 60000.0 / tempi[current]
        whole, bends = _beats_between(point.time_ms - now, length)
        if at + whole > MAX_BEAT:
            break
        if bends:
            last_ms = point.time_ms - now - (whole - 1) * length
            tempi[at + whole - 1] = round(60000.0 / last_ms, decimals)
            now += (whole - 1) * length + 60000.0 / tempi[at + whole - 1]
            bent += 1
        else:
            now += whole * length
        at += whole
        red_beats.append(at)
        tempi[at] = round(point.bpm, decimals) or point.bpm
        current = at
    if at > MAX_BEAT or len(red_beats) < len(ordered):
        raise BeatmapError(f"the chart has more than {MAX_BEAT:g} beats", value=at)
    fractions = tuple((Fraction(beat), bpm) for beat, bpm in sorted(tempi.items()))
    return BeatGrid(fractions, zero_ms, tuple(red_beats), bent)


def _beats_between(gap_ms: float, beat_ms: float) -> tuple[int, bool]:
    """How many beats until the next red line, and whether the last must be bent to fit."""
    if gap_ms < _LEAST_MS:
        return 0, False
    exact = gap_ms / beat_ms
    if exact > MAX_BEAT:
        return int(MAX_BEAT) + 1, False
    whole = max(round(exact), 1)
    return whole, abs(exact - whole) * beat_ms > SAME_MS
