"""The rows of StepMania's charts, and how many columns each of its games has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from mug.beatmap.formats.numbers import LineError

BEATS_PER_MEASURE = 4
MAX_MEASURES = 250_000
TAP, HOLD, TAIL, ROLL, MINE, LIFT, FAKE, KEYSOUND = "1", "2", "3", "4", "M", "L", "F", "K"
HEADS = (TAP, HOLD, ROLL, LIFT)

# Source: the steps types that the game's own files and documentation name.
KEYS = {
    "dance-single": 4,
    "dance-double": 8,
    "dance-couple": 8,
    "dance-solo": 6,
    "dance-threepanel": 3,
    "dance-routine": 8,
    "pump-single": 5,
    "pump-halfdouble": 6,
    "pump-double": 10,
    "pump-couple": 10,
    "pump-routine": 10,
    "kb7-single": 7,
    "ez2-single": 5,
    "ez2-double": 10,
    "ez2-real": 7,
    "para-single": 5,
    "ds3ddx-single": 8,
    "bm-single5": 6,
    "bm-versus5": 6,
    "bm-double5": 12,
    "bm-single7": 8,
    "bm-versus7": 8,
    "bm-double7": 16,
    "maniax-single": 4,
    "maniax-double": 8,
    "techno-single4": 4,
    "techno-single5": 5,
    "techno-single8": 8,
    "techno-double4": 8,
    "techno-double5": 10,
    "techno-double8": 16,
    "pnm-five": 5,
    "pnm-nine": 9,
    "kickbox-human": 4,
    "kickbox-quadarm": 4,
    "kickbox-insect": 6,
    "kickbox-arachnid": 8,
}
_CELL = re.compile(r"([0-9A-Za-z])(?:\[[^\]]*\]|\{[^}]*\}|<[^>]*>)*")
_RICH = re.compile(r"[\[{<]")


@dataclass(frozen=True, slots=True)
class Cell:
    """Something in a column of a row.

    Args:
        beat: when.
        column: counted from 0.
        symbol: one of the letters of the format.
    """

    beat: Fraction
    column: int
    symbol: str


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


def cells(text: str, keys: int) -> Iterator[Cell]:
    """Cells of a chart's rows, by beat, then column.

    Args:
        text: measures with commas between them, rows as lines.
        keys: columns.

    Raises:
        ValueError: says which row is wrong.
    """
    for player in text.split("&"):  # routines: two players' notes in the same columns
        if player.count(",") > MAX_MEASURES:
            raise LineError("chart.too_many_measures_to_read", most=MAX_MEASURES)
        for measure, rows_text in enumerate(player.split(",")):
            rows = rows_text.split()
            for index, row in enumerate(rows):
                if row.count("0") == len(row) == keys:
                    continue
                beat = BEATS_PER_MEASURE * (measure + Fraction(index, len(rows)))
                for column, symbol in enumerate(_symbols(row, keys)):
                    if symbol != "0":
                        yield Cell(beat, column, symbol)


def _symbols(row: str, keys: int) -> str:
    """One letter a column; key sounds and attacks beside them count for nothing."""
    plain = row
    if _RICH.search(row):
        found = list(_CELL.finditer(row))
        plain = "".join(cell[1] for cell in found)
        if sum(len(cell[0]) for cell in found) != len(row):
            raise LineError("chart.not_a_row_of_notes", row=row[:80])
    if len(plain) != keys:
        raise LineError("chart.row_has_other_number_of_columns", keys=keys, row=row[:80])
    return plain


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
