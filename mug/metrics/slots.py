"""Rows as a decision at every slot of the human chart's own grid: what F1 cannot see, it counts.

F1 forgets the slots that are empty in both charts. Matthews correlation counts them: it is 0 for
any chart that knows the density alone, whatever that density is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from mug.beatmap.timing_points import TimingPoint
from mug.metrics.grid import Grid
from mug.metrics.matched_rows import TOLERANCE_MS, LineScores, Times

DIVISORS = (1, 2, 3, 4, 6, 8, 12, 16, 24)
_ON_GRID = 0.98
_NEAR_MS = 3.0  # whole milliseconds, and a rounding of the red line


@dataclass(frozen=True)
class Slots:
    """The slots of a song on which a human chart decides.

    Args:
        time_ms: of each slot, rising.
        filled: whether the human chart has a row there.
        divisor: parts of a beat.
    """

    time_ms: Float64[np.ndarray, " slots"]
    filled: Bool[np.ndarray, " slots"]
    divisor: int


def finest_divisor(reference_ms: Times, red_lines: Sequence[TimingPoint]) -> int:
    """The coarsest grid that holds 98 % of a chart's rows within 3 ms; else the finest known."""
    grid = Grid(red_lines)
    for divisor in DIVISORS:
        near = np.abs(grid.error(reference_ms, (divisor,))) <= _NEAR_MS
        if len(reference_ms) and near.mean() >= _ON_GRID:
            return divisor
    return DIVISORS[-1]


def slots_of(reference_ms: Times, red_lines: Sequence[TimingPoint]) -> Slots:
    """Slots of a human chart on its finest grid, from its first to its last row.

    Args:
        reference_ms: rows of the human chart, rising, at least one.
        red_lines: its tempo.
    """
    divisor = finest_divisor(reference_ms, red_lines)
    times = Grid(red_lines).lines(reference_ms[0] - _NEAR_MS, reference_ms[-1] + _NEAR_MS, divisor)
    filled = np.zeros(len(times), bool)
    at, _ = _slots_near(times, reference_ms)
    filled[at] = True
    return Slots(times, filled, divisor)


def matthews_correlation(rows_ms: Times, slots: Slots) -> float:
    """Matthews correlation of a chart's rows with the human ones over all slots, -1 ... 1.

    A row fills its nearest slot within 20 ms; rows beside the slots
    and further rows on one slot count as wrong each. Rows outside the human chart do not count.

    Args:
        rows_ms: of the judged chart, rising.
        slots: of the human chart.

    Returns:
        0 for a chart without rows, and for one that fills every slot; not a number where the human
        chart does so.
    """
    if slots.filled.all():
        return math.nan
    low, high = slots.time_ms[0] - TOLERANCE_MS, slots.time_ms[-1] + TOLERANCE_MS
    inside = rows_ms[(rows_ms >= low) & (rows_ms <= high)]
    at, _ = _slots_near(slots.time_ms, inside)
    taken = np.unique(at)
    right = int(slots.filled[taken].sum())
    wrong = len(inside) - right
    missed = int(slots.filled.sum()) - right
    empty = len(slots.filled) - len(taken) - missed
    product = (right + wrong) * (right + missed) * (empty + wrong) * (empty + missed)
    return (right * empty - wrong * missed) / math.sqrt(product) if product else 0.0


def average_precision(lines: LineScores, slots: Slots) -> float:
    """Average precision of scores over slots: the mean precision at each human row, 0 ... 1.

    A slot has the highest score of the lines within 20 ms that it is the nearest slot of; the
    lowest of all where there is none. Equal scores are one threshold. Chance is the share of filled
    slots.

    Args:
        lines: scores of the judged chart or model.
        slots: of the human chart.
    """
    score = np.full(len(slots.time_ms), -math.inf)
    at, kept = _slots_near(slots.time_ms, lines.time_ms)
    np.maximum.at(score, at, lines.score[kept])
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(slots.filled[order])
    # The last slot of each score: all slots with that score are above the threshold together.
    ranked = score[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(order) - 1)
    precision = hits[ends] / (ends + 1)
    recall = hits[ends] / hits[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def _slots_near(slot_ms: np.ndarray, times_ms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest slot of each time that has one within reach, and the mask of those times."""
    right = np.clip(np.searchsorted(slot_ms, times_ms), 0, len(slot_ms) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(times_ms - slot_ms[left] < slot_ms[right] - times_ms, left, right)
    # The nearest slot is never farther than half a slot.
    kept = np.abs(slot_ms[nearest] - times_ms) <= TOLERANCE_MS
    return nearest[kept], kept
