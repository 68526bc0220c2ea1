"""Tempo, beat and bar of a song from its sound, with the other readings it allows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from mug.audio.load import Wave, resample
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.timing.choice import GridChoice, choose_bar, choose_beat
from mug.timing.features import TimingFeatures
from mug.timing.grid import EvenGrid, Peaks, fit_grid, fit_phase, period_error
from mug.timing.onsets import (
    DETECTOR_BIAS_MS,
    HOP,
    SAMPLE_RATE,
    WINDOW,
    Onsets,
    detect_onsets,
    onset_envelope,
)
from mug.timing.segments import GridSegment, border, comparable, exact_part, tempo_parts
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
_WHOLE_BPM = 0.05  # how far off a whole number is still considered
_WHOLE_DRIFT_MS = 2.5  # how far the beat may move by it at the song's ends
_WHOLE_ERRORS = 3.0  # or how many standard errors of the measured tempo


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
        candidates: readings, likeliest first; the chosen one is the first.
        meter: beats a bar.
        downbeat_ms: time of a bar's first beat, the first one at or after 0; None if unknown.
        bar_confidence: 0 ... 1; how likely meter and downbeat are right if the beat is.
        changes: red lines of a song with several tempi, in order; empty for one tempo.
    """

    bpm: float
    offset_ms: float
    confidence: float
    candidates: tuple[TimingCandidate, ...] = ()
    meter: int = 4
    downbeat_ms: float | None = None
    bar_confidence: float = 0.0
    changes: tuple[TimingPoint, ...] = ()

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
    rough = tempo_parts(evidence.peaks, choices[0].grid.bpm, onsets.duration_ms)
    if len(rough) > 1:
        start_ms, end_ms, _ = max(rough, key=lambda part: part[1] - part[0])
        piece, begin_ms = onsets.between(start_ms, end_ms)
        within = TimingFeatures.of(piece)
        local = choose_beat(piece, within)
        if local:
            return _several(onsets, evidence, rough, _estimate(within, local), begin_ms)
    return _estimate(evidence, choices)


def _estimate(evidence: TimingFeatures, choices: list[GridChoice]) -> TimingEstimate:
    """One tempo from the ranked grids."""
    listed = []
    for choice in choices[:_CANDIDATES]:
        grid = settled(evidence.peaks, choice.grid, evidence.duration_ms)
        listed.append(TimingCandidate(grid.bpm, grid.offset_ms, choice.probability))
    best = listed[0]
    grid = EvenGrid(60000.0 / best.bpm, best.offset_ms)
    bar = choose_bar(evidence, grid)
    return TimingEstimate(
        bpm=best.bpm,
        offset_ms=best.offset_ms,
        confidence=best.confidence,
        candidates=tuple(listed),
        meter=bar.meter,
        downbeat_ms=best.offset_ms + bar.begin * grid.beat_ms,
        bar_confidence=bar.probability,
    )


def settled(peaks: Peaks, grid: EvenGrid, duration_ms: float) -> EvenGrid:
    """The exact grid, at a whole number of beats a minute where the onsets allow it."""
    exact = fit_grid(peaks, grid)
    whole = float(round(exact.bpm))
    off = abs(whole - exact.bpm)
    drift_ms = off / exact.bpm * duration_ms / 2
    errors = off / exact.bpm * exact.beat_ms / max(period_error(peaks, exact), 1e-12)
    if off <= _WHOLE_BPM and (drift_ms <= _WHOLE_DRIFT_MS or errors <= _WHOLE_ERRORS):
        return fit_phase(peaks, exact, 60000.0 / whole)
    return exact


def _several(
    onsets: Onsets,
    evidence: TimingFeatures,
    rough: list[tuple[float, float, float]],
    estimate: TimingEstimate,
    begin_ms: float,
) -> TimingEstimate:
    """Several tempi: the longest part decided which pulse is the beat, the others follow it.

    Args:
        onsets: of the whole song.
        evidence: likewise.
        rough: start, end (ms) and rough tempo of each part.
        estimate: of the longest part alone.
        begin_ms: where that part's sound begins.
    """
    peaks = evidence.peaks
    factor = estimate.bpm / max(rough, key=lambda part: part[1] - part[0])[2]
    rough = [(a, b, tempo * factor) for a, b, tempo in rough]
    parts = [
        exact_part(peaks, part[0], part[1], comparable(peaks, part, estimate.bpm)) for part in rough
    ]
    lines = [_first_line(onsets, parts[0], estimate.meter)]
    for before, after in pairwise(parts):
        at = border(peaks, before, after)
        if at > lines[-1].time_ms:
            lines.append(TimingPoint(at, after.grid.beat_ms, estimate.meter))
    moved = tuple(
        c._replace(offset_ms=(c.offset_ms + begin_ms) % (60000.0 / c.bpm))
        for c in estimate.candidates
    )
    bar_ms = estimate.meter * 60000.0 / estimate.bpm
    downbeat = estimate.downbeat_ms
    return TimingEstimate(
        bpm=estimate.bpm,
        offset_ms=(estimate.offset_ms + begin_ms) % (60000.0 / estimate.bpm),
        confidence=estimate.confidence,
        candidates=moved,
        meter=estimate.meter,
        downbeat_ms=None if downbeat is None else (downbeat + begin_ms) % bar_ms,
        bar_confidence=estimate.bar_confidence,
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
