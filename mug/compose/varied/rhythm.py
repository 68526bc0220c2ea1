"""Rhythms of tunes and accompaniment: cells of a counted beat, drawn by density and syncopation."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from mug.compose.varied.plan import VariedPlan
from mug.compose.varied.song import GRID

# Onsets in a counted beat, in quarters of it (or sixths of a compound one).
_STRAIGHT = ((0,), (0, 2), (0, 1, 2, 3), (0, 2, 3), (0, 1, 2), (0, 3), (2,), (1, 2, 3), (1, 3), ())
_COMPOUND = ((0,), (0, 2, 4), (0, 4), (2, 4), (0, 2), (0, 3), (0, 2, 3, 4, 5), (4,), ())
_OFF = MappingProxyType({(2,): 0.5, (1, 2, 3): 0.8, (1, 3): 0.9, (2, 4): 0.6, (4,): 0.7, (): 0.3})


def cell_shares(
    cells: tuple[tuple[int, ...], ...], density: float, syncopation: float, most: int
) -> np.ndarray:
    """Probabilities of cells.

    Args:
        cells: onsets of each in steps.
        density: 0 sparse ... 1 busy.
        syncopation: 0 on the beat ... 1 off it.
        most: notes a cell may have.
    """
    goal = 0.5 + 3.2 * density
    weights = []
    for cell in cells:
        close = float(np.exp(-((len(cell) - goal) ** 2) / 1.6))
        off = _OFF.get(cell, 0.0)
        weights.append((close + 0.02) * (1 - off + off * 1.6 * syncopation))
        if len(cell) > most or (any(np.diff(cell) == 1) and most < 4):
            weights[-1] = 0.0
    total: np.ndarray = np.array(weights) / np.sum(weights)
    return total


def draw_rhythm(
    plan: VariedPlan,
    rng: np.random.Generator,
    beat_ms: float,
    ticks: int,
    density: float,
) -> list[tuple[int, int]]:
    """Starts and lengths of notes over so many ticks; a note lasts until the next one.

    Notes lie at least some 95 ms apart.
    """
    compound = plan.metre.compound
    cells: tuple[tuple[int, ...], ...] = _COMPOUND if compound else _STRAIGHT
    unit = GRID if compound else plan.unit(beat_ms)
    step = unit // 6 if compound else unit // 4
    fast = step * beat_ms / GRID >= 95.0
    shares = cell_shares(cells, density, plan.syncopation, 6 if fast else 3)
    starts: list[int] = []
    previous: tuple[int, ...] = cells[0]
    for begin in range(0, ticks, unit):
        # Music repeats itself within a bar, too.
        cell = previous if rng.random() < 0.3 else cells[int(rng.choice(len(cells), p=shares))]
        starts += [begin + place * step for place in cell if begin + place * step < ticks]
        previous = cell
    if not starts:
        starts = [0]
    ends = [*starts[1:], ticks]
    return [(start, end - start) for start, end in zip(starts, ends, strict=True)]
