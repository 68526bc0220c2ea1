"""The plots of the benchmark's page, from its rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from mug.beatmap.formats.osu import chart as osu
from mug.evaluation.html.data import OURS, Results, kind_of
from mug.evaluation.html.parts import STAR_BAND, sweep_plots
from mug.evaluation.html.table import shown
from mug.evaluation.markdown.tables import Column
from mug.evaluation.rows import ResultRow
from mug.metrics.patterns import Counts, divergences, pattern_counts, pooled_counts
from mug.metrics.statistics import Summary
from mug.render.svg import (
    Axes,
    Dot,
    DotRow,
    Pair,
    Point,
    Scale,
    Series,
    card,
    dot_plot,
    drawing,
    paired_bars,
    scale_of,
)

TOLERANCES = (10, 20, 50)
_MOST_TRANSITIONS = 10

_PATTERNS = {
    "snap": ("Snap", "coarsest part of a beat, within 3 ms"),
    "interval": ("Distance between rows", "ms, in half octaves"),
    "chord": ("Chord size", "notes in a row"),
    "column": ("Column", "folded about the middle"),
    "jack": ("Jack length", "rows in a row that share a column"),
    "hold": ("Length of holds", "ms, in half octaves"),
    "transition": ("Row to row", "the commonest of people"),
}


def onset_plots(results: Results) -> list[Markup]:
    """F1 by tolerance for each column; tails beside it."""
    rows = [_tolerances(results, column, "f1_{}", TOLERANCES) for column in results.columns]
    about = "mean by song; from light to full: within 10, 20, 50 ms"
    cards = [dot_plot("Onsets: F1 by tolerance", about, rows, scale=Scale(0.0, 1.0))]
    return cards + _single(
        results, "column_f1_20", "F1 by column, ±20 ms", "a diagnosis, no goal", Scale(0, 1)
    )


def _tolerances(
    results: Results, column: Column, pattern: str, tolerances: Sequence[int]
) -> DotRow:
    means = [results.of_table(column, pattern.format(ms)).mean for ms in tolerances]
    ends = [(math.nan, math.nan)] * (len(means) - 1) + [(min(means), max(means))]
    dots = [
        Dot(mean, *ends[place], name=f"±{ms} ms: {shown(mean, 3)}", tone=f"tone{place}")
        for place, (ms, mean) in enumerate(zip(tolerances, means, strict=True))
    ]
    text = " · ".join(shown(dot.value, 2) for dot in dots)
    return DotRow(column.label, kind_of(column), tuple(dots), text)


def _single(
    results: Results,
    figure: str,
    title: str,
    about: str,
    scale: Scale | None = None,
    *,
    goal: float | None = None,
    decimals: int = 3,
) -> list[Markup]:
    """A dot for each column that has the figure; no card where none has."""
    rows = [
        DotRow(column.label, kind_of(column), (_dot(summary),), text)
        for column in results.columns
        if (summary := results.of_table(column, figure)).charts
        for text in [shown(summary.mean, decimals)]
    ]
    return [dot_plot(title, about, rows, goal=goal, scale=scale)] if rows else []


def _dot(summary: Summary) -> Dot:
    said = f"{shown(summary.mean, 3)} [{shown(summary.low, 3)}, {shown(summary.high, 3)}]"
    return Dot(summary.mean, summary.low, summary.high, said)


def grid_plots(results: Results) -> list[Markup]:
    """Clean rate and phase with their goals."""
    chance = next(
        (
            found.mean
            for column in results.columns
            if (found := results.of_table(column, "clean_rate_chance")).charts
        ),
        math.nan,
    )
    about = f"share of starts within 6 ms of the human grid; strewn evenly: {shown(chance, 2)}"
    clean = _single(results, "clean_rate", "Clean rate", about, Scale(0, 1), goal=0.98)
    about = "ms by which the chart as a whole is early or late, without its sign; goal ≤ 2 ms"
    phase = _single(results, "phase_ms", "Phase", about, goal=2.0, decimals=1)
    return clean + phase


def playability_plots(results: Results) -> list[Markup]:
    """Violations and findings of lint."""
    about = "two notes at one time, notes in holds, empty columns and the like; goal 0"
    broken = _single(results, "violations", "Violations a chart", about, decimals=2)
    about = "of docs/lint.md, by the tier asked for"
    found = _single(results, "lint_warnings_a_minute", "Lint warnings a minute", about, decimals=1)
    return broken + found


def star_plots(results: Results) -> list[Markup]:
    """Star rating asked for and reached: a point a chart, for each column that was asked."""
    rows = results.in_column(None)
    scale = scale_of(x for r in rows for x in (_asked(r), r.figures.get("sr", math.nan)))
    cards = []
    for column in results.columns:
        if kind_of(column) != OURS:
            continue
        points = tuple(
            Point(_asked(row), row.figures["sr"], f"{row.song} [{row.difficulty}] seed {row.seed}")
            for row in results.in_column(column)
            if "sr" in row.figures
        )
        if any(math.isfinite(point.y) for point in points):
            axes = Axes(scale, scale, "asked for", "reached")
            about = f"{column.label}: star rating reached by star rating asked for"
            body = drawing([Series("ours", points)], axes, about, STAR_BAND)
            cards.append(card(column.label, f"{len(points)} charts; band ±{STAR_BAND}", body))
    return cards


def _asked(row: ResultRow) -> float:
    """Requested rating; for another program's chart the human chart's."""
    return row.figures.get("sr", math.nan) - row.figures.get("sr_error", math.nan)


def pattern_plots(results: Results, column: Column) -> list[Markup]:
    """The distributions behind the Jensen–Shannon figures: a column's charts, and people's.

    Args:
        results: with the charts in their folder.
        column: whose charts.

    Raises:
        BeatmapError: for a chart that cannot be read.
    """
    judged, human, keys = [], [], 0
    for row in results.in_column(column):
        reference = results.human(row)
        if row.file and reference is not None:
            made, theirs = osu.read(results.out / row.file), reference.beatmap
            judged.append(pattern_counts(made.hit_objects, made.keys, theirs.red_lines))
            human.append(pattern_counts(theirs.hit_objects, theirs.keys, theirs.red_lines))
            keys = max(keys, theirs.keys, made.keys)
    if not judged:
        return []
    ours, people = pooled_counts(judged), pooled_counts(human)
    apart = divergences(ours, people)
    return [
        card(
            title,
            f"{about}; JS of all together {shown(apart[name], 3)}",
            paired_bars(_pairs(name, people[name], ours[name], keys)),
        )
        for name, (title, about) in _PATTERNS.items()
    ]


def _pairs(name: str, human: Counts, ours: Counts, keys: int) -> list[Pair]:
    a, b = max(sum(human.values()), 1), max(sum(ours.values()), 1)
    if name == "transition":
        order = [key for key, _ in human.most_common(_MOST_TRANSITIONS)]
    else:
        order = sorted({*human, *ours}, key=lambda key: (isinstance(key, str), key))
        order = [key for key in order if max(human[key] / a, ours[key] / b) >= 0.005]
    return [Pair(_label(name, key, keys), human[key] / a, ours[key] / b) for key in order]


def _label(name: str, key: object, keys: int) -> str:
    if name == "transition" and isinstance(key, tuple):
        return " → ".join(_row_text(int(mask), keys) for mask in key)
    if isinstance(key, str) or name not in ("snap", "interval", "hold", "column"):
        return str(key)
    index = int(str(key))
    if name == "snap":
        return f"1/{index}" if index else "none"
    if name == "column":
        return "outer" if index == 0 else "inner" if keys == 4 else str(index + 1)
    return f"{2 ** ((index - 0.25) / 2):.0f} …"


def _row_text(mask: int, keys: int) -> str:
    """A row as signs, the first column first."""
    return "".join("●" if mask >> column & 1 else "·" for column in range(keys))


def plots(results: Results) -> Mapping[str, list[Markup]]:
    """Cards by title of their section; sections without any are left out."""
    found = {
        "Timing of the notes": onset_plots(results) + grid_plots(results),
        "Star rating asked for and reached": star_plots(results) + sweep_plots(results),
        "Rules": playability_plots(results),
    }
    return {title: cards for title, cards in found.items() if cards}
