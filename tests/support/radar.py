"""The counts that StepMania publishes with its charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from mug.beatmap.formats.stepmania.notes import HEADS, HOLD, MINE, ROLL, TAIL, Cell


@dataclass(frozen=True, slots=True)
class Radar:
    """The counts that `.ssc` files keep beside a chart.

    Args:
        notes: taps, lifts and heads of holds and rolls.
        rows: rows with one of these.
        jumps: rows with two of these or more.
        holds: heads of holds.
        mines: mines.
        hands: rows where three columns or more are pressed or held.
    """

    notes: int
    rows: int
    jumps: int
    holds: int
    mines: int
    hands: int


def radar(notes: Sequence[Cell]) -> Radar:
    """The counts of a chart. Source: columns 6 to 11 of `#RADARVALUES`."""
    heads: Counter[Fraction] = Counter(c.beat for c in notes if c.symbol in HEADS)
    held: set[int] = set()
    hands = 0
    by_beat: dict[Fraction, list[Cell]] = {}
    for cell in notes:
        by_beat.setdefault(cell.beat, []).append(cell)
    for beat in sorted(by_beat):
        held -= {c.column for c in by_beat[beat] if c.symbol == TAIL}
        pressed = {c.column for c in by_beat[beat] if c.symbol in HEADS}
        hands += bool(pressed) and len(pressed | held) >= 3
        held |= {c.column for c in by_beat[beat] if c.symbol in (HOLD, ROLL)}
    return Radar(
        notes=sum(heads.values()),
        rows=len(heads),
        jumps=sum(count >= 2 for count in heads.values()),
        holds=sum(c.symbol == HOLD for c in notes),
        mines=sum(c.symbol == MINE for c in notes),
        hands=hands,
    )
