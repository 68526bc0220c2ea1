"""Rank correlation, and means over songs with intervals of Student's t."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from mug.errors import DataError


@dataclass(frozen=True)
class Summary:
    """A figure over charts.

    Args:
        mean: over songs, of the mean over each song's human charts.
        median: over charts.
        low: lower end of the 95 % interval of Student's t; not a number with a single value.
        high: upper end.
        lowest: least of the songs' means; with one song, of its charts.
        highest: greatest of them.
        charts: how many had the figure.
        songs: how many songs they are of. With one song, the interval is over its charts.
        failed: charts that could not be measured and so do not have the figure.
    """

    mean: float
    median: float
    low: float
    high: float
    lowest: float
    highest: float
    charts: int
    songs: int
    failed: int = 0


FEW_SONGS = 10
"""With fewer, an interval over songs says little, and tables say so."""


def ranks(values: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Ranks from 1; equal values share their mean rank."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    # Mean of the ranks that equal values take up together.
    return (last - (counts - 1) / 2)[where].astype(np.float64)


def spearman(first: Float64[np.ndarray, " n"], second: Float64[np.ndarray, " n"]) -> float:
    """Spearman's rank correlation; not a number where one of both does not vary."""
    # A correlation with a constant divides by zero.
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(ranks(first), ranks(second))[0, 1])


def student_interval(
    values: Float64[np.ndarray, " n"], confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of Student's t for the mean; not numbers for fewer than two values.

    A bootstrap over five songs holds the true mean in 85 % of cases where it says 95; this holds
    it in 95 % for values that are about normal, and is as wide as so few songs deserve.

    Args:
        values: independent of each other, e.g. one a song.
        confidence: share of such intervals that hold the true mean.
    """
    from scipy.special import stdtrit

    if len(values) < 2:
        return math.nan, math.nan
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    reach = float(stdtrit(len(values) - 1, 0.5 + confidence / 2)) * error
    return mean - reach, mean + reach


def summarise(
    values: Sequence[float],
    songs: Sequence[str],
    failed: Sequence[bool] = (),
    charts: Sequence[int] = (),
) -> Summary:
    """Mean by chart, then by song, with the 95 % interval of Student's t over songs.

    Charts of one song are alike, so that songs are what is counted. With one song the interval is
    over its charts, which says nothing about other songs. Numbers that are none are left out: those
    of failed charts are counted.

    Args:
        values: one a chart.
        songs: the song of each chart.
        charts: number of the human chart that each is held against: those of one count as one;
            all apart by default.
        failed: whether the chart could not be measured; none failed by default.

    Raises:
        DataError: for lists of different lengths.
    """
    failed = failed or [False] * len(values)
    charts = charts or range(len(values))
    if not len(values) == len(songs) == len(failed) == len(charts):
        raise DataError("evaluation.value_chart_and_song_value", value=(len(values), len(songs)))
    lost = sum(f and not np.isfinite(v) for v, f in zip(values, failed, strict=True))
    kept = [float(v) for v in values if np.isfinite(v)]
    if not kept:
        nan = math.nan
        return Summary(nan, nan, nan, nan, nan, nan, 0, 0, lost)
    by_song: dict[str, dict[int, list[float]]] = {}
    for value, song, chart in zip(values, songs, charts, strict=True):
        if np.isfinite(value):
            by_song.setdefault(song, {}).setdefault(chart, []).append(float(value))
    of_charts = [[np.mean(listed) for listed in found.values()] for found in by_song.values()]
    means = np.array([np.mean(found) for found in of_charts], np.float64)
    pool = means if len(means) > 1 else np.array(of_charts[0], np.float64)
    low, high = student_interval(pool)
    return Summary(
        mean=float(means.mean()),
        median=float(np.median(kept)),
        low=low,
        high=high,
        lowest=float(pool.min()),
        highest=float(pool.max()),
        charts=len(kept),
        songs=len(by_song),
        failed=lost,
    )
