"""Tempo changes of a song: windows, the likeliest path through them, and a strict test."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from mug.timing.grid import EvenGrid, Peaks, fit_grid, phases, sharpen

_WINDOW_MS, _STEP_MS = 9000.0, 2000.0
_RATIOS = np.exp(np.linspace(np.log(0.72), np.log(1.39), 165))  # of the song's main tempo
_OCTAVES = 0.45  # by how much the tempo of a part differs, one standard deviation
_PARTS = (1, 2, 4)
_CHANGE = 2.2  # what a change must gain, in windows' shares
_MAIN = 0.08  # bonus of the main tempo in each window
_LEAST_MS = 6500.0  # shortest part with a tempo of its own
_LEAST_BEATS = 8
_LEAST_RATIO = 1.012  # smaller changes are drift
_CLEARER = 1.45  # how much better the own tempo must explain each part than the other's
_CLEAR = 0.15  # share of a part's onset strength that must recur at its tempo
_KERNEL_MS = 12.0
_JUMP = 1.3
_MULTIPLES = (1 / 3, 1 / 2, 2 / 3, 3 / 4, 4 / 3, 3 / 2, 2.0, 3.0)


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
    salience = np.array([_salience(peaks, at, tempi) for at in centres])
    path = _likeliest(salience)
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    parts = []
    for first, last in pairwise(edges):
        start = 0.0 if first == 0 else float(centres[first - 1] + centres[first]) / 2
        end = duration_ms if last == len(path) else float(centres[last - 1] + centres[last]) / 2
        parts.append((start, end, float(tempi[path[first]])))
    return _clear_ones(peaks, parts) or whole


def _salience(
    peaks: Peaks, centre_ms: float, tempi: Float64[np.ndarray, " tempi"]
) -> Float64[np.ndarray, " tempi"]:
    """Clarity, 0 ... 1, with which the onsets of a window recur at each tempo."""
    near = peaks.between(centre_ms - _WINDOW_MS / 2, centre_ms + _WINDOW_MS / 2)
    if len(near.times_ms) < _LEAST_BEATS:
        return np.zeros(len(tempi))
    return _recurrence(near, tempi)


def _recurrence(
    peaks: Peaks, tempi: Float64[np.ndarray, " tempi"]
) -> Float64[np.ndarray, " tempi"]:
    beat = np.exp(-2j * np.pi * np.outer(tempi / 60000.0, peaks.times_ms))
    total = float(peaks.strength.sum()) or 1.0
    sums = [np.abs((beat**part) @ peaks.strength) for part in _PARTS]
    shares: np.ndarray = np.sum(sums, axis=0) / (len(_PARTS) * total)
    return shares


def _likeliest(salience: Float64[np.ndarray, "windows tempi"]) -> Int64[np.ndarray, " windows"]:
    """The way through the windows with the largest sum, where each change of tempo costs."""
    salience = salience * np.exp(-0.5 * (np.log2(_RATIOS) / _OCTAVES) ** 2)
    gain = salience / np.maximum(salience.max(axis=1, keepdims=True), 0.15)
    main = int(np.argmin(np.abs(_RATIOS - 1.0)))
    gain[:, main - 1 : main + 2] += _MAIN
    # A window that straddles a change resembles its neighbours: tempi a bin apart are one.
    total = gain[0].copy()
    back = np.zeros(gain.shape, dtype=np.int64)
    states = np.arange(gain.shape[1])
    for index in range(1, len(gain)):
        best = int(np.argmax(total))
        change = total[best] - _CHANGE > total
        back[index] = np.where(change, best, states)
        total = np.where(change, total[best] - _CHANGE, total) + gain[index]
    path = np.zeros(len(gain), dtype=np.int64)
    path[-1] = int(np.argmax(total))
    for index in range(len(gain) - 1, 0, -1):
        path[index - 1] = back[index, path[index]]
    return path


def _clear_ones(
    peaks: Peaks, parts: list[tuple[float, float, float]]
) -> list[tuple[float, float, float]]:
    """The parts, if each stands against its neighbours; else none."""
    exact = []
    for start, end, bpm in parts:
        # The neighbours' onsets are kept out, as the border is not known exactly.
        inner = peaks.between(start + _STEP_MS / 2, end - _STEP_MS / 2)
        if end - start < max(_LEAST_MS, _LEAST_BEATS * 60000.0 / bpm):
            return []
        exact.append((start, end, sharpen(inner, bpm)))
    for index, (start, end, bpm) in enumerate(exact):
        inner = peaks.between(start + _STEP_MS / 2, end - _STEP_MS / 2)
        others = [exact[i][2] for i in (index - 1, index + 1) if 0 <= i < len(exact)]
        own = float(_recurrence(inner, np.array([bpm]))[0])
        if own < _CLEAR:
            return []
        for other in others:
            against = float(_recurrence(inner, np.array([other]))[0])
            ratio = max(bpm / other, other / bpm)
            if ratio < _LEAST_RATIO or own < _CLEARER * against:
                return []
    return exact


def comparable(peaks: Peaks, part: tuple[float, float, float], main_bpm: float) -> float:
    """A part's tempo, or a simple multiple of it, so that it is comparable to the main one.

    A tempo that seems to change by more than `_JUMP` is oftener the same beat counted otherwise.
    """
    start, end, bpm = part
    ratio = bpm / main_bpm
    if 1 / _JUMP <= ratio <= _JUMP:
        return bpm
    tempi = [bpm * m for m in _MULTIPLES if 1 / _JUMP <= bpm * m / main_bpm <= _JUMP]
    if not tempi:
        return bpm
    return tempi[int(np.argmax(_recurrence(peaks.between(start, end), np.array(tempi))))]


def exact_part(peaks: Peaks, start_ms: float, end_ms: float, bpm: float) -> GridSegment:
    """The grid of a part: its tempo is known roughly, its phase is where most onsets recur."""
    inner = peaks.between(start_ms, end_ms)
    beat_ms = 60000.0 / sharpen(inner, bpm)
    found = phases(inner, beat_ms, 1)
    grid = EvenGrid(beat_ms, found[0] if found else 0.0)
    return GridSegment(start_ms, end_ms, fit_grid(inner, grid))


def border(peaks: Peaks, before: GridSegment, after: GridSegment) -> float:
    """The beat of the later part at which it best takes over from the earlier one, in ms."""
    low = max(before.start_ms, before.end_ms - _WINDOW_MS / 2)
    high = min(after.end_ms, before.end_ms + _WINDOW_MS / 2)
    near = peaks.between(low, high)
    beat, offset = after.grid.beat_ms, after.grid.offset_ms
    beats = offset + beat * np.arange(np.ceil((low - offset) / beat), (high - offset) // beat + 1)
    if not len(beats):
        return before.end_ms
    gain = _on_grid(near, before.grid) - _on_grid(near, after.grid)
    sums = np.concatenate([[0.0], np.cumsum(gain * near.strength)])
    places = np.searchsorted(near.times_ms, beats - _KERNEL_MS)
    # The earlier grid also ends on a beat where the two meet.
    apart = np.abs((beats - before.grid.offset_ms) / before.grid.beat_ms)
    apart = np.abs(apart - np.round(apart)) * before.grid.beat_ms
    meeting = np.exp(-0.5 * (apart / _KERNEL_MS) ** 2)
    return float(beats[int(np.argmax(sums[places] + 2.0 * meeting))])


def _on_grid(peaks: Peaks, grid: EvenGrid) -> Float64[np.ndarray, " peaks"]:
    """Closeness of each onset to a beat or its half."""
    half = grid.beat_ms / 2
    apart = (peaks.times_ms - grid.offset_ms + half / 2) % half - half / 2
    fit: np.ndarray = np.exp(-0.5 * (apart / _KERNEL_MS) ** 2)
    return fit
