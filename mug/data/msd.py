"""Etterna's skill sets of a 4K chart, estimated by a model of our own on MinaCalc's scale.

MinaCalc's values are what players know; they come from version 434, the one that the reference
used. The estimate is documented in docs/msd.md and refitted by scripts/fit_msd.py.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from mug.data import msd_model
from mug.data.msd_features import KEYS
from mug.errors import DataError

MSD_VERSION = "mug-msd-1 (MinaCalc 434)"
"""Stored beside every value: numbers of different versions are never mixed."""

SKILL_SETS = (
    "stream", "jumpstream", "handstream", "stamina", "jackspeed", "chordjack", "technical",
)  # fmt: skip
"""The seven, in MinaCalc's order."""

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
    time, columns = _checked(time_ms, column, rate)
    if len(time) == 0 or time[0] == time[-1]:
        return Msd(*[0.0] * 8)
    values = msd_model.evaluate(time, columns, msd_model.coefficients())
    return Msd(*(float(v) for v in values))


def skill_flags(msd: Msd, margin: float = 1.0) -> dict[str, bool]:
    """Which skill sets describe the chart: those within `margin` of the highest of the seven.

    Source: the reference's rule for its more / less features (B41 mended: stamina by stamina).
    """
    top = max(getattr(msd, name) for name in SKILL_SETS)
    return {name: bool(getattr(msd, name) >= top - margin) for name in SKILL_SETS}


def _checked(time_ms: ArrayLike, column: ArrayLike, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Seconds as played and columns: sorted, without repetition, turned the canonical way."""
    if not 0.1 <= rate <= 10:
        raise DataError("a rate must be 0.1 to 10", value=rate)
    time, columns = np.asarray(time_ms, dtype=np.float64), np.asarray(column)
    if time.ndim != 1 or time.shape != columns.shape:
        raise DataError(
            "times and columns must be two lists of one length",
            value=(time.shape, columns.shape),
        )
    if len(time) == 0:
        return time, columns.astype(np.int64)
    if not np.isfinite(time).all():
        raise DataError("a note's time is not finite", value=float(time[~np.isfinite(time)][0]))
    outside = (columns < 0) | (columns >= KEYS)
    if outside.any():
        raise DataError(
            "MSD is defined for 4 keys only",
            value=columns[outside][0].item(),
            remedy="leave MSD unknown for charts of other key counts",
        )
    columns = columns.astype(np.int64)
    if (time.max() - time.min()) / 1000 / rate > _LONGEST:
        raise DataError("the chart lasts over a day", value=float(time.max() - time.min()))
    return _canonical(time, columns, rate)


def _canonical(time: np.ndarray, columns: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Of the chart and its mirror image the one that sorts first, so that both read alike."""
    code = np.unique(np.stack([time, columns.astype(np.float64)]), axis=1)
    time, columns = code[0], code[1].astype(np.int64)
    _, row_of = np.unique(time, return_inverse=True)
    here = np.bincount(row_of, weights=1 << columns)
    there = np.bincount(row_of, weights=1 << (KEYS - 1 - columns))
    differ = np.flatnonzero(here != there)
    if len(differ) and there[differ[0]] < here[differ[0]]:
        columns = KEYS - 1 - columns
        order = np.lexsort((columns, time))
        time, columns = time[order], columns[order]
    seconds = time / 1000 / rate
    # MinaCalc's half seconds start at 0; earlier notes move later by whole half seconds.
    return seconds - min(0.0, np.floor(seconds[0] * 2) / 2), columns
