"""Plans of charts, drawn independently of their song."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np

MOST_STARS = 6.6

_PUSHED = 1.3
"""A family is drawn up to so many times the rows it can have: chords make up for them."""

LEAST_JACK_MS = 98.0
"""Between two notes of a column, whatever the difficulty."""


@dataclass(frozen=True, slots=True)
class PatternFamily:
    """A way of playing.

    Args:
        chords: share of rows with two or more notes, from and to.
        wide: share of the chords that have three or more notes.
        long_notes: share of long notes, from and to.
        repeat: readiness to use the columns of the row before again: below 0 avoids them.
        most_rows: rows a second that can be played this way.
        weight: how often it is drawn.
    """

    chords: tuple[float, float]
    wide: float
    long_notes: tuple[float, float]
    repeat: float
    most_rows: float
    weight: float


FAMILIES = MappingProxyType(
    {
        "stream": PatternFamily((0.0, 0.12), 0.05, (0.0, 0.12), -1.0, 12.5, 1.0),
        "jumpstream": PatternFamily((0.15, 0.45), 0.06, (0.0, 0.15), -0.9, 12.0, 1.6),
        "handstream": PatternFamily((0.3, 0.6), 0.35, (0.0, 0.1), -0.7, 11.5, 0.7),
        "chordjack": PatternFamily((0.55, 0.9), 0.4, (0.0, 0.1), 0.5, 9.0, 0.7),
        "jack": PatternFamily((0.05, 0.4), 0.1, (0.0, 0.1), 1.0, 8.5, 0.4),
        "technical": PatternFamily((0.1, 0.45), 0.15, (0.05, 0.3), 0.0, 12.0, 1.2),
        "long notes": PatternFamily((0.1, 0.5), 0.15, (0.25, 0.6), -0.4, 11.5, 1.4),
    }
)


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """A chart to be made.

    Args:
        seed: of its own choices.
        stars: star rating aimed at.
        family: of patterns, a name of `FAMILIES`.
        rows_per_second: distinct start times a second while music plays.
        chord_share: share of rows with two or more notes, 0 ... 1.
        ln_ratio: share of long notes, 0 ... 1.
        stress: how far the place in the bar decides which rows are kept, 0 ... 1.
        loyalty: how far a chart follows one voice alone, 0 all voices ... 1 one.
        rests: whether quiet parts have no notes.
        contrast: how far loud parts have more rows than quiet ones, 0 ... 1.4.
        discipline: how far easier charts keep to beats and halves, 0 ... 1.
        hold_through: share of holds that last while other rows are played, 0 ... 1.
    """

    seed: int
    stars: float
    family: str
    rows_per_second: float
    chord_share: float
    ln_ratio: float
    stress: float
    loyalty: float
    rests: bool
    contrast: float
    discipline: float
    hold_through: float = 0.2


def rows_for(stars: float, notes_per_row: float) -> float:
    """Rows a second of a chart with such a star rating, about.

    The power law was fitted to the star ratings of such charts of composed songs.
    """
    return float((stars / 0.72 / notes_per_row**0.74) ** (1 / 0.62))


def _draw_family(rng: np.random.Generator, stars: float) -> str:
    """A family that reaches so many stars with rows that can be played."""
    weights = {
        name: family.weight
        for name, family in FAMILIES.items()
        if rows_for(stars, 1 + family.chords[1] * (1 + family.wide)) <= _PUSHED * family.most_rows
    }
    names = list(weights) or ["chordjack"]
    values = np.array([weights.get(name, 1.0) for name in names])
    return names[int(rng.choice(len(names), p=values / values.sum()))]


def _draw(rng: np.random.Generator, seed: int, stars: float) -> ChartSpec:
    name = _draw_family(rng, stars)
    family = FAMILIES[name]
    # Chords, and many long notes at once, are not for beginners.
    room = float(np.clip(stars / 3.5, 0.1, 1.0))
    # Beginners' charts are even throughout; hard ones burst where the music does.
    grown = float(np.clip((stars - 1.0) / 3.0, 0.0, 1.0))
    chords = float(rng.uniform(*family.chords)) * room
    while chords < 1 and rows_for(stars, 1 + chords * (1 + family.wide)) > family.most_rows:
        chords = min(1.0, chords + 0.02)
    usual = rows_for(stars, 1 + chords * (1 + family.wide))
    rows = min(usual * float(np.exp(rng.normal(0, 0.1))), 1.1 * family.most_rows)
    return ChartSpec(
        seed=seed,
        stars=round(stars, 3),
        family=name,
        rows_per_second=rows,
        chord_share=chords,
        ln_ratio=float(rng.uniform(*family.long_notes)),
        stress=float(rng.uniform(0.05, 0.5)),
        loyalty=float(rng.uniform(0.0, 1.0)),
        rests=bool(rng.random() < 0.4),
        contrast=float(rng.uniform(0.2, 0.6) + 0.8 * rng.uniform(0.0, 1.0) * grown),
        discipline=float(rng.choice([1.0, rng.uniform(0.0, 1.0)], p=[0.75, 0.25])),
        hold_through=float(rng.uniform(0.0, 0.45)),
    )


def draw_specs(seed: int, count: int) -> list[ChartSpec]:
    """So many charts for song number `seed`, easiest first: one in each stratum of star ratings.

    Nothing of the song enters, so that difficulty says nothing about the music.
    """
    rng = np.random.default_rng([seed, 90])
    edges = np.linspace(0.5, MOST_STARS, count + 1)
    stars = [float(rng.uniform(low, high)) for low, high in pairwise(edges)]
    return [_draw(rng, seed * 100 + index, value) for index, value in enumerate(stars)]
