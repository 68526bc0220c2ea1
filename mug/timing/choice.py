"""Choice of the beat among several grids, and of the beats that begin bars, by their odds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from mug.timing import weights as timing_weights
from mug.timing.features import TimingFeatures, bar_features, beat_features
from mug.timing.grid import EvenGrid, Peaks, fit_grid, phases, tempo_candidates
from mug.timing.onsets import Onsets

_PHASES_EACH = 3
_PARTS = (1, 2, 3, 4)
# Onsets at random times recur this clearly by chance at the best of many tempi; music does so
# several times as clearly. In multiples of the mean of a random walk.
_CHANCE, _CLEAR = 3.2, 6.0
_FEWEST_PEAKS = 8


class GridChoice(NamedTuple):
    """A grid and how likely it is the song's beat, 0 ... 1."""

    grid: EvenGrid
    probability: float


class BarChoice(NamedTuple):
    """Beats a bar, which beat of the grid begins one, and how likely both are, 0 ... 1."""

    meter: int
    begin: int
    probability: float


def choose_beat(onsets: Onsets, evidence: TimingFeatures) -> list[GridChoice]:
    """Grids that may be the song's beat, likeliest first; none where there are no onsets."""
    if len(evidence.peaks.times_ms) < _FEWEST_PEAKS:
        return []
    found = hypotheses(onsets, evidence)
    odds = beat_odds(evidence, found)
    sure = beat_clarity(evidence.peaks, found)
    order = np.argsort(-odds, kind="stable")
    return [GridChoice(found[i], float(odds[i]) * sure) for i in order]


def hypotheses(onsets: Onsets, evidence: TimingFeatures) -> list[EvenGrid]:
    """Grids that the beat may be: candidate tempi, each at its strongest phases."""
    found: list[EvenGrid] = []
    for bpm in tempo_candidates(onsets.envelope, evidence.peaks):
        beat_ms = 60000.0 / bpm
        for offset_ms in phases(evidence.peaks, beat_ms, _PHASES_EACH):
            grid = fit_grid(evidence.peaks, EvenGrid(beat_ms, offset_ms))
            if not any(_same(grid, other, evidence.duration_ms) for other in found):
                found.append(grid)
    return found


def beat_odds(evidence: TimingFeatures, grids: list[EvenGrid]) -> Float64[np.ndarray, " grids"]:
    """Probability of each grid to be the beat, if one of them is."""
    rows = np.array([beat_features(evidence, grid) for grid in grids])
    return _softmax(rows @ np.array(timing_weights.BEAT))


def beat_clarity(peaks: Peaks, grids: list[EvenGrid]) -> float:
    """Clarity of the beat: 0 where onsets recur as random ones do ... 1 clearly."""
    walk = float(np.sqrt((peaks.strength**2).sum()))
    turns = np.array([peaks.times_ms / grid.beat_ms for grid in grids])
    best = 0.0
    for part in _PARTS:
        sums = np.exp(-2j * np.pi * part * turns) @ peaks.strength
        best = max(best, float(np.abs(sums).max()) / walk)
    return float(np.clip((best - _CHANCE) / (_CLEAR - _CHANCE), 0.0, 1.0))


def choose_bar(evidence: TimingFeatures, grid: EvenGrid) -> BarChoice:
    """The likeliest bar of a grid."""
    bars = bar_features(evidence, grid)
    odds = _softmax(np.array([row for _, _, row in bars]) @ np.array(timing_weights.BAR))
    top = int(np.argmax(odds))
    return BarChoice(bars[top][0], bars[top][1], float(odds[top]))


def _same(one: EvenGrid, other: EvenGrid, duration_ms: float) -> bool:
    """Return whether two grids agree from the song's start to its end."""
    drift = abs(one.beat_ms / other.beat_ms - 1.0) * duration_ms
    apart = abs((one.offset_ms - other.offset_ms + one.beat_ms / 2) % one.beat_ms - one.beat_ms / 2)
    return drift < one.beat_ms / 8 and apart < 10.0


def _softmax(scores: Float64[np.ndarray, " scores"]) -> Float64[np.ndarray, " scores"]:
    odds = np.exp(scores - scores.max())
    shares: np.ndarray = odds / odds.sum()
    return shares
