"""Does a chart repeat where its song repeats? Bar against bar, in the chart and in the sound."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Float64

from mug.audio.mel import MelParams, log_mel
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.metrics.statistics import spearman
from mug.metrics.structure import LEAST_BARS

SLOTS = 16
"""Parts of a bar in which notes are counted."""

AUDIO_SLOTS = 8
"""Parts of a bar over which the sound is averaged."""

PITCH_RANGE_HZ = (80.0, 2000.0)
_CHROMA_WINDOW = 4096
_CHROMA = 12
_MELS = 40

_EARLY_MS = 2.0  # a note written a rounding before the bar line belongs to the bar

Matrix = Float64[np.ndarray, "bars bars"]


def audio_bars(
    wave: Float32[np.ndarray, " samples"], sample_rate: int, edges_ms: Float64[np.ndarray, " edges"]
) -> Float64[np.ndarray, "bars features"]:
    """Sound of each bar: mel bands in eighths of the bar, then its twelve pitch classes.

    Args:
        wave: mono.
        sample_rate: in Hz.
        edges_ms: starts of the bars, one more than there are bars.
    """
    params = MelParams(sample_rate, 1024, _MELS)
    mel = log_mel(wave, params).astype(np.float64)
    fine = np.concatenate(
        [np.linspace(a, b, AUDIO_SLOTS, endpoint=False) for a, b in _spans(edges_ms)]
        or [np.zeros(0)]
    )
    frames = np.append(fine, edges_ms[-1:]) * sample_rate / 1000 / params.hop
    timbre = _means(mel, frames).T.reshape(len(edges_ms) - 1, AUDIO_SLOTS * _MELS)
    chroma, hop = _chroma(wave, sample_rate)
    pitch = _means(chroma, edges_ms * sample_rate / 1000 / hop).T
    # Each block counts alike, though one has 320 numbers and the other 12.
    return np.hstack([_scaled(timbre), _scaled(pitch)])


def chart_bars(
    notes: Sequence[HitObject], keys: int, edges_ms: Float64[np.ndarray, " edges"]
) -> Float64[np.ndarray, "bars features"]:
    """Notes of each bar by sixteenth of the bar and column, and the columns that are held.

    Args:
        notes: of a chart.
        keys: columns.
        edges_ms: starts of the bars, one more than there are bars.
    """
    bars = len(edges_ms) - 1
    starts, held = np.zeros((bars, SLOTS, keys)), np.zeros((bars, SLOTS, keys))
    for note in notes:
        first = _place(float(note.start_ms), edges_ms)
        if first is None or not 0 <= note.column < keys:
            continue
        starts[*divmod(first, SLOTS), note.column] += 1
        if isinstance(note, LongNote):
            # A hold that ends on a line does not reach into the part behind it; the other allowance
            # is taken back too.
            last = _place(float(note.end_ms) - 2 * _EARLY_MS, edges_ms)
            until = bars * SLOTS if last is None else last + 1
            held.reshape(bars * SLOTS, keys)[first:until, note.column] = 1
    rhythm, columns = starts.sum(axis=2), starts.sum(axis=1)
    return np.hstack(
        [_scaled(rhythm), _scaled(columns), _scaled(starts.reshape(bars, -1)), _scaled(held.sum(2))]
    )


def self_similarity(
    notes: Sequence[HitObject],
    keys: int,
    edges_ms: Float64[np.ndarray, " edges"],
    sound: Float64[np.ndarray, "bars features"],
) -> float:
    """Spearman correlation, over pairs of bars, of likeness in the chart and in the sound.

    Likeness of two bars is minus the distance of their features. Only bars between the chart's
    first and last note count. 0 for a chart whose bars are all alike: it says nothing about the
    song, and neither does one of less than four bars. Not a number where the sound has less than
    four.

    Args:
        notes: of a chart.
        keys: columns.
        edges_ms: starts of the bars, one more than there are bars.
        sound: from `audio_bars`.
    """
    at = np.array([note.start_ms for note in notes], np.float64) + _EARLY_MS
    inside = np.histogram(at, edges_ms)[0] > 0 if len(at) else np.zeros(len(sound), bool)
    if len(sound) < LEAST_BARS:
        return float("nan")
    if inside.sum() < LEAST_BARS:
        return 0.0
    first, last = int(np.argmax(inside)), len(inside) - int(np.argmax(inside[::-1]))
    ours = _distances(chart_bars(notes, keys, edges_ms)[first:last])
    theirs = _distances(sound[first:last])
    # Each pair once, and no bar with itself.
    pairs = np.triu_indices(last - first, 1)
    if np.ptp(ours[pairs]) == 0:
        return 0.0
    return spearman(ours[pairs], theirs[pairs])


def _place(time_ms: float, edges_ms: Float64[np.ndarray, " edges"]) -> int | None:
    """Number of the sixteenth of a bar in which a time lies; None before and after all bars."""
    bar = int(np.searchsorted(edges_ms, time_ms + _EARLY_MS, side="right")) - 1
    if not 0 <= bar < len(edges_ms) - 1:
        return None
    start, end = float(edges_ms[bar]), float(edges_ms[bar + 1])
    share = (time_ms - start) / (end - start)
    return bar * SLOTS + min(max(round(share * SLOTS), 0), SLOTS - 1)


def _spans(edges_ms: Float64[np.ndarray, " edges"]) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in pairwise(edges_ms)]


def _means(rows: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Mean of the columns between each two edges, at least one column each."""
    count = rows.shape[1]
    at = np.clip(np.rint(edges).astype(np.int64), 0, count)
    sums = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(rows, axis=1)], axis=1)
    # A slot shorter than a frame still gets the frame that it lies in.
    low = np.minimum(at[:-1], count - 1)
    high = np.maximum(at[1:], low + 1)
    means: np.ndarray = (sums[:, high] - sums[:, low]) / (high - low)
    return means


def _chroma(wave: np.ndarray, sample_rate: int) -> tuple[np.ndarray, int]:
    """Energy by pitch class, 12 rows, and the hop between its columns in samples."""
    hop = _CHROMA_WINDOW // 2
    padded = np.pad(wave, (hop, _CHROMA_WINDOW))
    starts = np.arange(0, len(wave) + 1, hop)
    frames = padded[starts[:, None] + np.arange(_CHROMA_WINDOW)[None, :]]
    # The window keeps a loud pitch from leaking into all classes.
    power = np.abs(np.fft.rfft(frames * np.hanning(_CHROMA_WINDOW), axis=1)) ** 2
    hz = np.fft.rfftfreq(_CHROMA_WINDOW, 1 / sample_rate)
    in_range = (hz >= PITCH_RANGE_HZ[0]) & (hz <= PITCH_RANGE_HZ[1])
    pitch = np.rint(12 * np.log2(hz[in_range] / 440.0)).astype(np.int64) % _CHROMA
    chroma = np.zeros((_CHROMA, len(starts)))
    for row in range(_CHROMA):
        chroma[row] = np.log1p(power[:, in_range][:, pitch == row].sum(axis=1))
    return chroma, hop


def _scaled(features: np.ndarray) -> np.ndarray:
    """A block of features with mean 0, and a mean square of 1 over all bars: blocks count alike."""
    away = features - features.mean(axis=0)
    size = float(np.sqrt((away**2).sum(axis=1).mean()))
    scaled: np.ndarray = away / size if size > 0 else away
    return scaled


def _distances(features: np.ndarray) -> np.ndarray:
    squares = (features**2).sum(axis=1)
    apart = squares[:, None] + squares[None, :] - 2 * features @ features.T
    # Equal bars must have equal ranks, whatever order the sums were taken in.
    distances: np.ndarray = np.round(np.sqrt(np.maximum(np.round(apart, 9), 0.0)), 6)
    return distances
