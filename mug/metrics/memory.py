"""Similarity of charts to each other, and to a model's training charts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Int64

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.metrics.grid import Grid
from mug.metrics.onsets import column_score
from mug.metrics.rows import mirrored_mask, rows_of

TICKS = 24
"""Parts of a beat that distances between rows are rounded to."""

_MOST_TICKS = 24 * 64


def chart_distance(
    first: Sequence[HitObject], second: Sequence[HitObject], tolerance_ms: float = 20.0
) -> float:
    """1 − F1 of the notes, column by column: 0 for the same notes, 1 for none in common."""
    return 1.0 - column_score(first, second, tolerance_ms).f1


def mean_distance(charts: Sequence[Sequence[HitObject]]) -> float:
    """Mean distance over all pairs of charts; not a number for less than two."""
    pairs = [chart_distance(a, b) for a, b in combinations(charts, 2)]
    return float(np.mean(pairs)) if pairs else float("nan")


def shared_run(chart: Beatmap, other: Beatmap) -> int:
    """Rows of the longest stretch that both charts have, tempo and mirror aside.

    A row is its columns and its distance, in 24ths of a beat, from the row before. Short runs
    are shared by chance: hold the figure against that of two human charts.

    Args:
        chart: the chart that is judged, with its red lines.
        other: e.g. a training chart, with its red lines.
    """
    if chart.keys != other.keys:
        return 0
    ours, theirs = _signature(chart), _signature(other)
    return max(_longest(ours, theirs), _longest(ours, _signature(other, mirror=True)))


def _signature(chart: Beatmap, *, mirror: bool = False) -> Int64[np.ndarray, " n"]:
    rows = rows_of(chart.hit_objects, chart.keys)
    if not len(rows.masks):
        return np.zeros(0, np.int64)
    masks = rows.masks
    if mirror:
        masks = np.array([mirrored_mask(int(mask), chart.keys) for mask in masks], np.int64)
    beat = Grid(chart.red_lines).beat_at(rows.time_ms)
    gaps = np.diff(rows.time_ms, prepend=rows.time_ms[0])
    # 24ths hold quarters and triplets exactly; beyond 64 beats all pauses are alike.
    ticks = np.minimum(np.rint(gaps / beat * TICKS), _MOST_TICKS - 1).astype(np.int64)
    # One number a row, so that rows are compared in one operation.
    signature: np.ndarray = masks * _MOST_TICKS + ticks
    return signature


def _longest(first: Int64[np.ndarray, " n"], second: Int64[np.ndarray, " m"]) -> int:
    """Length of the longest common run, by dynamic programming over all pairs."""
    best = 0
    run = np.zeros(len(second) + 1, np.int64)
    for value in first:
        # One row of the table is enough: a run grows along the diagonal.
        run[1:] = np.where(second == value, run[:-1] + 1, 0)
        best = max(best, int(run.max()))
    return best
