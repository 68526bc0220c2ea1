"""The rows of StepMania's charts, and how many columns each of its games has."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
