"""The table of bars: value, interval, bar and target side by side, and no verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mug.compose.collection import song_number
from mug.compose.held_out import HELD_OUT_KINDS, held_out_kind
from mug.evaluation.columns import ONSETS_METRE, OTHER_DIFFICULTY, RULE, SCORER
from mug.evaluation.cost import LONG_S
from mug.evaluation.listening import with_gains
from mug.evaluation.made import FINISHED, FREE, GIVEN, RAW
from mug.evaluation.markdown.parts import cell, head, line
from mug.evaluation.markdown.summary import over_songs, plain
from mug.evaluation.markdown.tables import Column, columns_of, rows_of_column
from mug.evaluation.markdown.write import notes
from mug.evaluation.rows import CHARTS, ResultRow
from mug.metrics.audio_blind import METRE, STARS

_TITLES = {
    (RAW, ""): "as sampled",
    (FINISHED, GIVEN): "as delivered",
    (FINISHED, FREE): "as delivered, tempo estimated",
    (SCORER, ""): SCORER,
    (RULE, ""): "as sampled, columns by rule",
}
_BLIND = (METRE, STARS, ONSETS_METRE)
_PEOPLE = (OTHER_DIFFICULTY,)


@dataclass(frozen=True)
class Bar:
    """A figure with what it is to reach.

    Args:
        figure: its name.
        label: for people.
        bar: what is asked for at least.
        target: what is wanted.
        beside: columns whose values stand beside it.
        decimals: shown.
    """

    figure: str
    label: str
    bar: str = ""
    target: str = ""
    beside: tuple[str, ...] = ()
    decimals: int = 3


BARS = (
    Bar("f1_20_matched", "F1 ±20 ms, matched rows ↑", "≥ .79", "≥ .81", _BLIND),
    Bar("gain_matched", "listening gain at matched rows ↑", "≥ +.02", "≥ +.04", _BLIND[2:]),
    Bar("f1_20", "F1 ±20 ms as it is ↑", "≥ .72", "≥ .76", _BLIND),
    Bar("gain_delivered", "the same, gain over as many audio-blind rows ↑", "≥ +.01", "≥ +.03"),
    Bar("rows_ratio", "rows / human rows", decimals=2),
    Bar(
        "sr_abs_error",
        "star rating − reference's, absolute ↓",
        "≤ .40 as sampled, ≤ .10 as delivered",
        "≤ .30, ≤ .05",
        decimals=2,
    ),
    Bar("ln_abs_error", "LN ratio − reference's, absolute ↓", "≤ .05"),
    Bar("tail_f1_50", "tail F1 ±50 ms where the reference has holds ↑", "≥ .15", "≥ .25"),
    Bar("density_energy", "density × energy, Spearman ↑", "≥ .25", "≥ .35", _PEOPLE),
    Bar("self_similarity", "self-similarity × the sound's, Spearman ↑", "≥ .08", "≥ .15", _PEOPLE),
    Bar("js_transition", "row transitions, JS ↓", "≤ .20", "≤ .15", _PEOPLE),
    Bar("lint_errors_a_minute", "lint errors a minute of song ↓", decimals=2),
    Bar("failed", "charts that cannot be measured, share ↓", "0", "0", decimals=2),
)

_SWEEP = ("sweep of 1 to 5 stars, Spearman ↑", "≥ .9 as sampled", "≥ .95")
_HELD_OUT = ("≥ +.10", "≥ +.20")


def bars_table(rows: Sequence[ResultRow], found: Mapping[str, Any]) -> str:
    """The table as Markdown, for each column that a model or another program made.

    Args:
        rows: of all parts.
        found: from `mug.evaluation.results.results`.
    """
    rows = with_gains(rows)
    columns = _judged(rows)
    composed = found["command"].get("held_out")
    shown = {(column.name, column.timing) for column in columns}
    lines = [*notes([row for row in rows if (row.column, row.timing) in shown]), ""]
    lines += head("figure", [*(_title(column) for column in columns), "beside", "bar", "target"])
    for bar in BARS:
        listed = [bar] if not composed or bar.figure != "gain_matched" else []
        lines += [_line(rows, columns, one) for one in listed]
        if bar.figure == "gain_matched":
            lines += _above_nought(rows, columns, composed=bool(composed))
        if bar.figure == "sr_abs_error" and found["sweep"]:
            lines.append(_sweep(columns, found["sweep"]))
    lines.append(_cost(columns, found["cost"]))
    return "\n".join(lines) + "\n"


def _cost(columns: Sequence[Column], found: Mapping[str, Any]) -> str:
    """Four charts of a long song from a cold start; the part `cost` measures it."""
    cells = ["–" for _ in columns]
    if found and found["cold_seconds"]["charts"]:
        said = f"{cell(found['cold_seconds'], 1)} s; {cell(found['cold_peak_mib'], 0)} MiB"
        place = next((i for i, c in enumerate(columns) if c.name == FINISHED), 0)
        cells[place] = said
    label = f"4 charts of {LONG_S:.0f} s, cold start ↓"
    return line(label, [*cells, "–", "≤ 6 s; ≤ 700 MiB", "≤ 4 s"])


def _judged(rows: Sequence[ResultRow]) -> list[Column]:
    """Columns as sampled, as delivered, of the scorer alone, and of other programs."""
    found = [c for c in columns_of(rows) if c.kind in ("model", "program")]
    shown = [c for c in found if c.kind == "program" or (c.name, c.timing) in _TITLES]
    # Without either, what people and rules made is shown: the figures of a set with no model.
    return shown or [c for c in columns_of(rows) if c.kind in ("people", "baseline")]


def _title(column: Column) -> str:
    return _TITLES.get((column.name, column.timing), column.label)


def _line(rows: Sequence[ResultRow], columns: Sequence[Column], bar: Bar) -> str:
    cells = [
        cell(plain(over_songs(rows_of_column(rows, column), bar.figure)), bar.decimals)
        for column in columns
    ]
    beside = []
    for name in bar.beside:
        value = over_songs(rows_of_column(rows, Column(name, "")), bar.figure)
        if value.charts and name not in {column.name for column in columns}:
            beside.append(f"{name} {value.mean:.{bar.decimals}f}")
    return line(bar.label, [*cells, ", ".join(beside) or "–", bar.bar or "–", bar.target or "–"])


def _above_nought(
    rows: Sequence[ResultRow], columns: Sequence[Column], *, composed: bool
) -> list[str]:
    """Songs whose mean gain is above 0, and for the composed set the gain of each kind."""
    gains = {column: _by_song(rows_of_column(rows, column), "gain_matched") for column in columns}
    counts = [f"{sum(g > 0 for g in by.values())} of {len(by)}" for by in gains.values()]
    label = "songs whose listening gain is above 0 ↑"
    if not composed:
        return [line(label, [*counts, "–", "4 of 5", "5 of 5"])]
    whole = [
        cell(plain(over_songs(rows_of_column(rows, column), "gain_matched")), 3)
        for column in columns
    ]
    lines = [line("listening gain, composed held-out songs ↑", [*whole, "–", *_HELD_OUT])]
    lines.append(line(label, [*counts, "–", "–", "–"]))
    for kind in HELD_OUT_KINDS:
        cells = [
            cell(plain(over_songs(_of_kind(rows_of_column(rows, column), kind), "gain_matched")), 3)
            for column in columns
        ]
        lines.append(line(f"– {kind}", [*cells, "–", "–", "–"]))
    return lines


def _of_kind(rows: Sequence[ResultRow], kind: str) -> list[ResultRow]:
    """The rows of composed songs of a kind, by the number that their folders begin with."""
    return [row for row in rows if held_out_kind(song_number(row.song)) == kind]


def _by_song(rows: Sequence[ResultRow], name: str) -> dict[str, float]:
    songs = dict.fromkeys(row.song for row in rows if row.part == CHARTS)
    return {song: over_songs([r for r in rows if r.song == song], name).mean for song in songs}


def _sweep(columns: Sequence[Column], found: Mapping[str, Any]) -> str:
    label, bar, target = _SWEEP
    cells = [
        cell(found[column.label]["spearman"], 3) if column.label in found else "–"
        for column in columns
    ]
    return line(label, [*cells, "–", bar, target])
