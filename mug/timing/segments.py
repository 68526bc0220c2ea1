"""Tempo changes of a song: windows, the likeliest path through them, and a strict test."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from mug.timing.grid import EvenGrid, Peaks, sharpen
from mug.timing.path import likeliest_path

_WINDOW_MS, _STEP_MS = 6000.0, 1500.0
# Of the song's main tempo: an octave, as the level of a part is decided afterwards.
_RATIOS = np.exp(np.linspace(np.log(0.69), np.log(1.45), 187))
_OCTAVES = 0.9  # by how much the tempo of a part differs, one standard deviation
_CHANGE = 1.3  # what a change must gain, in windows' shares
_MAIN = 0.08  # bonus of the main tempo in each window
_LEAST_MS = 5000.0  # shortest part with a tempo of its own
_LEAST_BEATS = 8
_LEAST_RATIO = 1.012  # smaller changes are drift
_CLEARER = 1.45  # how much better the own tempo must explain each part than the other's
_CLEAR = 0.15  # share of a part's onset strength that must recur at its tempo
_STRAIGHT, _THIRDS = (1, 2, 4), (1, 3, 6)  # parts of a beat whose recurrences are summed
_OWN = 75  # per cent of the windows that recur less clearly than those that decide between them
_KERNEL_MS = 12.0
_MEETING = 2.0  # what it is worth that two parts share a beat, in onsets


class GridSegment(NamedTuple):
    """A time range (ms) with one tempo."""

    start_ms: float
    end_ms: float
    grid: EvenGrid


def tempo_parts(peaks: Peaks, bpm: float, duration_ms: float) -> list[tuple[float, float, float]]:
    """Rough parts of a song: start, end (ms) and tempo; one part unless several are clear.

    Args:
        peaks: the song's onsets.
        bpm: its main tempo.
        duration_ms: its length.
    """
    centres = np.arange(_WINDOW_MS / 2, max(duration_ms - _WINDOW_MS / 2, 0.0) + 1, _STEP_MS)
    whole = [(0.0, duration_ms, bpm)]
    if len(centres) < 4:
        return whole
    tempi = bpm * _RATIOS
    straight, thirds = (
        np.array([_salience(peaks, at, np.array([bpm]), parts)[0] for at in centres])
        for parts in (_STRAIGHT, _THIRDS)
    )
    # Where the main tempo is the music's own; elsewhere its thirds may be another one's halves.
    own = np.percentile([straight, thirds], _OWN, axis=1)
    comb = _THIRDS if own[1] > own[0] else _STRAIGHT
    salience = np.array([_salience(peaks, at, tempi, comb) for at in centres])
    path = _likeliest(salience)
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    parts = []
    for first, last in pairwise(edges):
        start = 0.0 if first == 0 else float(centres[first - 1] + centres[first]) / 2
        end = duration_ms if last == len(path) else float(centres[last - 1] + centres[last]) / 2
        parts.append((start, end, float(tempi[path[first]])))
    return _clear_ones(peaks, parts, comb) or whole


def _salience(
    peaks: Peaks, centre_ms: float, tempi: Float64[np.ndarray, " tempi"], parts: tuple[int, ...]
) -> Float64[np.ndarray, " tempi"]:
    """Clarity, 0 ... 1, with which the onsets of a window recur at each tempo."""
    near = peaks.between(centre_ms - _WINDOW_MS / 2, centre_ms + _WINDOW_MS / 2)
    if len(near.times_ms) < _LEAST_BEATS:
        return np.zeros(len(tempi))
    return _recurrence(near, tempi, parts)


def _recurrence(
    peaks: Peaks, tempi: Float64[np.ndarray, " tempi"], parts: tuple[int, ...]
) -> Float64[np.ndarray, " tempi"]:
    turns = -2j * np.pi * np.outer(tempi / 60000.0, peaks.times_ms)
    total = float(peaks.strength.sum()) or 1.0
    sums = [np.abs(np.exp(part * turns) @ peaks.strength) for part in parts]
    shares: np.ndarray = np.sum(sums, axis=0) / (len(parts) * total)
    return shares


def _likeliest(salience: Float64[np.ndarray, "windows tempi"]) -> Int64[np.ndarray, " windows"]:
    """The way through the windows with the largest sum, where each change of tempo costs."""
    salience = salience * np.exp(-0.5 * (np.log2(_RATIOS) / _OCTAVES) ** 2)
    gain = salience / np.maximum(salience.max(axis=1, keepdims=True), 0.15)
    main = int(np.argmin(np.abs(_RATIOS - 1.0)))
    gain[:, main - 1 : main + 2] += _MAIN
    # A window that straddles a change resembles its neighbours: tempi a bin apart are one.
    return likeliest_path(gain, _CHANGE)


def _clear_ones(
    peaks: Peaks, parts: list[tuple[float, float, float]], comb: tuple[int, ...]
) -> list[tuple[float, float, float]]:
    """The parts that stand against their neighbours; those that do not are joined to the longer."""
    while len(parts) > 1:
        exact = [(start, end, sharpen(_inner(peaks, start, end), bpm)) for start, end, bpm in parts]
        apart = [_apart(peaks, one, other, comb) for one, other in pairwise(exact)]
        if min(apart) >= 1.0:
            return exact
        weak = int(np.argmin(apart))
        longer = max(parts[weak : weak + 2], key=lambda part: part[1] - part[0])
        joined = (parts[weak][0], parts[weak + 1][1], longer[2])
        parts = [*parts[:weak], joined, *parts[weak + 2 :]]
    return []


def _inner(peaks: Peaks, start_ms: float, end_ms: float) -> Peaks:
    """A part without its neighbours' onsets, as the borders are not known exactly."""
    return peaks.between(start_ms + _STEP_MS / 2, end_ms - _STEP_MS / 2)


def _apart(
    peaks: Peaks,
    one: tuple[float, float, float],
    other: tuple[float, float, float],
    comb: tuple[int, ...],
) -> float:
    """Clarity with which two parts differ in tempo; 1 is just enough, 0 not at all."""
    ratio = max(one[2] / other[2], other[2] / one[2])
    if ratio < _LEAST_RATIO:
        return 0.0
    least = 1.0
    for (start, end, bpm), against in ((one, other[2]), (other, one[2])):
        if end - start < max(_LEAST_MS, _LEAST_BEATS * 60000.0 / bpm):
            return 0.0
        own, foreign = _recurrence(_inner(peaks, start, end), np.array([bpm, against]), comb)
        if own < _CLEAR:
            return 0.0
        least = min(least, float(own / max(foreign, 1e-9)) / _CLEARER)
    return least


class TempoBorder(NamedTuple):
    """Time at which a part takes over, and how well the beats of both meet there, 0 ... 1."""

    time_ms: float
    meeting: float


def border(peaks: Peaks, before: GridSegment, after: GridSegment) -> TempoBorder:
    """The beat of the later part at which it best takes over from the earlier one."""
    low = max(before.start_ms, before.end_ms - _WINDOW_MS / 2)
    high = min(after.end_ms, before.end_ms + _WINDOW_MS / 2)
    near = peaks.between(low, high)
    beat, offset = after.grid.beat_ms, after.grid.offset_ms
    beats = offset + beat * np.arange(np.ceil((low - offset) / beat), (high - offset) // beat + 1)
    if not len(beats):
        return TempoBorder(before.end_ms, 0.0)
    gain = _on_grid(near, before.grid) - _on_grid(near, after.grid)
    sums = np.concatenate([[0.0], np.cumsum(gain * near.strength)])
    places = np.searchsorted(near.times_ms, beats - _KERNEL_MS)
    # The earlier grid also ends on a beat where the two meet.
    apart = np.abs((beats - before.grid.offset_ms) / before.grid.beat_ms)
    apart = np.abs(apart - np.round(apart)) * before.grid.beat_ms
    meeting = np.exp(-0.5 * (apart / _KERNEL_MS) ** 2)
    best = int(np.argmax(sums[places] + _MEETING * meeting))
    return TempoBorder(float(beats[best]), float(meeting[best]))


def _on_grid(peaks: Peaks, grid: EvenGrid) -> Float64[np.ndarray, " peaks"]:
    """Closeness of each onset to a beat or its half."""
    half = grid.beat_ms / 2
    apart = (peaks.times_ms - grid.offset_ms + half / 2) % half - half / 2
    fit: np.ndarray = np.exp(-0.5 * (apart / _KERNEL_MS) ** 2)
    return fit
