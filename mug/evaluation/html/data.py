"""Data of the benchmark's pages: `results.json` as values, and the charts beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.errors import DataError
from mug.evaluation.made import FINISHED, RAW
from mug.evaluation.markdown.summary import over_songs
from mug.evaluation.markdown.tables import Column, Figure
from mug.evaluation.rows import CHARTS, ResultRow, from_json
from mug.metrics.statistics import Summary

OURS, HUMAN, BASE = "ours", "human", "base"
_KINDS = {"people": HUMAN, "baseline": BASE}

Table = Mapping[str, Mapping[str, Summary]]

_MAPPINGS, _LISTS = ("distances", "sweep", "editing", "cost"), ("switches", "left_out")


def kind_of(column: Column) -> str:
    """Maker of a column's charts: the judged program, people, or a rule."""
    return _KINDS.get(column.kind, OURS)


def column_of(row: ResultRow) -> Column:
    """The column that a row stands in."""
    return Column(row.column, row.timing)


@dataclass(frozen=True)
class HumanChart:
    """A human chart that others were held against.

    Args:
        difficulty: its name.
        stars: its star rating.
        file: where it lies.
    """

    difficulty: str
    stars: float
    file: Path

    @property
    def beatmap(self) -> Beatmap:
        """The chart, read once.

        Raises:
            BeatmapError: for a file that is not there or cannot be read.
        """
        return _read(self.file)


@cache
def _read(file: Path) -> Beatmap:
    return osu.read(file)


@dataclass(frozen=True)
class Difference:
    """Charts of a column minus a baseline's, by human chart."""

    column: Column
    base: str
    summary: Summary


@dataclass(frozen=True)
class Results:
    """Results of a run of the benchmark.

    Args:
        out: folder of results, with the charts.
        command: the options, by name.
        rows: of all charts.
        figures: lines of the table.
        columns: columns of the table.
        table: summaries by column label and figure.
        differences: paired, in F1 ±20 ms.
        songs: human charts by song, the easiest first.
        parts: the other pieces of the protocol, as `results.json` has them.
    """

    out: Path
    command: Mapping[str, object]
    rows: tuple[ResultRow, ...]
    figures: tuple[Figure, ...]
    columns: tuple[Column, ...]
    table: Table
    differences: tuple[Difference, ...]
    songs: Mapping[str, tuple[HumanChart, ...]]
    parts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, plain: Mapping[str, Any], out: Path) -> Results:
        """Read what `mug.evaluation.results.results` made.

        Args:
            plain: the content of `results.json`.
            out: folder of the file.

        Raises:
            DataError: for a mapping that is something else.
        """
        try:
            return cls(
                out=out,
                command=dict(plain["command"]),
                rows=tuple(from_json(row) for row in plain["rows"]),
                figures=tuple(_figure(one) for one in plain["figures"]),
                columns=tuple(Column(one["name"], one["timing"]) for one in plain["columns"]),
                table={
                    label: {name: summary_of(one) for name, one in figures.items()}
                    for label, figures in plain["summary"].items()
                },
                differences=tuple(_differences(plain)),
                songs={song["song"]: _charts(song, out) for song in plain["songs"]},
                parts={name: plain.get(name, {}) for name in _MAPPINGS}
                | {name: plain.get(name, []) for name in _LISTS},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                "evaluation.these_are_no_results_of_version",
                file=out / "results.json",
                value=str(error),
                remedy="remedy.run_evaluate_again_with_same_out",
            ) from error

    @property
    def name(self) -> str:
        """Name of what is judged."""
        if self.command.get("title"):
            return str(self.command["title"])
        if self.command.get("charts"):
            return str(self.command.get("name") or "charts")
        model = self.command.get("checkpoint")
        return _run_name(str(model)) if model else "Baselines"

    @property
    def headline(self) -> Column | None:
        """The column that pictures show: finished by the given timing, else the first judged."""
        ours = [column for column in self.columns if kind_of(column) == OURS]
        finished = [column for column in ours if column.name == FINISHED]
        apart = [column for column in ours if column.name != RAW]
        return next(iter([*finished, *apart, *ours]), None)

    @property
    def names(self) -> list[str]:
        """Songs that have rows."""
        return list(dict.fromkeys(row.song for row in self.rows))

    def of_song(self, name: str) -> list[ResultRow]:
        """The rows of a song."""
        return [row for row in self.rows if row.song == name]

    def in_column(self, column: Column | None, song: str | None = None) -> list[ResultRow]:
        """The charts of a column, of one song or all; of every column for None."""
        return [
            row
            for row in self.rows
            if row.part == CHARTS and column in (None, column_of(row)) and song in (None, row.song)
        ]

    def human(self, row: ResultRow) -> HumanChart | None:
        """The human chart that a row was held against; None where it is not at hand."""
        charts = self.songs.get(row.song, ())
        return charts[row.chart] if row.chart < len(charts) else None

    def of_table(self, column: Column, figure: str) -> Summary:
        """A cell; without charts where the table has none."""
        return self.table.get(column.label, {}).get(figure) or over_songs([], figure)


def short_path(path: str) -> str:
    """The end of a path: what tells it from others, and nothing about the machine."""
    return "/".join(PurePath(path).parts[-2:])


def _run_name(checkpoint: str) -> str:
    """The folder of a training run, or the end of another model's path."""
    parts = PurePath(checkpoint).parts
    return (
        parts[-3] if parts[-2:-1] == ("checkpoints",) and len(parts) > 2 else "/".join(parts[-2:])
    )


def _figure(plain: Mapping[str, Any]) -> Figure:
    names = Figure.__dataclass_fields__
    return Figure(**{name: plain[name] for name in names})


def summary_of(plain: Mapping[str, Any]) -> Summary:
    """A summary from JSON; null is not a number."""
    fields: Any = {
        name: math.nan if plain[name] is None else plain[name]
        for name in Summary.__dataclass_fields__
    }
    return Summary(**fields)


def _charts(song: Mapping[str, Any], out: Path) -> tuple[HumanChart, ...]:
    return tuple(
        HumanChart(chart["difficulty"], float(chart["stars"]), out / chart["file"])
        for chart in song["charts"]
    )


def _differences(plain: Mapping[str, Any]) -> Iterable[Difference]:
    columns: Sequence[Mapping[str, Any]] = plain["columns"]
    by_label = {one["label"]: Column(one["name"], one["timing"]) for one in columns}
    for one in plain["paired"]:
        yield Difference(by_label[one["column"]], one["base"], summary_of(one))
