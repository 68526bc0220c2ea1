"""The nearest line of every divisor that may be used, to many times at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mug.beatmap.beat_lines import BeatLines, Indices, Times, sorted_red_lines

__all__ = [
    "Allowed",
    "BeatLines",
    "Indices",
    "LineTable",
    "Times",
    "line_table",
    "sorted_red_lines",
]

Allowed = tuple[tuple[int, ...], ...]
"""Divisors that may be used, for each section."""


@dataclass(frozen=True)
class LineTable:
    """The nearest line of every divisor to every time.

    Args:
        states: all divisors, rising.
        at_ms: time of the nearest line.
        distance_ms: how far it lies after the time; infinite where the divisor is not allowed.
        reached: [i, j]: lines of divisor j are lines of divisor i, too.
    """

    states: tuple[int, ...]
    at_ms: Float[np.ndarray, "n s"]
    distance_ms: Float[np.ndarray, "n s"]
    reached: Bool[np.ndarray, "s s"]

    @property
    def nearest_ms(self) -> Times:
        """Distance of each time to the nearest line of all, 0 or more."""
        nearest: Times = np.abs(self.distance_ms).min(axis=1)
        return nearest


def line_table(lines: BeatLines, allowed: Allowed, times_ms: Times) -> LineTable:
    """Looks up the nearest line of every divisor.

    Args:
        lines: the grid.
        allowed: divisors of each section.
        times_ms: any times.
    """
    states = tuple(sorted({d for section in allowed for d in section}))
    permitted = np.array([[d in own for d in states] for own in allowed], dtype=bool)
    found = [lines.nearest(times_ms, d) for d in states]
    distance = np.stack([d for _, d in found], axis=1)
    return LineTable(
        states=states,
        at_ms=np.stack([at for at, _ in found], axis=1),
        distance_ms=np.where(permitted[lines.section(times_ms)], distance, np.inf),
        reached=np.array([[d % e == 0 for e in states] for d in states], dtype=bool),
    )
