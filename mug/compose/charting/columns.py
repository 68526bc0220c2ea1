"""Columns for rows: streams rotate, tunes set the direction, hands share the work."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

_JACK_MS, _JACK_NOTES = 185.0, 4
"""A column is struck so many times in a row at such distances; then other fingers play."""

_JACKED_MS, _AVOIDED_MS = 260.0, 700.0
"""Time for which a column just played is liked, or avoided: easy charts move on at any pace."""


@dataclass
class Fingers:
    """The state of the columns while a chart is written, in order of time.

    Args:
        keys: number of columns.
        least_ms: between two starts in a column.
        release_ms: between the end of a hold and the next start in its column.
        repeat: readiness to use the columns of the row before again, -1 ... 1.
        rng: small preferences, and habits: how far hands alternate, rolls go on, trills return, and
            chords lie in one hand.
    """

    keys: int
    least_ms: float
    release_ms: float
    repeat: float
    rng: np.random.Generator
    _last_ms: list[float] = field(default_factory=list)
    _free_ms: list[float] = field(default_factory=list)
    _held_ms: list[float] = field(default_factory=list)
    _uses: list[float] = field(default_factory=list)
    _runs: list[int] = field(default_factory=list)
    _rows: list[tuple[int, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._last_ms = [-math.inf] * self.keys
        self._free_ms = [-math.inf] * self.keys
        self._held_ms = [-math.inf] * self.keys
        self._uses = [0.0] * self.keys
        self._runs = [0] * self.keys
        # Spread as charters' habits are: the one plays rolls and one-handed jumps, the other none.
        self._same_hand = float(self.rng.uniform(-0.2, 0.35))
        self._roll = float(self.rng.uniform(0.0, 0.45))
        self._split = float(self.rng.uniform(-0.45, 0.4))
        self._return = float(self.rng.uniform(-0.3, 0.4))
        self._noise = self.rng.random(4096).tolist()
        self._drawn = 0

    def hand(self, column: int) -> int:
        """-1 for the left hand, 1 for the right, 0 for the thumb in the middle."""
        twice = 2 * column - (self.keys - 1)
        return (twice > 0) - (twice < 0)

    def free(self, time_ms: float) -> list[int]:
        """Columns that may be pressed at a time."""
        return [c for c in range(self.keys) if self._is_free(c, time_ms)]

    def _is_free(self, column: int, time_ms: float) -> bool:
        tired = self._runs[column] >= _JACK_NOTES and time_ms - self._last_ms[column] < _JACK_MS
        return self._free_ms[column] <= time_ms and not tired

    def holds_at(self, time_ms: float) -> int:
        """Holds that are still pressed at a time."""
        return sum(end > time_ms for end in self._held_ms)

    def fits(self, time_ms: float, columns: tuple[int, ...]) -> bool:
        """Return whether these columns may be pressed at a time."""
        if self.repeat < 0 and self._rows and set(columns) & set(self._rows[-1]):
            gap = time_ms - max(self._last_ms[c] for c in self._rows[-1])
            if gap < 220.0:
                return False
        return all(self._is_free(c, time_ms) for c in columns)

    def _next_noise(self) -> float:
        self._drawn = (self._drawn + 1) % len(self._noise)
        return float(self._noise[self._drawn])

    def _cost(self, column: int, time_ms: float, direction: int) -> float:
        gap = time_ms - self._last_ms[column]
        previous = self._rows[-1] if self._rows else ()
        gap_before = time_ms - max(self._last_ms)
        cost = 0.5 * self._next_noise() + 0.12 * (self._uses[column] - min(self._uses))
        if column in previous:
            lasts_ms = _JACKED_MS if self.repeat > 0 else _AVOIDED_MS
            cost -= 2.2 * self.repeat * math.exp(-gap / lasts_ms)
        elif len(self._rows) > 1 and column in self._rows[-2]:
            cost += self._return * math.exp(-gap / 260.0)
        if previous:
            centre = sum(previous) / len(previous)
            if len(previous) == 1 and column != previous[0]:
                if self.hand(previous[0]) == self.hand(column) != 0:
                    cost += self._same_hand
                cost -= self._goes_on(column) * math.exp(-gap_before / 260.0)
            if direction:
                cost -= 0.45 * direction * np.sign(column - centre)
                cost += 0.12 * abs(column - centre)
        return float(cost)

    def _goes_on(self, column: int) -> float:
        """Readiness to play a column as the next one of a roll."""
        if len(self._rows) < 2 or len(self._rows[-2]) != 1:
            return 0.0
        before, last = self._rows[-2][0], self._rows[-1][0]
        step = column - last
        return self._roll if abs(step) == 1 and step * (last - before) > 0 else 0.0

    def choose(self, time_ms: float, size: int, direction: int) -> tuple[int, ...]:
        """Up to `size` free columns; fewer, or none, where fingers are busy.

        Args:
            time_ms: of the row.
            size: notes wanted.
            direction: 1 where the tune rises, -1 where it falls, else 0.
        """
        costs = {c: self._cost(c, time_ms, direction) for c in self.free(time_ms)}
        chosen: list[int] = []
        while costs and len(chosen) < size:
            taken = {self.hand(c) for c in chosen}
            best = min(costs, key=lambda c: costs[c] + self._split * (self.hand(c) in taken))
            del costs[best]
            chosen.append(best)
        return tuple(sorted(chosen))

    def press(self, time_ms: float, columns: tuple[int, ...], ends: dict[int, float]) -> None:
        """Record a row; `ends` has the times at which held columns are released."""
        for column in columns:
            quick = time_ms - self._last_ms[column] < _JACK_MS
            self._runs[column] = self._runs[column] + 1 if quick else 1
            self._last_ms[column] = time_ms
            self._free_ms[column] = time_ms + self.least_ms
            self._uses[column] += 1
            if column in ends:
                self._held_ms[column] = ends[column]
                self._free_ms[column] = max(self._free_ms[column], ends[column] + self.release_ms)
        low = min(self._uses)
        self._uses = [uses - low for uses in self._uses]
        if columns:
            self._rows = [*self._rows[-1:], columns]
