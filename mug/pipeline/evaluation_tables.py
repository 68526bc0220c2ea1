"""The benchmark's tables: by column and timing, with bootstrap intervals over songs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from mug.metrics.statistics import Summary, summarise
from mug.pipeline.evaluation import Row
from mug.pipeline.evaluation_columns import (
    BEST,
    FINISHED,
    LIBROSA,
    LIBROSA_FITTED,
    OTHER_DIFFICULTY,
    OTHER_SONG,
    RANDOM_GRID,
    RAW,
)


@dataclass(frozen=True)
class Figure:
    """A line of the table.

    Args:
        name: as rows have it.
        label: for people.
        decimals: shown.
    """

    name: str
    label: str
    decimals: int = 3


FIGURES: tuple[Figure, ...] = (
    Figure("clean_rate", "clean rate ±6 ms ↑"),
    Figure("clean_rate_chance", "clean rate of chance"),
    Figure("phase_ms", "\\|phase\\| ms ↓", 1),
    Figure("mean_ms", "mean from the grid, ms", 2),
    Figure("f1_10", "F1 ±10 ms ↑"),
    Figure("f1_20", "F1 ±20 ms ↑"),
    Figure("f1_50", "F1 ±50 ms ↑"),
    Figure("tail_f1_20", "tail F1 ±20 ms ↑"),
    Figure("tail_f1_50", "tail F1 ±50 ms ↑"),
    Figure("column_f1_20", "F1 by column ±20 ms"),
    Figure("notes_ratio", "notes / human notes", 2),
    Figure("sr_error", "star rating − asked", 2),
    Figure("sr_abs_error", "\\|star rating − asked\\| ↓", 2),
    Figure("ln_abs_error", "\\|LN ratio − asked\\| ↓"),
    Figure("msd_error", "\\|MSD − human\\| ↓", 2),
    Figure("violations", "violations a chart ↓", 2),
    Figure("lint_errors_a_minute", "lint errors a minute ↓", 2),
    Figure("lint_warnings_a_minute", "lint warnings a minute ↓", 2),
    Figure("js_snap", "JS snap ↓"),
    Figure("js_interval", "JS interval ↓"),
    Figure("js_chord", "JS chord size ↓"),
    Figure("js_column", "JS column ↓"),
    Figure("js_jack", "JS jack length ↓"),
    Figure("js_hold", "JS hold length ↓"),
    Figure("js_transition", "JS row transition ↓"),
    Figure("hand_imbalance", "hand imbalance ↓"),
    Figure("information_bits", "bits a row", 2),
    Figure("information_away", "bits outside the human band ↓", 2),
    Figure("density_energy", "density × energy, Spearman ↑"),
    Figure("shared_run", "longest run shared, rows", 1),
    Figure("tempo_exact", "tempo right", 2),
    Figure("tempo_octave", "tempo right up to an octave ↑", 2),
    Figure("offset_ms", "\\|offset of the beat\\| ms ↓", 1),
    Figure("tempo_error", "tempo error over time ↓", 4),
    Figure("seed_distance", "distance between seeds", 3),
    Figure("seed_distance_to_human", "the same / human neighbours", 2),
    Figure("seconds_a_song_minute", "seconds of sampling a song minute", 1),
)

ORDER = (RAW, FINISHED, BEST, OTHER_DIFFICULTY, OTHER_SONG, RANDOM_GRID, LIBROSA, LIBROSA_FITTED)


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    timing: str

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.name}, timing {self.timing}" if self.timing else self.name


def columns_of(rows: Iterable[Row]) -> list[Column]:
    """Columns in the order of the table; those of other programs come first."""
    found = {Column(row.column, row.timing) for row in rows if row.timing != "seeds"}
    return sorted(
        found,
        key=lambda c: (
            ORDER.index(c.name) if c.name in ORDER else -1,
            ("", "given", "free").index(c.timing),
            c.name,
        ),
    )


def summaries(rows: Sequence[Row]) -> dict[str, dict[str, Summary]]:
    """Summary by column label and figure; the distance between seeds stands with `raw`."""
    table: dict[str, dict[str, Summary]] = {}
    for column in columns_of(rows):
        mine = [
            row
            for row in rows
            if row.column == column.name
            and (row.timing == column.timing or (row.timing == "seeds" and column.name == RAW))
        ]
        table[column.label] = {
            figure.name: summarise(
                [row.figures[figure.name] for row in mine if figure.name in row.figures],
                [row.song for row in mine if figure.name in row.figures],
                np.random.default_rng(0),
            )
            for figure in FIGURES
        }
    return table


def paired(rows: Sequence[Row], column: str, timing: str, name: str, against: str) -> Summary:
    """A figure's difference between a column and a baseline, chart by chart."""
    base = {(r.song, r.difficulty): r.figures[name] for r in rows if r.column == against}
    mine = [
        r
        for r in rows
        if r.column == column and r.timing == timing and (r.song, r.difficulty) in base
    ]
    return summarise(
        [r.figures[name] - base[r.song, r.difficulty] for r in mine],
        [r.song for r in mine],
        np.random.default_rng(0),
    )


def markdown(rows: Sequence[Row]) -> str:
    """The table, the paired comparison with the librosa baseline, and the worst charts."""
    table = summaries(rows)
    songs = len({row.song for row in rows})
    charts = len({(row.song, row.difficulty) for row in rows})
    over = "songs" if songs > 1 else "the charts of the one song"
    lines = [
        f"{songs} song{'s' * (songs != 1)}, {charts} human charts. Mean by song; in brackets the"
        f" 95 % bootstrap interval over {over}.",
        "",
        "| figure | " + " | ".join(table) + " |",
        "|---" * (len(table) + 1) + "|",
    ]
    for figure in FIGURES:
        cells = [_cell(of[figure.name], figure.decimals) for of in table.values()]
        if any(cell != "–" for cell in cells):
            lines.append(f"| {figure.label} | " + " | ".join(cells) + " |")
    lines += ["", *_pairs(rows), "", *_worst(rows)]
    return "\n".join(lines) + "\n"


def _cell(summary: Summary, decimals: int) -> str:
    if not summary.charts:
        return "–"
    mean, low, high = (f"{x:.{decimals}f}" for x in (summary.mean, summary.low, summary.high))
    return f"{mean} [{low}, {high}]"


def _pairs(rows: Sequence[Row]) -> list[str]:
    bases = (LIBROSA, LIBROSA_FITTED, RANDOM_GRID)
    lines = [
        "| F1 ±20 ms, chart by chart | " + " | ".join(f"minus {base}" for base in bases) + " |",
        "|---" * (len(bases) + 1) + "|",
    ]
    for column in columns_of(rows):
        if column.name not in bases:
            found = [paired(rows, column.name, column.timing, "f1_20", base) for base in bases]
            lines.append(f"| {column.label} | " + " | ".join(_cell(x, 3) for x in found) + " |")
    return lines


def _worst(rows: Sequence[Row], most: int = 5) -> list[str]:
    judged = [r for r in rows if r.timing != "seeds" and r.column not in ORDER[3:]]
    judged.sort(key=lambda r: (r.figures["f1_20"], r.song, r.difficulty, r.seed))
    lines = ["| worst by F1 ±20 ms | column | F1 | violations |", "|---|---|---|---|"]
    for row in judged[:most]:
        label = Column(row.column, row.timing).label
        lines.append(
            f"| {row.song} [{row.difficulty}] seed {row.seed} | {label}"
            f" | {row.figures['f1_20']:.3f} | {row.figures['violations']:.0f} |"
        )
    return lines


def plain(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, float | int | None]]]:
    """The summaries as plain containers; not a number becomes null."""
    return {
        label: {
            name: {k: None if v != v else v for k, v in asdict(summary).items()}  # noqa: PLR0124
            for name, summary in figures.items()
        }
        for label, figures in summaries(rows).items()
    }
