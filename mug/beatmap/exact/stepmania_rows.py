"""Places of measures, rows and cells in the text of a StepMania chart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from mug.beatmap.exact.view import Splice, View
from mug.beatmap.formats.stepmania.notes import CELL, cell_beat

Span = tuple[int, int]
ROWS = 192
LINES = (4, 8, 12, 16, 24, 32, 48, 64, 96, 192)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Measure:
    """A measure.

    Args:
        player: counted from 0, of those whose notes lie in the same columns.
        number: of it, counted from 0.
        end: behind it, within the rows' text.
        rows: spans within the rows' text.
    """

    player: int
    number: int
    end: int
    rows: tuple[Span, ...]

    def position(self, row: int) -> int:
        """Return the place of a row among 192 of the measure."""
        return round(Fraction(ROWS * row, len(self.rows)))


@dataclass(frozen=True)
class RowPlace:
    """A cell in the file: measure by its place in the list, row and column."""

    measure: int
    row: int
    column: int


@dataclass
class RowsText:
    """The rows of a chart without comments and escapes, and where each letter stands.

    Args:
        text: the rows.
        at: place of each letter in the file.
        keys: columns.
        measures: all of them, player by player.
    """

    text: str
    at: Sequence[int]
    keys: int
    measures: list[Measure] = field(default_factory=list)

    @classmethod
    def of(cls, view: View, pieces: Sequence[Span], keys: int) -> RowsText:
        """Find the measures in pieces of a file."""
        at = [place for begin, end in pieces for place in range(begin, end)]
        text = "".join(view.text[begin:end] for begin, end in pieces)
        made = cls(text, [*at, pieces[-1][1]], keys)
        made.measures = list(made._find())
        return made

    def _find(self) -> Iterator[Measure]:
        """Measures as `notes.cells` counts them."""
        begin = len(self.text) - len(self.text.lstrip())
        end = max(begin, len(self.text.rstrip()))
        for player, (first, last) in enumerate(_split(self.text, "&", begin, end)):
            number = 0
            for start, stop in _split(self.text, ",", first, last):
                if stop > start:
                    yield Measure(player, number, stop, tuple(self._rows(start, stop)))
                    number += 1

    def _rows(self, start: int, stop: int) -> Iterator[Span]:
        for begin, end in _lines(self.text, start, stop):
            row = self.text[begin:end]
            if row.strip():
                yield begin + len(row) - len(row.lstrip()), begin + len(row.rstrip())

    def cells(self, row: Span) -> list[Span]:
        """Return the spans of the cells of a row, key sounds and the like with their letters."""
        found = CELL.finditer(self.text, *row)
        return [one.span() for one in found][: self.keys]

    def located(self) -> dict[tuple[int, Fraction, int], RowPlace]:
        """Return what is not empty by player, beat and column; of several the last."""
        found: dict[tuple[int, Fraction, int], RowPlace] = {}
        empty = "0" * self.keys
        for index, measure in enumerate(self.measures):
            for row, span in enumerate(measure.rows):
                if self.text[slice(*span)] == empty:
                    continue
                beat = cell_beat(measure.number, row, len(measure.rows))
                for column, (begin, _) in enumerate(self.cells(span)):
                    if self.text[begin] != "0":
                        found[measure.player, beat, column] = RowPlace(index, row, column)
        return found

    def letters(self, place: RowPlace) -> str:
        """Return what stands in a cell."""
        cells = self.cells(self.measures[place.measure].rows[place.row])
        return self.text[slice(*cells[place.column])] if place.column < len(cells) else "0"

    def measure_at(self, player: int, number: int) -> int | None:
        """Return the place of a measure in the list; None where there is none."""
        for index, measure in enumerate(self.measures):
            if (measure.player, measure.number) == (player, number):
                return index
        return None

    def span(self, begin: int, end: int) -> Span:
        """Return a span of the rows' text as one of the file."""
        return (self.at[begin], self.at[end - 1] + 1) if end > begin else (self.at[begin],) * 2

    def unit(self, index: int) -> Span:
        """Return a measure in the file, from its first row to its last."""
        measure = self.measures[index]
        if not measure.rows:
            return self.span(measure.end, measure.end)
        return self.span(measure.rows[0][0], measure.rows[-1][1])


def _split(text: str, mark: str, begin: int, end: int) -> Iterator[Span]:
    while (at := text.find(mark, begin, end)) >= 0:
        yield begin, at
        begin = at + 1
    yield begin, end


def _lines(text: str, begin: int, end: int) -> Iterator[Span]:
    for found in _LINE_BREAK.finditer(text, begin, end):
        yield begin, found.start()
        begin = found.end()
    yield begin, end


@dataclass
class RowWriter:
    """Writes cells into the rows of a chart.

    Args:
        view: the file.
        rows: of the chart.
        cells: letters by cell; those of a row that is not there go by `new`.
        new: letters by player, row of 1/48 beat and column.
    """

    view: View
    rows: RowsText
    cells: dict[RowPlace, str] = field(default_factory=dict)
    new: dict[tuple[int, int, int], str] = field(default_factory=dict)

    def splices(self) -> list[Splice]:
        """Return what changes in the file."""
        lines: dict[int, dict[int, dict[int, str]]] = {}
        beyond: dict[int, dict[int, dict[int, dict[int, str]]]] = {}
        for place, letters in self.cells.items():
            lines.setdefault(place.measure, {}).setdefault(place.row, {})[place.column] = letters
        apart: dict[int, dict[int, dict[int, str]]] = {}
        for (player, row, column), letters in self.new.items():
            index = self.rows.measure_at(player, row // ROWS)
            if index is None:
                measures = beyond.setdefault(player, {}).setdefault(row // ROWS, {})
                measures.setdefault(row % ROWS, {})[column] = letters
                continue
            measure = self.rows.measures[index]
            there = [i for i in range(len(measure.rows)) if measure.position(i) == row % ROWS]
            where = lines if there else apart
            key = there[0] if there else row % ROWS
            where.setdefault(index, {}).setdefault(key, {})[column] = letters
        found = [
            splice
            for index, rows in lines.items()
            for row, letters_by_column in rows.items()
            for splice in self._in_row(self.rows.measures[index].rows[row], letters_by_column)
        ]
        for index, rows in apart.items():
            found += self._divided(self.rows.measures[index], rows)
        for player, later in beyond.items():
            found.append(self._appended(player, later))
        return found

    def _in_row(self, row: Span, letters: Mapping[int, str]) -> Iterator[Splice]:
        """Letters in the cells of a row; a row that is too short becomes longer."""
        cells = self.rows.cells(row)
        longer = ""
        for column in sorted(letters):
            if column < len(cells):
                span = self.rows.span(*cells[column])
                yield Splice(*span, self.view.encoded(letters[column]))
            elif letters[column] != "0":
                longer += "0" * (column - len(cells) - len(longer)) + letters[column]
        if longer:
            at = self.rows.span(*row)[1]
            yield Splice(at, at, self.view.encoded(longer))

    def _divided(self, measure: Measure, rows: Mapping[int, Mapping[int, str]]) -> list[Splice]:
        """A measure of more rows, so that new ones have a place; the old rows stay."""
        old = {measure.position(row): row for row in range(len(measure.rows))}
        wanted = {*old, *rows}
        count = next(n for n in LINES if all(place % (ROWS // n) == 0 for place in wanted))
        ending, found, pending = self.view.line_break, list[Splice](), list[str]()
        for place in range(0, ROWS, ROWS // count):
            if place not in old:
                pending.append(self._line(rows.get(place, {})))
                continue
            if pending:
                begin = measure.rows[old[place]][0]
                at = self.rows.span(begin, begin + 1)[0]
                text = "".join(line + ending for line in pending)
                found.append(Splice(at, at, self.view.encoded(text)))
            pending = []
        if pending:
            at = self._behind(measure)
            text = "".join(ending + line for line in pending)
            found.append(Splice(at, at, self.view.encoded(text)))
        return found

    def _behind(self, measure: Measure) -> int:
        """Place behind the last row of a measure."""
        if measure.rows:
            return self.rows.span(*measure.rows[-1])[1]
        return self.rows.at[measure.end]

    def _appended(
        self, player: int, measures: Mapping[int, Mapping[int, Mapping[int, str]]]
    ) -> Splice:
        """Measures behind the last one of a player, empty ones between included."""
        ending = self.view.line_break
        own = [one for one in self.rows.measures if one.player == player]
        texts = []
        for number in range(len(own), max(measures) + 1):
            rows = measures.get(number, {})
            count = next(n for n in LINES if all(place % (ROWS // n) == 0 for place in rows))
            lines = (self._line(rows.get(at, {})) for at in range(0, ROWS, ROWS // count))
            texts.append(ending.join(lines))
        between = f"{ending},{ending}"
        if own:
            at = self._behind(own[-1])
            return Splice(at, at, self.view.encoded(between + between.join(texts)))
        at = self.rows.at[-1]
        return Splice(at, at, self.view.encoded(ending + between.join(texts) + ending))

    def _line(self, letters: Mapping[int, str]) -> str:
        return "".join(letters.get(column, "0") for column in range(self.rows.keys))
