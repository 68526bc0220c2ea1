"""The other pieces of the protocol on the benchmark's page: distances, sweep, switches, editing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mug.pipeline.evaluation_page_data import BASE, HUMAN, OURS, Results, kind_of, summary_of
from mug.pipeline.evaluation_page_shell import grid, plain_table
from mug.pipeline.evaluation_page_table import shown
from mug.pipeline.evaluation_plots import (
    Axes,
    Dot,
    DotRow,
    Point,
    Series,
    card,
    dot_plot,
    drawing,
    scale_of,
)

STAR_BAND = 0.25
"""The protocol's goal for the star rating's error."""

_DISTANCES = {
    "kernel": ("Kernel distance", "unbiased: about 0 between draws of the same charts"),
    "frechet": ("Fréchet distance", "too large for few charts: compare it with the floor"),
}
_ENDS = {"floor": HUMAN, "ceiling": BASE}


def part_sections(results: Results) -> dict[str, tuple[str, str]]:
    """Title and HTML by name of the section; pieces that were not asked for are left out."""
    parts = results.parts
    found = {
        "distances": ("Distance from charts by people", _distances(results)),
        "switches": ("Switches", _switches(parts["switches"])),
        "editing": ("Editing", _summaries(parts["editing"], "region", _EDITING_ABOUT)),
        "cost": ("Cost", _cost(parts["cost"])),
    }
    return {name: entry for name, entry in found.items() if entry[1]}


def _distances(results: Results) -> str:
    """Every column between charts by people and charts with their columns shuffled."""
    found = results.parts["distances"]
    if not found:
        return ""
    if found.get("why_not"):
        return f'<p class="lead">Not there: {escape(str(found["why_not"]))}.</p>'
    kinds = {column.label: kind_of(column) for column in results.columns}
    cards = []
    for name, (title, about) in _DISTANCES.items():
        rows = []
        for entry in found["entries"]:
            dot = _dot(entry[name])
            kind = _ENDS.get(entry["kind"], kinds.get(entry["label"], OURS))
            text = shown(dot.value, 3 if name == "kernel" else 1)
            rows.append(DotRow(str(entry["label"]), kind, (dot,), text))
        cards.append(dot_plot(title, about, rows))
    lead = (
        '<p class="lead">Over standardised features of charts, without a network. Floor: people'
        f" against people; ceiling: human charts with their columns shuffled. {found['humans']}"
        f" human charts of {escape(str(found['reference']))}.</p>"
    )
    return lead + grid(cards, "wide")


def _dot(plain: Mapping[str, Any]) -> Dot:
    value, low, high = (
        math.nan if plain[name] is None else float(plain[name]) for name in ("value", "low", "high")
    )
    return Dot(value, low, high, f"{shown(value, 4)} [{shown(low, 4)}, {shown(high, 4)}]")


def sweep_plots(results: Results) -> list[str]:
    """Star rating over a sweep: a card for each column that was swept."""
    sweep: Mapping[str, Mapping[str, Any]] = results.parts["sweep"]
    swept = {
        label: [(float(point["asked"]), summary_of(point)) for point in one["points"]]
        for label, one in sweep.items()
    }
    ends = [x for points in swept.values() for at, s in points for x in (at, s.mean, s.low, s.high)]
    scale = scale_of(ends)
    cards = []
    for label, points in swept.items():
        spearman, error, bias = (
            summary_of(sweep[label][name]) for name in ("spearman", "abs_error", "bias")
        )
        series = Series(
            "ours",
            tuple(
                Point(at, s.mean, f"{at:g}: {shown(s.mean, 2)}", s.low, s.high) for at, s in points
            ),
            joined=True,
        )
        axes = Axes(scale, scale, "asked for", "reached")
        body = drawing([series], axes, f"Sweep of the star rating, {label}", STAR_BAND)
        note = (
            f"Spearman {shown(spearman.mean, 3)}, mean absolute error {shown(error.mean, 2)},"
            f" bias {shown(bias.mean, 2)}; whiskers are intervals"
        )
        cards.append(card(f"Sweep: {label}", note, body))
    return cards


def _switches(switches: Sequence[Mapping[str, Any]]) -> str:
    """What each more / less switch does to the feature that it is about."""
    if not switches:
        return ""
    lines, rows = [], []
    for one in switches:
        effects = one["effects"]
        own = effects.get(one["feature"])
        if own is None:
            continue
        effect = summary_of(own)
        said = f"{shown(effect.mean, 3)} [{shown(effect.low, 3)}, {shown(effect.high, 3)}]"
        label = f"{one['switch']} ({one['column']})"
        scaled = own["standard"] / effect.mean if effect.mean and own["standard"] else 0.0
        low, high = sorted((effect.low * scaled, effect.high * scaled))
        dot = Dot(effect.mean * scaled, low, high, said)
        rows.append(DotRow(label, OURS, (dot,), shown(dot.value, 2)))
        lines.append(
            [
                escape(str(one["switch"])),
                escape(str(one["column"])),
                escape(str(one["feature"])),
                said,
                str(effect.charts),
                escape(str(one["moved"])),
            ]
        )
    lead = (
        '<p class="lead">On minus off, with the same noise. The plot is in standard deviations of'
        " the feature that the switch is about: to the right of 0 it does as it says.</p>"
    )
    about = "standard deviations of the feature, on minus off"
    head = ["switch", "column", "feature", "on minus off", "charts", "moved most"]
    table = plain_table(head, lines, "Switches")
    plot = dot_plot("Effect on the switch's own feature", about, rows, goal=0.0)
    return lead + grid([plot, f'<div class="card">{table}</div>'], "wide")


_EDITING_ABOUT = (
    '<p class="lead">A region of a human chart is made anew: everything outside must stay as it'
    " was, to the bit.</p>"
)


def _summaries(found: Mapping[str, Mapping[str, Any]], what: str, about: str) -> str:
    """A table of summaries by name and figure."""
    lines = [
        [
            escape(name),
            escape(figure),
            shown(one.mean, 3),
            f"{shown(one.low, 3)} to {shown(one.high, 3)}",
            str(one.charts),
        ]
        for name, figures in found.items()
        for figure, plain in figures.items()
        for one in [summary_of(plain)]
    ]
    if not lines:
        return ""
    head = [what, "figure", "mean", "interval", "charts"]
    return f'{about}<div class="card">{plain_table(head, lines, what)}</div>'


def _cost(cost: Mapping[str, Any]) -> str:
    """Seconds and memory, at a number of threads."""
    if not cost:
        return ""
    threads = cost.get("threads")
    figures = {name: one for name, one in cost.items() if isinstance(one, Mapping)}
    said = f"{threads} thread{'s' * (threads != 1)}" if threads is not None else "cost"
    return _summaries({said: figures}, "with", "")
