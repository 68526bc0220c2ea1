"""Time in beats: the axis on which each beat of a song has the same number of frames.

A model with `time_axis: beat` sees sound and notes warped, so that where a note lies within a beat
is where it lies within a latent frame. `BeatAxis` warps milliseconds to beats and back. On a
`FrameClock` one beat of the axis lasts one latent frame, in *axis ms*; whatever works on constant
frames works on warped times.

Each red line begins a beat. A beat that the next red line cuts short keeps its frames over less
time. Before the first red line its tempo runs backwards to 0 ms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64

from mug.beatmap.beat_lines import folded_beat_ms
from mug.beatmap.timing_points import TimingPoint
from mug.clock import FrameClock
from mug.errors import DataError

LINES = 12
"""Lines of a beat: quarters and thirds; snapping human rows to them costs F1 .001."""

NOTE_FRAMES = 8
"""Note frames of a beat."""

PHASE = 1 / 48
"""Part of a beat by which a beat begins after its latent frame does.

Without it a note on a line would lie on the border of two note frames, and the rounding of a file
to whole ms would decide which of the two has it. With it lines of 12 and 16 lie inside frames.
"""

PSEUDO_BEAT_MS = 500.0
"""Beat of the grid of a song in which no beat was found."""

_SHORTEST_MS, _LONGEST_MS = 60.0, 6000.0  # 1000 and 10 beats a minute: no tempo beyond
_SAME_MS = 2.5  # red lines so close are one: whole-ms files cannot tell them apart
_LEAST_REST = 1 / 24  # of a beat; a shorter rest joins the beat before it
_MOST_CHANGES = 8  # red lines in a bar; more are an effect of scrolling and no tempo

Times = Float64[np.ndarray, " n"]
Knots = Float64[np.ndarray, " k"]


@dataclass(frozen=True)
class BeatAxis:
    """Milliseconds to beats of a song and back; strictly monotone, the inverse within 1e-6 ms.

    Args:
        knots_ms: times between which beats pass evenly, ascending, two or more; the axis goes on
            before and behind them as between the outer two.
        knots: beats at these times, ascending from 0.
        sections: whole beats with which the parts of one red line each begin, ascending from 0.
        groups: beats that make a bar, or several bars or a part of one, in each of these parts.
        known: False for the pseudo-grid of a song without a beat.
        left_out: red lines that are no tempo.
        merged_bars: bars with so many tempo changes that their longest tempo rules them.
    """

    knots_ms: Knots
    knots: Knots
    sections: Int64[np.ndarray, " s"]
    groups: Int64[np.ndarray, " s"]
    known: bool = True
    left_out: int = 0
    merged_bars: int = 0

    @classmethod
    def of(cls, red_lines: Sequence[TimingPoint], rate: float = 1.0) -> BeatAxis:
        """Return the axis of red lines, in any order.

        Beats are folded to 120 to 240 a minute (`folded_beat_ms`), after the rate.

        Args:
            red_lines: those that are no tempo (outside 60 ... 6000 ms a beat, not finite) are left
                out; without any other the grid is one of `PSEUDO_BEAT_MS`.
            rate: speed multiplier; times are divided by it.
        """
        if not 0 < rate < math.inf:
            raise DataError("encoding.rate_must_be_positive", value=rate)
        usable = [line for line in red_lines if _is_tempo(line)]
        parts, merged = _calmed(_apart(usable, rate))
        if not parts:
            only = _Part(0.0, PSEUDO_BEAT_MS, 4)
            return cls(*_knots([only]), known=False, left_out=len(red_lines))
        return cls(*_knots(parts), left_out=len(red_lines) - len(usable), merged_bars=merged)

    def beats(self, times_ms: Times) -> Times:
        """Beats from the beginning of the axis to each time."""
        return _interpolated(np.asarray(times_ms, np.float64), self.knots_ms, self.knots)

    def times(self, beats: Times) -> Times:
        """Times in ms of beats; the inverse of `beats`."""
        return _interpolated(np.asarray(beats, np.float64), self.knots, self.knots_ms)

    def line_times(
        self, first_beat: int, count: int, divisor: int = LINES
    ) -> Float64[np.ndarray, " m"]:
        """Times in ms of all lines of `count` beats, `divisor` a beat."""
        return self.times(first_beat + np.arange(count * divisor) / divisor)

    def beat_ms(self, first_beat: int, count: int) -> Times:
        """Duration of each of `count` beats in ms."""
        duration: Times = np.diff(self.times(first_beat + np.arange(count + 1, dtype=np.float64)))
        return duration

    def beat_in_bar(self, first_beat: int, count: int) -> Int64[np.ndarray, " n"]:
        """Place of each of `count` beats in its bar (or group of bars); 0 is a downbeat."""
        beats = first_beat + np.arange(count)
        section = np.maximum(np.searchsorted(self.sections, beats, side="right") - 1, 0)
        place: Int64[np.ndarray, " n"] = (beats - self.sections[section]) % self.groups[section]
        return place

    def count_beats(self, duration_ms: float) -> int:
        """Beats that cover a song of this duration, at least one."""
        return max(1, math.ceil(float(self.beats(np.array([duration_ms]))[0]) + PHASE - 1e-9))

    def to_axis_ms(self, times_ms: Times, clock: FrameClock) -> Times:
        """Times on the axis, on which a beat lasts a latent frame of `clock`."""
        return (self.beats(times_ms) + PHASE) * clock.latent_frame_ms

    def to_real_ms(self, axis_ms: Times, clock: FrameClock) -> Times:
        """The inverse of `to_axis_ms`."""
        return self.times(np.asarray(axis_ms, np.float64) / clock.latent_frame_ms - PHASE)

    def moved(self, by_ms: float) -> BeatAxis:
        """The axis with all its times moved."""
        return replace(self, knots_ms=self.knots_ms + by_ms)

    @cached_property
    def key(self) -> tuple[float, ...]:
        """A hashable value that equals another axis' exactly where the axes are equal."""
        return (*self.knots_ms.tolist(), math.inf, *self.knots.tolist(), *self.groups.tolist())


@dataclass(frozen=True, slots=True)
class _Part:
    """Stretch under one red line: its beginning, its folded beat and the beats of its group."""

    start_ms: float
    beat_ms: float
    group: int


def _is_tempo(line: TimingPoint) -> bool:
    return math.isfinite(line.time_ms) and _SHORTEST_MS <= line.beat_ms <= _LONGEST_MS


def _group(meter: int) -> int:
    """Beats after which stress repeats: folding makes bars of 2, 4 or 8 beats alike."""
    if meter % 3 == 0 and meter > 0:
        return 3
    return meter if meter in (5, 7) else 4


def _apart(lines: Sequence[TimingPoint], rate: float) -> list[TimingPoint]:
    """Red lines at a rate by time; of those closer than `_SAME_MS` the last one."""
    ordered = sorted(
        (TimingPoint(line.time_ms / rate, line.beat_ms / rate, line.meter) for line in lines),
        key=lambda line: line.time_ms,
    )
    kept: list[TimingPoint] = []
    for line in ordered:
        if kept and line.time_ms - kept[-1].time_ms < _SAME_MS:
            kept.pop()
        kept.append(line)
    return kept


def _calmed(lines: Sequence[TimingPoint]) -> tuple[list[_Part], int]:
    """Parts of red lines, and the number of bars in which the longest tempo replaces many."""
    parts: list[_Part] = []
    merged, at = 0, 0
    while at < len(lines):
        line = lines[at]
        bar_end = line.time_ms + line.beat_ms * max(line.meter, 1)
        behind = at + 1
        while behind < len(lines) and lines[behind].time_ms < bar_end:
            behind += 1
        if behind - at > _MOST_CHANGES:
            ends = [*(one.time_ms for one in lines[at + 1 : behind]), bar_end]
            durations = [end - one.time_ms for one, end in zip(lines[at:behind], ends, strict=True)]
            longest = lines[at + int(np.argmax(durations))]
            parts.append(_part(line.time_ms, longest))
            merged, at = merged + 1, behind
        else:
            parts.append(_part(line.time_ms, line))
            at += 1
    return parts, merged


def _part(start_ms: float, line: TimingPoint) -> _Part:
    return _Part(start_ms, folded_beat_ms(line.beat_ms), _group(line.meter))


def _knots(parts: Sequence[_Part]) -> tuple[Knots, Knots, np.ndarray, np.ndarray]:
    """Knots, their beats, first beats of the parts and their groups; the axis begins on a bar."""
    begun = [part for part in parts if part.start_ms <= 0]
    ruling = [*begun[-1:], *parts[len(begun) :]]
    first = ruling[0]
    bar_ms = first.beat_ms * first.group
    # Rounding must not put it behind the beginning of the sound.
    begin = min(0.0, first.start_ms + math.floor(-first.start_ms / bar_ms) * bar_ms)
    starts = [begin, *(part.start_ms for part in ruling[1:])]
    times, beats = [begin], [0.0]
    sections, groups = [0], [first.group]
    for part, start, end in zip(ruling, starts, [*starts[1:], math.inf], strict=True):
        if end == math.inf:
            times.append(start + part.beat_ms)
            beats.append(beats[-1] + 1)
            break
        length = (end - start) / part.beat_ms
        whole = math.floor(length + 1e-9)
        # The rest is a beat of its own, or belongs to the beat before it.
        even = whole if length - whole >= _LEAST_REST else whole - 1
        if even > 0:
            times.append(start + even * part.beat_ms)
            beats.append(beats[-1] + even)
        times.append(end)
        beats.append(beats[-1] + 1)
        sections.append(int(beats[-1]))
    groups += [part.group for part in ruling[1:]]
    return (
        np.array(times, np.float64),
        np.array(beats, np.float64),
        np.array(sections, np.int64),
        np.array(groups, np.int64),
    )


def _interpolated(x: Times, xs: Knots, ys: Knots) -> Times:
    """Piecewise linear; outside as in the outer pieces."""
    at = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
    slope = (ys[at + 1] - ys[at]) / (xs[at + 1] - xs[at])
    value: Times = ys[at] + (x - xs[at]) * slope
    return value
