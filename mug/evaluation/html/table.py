"""The benchmark's table as HTML: each mean with its interval as a bar, goals checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from mug.evaluation.columns import LIBROSA, LIBROSA_FITTED
from mug.evaluation.html.data import BASE, HUMAN, OURS, Results, kind_of, summary_of
from mug.evaluation.made import RAW
from mug.evaluation.markdown.tables import Column, Figure
from mug.metrics.statistics import Summary
from mug.render.svg import Dot, Scale, scale_of, track

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

    def reached(self, summary: Summary) -> str:
        """`met` with the whole interval, `unsure` where the interval holds the limit, `missed`."""
        sign = 1.0 if self.least else -1.0
        ends = sorted(sign * (end - self.limit) for end in (summary.low, summary.high))
        if ends[0] >= -1e-9:
            return "met"
        return "missed" if ends[1] < -1e-9 else "unsure"

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
    FigureGoal("sr_abs_error", "|star rating − asked|", 0.25),
    FigureGoal("ln_abs_error", "|LN ratio − asked|", 0.05),
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


def table_html(results: Results) -> str:
    """The whole table; what people and rules made stands behind what is judged."""
    ordered = sorted(results.columns, key=lambda c: (OURS, HUMAN, BASE).index(kind_of(c)))
    body = []
    for group in dict.fromkeys(figure.group for figure in results.figures):
        figures = [figure for figure in results.figures if figure.group == group]
        lines = [line for figure in figures if (line := _line(figure, results, ordered))]
        if lines:
            title = escape(_GROUPS.get(group, group))
            body.append(f'<tr class="group"><th colspan="{len(ordered) + 1}">{title}</th></tr>')
            body += lines
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="All figures">'
        f'<table class="figures"><thead>{_head(ordered)}</thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _head(columns: Sequence[Column]) -> str:
    kinds = [kind_of(column) for column in columns]
    upper = "".join(
        f'<th class="{kind}" colspan="{kinds.count(kind)}" scope="colgroup">{_TITLES[kind]}</th>'
        for kind in dict.fromkeys(kinds)
    )
    lower = "".join(
        f'<th class="{kind}" scope="col">{escape(column.name)}{_timing(column)}</th>'
        for column, kind in zip(columns, kinds, strict=True)
    )
    return f'<tr><th></th>{upper}</tr><tr><th scope="col">figure</th>{lower}</tr>'


def _timing(column: Column) -> str:
    return f"<small>timing {escape(column.timing)}</small>" if column.timing else ""


def _line(figure: Figure, results: Results, columns: Sequence[Column]) -> str:
    summaries = [results.of_table(column, figure.name) for column in columns]
    known = [summary for summary in summaries if summary.charts]
    if not known:
        return ""
    scale = scale_of([x for s in known for x in (s.low, s.high, s.mean)], zero=True)
    cells = "".join(
        _cell(summary, figure, column, scale)
        for summary, column in zip(summaries, columns, strict=True)
    )
    return f'<tr><th scope="row">{escape(figure.title)}</th>{cells}</tr>'


def _cell(summary: Summary, figure: Figure, column: Column, scale: Scale) -> str:
    kind = kind_of(column)
    if not summary.charts:
        return f'<td class="{kind} empty">–</td>'
    mean, low, high, middle = (
        shown(x, figure.decimals) for x in (summary.mean, summary.low, summary.high, summary.median)
    )
    said = (
        f"{column.label}: {mean}, interval {low} to {high}, median {middle};"
        f" {summary.charts} charts of {summary.songs} songs"
    )
    goal = goal_for(figure.name, column)
    mark = _mark(goal, summary) if goal else ""
    dot = Dot(summary.mean, summary.low, summary.high)
    return (
        f'<td class="{kind}" title="{escape(said)}"><span>{mean}{mark}</span>'
        f"{track([dot], scale, goal.limit if goal else None)}</td>"
    )


def goal_for(name: str, column: Column) -> FigureGoal | None:
    """The goal that a figure has in a column; only finished charts of the judged program do."""
    if kind_of(column) != OURS or column.name == RAW:
        return None
    return next(
        (g for g in GOALS if g.figure == name and g.timing in ("", column.timing or g.timing)),
        None,
    )


_ONSETS = (LIBROSA, LIBROSA_FITTED)
_MARKS = {"met": "✓", "unsure": "≈", "missed": "✗"}
_SAID = {
    "met": "goal met by the whole interval",
    "unsure": "the goal is within the interval",
    "missed": "goal missed by the whole interval",
}


def _mark(goal: FigureGoal, summary: Summary) -> str:
    state = goal.reached(summary)
    said = f"{_SAID[state]}: {goal.text}"
    return f'<mark class="{state}" title="{said}">{_MARKS[state]}</mark>'


def goals_html(results: Results) -> str:
    """A row a goal, a column for each finished column of the judged program."""
    columns = [c for c in results.columns if kind_of(c) == OURS and c.name != RAW]
    head = "".join(
        f'<th class="ours" scope="col">{escape(column.name)}{_timing(column)}</th>'
        for column in columns
    )
    body = []
    for goal in GOALS:
        cells = [
            _verdict(goal, results.of_table(column, goal.figure))
            if goal_for(goal.figure, column) == goal
            else _NO_VERDICT
            for column in columns
        ]
        body.append(_goal_line(goal.label, goal.text, cells))
    body += _onset_goals(results, columns) + _sweep_goals(results, columns)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Goals">'
        '<table class="figures goals"><thead><tr><th scope="col">goal</th>'
        f"{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _onset_goals(results: Results, columns: Sequence[Column]) -> list[str]:
    """F1 ±20 ms above librosa's onsets, by a paired interval."""
    lines = []
    for base in _ONSETS:
        found = {one.column: one.summary for one in results.differences if one.base == base}
        goal = FigureGoal("f1_20", f"F1 ±20 ms minus {base}", 0.0, least=True)
        cells = [_verdict(goal, found[c]) if c in found else _NO_VERDICT for c in columns]
        if found:
            lines.append(_goal_line(goal.label, "above 0", cells))
    return lines


def _sweep_goals(results: Results, columns: Sequence[Column]) -> list[str]:
    """Rank correlation of star rating asked for and reached, over a sweep."""
    sweep = results.parts["sweep"]
    goal = FigureGoal("spearman", "star rating over a sweep, Spearman", 0.95, least=True)
    cells = [
        _verdict(goal, summary_of(sweep[column.label]["spearman"]))
        if column.label in sweep
        else _NO_VERDICT
        for column in columns
    ]
    return [_goal_line(goal.label, goal.text, cells)] if sweep else []


_NO_VERDICT = '<td class="empty">–</td>'


def _goal_line(label: str, limit: str, cells: Sequence[str]) -> str:
    return (
        f'<tr><th scope="row">{escape(label)}<small>{escape(limit)}</small></th>'
        f"{''.join(cells)}</tr>"
    )


def _verdict(goal: FigureGoal, summary: Summary) -> str:
    """Value, interval, and whether the goal is reached."""
    if not summary.charts:
        return _NO_VERDICT
    state = goal.reached(summary)
    decimals = 1 if goal.limit >= 2 else 3 if goal.limit else 2
    mean, low, high = (shown(x, decimals) for x in (summary.mean, summary.low, summary.high))
    return (
        f'<td class="{state}"><span><mark class="{state}" title="{_SAID[state]}">'
        f"{_MARKS[state]}</mark> <b>{mean}</b></span><small>{low} to {high}</small></td>"
    )
