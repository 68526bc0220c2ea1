"""The rows of StepMania's charts, and how many columns each of its games has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from mug.beatmap.formats.numbers import LineError
from mug.messages.message import Message

BEATS_PER_MEASURE = 4
MAX_MEASURES = 250_000
_ROWS = 192  # of a measure
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
CELL = re.compile(r"([^\[{<])(?:\[[^\]]*(?:\]|$)|\{[^}]*(?:\}|$)|<[^>]*(?:>|$))*")
_RICH = re.compile(r"[\[{<]")


@dataclass(frozen=True, slots=True)
class Cell:
    """Something in a column of a row.

    Args:
        beat: when: a row of 1/48 beat.
        column: counted from 0.
        symbol: one of the letters of the format.
        player: counted from 0, of those whose notes lie in the same columns.
    """

    beat: Fraction
    column: int
    symbol: str
    player: int = 0


Odd = Callable[[Message, str, int], None]


def _refuse(reason: Message, _row: str, _line: int) -> None:
    raise LineError(reason.code, **reason.values)


def cells(text: str, keys: int, *, line: int = 1, odd: Odd = _refuse) -> Iterator[Cell]:
    """Cells of a chart's rows, by beat, then column.

    Source: `LoadFromSMNoteDataStringWithPlayer` in itgmania's `NoteDataUtil.cpp`. Row i of n lies
    on the nearest of 192 rows of its measure. A measure of no character at all is none; one with
    blanks is empty.

    Args:
        text: measures with commas between them, rows as lines.
        keys: columns.
        line: number of the line where the text begins.
        odd: receives what the game passes over, as (what, row, line); raises by default.

    Raises:
        LineError: for more measures than any chart has.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    line += text[: len(text) - len(text.lstrip())].count("\n")
    for number, player in enumerate(text.strip().split("&")):
        if player.count(",") > MAX_MEASURES:
            raise LineError("chart.too_many_measures_to_read", most=MAX_MEASURES)
        index = 0
        for part in player.split(","):
            if part:
                rows = _rows(part, line)
                yield from _measure(rows, index, keys, number, odd)
                index += 1
            elif index:
                odd(Message("chart.measure_without_a_character"), "", line)
            line += part.count("\n")


def _rows(measure: str, line: int) -> list[tuple[int, str]]:
    lines = enumerate(measure.split("\n"), start=line)
    return [(number, row) for number, text in lines if (row := text.strip())]


def _measure(
    rows: list[tuple[int, str]], measure: int, keys: int, player: int, odd: Odd
) -> Iterator[Cell]:
    for index, (line, row) in enumerate(rows):
        if row.count("0") == len(row) == keys:
            continue
        beat = cell_beat(measure, index, len(rows))
        symbols, whole = _symbols(row, keys)
        if not whole or len(symbols) != keys:
            odd(Message("chart.row_has_other_number_of_columns", keys=keys), row, line)
        for column, symbol in enumerate(symbols[:keys]):
            if symbol != "0":
                yield Cell(beat, column, symbol, player)


def cell_beat(measure: int, row: int, rows: int) -> Fraction:
    """Beat of a row of a measure: the nearest of 192 rows."""
    at = Fraction(_ROWS * (measure * rows + row), rows)
    return Fraction(round(at), _ROWS // BEATS_PER_MEASURE)


def _symbols(row: str, keys: int) -> tuple[str, bool]:
    """One letter a column, and whether that is all; key sounds and attacks count for nothing."""
    if not _RICH.search(row):
        return row, True
    found = list(CELL.finditer(row))[: keys + 1]
    whole = sum(len(cell[0]) for cell in found) == len(row)
    return "".join(cell[1] for cell in found), whole
