"""Beats and milliseconds: for formats that place notes on beats instead of at times."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.limits import MAX_BEAT
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError

SAME_MS = 0.05  # a tempo change this near to a whole beat is on it
ROWS = 48  # to a beat, where a format has rows
_NOTICED_MS = 0.5  # a note may be this far from its row
_LEAST_MS = 1e-3  # of two tempo changes nearer than this, the first lasts no time
DEFAULT_BEAT_MS = 500.0
NO_TEMPO = "tempi: the chart has none, 120 beats a minute stand in"
BENT = "beats bent so that a tempo change begins one"

Tempo = tuple[Fraction, float]  # beat, beats a minute


@dataclass(frozen=True)
class BeatClock:
    """Map from beats to times.

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
        """Time of a beat."""
        index = max(bisect_right(self.beats, beat) - 1, 0)
        return self.times_ms[index] + float(beat - self.beats[index]) * self.beat_ms[index]

    def beat_at(self, time_ms: float) -> float:
        """Beat at a time."""
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
        """Map of these beats to their times."""
        return BeatClock.from_tempi(self.tempi, self.zero_ms)


def lay_beats(
    reds: Sequence[TimingPoint],
    first_ms: float,
    *,
    decimals: int = 9,
    row_times: Sequence[float] = (),
) -> BeatGrid:
    """Beats for red lines anywhere: what comes before a red line is made to end on a beat there.

    Args:
        reds: the red lines, at least one.
        first_ms: beat 0 comes no later than this.
        decimals: of the tempi, so that the file and this computation mean the same.
        row_times: times of notes that must come to lie on rows of 1/48 beat, ascending. Where they
            are on rows of the straight beat and not of the bent one, only the last row is bent.

    Raises:
        BeatmapError: for more beats than any format holds.
    """
    ordered = sorted(reds, key=lambda point: point.time_ms)
    start = ordered[0]
    bars = math.ceil(max(start.time_ms - first_ms, 0.0) / (start.beat_ms * start.meter))
    at = min(bars * start.meter, int(MAX_BEAT) + 1)
    tempi: dict[Fraction, float] = {Fraction(0): round(start.bpm, decimals) or start.bpm}
    zero_ms = start.time_ms - at * 60000.0 / tempi[Fraction(0)]
    now, bent, red_beats, current = start.time_ms, 0, [at], Fraction(0)
    for point in ordered[1:]:
        length = 60000.0 / tempi[current]
        gap_ms = point.time_ms - now
        whole, bends = _beats_between(gap_ms, length)
        if at + whole > MAX_BEAT:
            break
        if bends:
            straight, whole = _bend(gap_ms, length, whole, _since(row_times, now, point.time_ms))
            span = float(whole - straight)
            bpm = round(60000.0 * span / (gap_ms - float(straight) * length), decimals)
            tempi[at + straight] = bpm
            now += float(straight) * length + span * 60000.0 / bpm
            bent += 1
        else:
            now += whole * length
        at += whole
        red_beats.append(at)
        current = Fraction(at)
        tempi[current] = round(point.bpm, decimals) or point.bpm
    if at > MAX_BEAT or len(red_beats) < len(ordered):
        raise BeatmapError("chart.too_many_beats", most=MAX_BEAT, value=at)
    return BeatGrid(tuple(sorted(tempi.items())), zero_ms, tuple(red_beats), bent)


def _beats_between(gap_ms: float, beat_ms: float) -> tuple[int, bool]:
    """Number of beats until the next red line, and whether the last must be bent to fit."""
    if gap_ms < _LEAST_MS:
        return 0, False
    exact = gap_ms / beat_ms
    if exact > MAX_BEAT:
        return int(MAX_BEAT) + 1, False
    whole = max(round(exact), 1)
    return whole, abs(exact - whole) * beat_ms > SAME_MS


def _since(times: Sequence[float], begin_ms: float, end_ms: float) -> list[float]:
    """The times after `begin_ms` and before `end_ms`, counted from `begin_ms`."""
    found = times[bisect_right(times, begin_ms) : bisect_left(times, end_ms - SAME_MS)]
    return [time_ms - begin_ms for time_ms in found]


def _bend(
    gap_ms: float, beat_ms: float, whole: int, notes_ms: Sequence[float]
) -> tuple[Fraction, int]:
    """Until which beat all stays straight, and the beat on which the rest ends."""
    straight = Fraction(whole - 1)
    begin_ms = (whole - 1) * beat_ms
    late = [time_ms for time_ms in notes_ms if time_ms > begin_ms]
    bent_ms = gap_ms - begin_ms
    if all(
        _off_row(time_ms - begin_ms, bent_ms) <= max(_off_row(time_ms, beat_ms), _NOTICED_MS)
        for time_ms in late
    ):
        return straight, whole
    row = math.ceil(gap_ms / beat_ms * ROWS) - 1
    if gap_ms - row * beat_ms / ROWS < SAME_MS:  # too short to be a row: it takes the one before
        row -= 1
    row = max(row, 0)
    return Fraction(row, ROWS), row // ROWS + 1


def _off_row(time_ms: float, beat_ms: float) -> float:
    """Distance of a time from the nearest row."""
    row_ms = beat_ms / ROWS
    return abs(time_ms - round(time_ms / row_ms) * row_ms)


def with_tempo(beatmap: Beatmap, losses: LossReport) -> Beatmap:
    """The chart itself, or with a tempo where it has none: beats need one."""
    if beatmap.red_lines:
        return beatmap
    losses.add(NO_TEMPO)
    red = TimingPoint(min(earliest_ms(beatmap), 0.0), DEFAULT_BEAT_MS)
    return replace(beatmap, timing=(red, *beatmap.timing))


def earliest_ms(beatmap: Beatmap) -> float:
    """Time of the first note, tempo or scroll speed."""
    times = [note.start_ms for note in beatmap.hit_objects]
    return min([*times, *(point.time_ms for point in beatmap.timing)], default=0.0)
