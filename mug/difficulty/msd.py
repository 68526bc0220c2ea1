"""Etterna's skill sets of a 4K chart, estimated by a model of our own on MinaCalc's scale.

MinaCalc's values are what players know; they come from version 434, the one that the reference
used. The estimate is documented in docs/msd.md and refitted by scripts/fit_msd.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from mug.difficulty import msd_model
from mug.difficulty.msd_features import KEYS
from mug.difficulty.names import MSD_VERSION as MSD_VERSION  # stored beside every value
from mug.difficulty.names import SKILL_SETS as SKILL_SETS
from mug.errors import DataError

_GRID = np.array([*np.arange(1, 21) / 10, 2.5, 3.0, 4.0, 6.0, 10.0])
"""Rates at which the model is asked; values at others lie between, on a straight line."""
_ONE = int(np.flatnonzero(_GRID == 1)[0])

_LONGEST = 24 * 3600.0  # seconds; anything above is a broken file, and would take all memory


@dataclasses.dataclass(frozen=True)
class Msd:
    """Difficulty of a chart: a player of that level scores 93 % of the points.

    From about 1 to 40, where the scale of single skill sets ends.
    """

    overall: float
    stream: float
    jumpstream: float
    handstream: float
    stamina: float
    jackspeed: float
    chordjack: float
    technical: float


def estimate_msd(time_ms: ArrayLike, column: ArrayLike, rate: float = 1.0) -> Msd:
    """Estimates MinaCalc's eight numbers from the heads of a chart's notes.

    A chart and its mirror image have the same numbers. Order and repetition of notes don't matter.
    No value falls when the rate rises: above rate 1 it is the highest of those from 1 on, below it
    the lowest, over a grid of rates. Rates far from 1 take longer.

    Args:
        time_ms: when each note starts, milliseconds, in any order.
        column: 0 … 3, as long as `time_ms`.
        rate: the song is played so many times as fast.

    Returns:
        The estimate; all zeros for a chart of less than two different times.

    Raises:
        DataError: for columns other than 0 … 3 (only 4K has these skill sets), lists of different
            lengths, times that are not finite, charts of over a day, a rate that is not 0.1 to 10.

    Source:
        reference_facts: values of MinaCalc 434 at the goal of 93 %; none of its code.
    """
    return estimate_msd_rates(time_ms, column, [rate])[0]


def estimate_msd_rates(time_ms: ArrayLike, column: ArrayLike, rates: Sequence[float]) -> list[Msd]:
    """Results of `estimate_msd` at each of several rates, in less time.

    Args:
        time_ms: when each note starts, milliseconds, in any order.
        column: 0 … 3, as long as `time_ms`.
        rates: each 0.1 to 10, in any order.

    Returns:
        One estimate a rate.

    Raises:
        DataError: as `estimate_msd`.
    """
    wanted = [_checked_rate(rate) for rate in rates]
    time, columns = _checked(time_ms, column, min(wanted, default=1.0))
    if not wanted or len(time) == 0 or time[0] == time[-1]:
        return [Msd(*[0.0] * 8) for _ in wanted]
    return [Msd(*(float(v) for v in row)) for row in _never_falling(time, columns, wanted)]


@dataclasses.dataclass(frozen=True)
class MsdTable:
    """Results of `estimate_msd` for one chart at any rate of a range, computed once.

    Args:
        rates: neighbouring rates of the estimator's grid.
        values: the eight numbers at each.
    """

    rates: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, time_ms: ArrayLike, column: ArrayLike, low: float, high: float) -> MsdTable:
        """The table of a chart for rates from `low` to `high`; arguments as `estimate_msd`'s."""
        first = int(np.searchsorted(_GRID, _checked_rate(low), side="right")) - 1
        last = int(np.searchsorted(_GRID, _checked_rate(high), side="left"))
        rates = [float(rate) for rate in _GRID[first : last + 1]]
        found = estimate_msd_rates(time_ms, column, rates)
        return cls(tuple(rates), tuple(dataclasses.astuple(msd) for msd in found))

    def at(self, rate: float) -> Msd | None:
        """The estimate at a rate, equal to `estimate_msd`'s; None outside the range."""
        wanted = _checked_rate(rate)
        if not self.rates[0] <= wanted <= self.rates[-1]:
            return None
        columns = zip(*self.values, strict=True)
        return Msd(*(float(np.interp(wanted, self.rates, column)) for column in columns))


def skill_flags(msd: Msd, margin: float = 1.0) -> dict[str, bool]:
    """Skill sets that describe the chart: those within `margin` of the highest of the seven.

    Source: the reference's rule for its more / less features (B41 corrected: stamina by stamina).
    """
    top = max(getattr(msd, name) for name in SKILL_SETS)
    return {name: bool(getattr(msd, name) >= top - margin) for name in SKILL_SETS}


def _checked_rate(rate: float) -> float:
    if not 0.1 <= rate <= 10:
        raise DataError("common.rate_must_be_0_1_to_10", value=rate)
    near = int(np.argmin(np.abs(_GRID - rate)))
    # 1.1 in half the digits is still 1.1
    return float(_GRID[near] if abs(_GRID[near] - rate) < 1e-6 else rate)


def _never_falling(
    time: np.ndarray, columns: np.ndarray, rates: list[float]
) -> Float[np.ndarray, "rates 8"]:
    """The model's values over the grid of rates, made monotone from rate 1 on to both sides."""
    low = min(_ONE, int(np.searchsorted(_GRID, min(rates), side="right")) - 1)
    high = max(_ONE, int(np.searchsorted(_GRID, max(rates), side="left")))
    k = msd_model.coefficients()
    grid = _GRID[low : high + 1]
    raw = np.stack([msd_model.evaluate(_played(time, rate), columns, k) for rate in grid])
    one = _ONE - low
    raw[one:] = np.maximum.accumulate(raw[one:], axis=0)
    raw[: one + 1] = np.minimum.accumulate(raw[one::-1], axis=0)[::-1]
    return np.stack([np.interp(rates, grid, column) for column in raw.T], axis=1)


def _played(time: np.ndarray, rate: float) -> np.ndarray:
    """Seconds at a rate. MinaCalc's half seconds start at 0; earlier notes move by whole ones."""
    seconds = time / 1000 / rate
    return np.asarray(seconds - min(0.0, np.floor(seconds[0] * 2) / 2))


def _checked(time_ms: ArrayLike, column: ArrayLike, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds and columns: sorted, without repetition, turned the canonical way.

    Args:
        time_ms: as in `estimate_msd`.
        column: as in `estimate_msd`.
        rate: the lowest.
    """
    time, columns = np.asarray(time_ms, dtype=np.float64), np.asarray(column)
    if time.ndim != 1 or time.shape != columns.shape:
        raise DataError(
            "difficulty.times_and_columns_must_be_two",
            value=(time.shape, columns.shape),
        )
    if len(time) == 0:
        return time, columns.astype(np.int64)
    if not np.isfinite(time).all():
        raise DataError(
            "difficulty.note_time_is_not_finite", value=float(time[~np.isfinite(time)][0])
        )
    outside = (columns < 0) | (columns >= KEYS)
    if outside.any():
        raise DataError(
            "difficulty.msd_is_defined_for_4_keys",
            value=columns[outside][0].item(),
            remedy="remedy.leave_msd_unknown_for_charts",
        )
    columns = columns.astype(np.int64)
    if (time.max() - time.min()) / 1000 / rate > _LONGEST:
        raise DataError("difficulty.chart_lasts_over_day", value=float(time.max() - time.min()))
    return _canonical(time, columns)


def _canonical(time: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the chart and its mirror image the one that sorts first, so that both read alike."""
    order = np.lexsort((columns, time))
    time, columns = time[order], columns[order]
    new_row = np.diff(time, prepend=-np.inf) > 0
    once = new_row | (np.diff(columns, prepend=-1) != 0)
    time, columns, new_row = time[once], columns[once], new_row[once]
    row_of = np.cumsum(new_row) - 1
    here = np.bincount(row_of, weights=1 << columns)
    there = np.bincount(row_of, weights=1 << (KEYS - 1 - columns))
    differ = np.flatnonzero(here != there)
    if len(differ) and there[differ[0]] < here[differ[0]]:
        columns = KEYS - 1 - columns
        order = np.lexsort((columns, time))
        time, columns = time[order], columns[order]
    return time, columns
