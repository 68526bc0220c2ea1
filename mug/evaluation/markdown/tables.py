"""Tables of the benchmark: figures, columns, and their summaries over songs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from mug.difficulty.names import SKILL_SETS
from mug.evaluation.columns import (
    LIBROSA,
    LIBROSA_FITTED,
    ONSETS_METRE,
    OTHER_DIFFICULTY,
    OTHER_SONG,
    RANDOM_GRID,
    RULE,
    SCORER,
)
from mug.evaluation.listening import blind_kinds
from mug.evaluation.made import BEST, FINISHED, RAW
from mug.evaluation.markdown.summary import over_songs
from mug.evaluation.rows import CHARTS, DIVERSITY, ResultRow
from mug.lint.rules import RULES
from mug.metrics.audio_blind import METRE, STARS
from mug.metrics.statistics import Summary, summarise
from mug.metrics.validity import Violations

Better = Literal["higher", "lower", ""]
_KIND_MARK = "– "
_ARROW = {"higher": " ↑", "lower": " ↓", "": ""}


@dataclass(frozen=True)
class Figure:
    """A line of the table.

    Args:
        name: as rows have it.
        label: for people.
        better: which way is better; empty where neither is.
        decimals: shown.
        group: of the protocol, e.g. `sync`.
    """

    name: str
    label: str
    better: Better = ""
    decimals: int = 3
    group: str = ""

    @property
    def title(self) -> str:
        """The label with an arrow for what is better."""
        return self.label + _ARROW[self.better]

    @property
    def is_kind(self) -> bool:
        """Return whether it is one kind of what another line counts together."""
        return self.label.startswith(_KIND_MARK)


def _group(group: str, *figures: tuple[str, str, Better, int]) -> tuple[Figure, ...]:
    return tuple(Figure(*figure, group) for figure in figures)


_KINDS = {
    "same_time": "two notes at one time in a column",
    "inside_hold": "note within a hold",
    "short_hold": "hold below 1/12 beat",
    "empty_column": "empty column",
    "after_audio": "note after the sound",
    "beside": "note beside the columns",
    "wrong_kind": "wrong mode or keys",
}
_PATTERNS = {
    "snap": "snap",
    "interval": "interval",
    "chord": "chord size",
    "column": "column",
    "jack": "jack length",
    "hold": "hold length",
    "transition": "row transition",
}

FIGURES: tuple[Figure, ...] = (
    *_group(
        "timing",
        ("tempo_exact", "tempo right", "higher", 2),
        ("tempo_octave", "tempo right up to an octave", "higher", 2),
        ("offset_ms", "abs. offset of the beat, ms", "lower", 1),
        ("beats_5", "beats within 5 ms, whole song", "higher", 3),
        ("beats_10", "beats within 10 ms, whole song", "higher", 3),
        ("tempo_error", "tempo error over time", "lower", 4),
        ("fitted_tempo_exact", "songs the detector was made with: tempo right", "", 2),
        ("fitted_tempo_octave", "the same up to an octave", "", 2),
        ("fitted_beats_5", "the same: beats within 5 ms", "", 3),
        ("fitted_beats_10", "the same: beats within 10 ms", "", 3),
        ("fitted_offset_ms", "the same: abs. offset of the beat, ms", "", 1),
        ("fitted_tempo_error", "the same: tempo error over time", "", 4),
    ),
    *_group(
        "sync",
        ("clean_rate", "clean rate ±6 ms", "higher", 3),
        ("clean_rate_chance", "clean rate of chance", "", 3),
        ("phase_ms", "abs. phase, ms", "lower", 1),
        ("mean_ms", "mean from the grid, ms", "", 2),
    ),
    *_group(
        "listening",
        ("f1_20_matched", "F1 ±20 ms, matched rows", "higher", 3),
        ("gain_matched", "listening gain, matched rows", "higher", 3),
        ("gain_delivered", "listening gain as it is, against as many rows", "higher", 3),
        ("rows_ratio", "rows / human rows", "", 2),
        ("slot_correlation", "slots, Matthews correlation", "higher", 3),
        ("slot_precision", "slots, average precision", "higher", 3),
    ),
    *_group(
        "onsets",
        *((f"f1_{ms}", f"F1 ±{ms} ms", "higher", 3) for ms in (10, 20, 50)),
        *((f"tail_f1_{ms}", f"tail F1 ±{ms} ms", "higher", 3) for ms in (20, 50)),
        ("column_f1_20", "F1 by column ±20 ms", "", 3),
        ("notes_ratio", "notes / human notes", "", 2),
    ),
    *_group(
        "control",
        ("sr_error", "star rating − reference's", "", 2),
        ("sr_abs_error", "abs. star rating − reference's", "lower", 2),
        ("ln_abs_error", "abs. LN ratio − reference's", "lower", 3),
        ("msd_error", "abs. MSD − human", "lower", 2),
        *((f"msd_{s}_error", f"abs. MSD {s} − human", "lower", 2) for s in SKILL_SETS),
    ),
    *_group(
        "validity",
        ("failed", "charts that cannot be measured, share", "lower", 2),
        ("violations", "violations a chart", "lower", 2),
        *(
            (f"violations_{kind.name}", _KIND_MARK + _KINDS.get(kind.name, kind.name), "lower", 2)
            for kind in fields(Violations)
        ),
        ("unreadable", f"{_KIND_MARK}not readable by rosu-pp", "lower", 2),
    ),
    *_group(
        "playability",
        ("lint_errors_a_minute", "lint errors a minute", "lower", 2),
        ("lint_warnings_a_minute", "lint warnings a minute", "lower", 2),
        *((f"lint_{r.name}_a_minute", f"{_KIND_MARK}{r.name} a minute", "lower", 2) for r in RULES),
    ),
    *_group(
        "patterns",
        *((f"js_{k}", f"JS {label}", "lower", 3) for k, label in _PATTERNS.items()),
        ("hand_imbalance", "hand imbalance", "lower", 3),
        ("information_bits", "bits a row", "", 2),
        ("information_away", "bits outside the human band", "lower", 2),
    ),
    *_group(
        "structure",
        ("density_energy", "density × energy, Spearman", "higher", 3),
        ("self_similarity", "self-similarity × the sound's, Spearman", "higher", 3),
    ),
    *_group(
        "diversity",
        ("seed_distance", "distance between seeds", "", 3),
        ("seed_distance_to_human", "the same / human neighbours", "", 2),
        ("shared_run", "longest run shared, rows", "", 1),
    ),
    *_group("cost", ("seconds_a_song_minute", "seconds of sampling a song minute", "lower", 1)),
)

MODEL_COLUMNS = (RAW, RULE, FINISHED, BEST, SCORER)
PEOPLE_COLUMNS = (OTHER_DIFFICULTY, OTHER_SONG)
BASELINES = (RANDOM_GRID, LIBROSA, LIBROSA_FITTED, METRE, STARS, ONSETS_METRE)
PAIRED_FIGURE = "f1_20"
"""Figures compared chart by chart with the baselines."""

ORDER = (*MODEL_COLUMNS, *PEOPLE_COLUMNS, *BASELINES)


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    timing: str

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.name}, timing {self.timing}" if self.timing else self.name

    @property
    def kind(self) -> str:
        """`model`, `people`, `baseline`, or `program` for another program's charts."""
        kinds = {"model": MODEL_COLUMNS, "people": PEOPLE_COLUMNS, "baseline": BASELINES}
        return next((kind for kind, names in kinds.items() if self.name in names), "program")


def columns_of(rows: Iterable[ResultRow]) -> list[Column]:
    """Columns in the order of the table; those of other programs come first."""
    found = {Column(row.column, row.timing) for row in rows if row.part == CHARTS}
    return sorted(
        found,
        key=lambda c: (
            ORDER.index(c.name) if c.name in ORDER else -1,
            ("", "given", "free").index(c.timing),
            c.name,
        ),
    )


def rows_of_column(rows: Iterable[ResultRow], column: Column) -> list[ResultRow]:
    """The charts of a column; with `raw` stand the distances between its seeds."""
    return [
        row
        for row in rows
        if row.part in (CHARTS, DIVERSITY)
        and (row.column, row.timing) == (column.name, column.timing)
    ]


def summaries(rows: Sequence[ResultRow]) -> dict[str, dict[str, Summary]]:
    """Summary by column label and figure."""
    return {
        column.label: {
            figure.name: over_songs(rows_of_column(rows, column), figure.name) for figure in FIGURES
        }
        for column in columns_of(rows)
    }


def kinds_to_beat(rows: Sequence[ResultRow], column: Column) -> dict[str, str]:
    """The audio-blind kind that a column's listening gains are above, by mode."""
    return blind_kinds([row for row in rows_of_column(rows, column) if row.part == CHARTS])


def paired(rows: Sequence[ResultRow], column: Column, name: str, against: str) -> Summary:
    """A figure's difference between a column and a baseline, chart by chart."""
    base = {
        (r.song, r.chart): r.figures[name] for r in rows if r.column == against and r.part == CHARTS
    }
    mine = [
        r for r in rows_of_column(rows, column) if r.part == CHARTS and (r.song, r.chart) in base
    ]
    return summarise(
        [r.figures[name] - base[r.song, r.chart] for r in mine],
        [r.song for r in mine],
        charts=[r.chart for r in mine],
    )


def comparisons(rows: Sequence[ResultRow]) -> list[tuple[Column, str, Summary]]:
    """F1 of each column minus that of each baseline, chart by chart."""
    return [
        (column, base, paired(rows, column, PAIRED_FIGURE, base))
        for column in columns_of(rows)
        for base in BASELINES
        if column.name not in BASELINES
    ]
