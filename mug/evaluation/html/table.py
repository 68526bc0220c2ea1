"""The benchmark's table as HTML: each mean with its interval as a bar, goals beside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mug.evaluation.columns import LIBROSA, LIBROSA_FITTED, RULE, SCORER
from mug.evaluation.html.data import BASE, HUMAN, OURS, Results, kind_of, summary_of
from mug.evaluation.made import RAW
from mug.evaluation.markdown.tables import Column, Figure
from mug.metrics.statistics import Summary
from mug.render.html import fragment
from mug.render.svg import Dot, Scale, scale_of, track

_TABLE = "mug.evaluation.html/table.html"
_TITLES = {OURS: "judged", HUMAN: "charts by people", BASE: "baselines without a model"}


@dataclass(frozen=True)
class FigureGoal:
    """A bar of the protocol.

    Args:
        figure: its name.
        label: for people.
        limit: the value to reach.
        least: whether more is better.
        timing: for which it holds; empty for both.
    """

    figure: str
    label: str
    limit: float
    least: bool = False
    timing: str = ""

    @property
    def text(self) -> str:
        """The limit with its direction."""
        return f"{'≥' if self.least else '≤' if self.limit else 'is'} {self.limit:g}"


GOALS = (
    FigureGoal("clean_rate", "clean rate", 0.98, least=True, timing="given"),
    FigureGoal("phase_ms", "|phase|, ms", 2.0, timing="given"),
    FigureGoal("tempo_octave", "tempo up to an octave", 0.95, least=True, timing="free"),
    FigureGoal("offset_ms", "|offset of the beat|, ms", 5.0, timing="free"),
    FigureGoal("violations", "violations a chart", 0.0),
    FigureGoal("sr_abs_error", "|star rating − reference's|", 0.25),
    FigureGoal("ln_abs_error", "|LN ratio − reference's|", 0.05),
)

_GROUPS = {
    "timing": "Timing map",
    "sync": "Grid",
    "onsets": "Onsets",
    "control": "Control",
    "validity": "Validity",
    "playability": "Playability",
    "patterns": "Patterns",
    "distance": "Distance from charts by people",
    "structure": "Structure",
    "diversity": "Diversity and memory",
    "cost": "Cost",
}


def shown(value: float, decimals: int) -> str:
    """A number of the table, with a true minus; a dash for none."""
    if not math.isfinite(value):
        return "–"
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


def table_html(results: Results) -> Markup:
    """The whole table; what people and rules made stands behind what is judged."""
    ordered = sorted(results.columns, key=lambda c: (OURS, HUMAN, BASE).index(kind_of(c)))
    body = []
    for group in dict.fromkeys(figure.group for figure in results.figures):
        figures = [figure for figure in results.figures if figure.group == group]
        lines = [line for figure in figures if (line := _line(figure, results, ordered))]
        if lines:
            title = _GROUPS.get(group, group)
            body.append(fragment(_TABLE, "group", span=len(ordered) + 1, title=title))
            body += lines
    return fragment(
        _TABLE, "region", name="All figures", kind="figures", head=_head(ordered), body=body
    )


def _head(columns: Sequence[Column]) -> Markup:
    kinds = [kind_of(column) for column in columns]
    groups = [(kind, kinds.count(kind), _TITLES[kind]) for kind in dict.fromkeys(kinds)]
    named = [(kind, c.name, c.timing) for c, kind in zip(columns, kinds, strict=True)]
    return fragment(_TABLE, "head", groups=groups, columns=named)


def _line(figure: Figure, results: Results, columns: Sequence[Column]) -> Markup:
    summaries = [results.of_table(column, figure.name) for column in columns]
    known = [summary for summary in summaries if summary.charts]
    if not known:
        return Markup("")
    scale = scale_of([x for s in known for x in (s.low, s.high, s.mean)], zero=True)
    cells = [
        _cell(summary, figure, column, scale)
        for summary, column in zip(summaries, columns, strict=True)
    ]
    return fragment(_TABLE, "line", title=figure.title, cells=cells)


def _cell(summary: Summary, figure: Figure, column: Column, scale: Scale) -> Markup:
    kind = kind_of(column)
    if not summary.charts:
        return fragment(_TABLE, "empty", kind=f"{kind} empty")
    mean, low, high, middle = (
        shown(x, figure.decimals) for x in (summary.mean, summary.low, summary.high, summary.median)
    )
    said = (
        f"{column.label}: {mean}, interval {low} to {high}, median {middle};"
        f" {summary.charts} charts of {summary.songs} songs"
    )
    goal = goal_for(figure.name, column)
    dot = Dot(summary.mean, summary.low, summary.high)
    drawn = track([dot], scale, goal.limit if goal else None)
    return fragment(
        _TABLE, "cell", kind=kind, said=said, mean=mean, failed=summary.failed, track=drawn
    )


def goal_for(name: str, column: Column) -> FigureGoal | None:
    """The goal that a figure has in a column; only finished charts of the judged program do."""
    if kind_of(column) != OURS or column.name in _UNFINISHED:
        return None
    return next(
        (g for g in GOALS if g.figure == name and g.timing in ("", column.timing or g.timing)),
        None,
    )


_UNFINISHED = (RAW, RULE, SCORER)
_ONSETS = (LIBROSA, LIBROSA_FITTED)


def goals_html(results: Results) -> Markup:
    """A row a goal, a column for each finished column of the judged program."""
    columns = [c for c in results.columns if kind_of(c) == OURS and c.name not in _UNFINISHED]
    head = fragment(_TABLE, "goals_head", columns=[(c.name, c.timing) for c in columns])
    body = []
    for goal in GOALS:
        cells = [
            _reached(goal, results.of_table(column, goal.figure))
            if goal_for(goal.figure, column) == goal
            else _no_value()
            for column in columns
        ]
        body.append(_goal_line(goal.label, goal.text, cells))
    body += _onset_goals(results, columns) + _sweep_goals(results, columns)
    return fragment(_TABLE, "region", name="Goals", kind="figures goals", head=head, body=body)


def _onset_goals(results: Results, columns: Sequence[Column]) -> list[Markup]:
    """F1 ±20 ms above librosa's onsets, by a paired interval."""
    lines = []
    for base in _ONSETS:
        found = {one.column: one.summary for one in results.differences if one.base == base}
        goal = FigureGoal("f1_20", f"F1 ±20 ms minus {base}", 0.0, least=True)
        cells = [_reached(goal, found[c]) if c in found else _no_value() for c in columns]
        if found:
            lines.append(_goal_line(goal.label, "above 0", cells))
    return lines


def _sweep_goals(results: Results, columns: Sequence[Column]) -> list[Markup]:
    """Rank correlation of star rating asked for and reached, over a sweep."""
    sweep = results.parts["sweep"]
    goal = FigureGoal("spearman", "star rating over a sweep, Spearman", 0.95, least=True)
    cells = [
        _reached(goal, summary_of(sweep[column.label]["spearman"]))
        if column.label in sweep
        else _no_value()
        for column in columns
    ]
    return [_goal_line(goal.label, goal.text, cells)] if sweep else []


def _no_value() -> Markup:
    return fragment(_TABLE, "empty", kind="empty")


def _goal_line(label: str, limit: str, cells: Sequence[Markup]) -> Markup:
    return fragment(_TABLE, "line", title=label, cells=cells, limit=limit)


def _reached(goal: FigureGoal, summary: Summary) -> Markup:
    """Value and interval; whether the goal is reached is left to the reader."""
    if not summary.charts:
        return _no_value()
    decimals = 1 if goal.limit >= 2 else 3 if goal.limit else 2
    mean, low, high = (shown(x, decimals) for x in (summary.mean, summary.low, summary.high))
    return fragment(_TABLE, "reached", mean=mean, low=low, high=high, failed=summary.failed)
