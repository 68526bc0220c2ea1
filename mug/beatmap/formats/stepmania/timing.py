"""Times of StepMania's beats: tempi, stops, delays and warps as one function.

Beat 0 is `-OFFSET` seconds after the sound begins. At a beat come, in this order: the delay, the
notes, the stop. A warp takes beats out of time. Old files write warps as tempi or stops below 0:
time runs back, and until it has caught up again the beats are warped.

Source: the game's documentation of its timing segments, and the published tables that the tests
hold.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

ROWS_PER_BEAT = 48  # the game's resolution: beats of tempi and stops are rounded to it
WARP_BPM = 9_999_999.0  # from here on, the game takes a tempo for a warp
MAX_SECONDS = 2_000_000.0

Pairs = dict[Fraction, float]


@dataclass(frozen=True)
class Segment:
    """Timing from a beat until the next segment.

    Args:
        beat: where it begins.
        arrival_s: when it is reached.
        note_s: when notes on its first beat are due, after the delay.
        leave_s: when it goes on, after the stop.
        beat_s: duration of a beat; 0 in a warp.
        bpm: the tempo, which a warp has as well.
        warped: whether notes within cannot be hit.
    """

    beat: Fraction
    arrival_s: float
    note_s: float
    leave_s: float
    beat_s: float
    bpm: float
    warped: bool


@dataclass
class StepTiming:
    """The timing tags of a song or a chart, in beats and seconds.

    Args:
        bpms: tempo from each beat on, also below 0.
        stops: seconds that time stands after the notes of a beat, also below 0.
        delays: seconds that time stands before them.
        warps: beats that are skipped from each beat on.
        fakes: beats whose notes do not count, from each beat on.
        offset_s: the value of OFFSET.
        fast_is_warp: tempi from `WARP_BPM` on are warps, as in `.sm` files.
    """

    bpms: Pairs
    stops: Pairs = field(default_factory=dict)
    delays: Pairs = field(default_factory=dict)
    warps: Pairs = field(default_factory=dict)
    fakes: Pairs = field(default_factory=dict)
    offset_s: float = 0.0
    fast_is_warp: bool = True

    def __post_init__(self) -> None:
        self.segments = _segments(self)
        self._beats = [segment.beat for segment in self.segments]
        self._fakes = _joined(self.fakes)

    def segment_at(self, beat: Fraction) -> Segment:
        """The segment that a beat lies in; the first for what comes before it."""
        return self.segments[max(bisect_right(self._beats, beat) - 1, 0)]

    def time_s(self, beat: Fraction) -> float:
        """Time at which notes on this beat are due, in seconds of the sound."""
        segment = self.segment_at(beat)
        if beat == segment.beat:
            return segment.note_s
        origin = segment.leave_s if beat > segment.beat else segment.arrival_s
        return origin + float(beat - segment.beat) * segment.beat_s

    def arrival_s(self, beat: Fraction) -> float:
        """Time at which this beat is reached, before its delay."""
        segment = self.segment_at(beat)
        return segment.arrival_s if beat == segment.beat else self.time_s(beat)

    def hittable(self, beat: Fraction) -> bool:
        """Return whether notes on this beat count: not in a warp (unless time stands) or a fake."""
        index = bisect_right(self._fakes, beat, key=lambda span: span[0]) - 1
        if index >= 0 and beat < self._fakes[index][1]:
            return False
        stands = max(self.stops.get(beat, 0.0), self.delays.get(beat, 0.0)) > 0
        return stands or not self.segment_at(beat).warped or beat < self._beats[0]


def _segments(timing: StepTiming) -> list[Segment]:
    """Walk through all changes, with a debt of seconds that run back."""
    warped = _joined(timing.warps)
    zero = Fraction(0)
    marks = {zero, *timing.bpms, *timing.stops, *timing.delays}
    marks |= {edge for span in warped for edge in span}
    ordered = sorted(mark for mark in marks if mark >= 0)
    bpm = timing.bpms[max((b for b in timing.bpms if b <= 0), default=min(timing.bpms))]
    spans = iter([*warped, (None, None)])
    start, end = next(spans)
    now, debt = -timing.offset_s, 0.0
    segments: list[Segment] = []
    for index, beat in enumerate(ordered):
        bpm = timing.bpms.get(beat, bpm)
        while end is not None and end <= beat:
            start, end = next(spans)
        in_warp = start is not None and start <= beat
        note_s, debt = _advance(now, timing.delays.get(beat, 0.0), debt)
        leave_s, debt = _advance(note_s, timing.stops.get(beat, 0.0), debt)
        gap = float(ordered[index + 1] - beat) if index + 1 < len(ordered) else math.inf
        begins = (beat, now, note_s, leave_s)
        in_warp = in_warp or (timing.fast_is_warp and bpm >= WARP_BPM)
        pieces, now, debt = _stretch(begins, bpm, gap, in_warp, debt)
        segments += pieces
    return segments


def _advance(now: float, seconds: float, debt: float) -> tuple[float, float]:
    """Time and debt after so many seconds; first the debt is paid."""
    if seconds < 0:
        return now, debt - seconds
    paid = min(debt, seconds)
    return now + seconds - paid, debt - paid


def _stretch(
    begins: tuple[Fraction, float, float, float],
    bpm: float,
    beats: float,
    in_warp: bool,
    debt: float,
) -> tuple[list[Segment], float, float]:
    """One or two segments of one tempo, and time and debt at their end."""
    leave_s = begins[3]
    tempo = abs(bpm)
    if in_warp:
        return [Segment(*begins, 0.0, tempo, True)], leave_s, debt
    seconds = beats * 60.0 / tempo
    if bpm < 0:
        return [Segment(*begins, 0.0, tempo, True)], leave_s, debt + seconds
    if debt >= seconds:
        return [Segment(*begins, 0.0, tempo, True)], leave_s, debt - seconds
    pieces = []
    if debt > 0:
        pieces.append(Segment(*begins, 0.0, tempo, True))
        caught_up = begins[0] + Fraction(debt * tempo / 60.0).limit_denominator(1 << 20)
        begins = (caught_up, leave_s, leave_s, leave_s)
        seconds -= debt
    pieces.append(Segment(*begins, 60.0 / tempo, tempo, False))
    return pieces, leave_s + seconds, 0.0


def _joined(warps: Mapping[Fraction, float]) -> list[tuple[Fraction, Fraction]]:
    """Warps (or fakes) as (begin, end), those that overlap as one."""
    spans: list[tuple[Fraction, Fraction]] = []
    for begin in sorted(beat for beat, length in warps.items() if length > 0):
        end = begin + to_row(warps[begin])
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((begin, end))
    return spans


def to_row(beat: float) -> Fraction:
    """The game's nearest row, as a beat."""
    return Fraction(round(beat * ROWS_PER_BEAT), ROWS_PER_BEAT)


def changes(timing: StepTiming) -> Sequence[tuple[float, float]]:
    """(time in s, duration of a beat in s) at each change of tempo or of the beats' places.

    Where a change comes within a beat, the next whole beat is given too, so that beats counted
    from the last change are the chart's own.
    """
    found: dict[float, float] = {}
    for index, segment in enumerate(timing.segments):
        if segment.beat_s == 0:
            continue
        found[segment.leave_s] = segment.beat_s
        whole = Fraction(math.ceil(segment.beat))
        last = index + 1 == len(timing.segments)
        if whole != segment.beat and (last or whole < timing.segments[index + 1].beat):
            found[timing.time_s(whole)] = segment.beat_s
    return sorted(found.items())
