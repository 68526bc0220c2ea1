"""Exact grids: of whole songs, and of parts that begin where their neighbours end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product

import numpy as np

from mug.beatmap.timing_points import TimingPoint
from mug.timing.grid import EvenGrid, Peaks, fit_grid, fit_phase, period_error
from mug.timing.levels import PartLevel
from mug.timing.segments import GridSegment, border

_WHOLE_BPM = 0.05  # how far off a whole number is still considered
_WHOLE_DRIFT_MS = 2.5  # how far the beat may move by it at the song's ends
_WHOLE_ERRORS = 3.0  # or how many standard errors of the measured tempo
_PASSAGE_MS = 3500.0  # how far from where the level changes the passage may begin
_PHASES = 3  # of each part, which are tried against those of its neighbours
_EARLY_MS = 30.0  # how long before a red line its first onset may lie
_MEETS = 4.0  # nats that speak for phases whose beats meet where the tempo changes
_BORDER_MS = 1000.0  # how far from a change a part is measured


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


def joined_parts(
    peaks: Peaks, rough: Sequence[tuple[float, float, float]], levels: Sequence[PartLevel]
) -> tuple[list[GridSegment], list[float]]:
    """Exact parts, and how likely each one's phase is: by itself, and where it meets the next.

    Args:
        peaks: of the whole song.
        rough: start, end (ms) and a tempo of each part.
        levels: the beat of each.
    """
    offered: list[list[tuple[GridSegment, float]]] = []
    for (start_ms, end_ms, _), level in zip(rough, levels, strict=True):
        inner = peaks.between(start_ms + _BORDER_MS, end_ms - _BORDER_MS)
        grids = [(settled(inner, g, end_ms - start_ms), p) for g, p in level.grids[:_PHASES]]
        offered.append(
            [(GridSegment(start_ms, end_ms, g), float(np.log(p + 1e-3))) for g, p in grids]
        )
    meets = [
        {
            (i, j): border(peaks, a, b).meeting
            for i, (a, _) in enumerate(one)
            for j, (b, _) in enumerate(two)
        }
        for one, two in pairwise(offered)
    ]
    combos = list(product(*(range(len(one)) for one in offered)))
    total = np.array(
        [
            sum(offered[part][place][1] for part, place in enumerate(combo))
            + _MEETS * sum(meet[pair] for meet, pair in zip(meets, pairwise(combo), strict=True))
            for combo in combos
        ]
    )
    odds = np.exp(total - total.max())
    odds /= odds.sum()
    best = combos[int(np.argmax(odds))]
    shares = [
        float(odds[[combo[part] == place for combo in combos]].sum())
        for part, place in enumerate(best)
    ]
    return [offered[part][place][0] for part, place in enumerate(best)], shares


def exact_lines(
    peaks: Peaks, lines: Sequence[TimingPoint], parts: Sequence[GridSegment]
) -> list[TimingPoint]:
    """Red lines with tempo and phase from all onsets between them, now that the borders are known.

    Args:
        peaks: of the whole song.
        lines: one for each part.
        parts: in order.
    """
    found: list[TimingPoint] = []
    last_ms = float(peaks.times_ms[-1]) + 1.0
    for index, (line, part) in enumerate(zip(lines, parts, strict=True)):
        start_ms = line.time_ms - _EARLY_MS if index else 0.0
        end_ms = lines[index + 1].time_ms - _EARLY_MS if index + 1 < len(lines) else last_ms
        grid = settled(peaks.between(start_ms, end_ms), part.grid, end_ms - start_ms)
        beats = round((line.time_ms - grid.offset_ms) / grid.beat_ms)
        at = grid.offset_ms + beats * grid.beat_ms
        found.append(replace(line, time_ms=at, beat_ms=grid.beat_ms))
    return found


def passage_border(
    entries: Sequence[tuple[float, float]], near_ms: float, bar_at_ms: float, bar_ms: float
) -> float:
    """The bar in which the clearest passage begins near a time, in ms.

    Where the tempo doubles or halves, the onsets lie on both grids and say nothing of when.

    Args:
        entries: times (ms) at which passages begin, and how clearly.
        near_ms: about when the later part begins.
        bar_at_ms: a bar of the earlier part.
        bar_ms: how long its bars last.
    """
    close = [entry for entry in entries if abs(entry[0] - near_ms) < _PASSAGE_MS]
    at_ms = max(close, key=lambda entry: entry[1])[0] if close else near_ms
    return bar_at_ms + bar_ms * round((at_ms - bar_at_ms) / bar_ms)
