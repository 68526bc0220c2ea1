"""Distances between sets of charts, over standardised features and without a network."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from mug.errors import DataError

LEAST_SPREAD = 0.02
"""A feature that hardly differs between human charts is measured in units of this."""

FARTHEST = 5.0
"""No feature counts for more standard deviations than this: one oddity is not the whole story."""

Points = Float64[np.ndarray, "n d"]


@dataclass(frozen=True)
class Space:
    """The features of human charts as coordinates: their means are 0, their spreads 1.

    Args:
        names: of the features.
        mean: of the human charts.
        spread: standard deviation of the human charts, at least `LEAST_SPREAD`.
        width: of the Gaussian kernel: the median distance between human charts.
    """

    names: tuple[str, ...]
    mean: Float64[np.ndarray, " d"]
    spread: Float64[np.ndarray, " d"]
    width: float

    @classmethod
    def of(cls, human: Sequence[Mapping[str, float]]) -> Space:
        """The space of these human charts.

        Raises:
            DataError: for less than two charts.
        """
        if len(human) < 2:
            raise DataError("evaluation.space_of_charts_needs", value=len(human))
        names = tuple(human[0])
        values = np.array([[chart[name] for name in names] for chart in human], np.float64)
        # A feature that is the same in all human charts would otherwise divide by zero.
        spread = np.maximum(values.std(axis=0), LEAST_SPREAD)
        space = cls(names, values.mean(axis=0), spread, 1.0)
        squares = _squares(space.place(human), space.place(human))
        # The median heuristic: a kernel as wide as human charts are apart.
        apart = squares[np.triu_indices(len(human), 1)]
        return cls(names, space.mean, spread, float(max(np.sqrt(np.median(apart)), 1e-6)))

    def place(self, charts: Sequence[Mapping[str, float]]) -> Points:
        """Coordinates of charts, one row each, within ±`FARTHEST`."""
        values = [[chart[name] for name in self.names] for chart in charts]
        # Reshaped, so that no charts make an array of the right width.
        raw = np.array(values, np.float64).reshape(len(charts), len(self.names))
        points: np.ndarray = np.clip((raw - self.mean) / self.spread, -FARTHEST, FARTHEST)
        return points

    def kernel(
        self, first: Float64[np.ndarray, "n d"], second: Float64[np.ndarray, "m d"]
    ) -> Float64[np.ndarray, "n m"]:
        """The Gaussian kernel exp(−distance² / (2 width²)) between all pairs."""
        kernel: np.ndarray = np.exp(-_squares(first, second) / (2 * self.width**2))
        return kernel


@dataclass(frozen=True)
class Cloud:
    """Charts as points.

    Args:
        points: from `Space.place`.
        groups: charts of one group are not independent: pairs of them are left out.
        weights: how often each chart counts; bootstrap draws are weights.
    """

    points: Points
    groups: Int64[np.ndarray, " n"]
    weights: Float64[np.ndarray, " n"]

    @classmethod
    def of(
        cls, space: Space, charts: Sequence[Mapping[str, float]], groups: Sequence[Hashable]
    ) -> Cloud:
        """Charts, each counted once.

        Args:
            space: of the human charts.
            charts: their features.
            groups: of each chart, e.g. the human chart that it was made after.
        """
        if len(charts) != len(groups):
            raise DataError("evaluation.one_group_a_chart", value=(len(charts), len(groups)))
        number = {group: i for i, group in enumerate(dict.fromkeys(groups))}
        return cls(
            space.place(charts),
            np.array([number[group] for group in groups], np.int64),
            np.ones(len(charts)),
        )

    def weighted(self, weights: Float64[np.ndarray, " n"]) -> Cloud:
        """The same charts with other weights."""
        return Cloud(self.points, self.groups, weights)


def kernel_distance(space: Space, first: Cloud, second: Cloud) -> float:
    """Unbiased squared maximum mean discrepancy: about 0 for two draws of one distribution.

    It may fall below 0; that is what makes it right for small sets. Not a number where a set has
    no two charts of different groups. Source: Gretton et al. 2012, equation 3, with weights, and
    without pairs within a group.
    """
    within = [_within(space, cloud) for cloud in (first, second)]
    between = space.kernel(first.points, second.points)
    weight = np.outer(first.weights, second.weights)
    if not weight.sum():
        return float("nan")
    return float(sum(within) - 2 * (weight * between).sum() / weight.sum())


def frechet_distance(first: Cloud, second: Cloud) -> float:
    """Fréchet distance between the normal distributions that fit two sets best.

    It is too large for small sets, the more so the smaller they are: compare it with a floor of
    sets of the same sizes. Not a number for a set of less than two. Source: Dowson and Landau
    1982, equation 4: |m − n|² + tr(A + B − 2 (A B)^½).
    """
    if min(np.count_nonzero(cloud.weights) for cloud in (first, second)) < 2:
        return float("nan")
    (mean, spread), (other_mean, other_spread) = _normal(first), _normal(second)
    root = _root(spread)
    # (A^½ B A^½)^½ has the trace of (A B)^½ and is symmetric.
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other_spread @ root), 0.0)).sum()
    apart = float(((mean - other_mean) ** 2).sum())
    return apart + float(np.trace(spread) + np.trace(other_spread) - 2 * cross)


def _within(space: Space, cloud: Cloud) -> float:
    """Mean kernel over pairs of different groups."""
    weight = np.outer(cloud.weights, cloud.weights)
    # A chart with itself would bias the mean upwards, and so would charts of one group.
    weight[cloud.groups[:, None] == cloud.groups[None, :]] = 0.0
    if not weight.sum():
        return float("nan")
    return float((weight * space.kernel(cloud.points, cloud.points)).sum() / weight.sum())


def _normal(cloud: Cloud) -> tuple[Float64[np.ndarray, " d"], Float64[np.ndarray, "d d"]]:
    share = cloud.weights / cloud.weights.sum()
    mean = share @ cloud.points
    away = cloud.points - mean
    return mean, (share[:, None] * away).T @ away


def _root(matrix: Float64[np.ndarray, "d d"]) -> Float64[np.ndarray, "d d"]:
    """The symmetric square root of a covariance matrix."""
    values, vectors = np.linalg.eigh(matrix)
    # Rounding makes eigenvalues of a covariance slightly negative.
    root: np.ndarray = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root


def _squares(
    first: Float64[np.ndarray, "n d"], second: Float64[np.ndarray, "m d"]
) -> Float64[np.ndarray, "n m"]:
    """Squared distances between all pairs."""
    squares: np.ndarray = ((first[:, None, :] - second[None, :, :]) ** 2).sum(axis=-1)
    return squares
