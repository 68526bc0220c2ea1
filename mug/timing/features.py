"""Features of beats and bars: numbers by which grids through a song are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from mug.timing.grid import EvenGrid, Peaks, onset_peaks
from mug.timing.onsets import BAND_HOP, HARMONY_HOP, SAMPLE_RATE, Onsets

PARTS = (0.0, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4)  # of a beat, where the bands are read
PERIODS = (2, 3, 4)  # beats after which a bar may return
TEMPO_KNOTS = (60.0, 85.0, 120.0, 170.0, 240.0, 320.0)  # bpm; the tempo itself says something
METERS = (3, 4)
_STREAMS = ("low", "middle", "high", "harmony")
_PASSAGE_MS = 4000.0  # of music that are compared with as much before
_PASSAGES = 8
_MOST_OFF_BEAT = 2.0  # beyond it a wrong phase does not get worse, or better by a bold weight
_LEAST_RISE = 0.15  # of the levels; less is no passage but how strokes happen to fall
_ENTRY_MS = 90.0  # how far the onset that begins a passage may lie from where the bands rise


@dataclass(frozen=True, eq=False)
class TimingFeatures:
    """A song, made ready for comparing grids.

    Args:
        peaks: its single onsets.
        levels: square root of each band's onset strength, maximum of three frames; 1 is the mean.
        chroma_sums: running sums of the chroma.
        duration_ms: length.
        first_ms: the song's first onset; none in a part from the middle of a song.
        entries: onsets that begin a passage, and how much the bands rise there.
    """

    peaks: Peaks
    levels: Float64[np.ndarray, "3 coarse"]
    chroma_sums: Float64[np.ndarray, "12 slow"]
    duration_ms: float
    first_ms: float | None
    entries: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, onsets: Onsets) -> TimingFeatures:
        """From a song's onsets and harmony."""
        from scipy.ndimage import maximum_filter1d

        mean = np.maximum(onsets.bands.mean(axis=1, keepdims=True), 1e-9)
        levels = np.sqrt(maximum_filter1d(onsets.bands, 3, axis=1) / mean)
        sums = np.concatenate([np.zeros((12, 1)), np.cumsum(onsets.chroma, axis=1)], axis=1)
        peaks = onset_peaks(onsets.envelope)
        first = float(peaks.times_ms[0]) if onsets.begins and len(peaks.times_ms) else None
        entries = _entries(np.sqrt(onsets.bands / mean), peaks)
        return cls(peaks, levels, sums, onsets.duration_ms, first, entries)

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
        """Change of the harmony at each beat: 0 as before ... 2 the opposite."""
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
    """Names of the numbers of `beat_features`, in order."""
    bands = _STREAMS[:3]
    names = [f"{band} on the beat" for band in bands]
    names += [f"{band} at {part:.2f} of it" for part in PARTS[1:] for band in bands]
    for stream in _STREAMS:
        names += [f"{stream} has bars of {period}" for period in PERIODS]
    names += ["harmony changes", "low against the rest"]
    names += [f"near {knot:g} bpm" for knot in TEMPO_KNOTS]
    return [*names, "the song begins on it", "passages begin on it"]


def beat_features(evidence: TimingFeatures, grid: EvenGrid) -> Float64[np.ndarray, " features"]:
    """Evidence for and against a grid being the song's beat; see `feature_names`."""
    beats = evidence.beats(grid)
    ticks = np.array([evidence.at(beats + part * grid.beat_ms) for part in PARTS])
    mean = ticks.mean(axis=2)
    novelty = evidence.novelty(beats)
    values = [*mean[0], *np.minimum(mean[1:] / (mean[0] + 0.3), _MOST_OFF_BEAT).ravel()]
    for stream in (*ticks[0], novelty):
        values += [_explained(stream, period) for period in PERIODS]
    values += [float(novelty.mean()), _correlation(ticks[0, 0], ticks[0, 1] + ticks[0, 2])]
    place = np.interp(np.log2(grid.bpm), np.log2(TEMPO_KNOTS), np.arange(len(TEMPO_KNOTS)))
    values += [max(0.0, 1.0 - abs(place - knot)) for knot in range(len(TEMPO_KNOTS))]
    values.append(0.0 if evidence.first_ms is None else _on_beat([(evidence.first_ms, 1.0)], grid))
    values.append(_on_beat(evidence.entries, grid))
    return np.array(values, dtype=np.float64)


def bar_features(
    evidence: TimingFeatures, grid: EvenGrid
) -> list[tuple[int, int, Float64[np.ndarray, " features"]]]:
    """Features of each bar: its beats, the beat of the grid that begins it, and the numbers.

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


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if not len(first):
        return 0.0
    a, b = first - first.mean(), second - second.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-9))


def _on_beat(events: Sequence[tuple[float, float]], grid: EvenGrid) -> float:
    """Closeness of weighted times to a beat: 1 all on one ... -1 all half-way between two."""
    if not events:
        return 0.0
    times, weights = (np.array(column) for column in zip(*events, strict=True))
    turns = (times - grid.offset_ms) / grid.beat_ms
    return float(np.average(np.cos(2 * np.pi * turns), weights=weights))


def _entries(
    levels: Float64[np.ndarray, "3 coarse"], peaks: Peaks
) -> tuple[tuple[float, float], ...]:
    """Onsets where the bands rise for long: a passage begins, or an instrument enters."""
    frame_ms = 1000.0 * BAND_HOP / SAMPLE_RATE
    frames, reach = levels.shape[1], int(_PASSAGE_MS / frame_ms)
    sums = np.concatenate([np.zeros((3, 1)), np.cumsum(levels, axis=1)], axis=1)
    here = np.arange(frames)
    before, after = np.maximum(here - reach, 0), np.minimum(here + reach, frames)
    rises = (sums[:, after] - sums[:, here]) / np.maximum(after - here, 1)
    rises -= (sums[:, here] - sums[:, before]) / np.maximum(here - before, 1)
    rise = np.maximum(rises, 0.0).sum(axis=0)
    rise[: reach // 8] = rise[max(frames - reach // 2, 0) :] = 0.0  # too little to compare
    found: list[tuple[float, float]] = []
    for _ in range(_PASSAGES if frames else 0):
        top = int(np.argmax(rise))
        if rise[top] <= _LEAST_RISE:
            break
        near = np.flatnonzero(np.abs(peaks.times_ms - top * frame_ms) < _ENTRY_MS)
        if len(near):
            strongest = near[np.argmax(peaks.strength[near])]
            found.append((float(peaks.times_ms[strongest]), float(rise[top])))
        rise[max(0, top - reach // 2) : top + reach // 2] = 0.0
    return tuple(found)
