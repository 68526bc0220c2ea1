"""Rank correlation and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from mug.errors import DataError


@dataclass(frozen=True)
class Summary:
    """A figure over charts.

    Args:
        mean: over songs, of the mean over each song's charts.
        median: over charts.
        low: 2.5th percentile of the bootstrapped mean.
        high: 97.5th percentile.
        lowest: least of the songs' means; with one song, of its charts.
        highest: greatest of them.
        charts: how many had the figure.
        songs: how many songs they are of. With one song, the interval is over its charts.
    """

    mean: float
    median: float
    low: float
    high: float
    lowest: float
    highest: float
    charts: int
    songs: int


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


def summarise(
    values: Sequence[float],
    songs: Sequence[str],
    rng: np.random.Generator,
    draws: int = 2000,
) -> Summary:
    """Mean by song with a 95 % bootstrap interval over songs; numbers that are none are left out.

    Charts of one song are alike, so whole songs are drawn. With one song its charts are drawn,
    which says nothing about other songs.

    Args:
        values: one a chart.
        songs: the song of each chart.
        rng: source of the draws.
        draws: bootstrap samples.

    Raises:
        DataError: for lists of different lengths.
    """
    if len(values) != len(songs):
        raise DataError("evaluation.value_chart_and_song_value", value=(len(values), len(songs)))
    kept = [(float(v), s) for v, s in zip(values, songs, strict=True) if np.isfinite(v)]
    if not kept:
        nan = float("nan")
        return Summary(nan, nan, nan, nan, nan, nan, 0, 0)
    by_song: dict[str, list[float]] = {}
    for value, song in kept:
        by_song.setdefault(song, []).append(value)
    means = np.array([np.mean(listed) for listed in by_song.values()])
    # The songs' means are what is drawn: charts of a song are not independent of each other.
    pool = means if len(means) > 1 else np.array([value for value, _ in kept])
    drawn = pool[rng.integers(0, len(pool), (draws, len(pool)))].mean(axis=1)
    # Percentile bootstrap: no assumption about the distribution of the figure.
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Summary(
        mean=float(means.mean()),
        median=float(np.median([value for value, _ in kept])),
        low=float(low),
        high=float(high),
        lowest=float(pool.min()),
        highest=float(pool.max()),
        charts=len(kept),
        songs=len(by_song),
    )
