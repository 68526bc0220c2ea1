"""The nearest line of every divisor that may be used, to many times at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

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


def voice(divisor: int) -> int:
    """The odd part of a divisor: 1 straight, 3 triplet, 5, 7 ... others."""
    # d & -d is the largest power of two in d.
    return divisor // (divisor & -divisor)


def related(divisor: int, dominant: int) -> bool:
    """Return whether lines of a divisor belong to a beat with another dominant divisor."""
    return dominant % divisor == 0 or voice(divisor) == voice(dominant)


@dataclass(frozen=True)
class Permitted:
    """Divisors that each beat may use.

    Args:
        by_section: what tier and tempo allow.
        dominant: by section and beat, the divisor that its notes speak for; the beat may use that
            one's voice, and what lines of it are lines of, too. Beats that are not named may use
            all that their section may.
    """

    by_section: Allowed
    dominant: Mapping[tuple[int, int], int] = field(default_factory=dict)

    def of(self, section: int, beat: int) -> tuple[int, ...]:
        """Divisors that a beat may use, rising; those of its section where it would have none."""
        dominant = self.dominant.get((section, beat))
        allowed = self.by_section[section]
        if dominant is None:
            return allowed
        # All of them where nothing is left: a beat must be able to hold its notes.
        return tuple(d for d in allowed if related(d, dominant)) or allowed

    def table(self, sections: Indices, beats: Indices, states: tuple[int, ...]) -> np.ndarray:
        """[i, j]: whether the beat of i may use the divisor of j."""
        keys, place = distinct_beats(sections, beats)
        kinds: dict[tuple[int, int | None], int] = {}  # section and dominant divisor to a row
        rows: list[list[bool]] = []
        kind_of = np.zeros(len(keys), dtype=np.int64)
        for index, (section, beat) in enumerate(keys.tolist()):
            kind = section, self.dominant.get((section, beat))
            if kind not in kinds:
                kinds[kind] = len(rows)
                own = self.of(section, beat)
                rows.append([d in own for d in states])
            kind_of[index] = kinds[kind]
        found: np.ndarray = np.array(rows, dtype=bool).reshape(-1, len(states))[kind_of[place]]
        return found


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


def distinct_beats(sections: Indices, beats: Indices) -> tuple[Int[np.ndarray, "b 2"], Indices]:
    """Return each pair of a section and a beat once, in order, and the place of each given one.

    As `np.unique` of rows, which sorts whole rows as bytes and takes ten times as long.
    """
    order = np.lexsort((beats, sections))
    pairs = np.stack([sections, beats], axis=1)[order]
    new = np.ones(len(pairs), dtype=bool)
    new[1:] = (np.diff(pairs, axis=0) != 0).any(axis=1)
    place = np.zeros(len(pairs), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    return pairs[new], place


def line_table(lines: BeatLines, permitted: Permitted, times_ms: Times) -> LineTable:
    """Look up the nearest line of every divisor.

    Args:
        lines: the grid.
        permitted: divisors of each beat.
        times_ms: any times.
    """
    # One list for all sections, so that arrays have one shape; what a section lacks is infinitely
    # far.
    states = tuple(sorted({d for section in permitted.by_section for d in section}))
    usable = permitted.table(lines.section(times_ms), lines.beat(times_ms), states)
    found = [lines.nearest(times_ms, d) for d in states]
    distance = np.stack([d for _, d in found], axis=1)
    return LineTable(
        states=states,
        at_ms=np.stack([at for at, _ in found], axis=1),
        distance_ms=np.where(usable, distance, np.inf),
        reached=np.array([[d % e == 0 for e in states] for d in states], dtype=bool),
    )
