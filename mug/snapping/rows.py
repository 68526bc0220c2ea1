"""Rows: notes whose raw times are so close that they are one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mug.snapping.voices import DivisorEvidence

# Tails are played less exactly than heads, so they say less about a beat.
_TAIL_WEIGHT = 0.3


@dataclass(frozen=True)
class HeadRows:
    """Heads in groups of one moment; a row holds at most one note of a column.

    Args:
        members: indices of notes, by row.
        times_ms: mean raw time of each row.
        first_ms: earliest raw time of each row.
        last_ms: latest raw time of each row.
    """

    members: tuple[tuple[int, ...], ...]
    times_ms: Float[np.ndarray, " r"]
    first_ms: Float[np.ndarray, " r"]
    last_ms: Float[np.ndarray, " r"]

    @property
    def weights(self) -> Float[np.ndarray, " r"]:
        """Square root of the size: half-way from shared jitter to independent jitter."""
        return np.sqrt(np.array([len(row) for row in self.members], dtype=np.float64))


def make_rows(
    indices: Sequence[int], starts_ms: Sequence[float], columns: Sequence[int], window_ms: float
) -> HeadRows:
    """Groups heads that lie within a window from the first of them.

    Args:
        indices: which notes.
        starts_ms: of all notes.
        columns: of all notes.
        window_ms: how far apart the first and the last note of a row may be.
    """
    members: list[list[int]] = []
    used: set[int] = set()
    # From the first note on, not from the last: rows cannot grow along a fast stream.
    for index in sorted(indices, key=lambda i: (starts_ms[i], i)):
        if (
            members
            and starts_ms[index] - starts_ms[members[-1][0]] <= window_ms
            and columns[index] not in used
        ):
            members[-1].append(index)
        else:
            members.append([index])
            used.clear()
        used.add(columns[index])
    first = np.array([starts_ms[row[0]] for row in members], dtype=np.float64)
    last = np.array([starts_ms[row[-1]] for row in members], dtype=np.float64)
    # From the first on, so that a mean of equal times is that time.
    extra = [sum(starts_ms[i] - starts_ms[row[0]] for i in row) / len(row) for row in members]
    return HeadRows(tuple(tuple(row) for row in members), first + np.array(extra), first, last)


def evidence_of(
    rows: HeadRows, columns: Sequence[int], tails_ms: Float[np.ndarray, " t"]
) -> DivisorEvidence:
    """Evidence of rows and tails for the divisors.

    Args:
        rows: of heads.
        columns: of all notes.
        tails_ms: raw ends of holds.
    """
    before: dict[int, int] = {}
    pairs: set[tuple[int, int]] = set()
    for row, members in enumerate(rows.members):
        for index in members:
            if columns[index] in before:
                pairs.add((before[columns[index]], row))
            before[columns[index]] = row
    return DivisorEvidence(
        times_ms=np.concatenate([rows.times_ms, tails_ms]),
        weights=np.concatenate([rows.weights, np.full(len(tails_ms), _TAIL_WEIGHT)]),
        pairs=_as_pairs(pairs),
    )


def _as_pairs(pairs: set[tuple[int, int]]) -> Int[np.ndarray, "p 2"]:
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
