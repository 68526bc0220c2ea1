"""What speaks for a beat and for a bar: numbers by which grids through a song are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from mug.postprocess.timing_grid import EvenGrid, Peaks, onset_peaks
from mug.postprocess.timing_onsets import BAND_HOP, HARMONY_HOP, SAMPLE_RATE, Onsets

PARTS = (0.0, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4)  # of a beat, where the bands are read
PERIODS = (2, 3, 4)  # beats after which a bar may return
LAGS = (1, 2, 3, 4, 6, 8)  # beats after which the music may resemble itself
RECURRENCES = (1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4, 6)  # parts of a beat at which onsets may recur
TEMPO_KNOTS = (60.0, 85.0, 120.0, 170.0, 240.0, 320.0)  # bpm; the tempo itself says something
METERS = (3, 4)
_STREAMS = ("low", "middle", "high", "harmony")


@dataclass(frozen=True, eq=False)
class Evidence:
    """A song, made ready for comparing grids.

    Args:
        peaks: its single onsets.
        levels: square root of each band's onset strength, maximum of three frames; 1 is the mean.
        chroma_sums: running sums of the chroma.
        duration_ms: length.
    """

    peaks: Peaks
    levels: Float64[np.ndarray, "3 coarse"]
    chroma_sums: Float64[np.ndarray, "12 slow"]
    duration_ms: float

    @classmethod
    def of(cls, onsets: Onsets) -> Evidence:
        """From a song's onsets and harmony."""
        from scipy.ndimage import maximum_filter1d

        mean = np.maximum(onsets.bands.mean(axis=1, keepdims=True), 1e-9)
        levels = np.sqrt(maximum_filter1d(onsets.bands, 3, axis=1) / mean)
        sums = np.concatenate([np.zeros((12, 1)), np.cumsum(onsets.chroma, axis=1)], axis=1)
        return cls(onset_peaks(onsets.envelope), levels, sums, onsets.duration_ms)

    def at(self, times_ms: Float64[np.ndarray, " times"]) -> Float64[np.ndarray, "3 times"]:
        """The bands' levels at some times."""
        frames = np.round(times_ms / 1000 * SAMPLE_RATE / BAND_HOP).astype(np.int64)
        levels: np.ndarray = self.levels[:, np.clip(frames, 0, self.levels.shape[1] - 1)]
        return levels

    def beats(self, grid: EvenGrid) -> Float64[np.ndarray, " beats"]:
        """Times of a grid's beats from the first onset to the last."""
        half = grid.beat_ms / 2
        first, last = self.peaks.times_ms[0] - half, self.peaks.times_ms[-1] + half
        start = np.ceil((max(first, 0.0) - grid.offset_ms) / grid.beat_ms)
        stop = np.floor((min(last, self.duration_ms) - grid.offset_ms) / grid.beat_ms)
        beats: np.ndarray = grid.offset_ms + grid.beat_ms * np.arange(start, stop + 1)
        return beats

    def novelty(self, beats_ms: Float64[np.ndarray, " beats"]) -> Float64[np.ndarray, " beats"]:
        """How much the harmony changes at each beat: 0 as before ... 2 the opposite."""
        if len(beats_ms) < 2:
            return np.zeros(len(beats_ms))
        edges = np.append(beats_ms, 2 * beats_ms[-1] - beats_ms[-2])
        frames = np.round(edges / 1000 * SAMPLE_RATE / HARMONY_HOP + 0.5).astype(np.int64)
        frames = np.clip(frames, 0, self.chroma_sums.shape[1] - 1)
        sums = self.chroma_sums[:, frames]
        mean = np.diff(sums, axis=1) / np.maximum(np.diff(frames), 1)
        mean = mean - mean.mean(axis=1, keepdims=True)
        size = np.linalg.norm(mean, axis=0) + 1e-6
        alike = (mean[:, 1:] * mean[:, :-1]).sum(axis=0) / (size[1:] * size[:-1])
        return np.concatenate([[0.0], 1.0 - alike])


def feature_names() -> list[str]:
    """What the numbers of `beat_features` mean, in order."""
    bands = _STREAMS[:3]
    names = [f"{band} on the beat" for band in bands]
    names += [f"{band} at {part:.2f} of it" for part in PARTS[1:] for band in bands]
    for stream in _STREAMS:
        names += [f"{stream} has bars of {period}" for period in PERIODS]
        names += [f"{stream} returns after {lag}" for lag in LAGS]
    names += ["harmony changes", "low against the rest"]
    names += [f"recurs at 1/{part:.3g} of it" for part in RECURRENCES]
    return names + [f"near {knot:g} bpm" for knot in TEMPO_KNOTS]


def beat_features(evidence: Evidence, grid: EvenGrid) -> Float64[np.ndarray, " features"]:
    """What speaks for and against a grid being the song's beat; see `feature_names`."""
    beats = evidence.beats(grid)
    ticks = np.array([evidence.at(beats + part * grid.beat_ms) for part in PARTS])
    mean = ticks.mean(axis=2)
    novelty = evidence.novelty(beats)
    values = [*mean[0], *(mean[1:] / (mean[0] + 0.3)).ravel()]
    for stream in (*ticks[0], novelty):
        values += [_explained(stream, period) for period in PERIODS]
        values += [_returning(stream, lag) for lag in LAGS]
    values += [float(novelty.mean()), _correlation(ticks[0, 0], ticks[0, 1] + ticks[0, 2])]
    values += _recurrence(evidence.peaks, grid)
    place = np.interp(np.log2(grid.bpm), np.log2(TEMPO_KNOTS), np.arange(len(TEMPO_KNOTS)))
    values += [max(0.0, 1.0 - abs(place - knot)) for knot in range(len(TEMPO_KNOTS))]
    return np.array(values, dtype=np.float64)


def bar_features(
    evidence: Evidence, grid: EvenGrid
) -> list[tuple[int, int, Float64[np.ndarray, " features"]]]:
    """What speaks for each bar: its beats, which beat of the grid begins it, and the numbers.

    The first beat of the grid is the one at `offset_ms`.
    """
    beats = evidence.beats(grid)
    first = round((beats[0] - grid.offset_ms) / grid.beat_ms) if len(beats) else 0
    streams = [_standard(s) for s in (*evidence.at(beats), evidence.novelty(beats))]
    bars = []
    for meter in METERS:
        known = [_explained(stream, meter) for stream in streams]
        for begin in range(meter):
            index = (np.arange(len(beats)) + first - begin) % meter
            means = [_means(stream, index, meter) for stream in streams]
            values = np.zeros((len(METERS), len(streams) * (max(METERS) + 1) + 1))
            row = [*np.concatenate([np.pad(m, (0, max(METERS) - meter)) for m in means]), *known, 1]
            values[METERS.index(meter)] = row
            bars.append((meter, begin, values.ravel()))
    return bars


def _means(
    stream: Float64[np.ndarray, " beats"], index: np.ndarray, meter: int
) -> Float64[np.ndarray, " meter"]:
    counts = np.maximum(np.bincount(index, minlength=meter), 1)
    means: np.ndarray = np.bincount(index, weights=stream, minlength=meter) / counts
    return means


def _standard(stream: Float64[np.ndarray, " beats"]) -> Float64[np.ndarray, " beats"]:
    if not len(stream):
        return stream
    level: np.ndarray = (stream - stream.mean()) / (stream.std() + 1e-6)
    return level


def _explained(stream: Float64[np.ndarray, " beats"], period: int) -> float:
    """Share of the variance that a pattern of so many beats explains, chance taken out."""
    count = len(stream) // period * period
    if count < 3 * period:
        return 0.0
    rows = stream[:count].reshape(-1, period)
    total = float(((rows - rows.mean()) ** 2).sum())
    if total <= 1e-9:
        return 0.0
    left = float(((rows - rows.mean(axis=0)) ** 2).sum()) / total
    return max(0.0, 1.0 - left * (count - 1) / max(count - period, 1))


def _returning(stream: Float64[np.ndarray, " beats"], lag: int) -> float:
    """Correlation of a stream with itself so many beats later."""
    if len(stream) < 3 * lag:
        return 0.0
    level = stream - stream.mean()
    total = float((level**2).sum())
    return float((level[lag:] * level[:-lag]).sum()) / total if total > 1e-9 else 0.0


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if not len(first):
        return 0.0
    a, b = first - first.mean(), second - second.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-9))


def _recurrence(peaks: Peaks, grid: EvenGrid, parts: Sequence[float] = RECURRENCES) -> list[float]:
    """Share of the onsets' strength that recurs at parts of a beat, in phase from a beat on."""
    turns = (peaks.times_ms - grid.offset_ms) / grid.beat_ms
    total = float(peaks.strength.sum()) or 1.0
    values = []
    for part in parts:
        sum_ = complex((peaks.strength * np.exp(-2j * np.pi * turns * part)).sum()) / total
        values.append(abs(sum_) if part < 1 else sum_.real)
    return values
