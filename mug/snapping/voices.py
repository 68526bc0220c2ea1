"""Divisor of each beat, straight against triplet, by dynamic programming over beats.

The choice is the cheapest path in nats. A time costs d² / 2σ², d its distance to a line and σ the
jitter of the raw notes, plus the rarity of such a line; a beat costs the rarity of its divisor,
and more where it differs from its neighbour's: a lot from straight to triplet, a little from 1/2
to 1/4, less over a bar line or a rest. Source: the usual minimum-description-length form of
quantisation (jitter as Gaussian noise, the grid as a Markov chain over beats).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mug.snapping.lines import BeatLines, LineTable, Permitted, distinct_beats, line_table, voice
from mug.snapping.prior import rarity_of_voices

# Nats: how much rarer a line of the divisor is than the beat itself.
_LINE = {1: 0.0, 2: 0.5, 4: 1.2, 8: 3.0, 16: 5.0, 3: 1.2, 6: 2.2, 12: 4.5}
# Nats: how much rarer a beat is that needs the divisor.
_BEAT = {1: 0.0, 2: 0.2, 4: 0.4, 8: 1.5, 16: 3.0, 3: 1.0, 6: 1.5, 12: 3.5}
_SWITCH_VOICE, _SWITCH_DIVISOR = 2.5, 0.4
_OVER_BAR, _OVER_REST = 0.7, 0.3
# No time costs more than this: above any prior, so that exact times always find their line.
_MOST = 14.0
# Two notes of a column on one line: a sign of too coarse a divisor.
_COLLISION = 8.0
SMALLEST_JITTER_MS = 0.5
_JITTERS_MS = (
    0.5,
    1.0,
    1.5,
    2.0,
    3.0,
    4.0,
    5.0,
    6.5,
    8.0,
    10.0,
    12.0,
    14.0,
    16.0,
    18.0,
    21.0,
    25.0,
)


def line_cost(divisor: int) -> float:
    """Rarity of a line of the divisor, in nats; 0 for the beat."""
    return _LINE.get(divisor, 2.0 + 1.2 * float(np.log2(divisor)))


def _beat_cost(divisor: int) -> float:
    return _BEAT.get(divisor, 2.0 + 0.8 * float(np.log2(divisor)))


def _switch(states: tuple[int, ...]) -> Float[np.ndarray, "s s"]:
    """Cost of going from one divisor to another in the next beat of a bar."""
    voices = np.array([voice(d) for d in states])
    powers = np.log2(np.array(states) / voices)
    return np.where(
        voices[:, None] != voices[None, :],
        _SWITCH_VOICE,
        _SWITCH_DIVISOR * np.abs(powers[:, None] - powers[None, :]),
    )


def single_costs(
    table: LineTable,
    weights: Float[np.ndarray, " n"],
    jitter_ms: float,
    preference: float = 1.0,
) -> Float[np.ndarray, "n s"]:
    """Cost of each time on its nearest line of each divisor.

    Args:
        table: the lines.
        weights: how much each time counts.
        jitter_ms: standard deviation of the times around their lines.
        preference: how strongly coarse lines are preferred, 1 for note heads.
    """
    # Minus the logarithm of a normal density and of a prior, constants left out: nats that add up.
    rarity = preference * np.array([line_cost(d) for d in table.states])
    return weights[:, None] * (table.distance_ms**2 / (2 * jitter_ms**2) + rarity)


def choose_lines(
    table: LineTable,
    costs: Float[np.ndarray, "n s"],
    divisors: Int[np.ndarray, " n"],
    reachable: Bool[np.ndarray, "n s"],
) -> Float[np.ndarray, " n"]:
    """The cheapest reachable line of each time's divisor, else of any divisor; NaN without one.

    Args:
        table: the lines.
        costs: as `single_costs`.
        divisors: of the beat that each time lies in.
        reachable: which lines are near enough.
    """
    state = np.searchsorted(np.array(table.states), divisors)
    reachable = reachable & np.isfinite(table.distance_ms)
    # A divisor's own lines include those of its factors: a 1/4 beat may have notes on the beat.
    own = reachable & table.reached[state]
    # Another divisor's line is better than none; the note is listed as unfit otherwise.
    usable = np.where(own.any(axis=1)[:, None], own, reachable)
    best = np.where(usable, costs, np.inf).argmin(axis=1)
    at = np.take_along_axis(table.at_ms, best[:, None], axis=1)[:, 0]
    return np.where(usable.any(axis=1), at, np.nan)


@dataclass(frozen=True)
class DivisorEvidence:
    """Times that speak for divisors.

    Args:
        times_ms: rising or not.
        weights: how much each counts.
        pairs: indices of times that follow each other in one column.
    """

    times_ms: Float[np.ndarray, " n"]
    weights: Float[np.ndarray, " n"]
    pairs: Int[np.ndarray, "p 2"]


class Voices:
    """Costs of all divisors for given evidence.

    Args:
        lines: the grid.
        permitted: divisors of each beat.
        evidence: what to explain.
    """

    def __init__(self, lines: BeatLines, permitted: Permitted, evidence: DivisorEvidence) -> None:
        times = evidence.times_ms
        self.table = line_table(lines, permitted, times)
        self._evidence = evidence
        states = self.table.states
        self.keys, self.place = distinct_beats(lines.section(times), lines.beat(times))
        usable = permitted.table(self.keys[:, 0], self.keys[:, 1], states)
        self._forbidden: Bool[np.ndarray, "b s"] = ~usable
        self._prior = np.array([_beat_cost(d) for d in states])
        self._switch = _switch(states)
        # Rhythms change at bar lines more often than within a bar.
        bar = self.keys[:, 1] // lines.meter[self.keys[:, 0]]
        self._links = _links(self.keys, bar)

    def choose(self, jitter_ms: float) -> tuple[Int[np.ndarray, " b"], float]:
        """Divisor of each beat of `keys`, and what it all costs."""
        costs = self._beat_costs(jitter_ms)
        path, cost = self._cheapest_path(costs + self._rarity(costs))
        return np.array(self.table.states, dtype=np.int64)[path], cost

    def _rarity(self, costs: Float[np.ndarray, "b s"]) -> Float[np.ndarray, "b s"]:
        """Cost of each divisor for its voice's rarity around the beat; none for the beat itself."""
        states = np.array(self.table.states)
        # The beat itself belongs to every voice and speaks for none.
        voices = np.where(states == 1, 0, [voice(d) for d in self.table.states])
        present = [int(one) for one in np.unique(voices[voices > 0])]
        explained = [
            (costs[:, voices == one] - self._prior[voices == one].min()).min(axis=1)
            for one in present
        ]
        found = np.zeros_like(costs)
        if explained:
            rarity = rarity_of_voices(np.stack(explained, axis=1))
            found[:, voices > 0] = rarity[:, np.searchsorted(present, voices[voices > 0])]
        return found

    def estimate_jitter_ms(self) -> float:
        """The jitter under which the evidence is cheapest, from 0.5 to 25 ms."""
        weight = float(self._evidence.weights.sum())
        cheapest = self._cheapest(np.stack([self._beat_costs(j) for j in _JITTERS_MS]))
        costs = [
            # The normal density's log sigma, without which the largest jitter would always be
            # cheapest.
            cost + weight * float(np.log(j))
            for j, cost in zip(_JITTERS_MS, cheapest.tolist(), strict=True)
        ]
        return _JITTERS_MS[int(np.argmin(costs))]

    def _beat_costs(self, jitter_ms: float) -> Float[np.ndarray, "b s"]:
        weights, pairs, table = self._evidence.weights, self._evidence.pairs, self.table
        single = single_costs(table, weights, jitter_ms)
        costs = np.zeros((len(self.keys), len(table.states)))
        every = np.arange(len(single))
        for state, reached in enumerate(table.reached):
            columns = np.flatnonzero(reached)
            options = single[:, columns]
            best = options.argmin(axis=1)
            # Limited: one stray note must not decide about a whole beat.
            cheapest = options[every, best]
            cost = np.minimum(cheapest, weights * _MOST)
            costs[:, state] = np.bincount(self.place, cost, len(costs))
            # The first divisor stands in where none of them may be used.
            at = table.at_ms[every, np.where(np.isfinite(cheapest), columns[best], 0)]
            # Two notes of a column cannot share a line, so a divisor that puts them there is too
            # coarse.
            clash = at[pairs[:, 0]] == at[pairs[:, 1]]
            np.add.at(costs[:, state], self.place[pairs[clash, 1]], _COLLISION)
        return np.where(self._forbidden, np.inf, costs + self._prior)

    def _cheapest(self, costs: Float[np.ndarray, "j b s"]) -> Float[np.ndarray, " j"]:
        """Cost of the cheapest path through each table of costs, as `_cheapest_path` finds it."""
        if not costs.shape[1]:
            return np.zeros(len(costs))
        total = costs[:, 0]
        for beat in range(1, costs.shape[1]):
            # From, table, to: numpy is quickest where the smallest of the first axis is sought.
            ways = total.T[:, :, None] + (self._switch * self._links[beat])[:, None, :]
            total = ways.min(axis=0) + costs[:, beat]
        cheapest: np.ndarray = total.min(axis=1)
        return cheapest

    def _cheapest_path(
        self, costs: Float[np.ndarray, "b s"]
    ) -> tuple[Int[np.ndarray, " b"], float]:
        """Viterbi's algorithm over the beats that hold a time."""
        count = len(costs)
        if not count:
            return np.zeros(0, dtype=np.int64), 0.0
        came_from = np.zeros(costs.shape, dtype=np.int64)
        total = costs[0]
        for beat in range(1, count):
            ways = total[:, None] + self._switch * self._links[beat]
            came_from[beat] = ways.argmin(axis=0)
            total = ways.min(axis=0) + costs[beat]
        path = np.zeros(count, dtype=np.int64)
        path[-1] = int(total.argmin())
        for beat in range(count - 1, 0, -1):
            path[beat - 1] = came_from[beat, path[beat]]
        return path, float(total.min())


def _links(keys: Int[np.ndarray, "b 2"], bar: Int[np.ndarray, " b"]) -> Float[np.ndarray, " b"]:
    """Strength of the tie between each beat and the one before it."""
    links = np.ones(len(keys))
    if len(keys) > 1:
        new_section = np.diff(keys[:, 0]) != 0
        links[1:] = np.where(np.diff(bar) != 0, _OVER_BAR, 1.0)
        far = new_section | (np.diff(bar) > 1)
        # Over a rest or a tempo change little carries over, and over an empty bar as little.
        links[1:] = np.where(far, _OVER_REST, links[1:])
    return links
