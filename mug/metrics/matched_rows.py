"""Rows of a chart against a human one at the same number of rows, so that density decides nothing.

Source: the number of rows alone moves F1; with equal numbers, F1, precision and recall are one.
"""

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


def matched_f1(
    rows_ms: Times,
    reference_ms: Times,
    rng: np.random.Generator,
    *,
    tolerance_ms: float = TOLERANCE_MS,
    draws: int = DRAWS,
) -> float:
    """F1 of rows at equal numbers: the larger of the two sets is subsampled, seeded.

    On average over draws it is the number of pairs by the size of the larger set: neither doubled
    notes nor left-out ones pay.

    Args:
        rows_ms: of the judged chart, rising.
        reference_ms: of the human chart, rising.
        rng: source of the draws.
        tolerance_ms: how far apart two rows of a pair may be.
        draws: F1 is the mean over so many.

    Returns:
        0 where one of both has no row.
    """
    count = min(len(rows_ms), len(reference_ms))
    if not count:
        return 0.0
    if len(rows_ms) == len(reference_ms):
        return len(match_onsets(rows_ms, reference_ms, tolerance_ms)) / count
    found = []
    for _ in range(draws):
        ours, theirs = (_subsampled(times, count, rng) for times in (rows_ms, reference_ms))
        found.append(len(match_onsets(ours, theirs, tolerance_ms)) / count)
    return float(np.mean(found))


def rows_f1(rows_ms: Times, reference_ms: Times, tolerance_ms: float = TOLERANCE_MS) -> float:
    """F1 of rows as they are; 0 where one of both has none."""
    total = len(rows_ms) + len(reference_ms)
    return 2 * len(match_onsets(rows_ms, reference_ms, tolerance_ms)) / total if total else 0.0


def _subsampled(times_ms: Times, count: int, rng: np.random.Generator) -> Times:
    if len(times_ms) == count:
        return times_ms
    kept: Times = np.sort(rng.choice(times_ms, count, replace=False))
    return kept
