"""Tempo, beat and bar of a song from its sound, with the other readings it allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from mug.audio.load import Wave, resample
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.timing.choice import GridChoice, choose_bar, choose_beat
from mug.timing.drift import (
    BeatCurve,
    follow,
    line_through,
    steps_of,
    straightened,
    wandering_lines,
)
from mug.timing.features import TimingFeatures
from mug.timing.grid import BPM_RANGE, EvenGrid, Peaks
from mug.timing.joined import exact_lines, joined_parts, passage_border, settled
from mug.timing.levels import PartLevel, part_levels, shared_parts
from mug.timing.onsets import (
    DETECTOR_BIAS_MS,
    HOP,
    SAMPLE_RATE,
    WINDOW,
    Onsets,
    detect_onsets,
    onset_envelope,
)
from mug.timing.segments import GridSegment, border, tempo_parts
from mug.timing.tempo_map import TempoMap

__all__ = [
    "DETECTOR_BIAS_MS",
    "HOP",
    "NO_BEAT",
    "SAMPLE_RATE",
    "WINDOW",
    "TimingCandidate",
    "TimingEstimate",
    "estimate_timing",
    "onset_envelope",
    "settled",
    "timing_of",
]

_SHORTEST_MS = 3000.0
_CANDIDATES = 6
_WANDERS = 1.06  # tempi that lie nearer together than this are followed as one
_STEADY = 0.2  # clarity of the beat, 0 ... 1, below which there is none
_FREE_GAIN = 1.3  # likewise, where even those beats are no clear ones: nobody counts
_FOLLOWED_CLEAR = 4.5  # and than onsets at random times
_FOLLOWED_GAIN = 1.15  # how much more clearly onsets must recur in beats that are not even
_SAME_LEVEL, _SAME_PHASE_MS = 0.004, 12.0  # readings nearer than this are one
_SURE_PART = 0.55  # probability of each part from which a tempo that shares beats is believed
_SAME_TEMPO = 0.02  # parts whose tempi differ by less have one


class TimingCandidate(NamedTuple):
    """A reading of the beat.

    Args:
        bpm: beats a minute.
        offset_ms: time of a beat, the first one at or after 0.
        confidence: 0 ... 1; how likely it is the right one.
    """

    bpm: float
    offset_ms: float
    confidence: float


@dataclass(frozen=True)
class TimingEstimate:
    """Estimate of a song's beat.

    Args:
        bpm: beats a minute; of the longest part where the tempo changes.
        offset_ms: time of a beat, the first one at or after 0.
        confidence: 0 ... 1; how likely tempo (octave included) and beat are right.
        candidates: the chosen reading, half and twice its tempo, then others, likeliest first.
        meter: beats a bar.
        downbeat_ms: time of a bar's first beat, the first one at or after 0; None if unknown.
        bar_confidence: 0 ... 1; how likely meter and downbeat are right if the beat is.
        changes: red lines of a song with several tempi, in order; empty for one tempo.
        steady: whether onsets recur in beats at all; free playing (rubato) has none.
    """

    bpm: float
    offset_ms: float
    confidence: float
    candidates: tuple[TimingCandidate, ...] = ()
    meter: int = 4
    downbeat_ms: float | None = None
    bar_confidence: float = 0.0
    changes: tuple[TimingPoint, ...] = ()
    steady: bool = True

    @property
    def tempo_map(self) -> TempoMap:
        """The red lines."""
        if self.changes:
            return TempoMap(self.changes)
        start = self.offset_ms if self.downbeat_ms is None else self.downbeat_ms
        return TempoMap.of_bpm(self.bpm, start, self.meter)


NO_BEAT = TimingEstimate(bpm=120.0, offset_ms=0.0, confidence=0.0)


def estimate_timing(wave: Float32[np.ndarray, " samples"], sample_rate: int) -> TimingEstimate:
    """Tempo, beat and bars of a song; `NO_BEAT` where there is none.

    Distances at which onsets recur give exact candidates; what happens on their beats, between
    them and from bar to bar decides which of them is the beat. Several tempi are reported where
    each part is clearly better explained by its own.

    Args:
        wave: mono.
        sample_rate: in Hz.

    Raises:
        DataError: for samples that are not numbers.
    """
    return timing_of(checked_onsets(wave, sample_rate))


def checked_onsets(wave: Float32[np.ndarray, " samples"], sample_rate: int) -> Onsets:
    """Onsets and harmony of a song at any sample rate.

    Args:
        wave: mono.
        sample_rate: in Hz.

    Raises:
        DataError: for samples that are not numbers.
    """
    if not np.isfinite(wave).all():
        raise DataError("common.sample_is_not_number", remedy="remedy.load_song_with_load_audio")
    resampled: Wave = resample(wave, sample_rate, SAMPLE_RATE)
    return detect_onsets(resampled)


def timing_of(onsets: Onsets) -> TimingEstimate:
    """`estimate_timing` of a song that was listened to already."""
    if onsets.duration_ms < _SHORTEST_MS or not onsets.envelope.any():
        return NO_BEAT
    evidence = TimingFeatures.of(onsets)
    choices = choose_beat(onsets, evidence)
    if not choices:
        return NO_BEAT
    bpm = choices[0].grid.bpm
    rough = tempo_parts(evidence.peaks, bpm, onsets.duration_ms)
    tempi = [part[2] for part in rough]
    free = False
    if max(tempi) < _WANDERS * min(tempi):
        curve = follow(evidence.peaks, bpm, onsets.duration_ms)
        if curve is not None and curve.gain >= _FOLLOWED_GAIN and curve.clarity >= _FOLLOWED_CLEAR:
            followed = _followed(onsets, evidence, curve)
            if followed is not None:
                return followed
        elif curve is not None:
            free = curve.gain >= _FREE_GAIN
    levels = part_levels(onsets, rough) if len(rough) > 1 else []
    if not levels:
        rough = [(0.0, onsets.duration_ms, bpm)]
    rough, levels = _shared(onsets, rough, levels, choices[0].grid)
    if levels:
        several = _several(onsets, evidence, rough, levels)
        if several.steady:
            return several
        free = True
    estimate = _estimate(evidence, choices)
    return replace(estimate, steady=estimate.steady and not free)


def _shared(
    onsets: Onsets,
    rough: list[tuple[float, float, float]],
    levels: list[PartLevel],
    grid: EvenGrid,
) -> tuple[list[tuple[float, float, float]], list[PartLevel]]:
    """Parts split where the beat goes on at a simple ratio; as they were unless all are clear."""
    grids = [level.grids[0].grid for level in levels] or [grid]
    parts = [
        part
        for (start_ms, end_ms, _), known in zip(rough, grids, strict=True)
        for part in shared_parts(onsets, known, start_ms, end_ms)
    ]
    if len(parts) == len(rough):
        return rough, levels
    found = part_levels(onsets, parts)
    tempi = [level.grids[0].grid.bpm for level in found]
    apart = all(abs(a / b - 1) > _SAME_TEMPO for a, b in pairwise(tempi))
    new = [level for part, level in zip(parts, found, strict=False) if part not in rough]
    sure = min((level.probability for level in new), default=0.0) >= _SURE_PART
    return (parts, found) if apart and sure else (rough, levels)


def _estimate(evidence: TimingFeatures, choices: list[GridChoice]) -> TimingEstimate:
    """One tempo from the ranked grids."""
    exact = settled(evidence.peaks, choices[0].grid, evidence.duration_ms)
    listed = _listed(
        evidence.peaks, exact, choices[0].probability, choices[1:], evidence.duration_ms
    )
    best = listed[0]
    grid = EvenGrid(60000.0 / best.bpm, best.offset_ms)
    bar = choose_bar(evidence, grid)
    return TimingEstimate(
        steady=sum(choice.probability for choice in choices) >= _STEADY,
        bpm=best.bpm,
        offset_ms=best.offset_ms,
        confidence=best.confidence,
        candidates=listed,
        meter=bar.meter,
        downbeat_ms=best.offset_ms + bar.begin * grid.beat_ms,
        bar_confidence=bar.probability,
    )


def _listed(
    peaks: Peaks,
    chosen: EvenGrid,
    probability: float,
    others: Sequence[GridChoice],
    duration_ms: float,
) -> tuple[TimingCandidate, ...]:
    """The chosen reading, half and twice its tempo, and then others by their odds."""
    octaves = []
    for factor in (0.5, 2.0):
        bpm = chosen.bpm * factor
        if BPM_RANGE[0] <= bpm <= BPM_RANGE[1]:
            same = [other for other in others if abs(other.grid.bpm / bpm - 1) < _SAME_LEVEL]
            grid = EvenGrid(60000.0 / bpm, chosen.offset_ms % (60000.0 / bpm))
            octaves.append(max(same, key=lambda one: one.probability, default=GridChoice(grid, 0)))
    known = [chosen, *(choice.grid for choice in octaves)]
    rest = [other for other in others if not any(_alike(other.grid, one) for one in known)]
    octaves.sort(key=lambda one: -one.probability)
    listed = [TimingCandidate(chosen.bpm, chosen.offset_ms, probability)]
    for choice in [*octaves, *rest][: _CANDIDATES - 1]:
        grid = settled(peaks, choice.grid, duration_ms)
        listed.append(TimingCandidate(grid.bpm, grid.offset_ms, float(choice.probability)))
    return tuple(listed)


def _alike(one: EvenGrid, other: EvenGrid) -> bool:
    """Return whether two readings of a beat are one."""
    apart = (one.offset_ms - other.offset_ms + one.beat_ms / 2) % one.beat_ms - one.beat_ms / 2
    return abs(one.beat_ms / other.beat_ms - 1) < _SAME_LEVEL and abs(apart) < _SAME_PHASE_MS


def _several(
    onsets: Onsets,
    evidence: TimingFeatures,
    rough: list[tuple[float, float, float]],
    levels: list[PartLevel],
) -> TimingEstimate:
    """Several tempi: each part at its own level, as sure as the least sure of them.

    Args:
        onsets: of the whole song.
        evidence: likewise.
        rough: start, end (ms) and a tempo of each part.
        levels: the beat of each.
    """
    parts, odds = joined_parts(evidence.peaks, rough, levels)
    longest = int(np.argmax([part.end_ms - part.start_ms for part in parts]))
    main = parts[longest]
    piece, begin_ms = onsets.between(main.start_ms, main.end_ms)
    beat_ms = main.grid.beat_ms
    bar = choose_bar(
        TimingFeatures.of(piece), EvenGrid(beat_ms, (main.grid.offset_ms - begin_ms) % beat_ms)
    )
    lines, kept = [_first_line(onsets, parts[0], bar.meter)], parts[:1]
    for before, after in pairwise(parts):
        octave = abs(abs(np.log2(before.grid.bpm / after.grid.bpm)) - 1) < 0.01
        if octave:
            bar_ms = bar.meter * lines[-1].beat_ms
            at = passage_border(evidence.entries, before.end_ms, lines[-1].time_ms, bar_ms)
        else:
            at = border(evidence.peaks, before, after).time_ms
        if at > lines[-1].time_ms:
            lines.append(TimingPoint(at, after.grid.beat_ms, bar.meter))
            kept.append(after)
    lines = exact_lines(evidence.peaks, lines, kept)
    sure = min(level.probability * share for level, share in zip(levels, odds, strict=True))
    bpm, offset_ms = main.grid.bpm, main.grid.offset_ms % beat_ms
    clear = min(sum(one.probability for one in level.readings) for level in levels)
    return TimingEstimate(
        steady=clear >= _STEADY,
        bpm=bpm,
        offset_ms=offset_ms,
        confidence=sure,
        candidates=_listed(
            evidence.peaks, main.grid, sure, levels[longest].readings, onsets.duration_ms
        ),
        meter=bar.meter,
        downbeat_ms=lines[0].time_ms % (bar.meter * lines[0].beat_ms),
        bar_confidence=bar.probability,
        changes=tuple(lines),
    )


def _followed(onsets: Onsets, evidence: TimingFeatures, curve: BeatCurve) -> TimingEstimate | None:
    """Small changes and a tempo that wanders; None where one tempo does as well.

    Args:
        onsets: of the song.
        evidence: likewise.
        curve: beats that follow the onsets more clearly than even ones.
    """
    even = straightened(onsets, curve)
    within = TimingFeatures.of(even)
    choices = choose_beat(even, within)
    if sum(choice.probability for choice in choices) < _STEADY:
        return None
    estimate = _estimate(within, choices)
    best = EvenGrid(60000.0 / estimate.bpm, estimate.offset_ms)
    numbers = np.arange(int((onsets.duration_ms - best.offset_ms) / best.beat_ms) + 1)
    at_ms = best.offset_ms + numbers * best.beat_ms  # in the straightened song
    beats_ms = curve.time_of(at_ms * curve.bpm / 60000.0)
    starts = steps_of(beats_ms, evidence.peaks)
    if starts == [0]:
        return None
    if starts:
        sure, readings = choices[0].probability, tuple(choices)
        parts, levels = [], []
        for first, last in pairwise([*starts, len(beats_ms)]):
            grid = line_through(beats_ms, first, last)
            ends = [beats_ms[first], beats_ms[last - 1]]
            parts.append((float(ends[0]), float(ends[1]), grid.bpm))
            levels.append(PartLevel((GridChoice(grid, 1.0),), sure, readings))
        parts[0] = (0.0, *parts[0][1:])
        parts[-1] = (parts[-1][0], onsets.duration_ms, parts[-1][2])
        return _several(onsets, evidence, parts, levels)
    begin = round(((estimate.downbeat_ms or 0.0) - best.offset_ms) / best.beat_ms)
    bars = wandering_lines(beats_ms, estimate.meter, begin % estimate.meter)
    ends = [*bars[1:], len(beats_ms) - 1]
    lines = [
        TimingPoint(float(beats_ms[a]), float(beats_ms[b] - beats_ms[a]) / (b - a), estimate.meter)
        for a, b in zip(bars, ends, strict=True)
        if b > a
    ]
    moved = tuple(
        one._replace(offset_ms=float(at) % (60000.0 / one.bpm))
        for one, at in zip(
            estimate.candidates,
            curve.time_of(np.array([c.offset_ms for c in estimate.candidates]) * curve.bpm / 6e4),
            strict=True,
        )
    )
    return replace(
        estimate,
        offset_ms=moved[0].offset_ms,
        downbeat_ms=lines[0].time_ms,
        candidates=moved,
        changes=tuple(lines),
    )


def _first_line(onsets: Onsets, part: GridSegment, meter: int) -> TimingPoint:
    """The red line of the first part, on the first beat of a bar."""
    piece, begin_ms = onsets.between(part.start_ms, part.end_ms)
    local = EvenGrid(part.grid.beat_ms, (part.grid.offset_ms - begin_ms) % part.grid.beat_ms)
    bar = choose_bar(TimingFeatures.of(piece), local)
    begin = bar.begin if bar.meter == meter else 0
    at = begin_ms + local.offset_ms + begin * local.beat_ms
    return TimingPoint(at, local.beat_ms, meter)
