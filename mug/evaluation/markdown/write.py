"""The benchmark's results as Markdown tables: those of the charts, then the other parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mug.evaluation.listening import with_gains
from mug.evaluation.markdown.parts import cell, head, line, part_tables
from mug.evaluation.markdown.summary import plain
from mug.evaluation.markdown.tables import (
    BASELINES,
    FIGURES,
    MODEL_COLUMNS,
    Column,
    Figure,
    columns_of,
    comparisons,
    kinds_to_beat,
    summaries,
)
from mug.evaluation.rows import CHARTS, ResultRow
from mug.metrics.statistics import FEW_SONGS, Summary
from mug.render.markdown import cell as text


def markdown(rows: Sequence[ResultRow], found: Mapping[str, Any]) -> str:
    """All tables: of the charts, and of each other part that there is.

    Args:
        rows: of all parts.
        found: from `mug.evaluation.results.results`.
    """
    tables = [_charts(with_gains(rows)), *part_tables(found)]
    return "\n\n".join("\n".join(table) for table in tables if table) + "\n"


def _charts(rows: Sequence[ResultRow]) -> list[str]:
    """The table, the paired comparison with the baselines, and the worst charts."""
    charts = [row for row in rows if row.part == CHARTS]
    if not charts:
        return []
    table = summaries(rows)
    songs = len({row.song for row in charts})
    humans = len({(row.song, row.chart) for row in charts})
    over = "songs" if songs > 1 else "the charts of the one song"
    lines = [
        f"{songs} song{'s' * (songs != 1)}, {humans} human charts. Mean by chart, then by song; in"
        f" brackets the 95 % interval of Student's t over {over}. Kinds of faults (–) that nobody"
        " has are not shown.",
        *notes(rows),
        "",
        *head("figure", table),
    ]
    for figure in FIGURES:
        found = [of[figure.name] for of in table.values()]
        if worth_a_line(figure, found):
            lines.append(line(figure.title, (cell(plain(s), figure.decimals) for s in found)))
    return [
        *lines,
        "",
        *_spread_table(rows),
        "",
        *_pairs(rows),
        "",
        *_worst(rows),
        *_references(charts),
    ]


def notes(rows: Sequence[ResultRow]) -> list[str]:
    """Sentences that belong to every table of charts.

    They say where there are few songs, which audio-blind charts the gains are above, and which
    songs the tempo detector was made with.
    """
    charts = [row for row in rows if row.part == CHARTS]
    said = [*few_songs(len({row.song for row in charts}))]
    kinds = {c.label: kinds_to_beat(charts, c) for c in columns_of(charts)}
    for mode, name in (("matched", "at matched rows"), ("delivered", "as it is")):
        by_kind: dict[str, list[str]] = {}
        for label, found in kinds.items():
            if mode in found:
                by_kind.setdefault(found[mode], []).append(label)
        said_of = {kind: text(", ".join(labels)) for kind, labels in by_kind.items()}
        beaten = "; ".join(f"*{kind}* ({labels})" for kind, labels in said_of.items())
        if beaten:
            said.append(f"Listening gain {name}: F1 ±20 ms minus that of {beaten}.")
    seen = {row.song for row in charts if any(n.startswith("fitted_") for n in row.figures)}
    if seen:
        said.append(
            f"The tempo detector was made with {text(', '.join(sorted(seen)))} in view: these stand"
            " apart and prove little."
        )
    return said


def few_songs(songs: int) -> list[str]:
    """A warning where an interval over songs says little."""
    if songs >= FEW_SONGS:
        return []
    return [f"Fewer than {FEW_SONGS} songs: no figure here is settled, whatever its interval."]


def worth_a_line(figure: Figure, found: Sequence[Summary]) -> bool:
    """Return whether any chart has the figure, and of a kind of fault whether there is any."""
    known = [summary for summary in found if summary.charts]
    return any(summary.highest > 0 for summary in known) if figure.is_kind else bool(known)


def _spread_table(rows: Sequence[ResultRow]) -> list[str]:
    """Median over charts and the worst song, for the model's and other programs' columns."""
    table = summaries(rows)
    shown = [c.label for c in columns_of(rows) if c.kind in ("model", "program")]
    if not shown:
        return []
    lines = head("median over charts / worst song", shown)
    for figure in FIGURES:
        found = [table[label][figure.name] for label in shown]
        if figure.better and worth_a_line(figure, found):
            cells = [
                f"{s.median:.{figure.decimals}f} /"
                f" {s.highest if figure.better == 'lower' else s.lowest:.{figure.decimals}f}"
                if s.charts
                else "–"
                for s in found
            ]
            lines.append(line(figure.label, cells))
    return lines


def _pairs(rows: Sequence[ResultRow]) -> list[str]:
    lines = head("F1 ±20 ms, chart by chart", [f"minus {base}" for base in BASELINES])
    found: dict[str, list[str]] = {}
    for column, _, difference in comparisons(rows):
        found.setdefault(column.label, []).append(cell(plain(difference), 3))
    return lines + [line(label, cells) for label, cells in found.items()]


def _references(rows: Sequence[ResultRow]) -> list[str]:
    """The human chart that each chart of another program is held against, and by whose word."""
    found = [row for row in rows if row.reference]
    if not found:
        return []
    lines = ["", *head("chart", ["held against", "found by", "star rating − reference's"])]
    for row in sorted(found, key=lambda r: (r.song, r.variant, r.seed)):
        away = row.figures.get("sr_error", math.nan)
        off = f"{away:+.2f}" if math.isfinite(away) else "failed"
        held = f"{row.song} [{row.difficulty}]"
        lines.append(line(f"{row.variant} {row.seed}", [held, row.reference, off]))
    return lines


def _worst(rows: Sequence[ResultRow], most: int = 5) -> list[str]:
    judged = [r for r in rows if r.part == CHARTS and r.column in MODEL_COLUMNS]
    judged = judged or [
        r for r in rows if r.part == CHARTS and Column(r.column, r.timing).kind == "program"
    ]
    judged.sort(key=lambda r: (r.figures["f1_20"], r.song, r.difficulty, r.seed))
    lines = head("worst by F1 ±20 ms", ["column", "F1", "violations"])
    for row in judged[:most]:
        label = Column(row.column, row.timing).label
        kinds = ", ".join(f"{count} {kind}" for kind, count in row.violations.items() if count)
        who = f"{row.song} [{row.difficulty}] seed {row.seed}"
        lines.append(line(who, [label, f"{row.figures['f1_20']:.3f}", kinds or "none"]))
    return lines
