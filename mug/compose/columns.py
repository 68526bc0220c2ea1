"""Assignment of notes to columns by pitch and hand, with room for every finger."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from mug.errors import DataError


@dataclass
class ColumnPlanner:
    """Chooses columns one note after the other, in order of time.

    No column is used again before its gap is over or its hold is released. Among the free ones the
    nearest to the wanted place wins; the finger that rested longest, the other hand and the
    column that was used least are preferred. Nothing is left to chance.

    Args:
        keys: number of columns, 1 ... 18.
        gap_ms: least time between two starts in a column.
        release_ms: least time between the end of a hold and the next start in its column.
    """

    keys: int
    gap_ms: float
    release_ms: float
    _free_ms: list[float] = field(default_factory=list)
    _last_ms: list[float] = field(default_factory=list)
    _held_ms: list[float] = field(default_factory=list)
    _uses: list[int] = field(default_factory=list)
    _hand: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.keys <= 18:
            raise DataError("common.chart_has_1_to_18_columns", value=self.keys)
        self._free_ms = [-math.inf] * self.keys
        self._last_ms = [-math.inf] * self.keys
        self._held_ms = [-math.inf] * self.keys
        self._uses = [0] * self.keys

    def hand(self, column: int) -> int:
        """-1 for the left hand, 1 for the right, 0 for the thumb in the middle."""
        twice = 2 * column - (self.keys - 1)
        return (twice > 0) - (twice < 0)

    def holds_at(self, time_ms: float) -> int:
        """Holds that are still pressed at a time."""
        return sum(end > time_ms for end in self._held_ms)

    def _cost(self, column: int, time_ms: float, place: float | None, other: int) -> float:
        rested_ms = time_ms - self._last_ms[column]
        cost = 1.4 * math.exp(-rested_ms / 350.0) + 0.3 * (self._uses[column] - min(self._uses))
        if self.hand(column) == (other or self._hand) != 0:
            cost += 0.7
        if place is not None:
            cost += 1.1 * abs(column - place * (self.keys - 1)) * 3 / max(3, self.keys - 1)
        return cost

    def choose(self, time_ms: float, count: int, place: float | None) -> list[int]:
        """Up to `count` free columns, best first; fewer, or none, where fingers are busy.

        Args:
            time_ms: of the notes; not before that of the last call.
            count: notes wanted at this time.
            place: wanted place from 0 (left) to 1 (right), None for no preference.
        """
        free = [c for c in range(self.keys) if self._free_ms[c] <= time_ms]
        chosen: list[int] = []
        while free and len(chosen) < count:
            # The second note of a chord goes to the other hand.
            other = self.hand(chosen[-1]) if chosen else 0
            preferred = None if chosen else place
            best = min(free, key=lambda c: (self._cost(c, time_ms, preferred, other), c))
            free.remove(best)
            chosen.append(best)
        return chosen

    def press(self, column: int, time_ms: float, end_ms: float | None = None) -> None:
        """Record a tap, or a hold that ends at `end_ms`."""
        self._free_ms[column] = time_ms + self.gap_ms
        if end_ms is not None:
            self._free_ms[column] = max(self._free_ms[column], end_ms + self.release_ms)
            self._held_ms[column] = end_ms
        self._last_ms[column] = time_ms
        self._uses[column] += 1
        self._hand = self.hand(column)
