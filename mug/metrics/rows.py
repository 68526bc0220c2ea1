"""A chart as rows: what is struck together, in order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from mug.beatmap.hit_objects import HitObject

ROW_MS = 5.0
"""Notes that start within so many ms of the first of a row belong to it."""


@dataclass(frozen=True)
class ChartRows:
    """The rows of a chart.

    Args:
        time_ms: start of each row, rising.
        masks: its columns; bit c stands for column c.
        keys: columns of the chart.
    """

    time_ms: Float64[np.ndarray, " n"]
    masks: Int64[np.ndarray, " n"]
    keys: int

    @property
    def sizes(self) -> Int64[np.ndarray, " n"]:
        """Notes in each row."""
        return np.array([int(mask).bit_count() for mask in self.masks], np.int64)


def rows_of(notes: Sequence[HitObject], keys: int) -> ChartRows:
    """Rows of a chart; only starts count.

    Args:
        notes: in any order.
        keys: columns.
    """
    times: list[float] = []
    masks: list[int] = []
    for note in sorted(notes, key=lambda n: (n.start_ms, n.column)):
        # From the row's first note: a fast roll does not become one row.
        if times and note.start_ms - times[-1] <= ROW_MS:
            masks[-1] |= 1 << note.column
        else:
            times.append(float(note.start_ms))
            masks.append(1 << note.column)
    return ChartRows(np.array(times, np.float64), np.array(masks, np.int64), keys)


def mirrored_mask(mask: int, keys: int) -> int:
    """The same row with left and right swapped."""
    return sum(1 << (keys - 1 - column) for column in range(keys) if mask >> column & 1)
