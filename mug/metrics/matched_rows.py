"""Rows of a chart against a human one at the same number of rows: density decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from mug.errors import DataError
from mug.metrics.onsets import match_onsets

TOLERANCE_MS = 20.0
DRAWS = 20
"""Seeded draws that a figure with chance in it is the mean of."""

_EDGE_MS = 1.0  # files hold whole milliseconds: the first and the last row lie on their lines

Times = Float64[np.ndarray, "_"]  # two sets of rows differ in number


@dataclass(frozen=True)
class LineScores:
    """Scores of the lines of a song: how likely a row is there, in the eyes of a model.

    Args:
        time_ms: of the lines, rising.
        score: of each line, on any scale: only the order counts.

    Raises:
        DataError: for arrays of different lengths, times that do not rise, and scores that are no
            numbers.
    """

    time_ms: Float64[np.ndarray, " lines"]
    score: Float64[np.ndarray, " scores"]

    def __post_init__(self) -> None:
        if len(self.time_ms) != len(self.score):
            raise DataError(
                "evaluation.lines_need_scores", value=(len(self.time_ms), len(self.score))
            )
        if (np.diff(self.time_ms) <= 0).any() or not np.isfinite(self.time_ms).all():
            raise DataError("evaluation.lines_must_rise")
        if np.isnan(self.score).any():
            raise DataError("evaluation.scores_must_be_numbers")


def within(times_ms: Times, reference_ms: Times) -> np.ndarray:
    """Mask of the times from the first to the last reference row, both included."""
    if not len(reference_ms):
        return np.zeros(len(times_ms), bool)
    low, high = reference_ms[0] - _EDGE_MS, reference_ms[-1] + _EDGE_MS
    mask: np.ndarray = (times_ms >= low) & (times_ms <= high)
    return mask


def top_rows(lines: LineScores, reference_ms: Times, rng: np.random.Generator) -> Times:
    """Times of the lines with the highest scores, as many as there are reference rows.

    Lines before the first and after the last reference row are not chosen. Of equal scores the
    draw decides; with fewer lines than rows, all lines are chosen.

    Args:
        lines: scores of the judged chart or model.
        reference_ms: rows of the human chart, rising.
        rng: source of the draw.
    """
    inside = within(lines.time_ms, reference_ms)
    times, score = lines.time_ms[inside], lines.score[inside]
    # The last key is the first to sort by.
    order = np.lexsort((rng.random(len(times)), -score))
    chosen: Times = np.sort(times[order[: len(reference_ms)]])
    return chosen


def matched_f1(rows_ms: Times, reference_ms: Times, tolerance_ms: float = TOLERANCE_MS) -> float:
    """F1 of rows at equal numbers: the pairs by the size of the larger set, 0 ... 1.

    It is what F1 is on average where the larger set is subsampled to the size of the smaller one
    and the pairs stay as they are: neither rows beside the human ones nor left-out ones pay. Pairs
    made again for each subsample would let a row that is written four times within the tolerance
    count two thirds.

    Args:
        rows_ms: of the judged chart, rising.
        reference_ms: of the human chart, rising.
        tolerance_ms: how far apart two rows of a pair may be.

    Returns:
        0 where one of both has no row.
    """
    larger = max(len(rows_ms), len(reference_ms))
    return len(match_onsets(rows_ms, reference_ms, tolerance_ms)) / larger if larger else 0.0


def rows_f1(rows_ms: Times, reference_ms: Times, tolerance_ms: float = TOLERANCE_MS) -> float:
    """F1 of rows as they are; 0 where one of both has none."""
    total = len(rows_ms) + len(reference_ms)
    return 2 * len(match_onsets(rows_ms, reference_ms, tolerance_ms)) / total if total else 0.0
