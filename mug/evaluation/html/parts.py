"""The other pieces of the protocol on the benchmark's page: distances, sweep, switches, editing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mug.evaluation.cost import COST_FIGURES
from mug.evaluation.editing import EDITING_FIGURES
from mug.evaluation.html.data import BASE, HUMAN, OURS, Results, kind_of, summary_of
from mug.evaluation.html.shell import grid, plain_table
from mug.evaluation.html.table import shown
from mug.metrics.statistics import Summary
from mug.render.html import fragment
from mug.render.page import NOTHING
from mug.render.svg import Axes, Dot, DotRow, Point, Series, card, dot_plot, drawing, scale_of

_PAGE = "mug.evaluation.html/page.html"
STAR_BAND = 0.25
"""The protocol's goal for the star rating's error."""

_DISTANCES = {
    "kernel": ("Kernel distance", "unbiased: about 0 between draws of the same charts"),
    "frechet": ("Fréchet distance", "too large for few charts: compare it with the floor"),
}
_ENDS = {"floor": HUMAN, "ceiling": BASE}


def part_sections(results: Results) -> dict[str, tuple[str, Markup]]:
    """Title and HTML by name of the section; pieces that were not asked for are left out."""
    parts = results.parts
    found = {
        "distances": ("Distance from charts by people", _distances(results)),
        "switches": ("Switches", _switches(parts["switches"])),
        "editing": ("Editing", _editing(parts["editing"])),
        "cost": ("Cost", _cost(parts["cost"])),
    }
    return {name: entry for name, entry in found.items() if entry[1]}


def _distances(results: Results) -> Markup:
    """Every column between charts by people and charts with their columns shuffled."""
    found = results.parts["distances"]
    if not found:
        return NOTHING
    if found.get("why_not"):
        return fragment(_PAGE, "not_there", why=found["why_not"])
    kinds = {column.label: kind_of(column) for column in results.columns}
    cards = []
    for name, (title, about) in _DISTANCES.items():
        rows, ends = [], []
        for entry in found["entries"]:
            dot = _dot(entry[name])
            if entry["kind"] in _ENDS:
                ends.append(dot.value)
            kind = _ENDS.get(entry["kind"], kinds.get(entry["label"], OURS))
            text = shown(dot.value, 3 if name == "kernel" else 1)
            rows.append(DotRow(str(entry["label"]), kind, (dot,), text))
        band = (min(ends), max(ends)) if len(ends) > 1 else None
        cards.append(dot_plot(title, about, rows, band=band))
    lead = fragment(_PAGE, "distances_about", humans=found["humans"], reference=found["reference"])
    return lead + grid(cards, "wide")


def _dot(plain: Mapping[str, Any]) -> Dot:
    value, low, high = (
        math.nan if plain[name] is None else float(plain[name]) for name in ("value", "low", "high")
    )
    return Dot(value, low, high, f"{shown(value, 4)} [{shown(low, 4)}, {shown(high, 4)}]")


def sweep_plots(results: Results) -> list[Markup]:
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


def _switches(switches: Sequence[Mapping[str, Any]]) -> Markup:
    """Effect of each more / less switch on its feature."""
    rows: dict[str, list[DotRow]] = {}
    lines = []
    for one in switches:
        own = one["effects"].get(one["feature"])
        if own is None:
            continue
        effect = summary_of(own)
        said = f"{shown(effect.mean, 3)} [{shown(effect.low, 3)}, {shown(effect.high, 3)}]"
        scaled = own["standard"] / effect.mean if effect.mean and own["standard"] else 0.0
        low, high = sorted((effect.low * scaled, effect.high * scaled))
        dot = Dot(effect.mean * scaled, low, high, said)
        row = DotRow(str(one["switch"]), OURS, (dot,), shown(dot.value, 2))
        rows.setdefault(str(one["column"]), []).append(row)
        words = [str(one[name]) for name in ("switch", "column", "feature", "moved")]
        lines.append([*words, said, str(effect.charts)])
    if not rows:
        return NOTHING
    lead = fragment(_PAGE, "switches_about")
    about = "standard deviations of the switch's own feature"
    cards = [dot_plot(column, about, listed, goal=0.0) for column, listed in rows.items()]
    head = ["switch", "column", "feature", "moved most", "feature, on minus off", "charts"]
    table = plain_table(head, lines, "Switches")
    below = fragment(_PAGE, "in_card", content=table, kind="card below")
    return lead + grid(cards, "wide") + below


def _editing(editing: Mapping[str, Any]) -> Markup:
    """Table of edits: what they keep, and what they make."""
    return _figures("figure", EDITING_FIGURES, editing, fragment(_PAGE, "editing_about"))


def _figures(
    title: str,
    figures: Sequence[tuple[str, str, int]],
    found: Mapping[str, Mapping[str, Any]],
    about: Markup = NOTHING,
) -> Markup:
    """A line a figure, a column for each entry.

    Args:
        title: of the first column.
        figures: name, label and decimals of each line.
        found: summaries by entry and figure.
        about: HTML above.
    """
    lines = []
    for name, label, decimals in figures:
        cells: list[str] = []
        for entry in found.values():
            one = summary_of(entry[name]) if name in entry else None
            cells.append("–" if one is None or not one.charts else _interval(one, decimals))
        if any(cell != "–" for cell in cells):
            lines.append([label, *cells])
    if not lines:
        return NOTHING
    table = plain_table([title, *found], lines, title)
    return about + fragment(_PAGE, "in_card", content=table)


def _interval(summary: Summary, decimals: int) -> Markup:
    mean, low, high = (shown(x, decimals) for x in (summary.mean, summary.low, summary.high))
    return fragment(_PAGE, "interval", mean=mean, low=low, high=high)


def _cost(cost: Mapping[str, Any]) -> Markup:
    """Seconds and memory, at a number of threads."""
    threads = cost.get("threads")
    figures = {name: one for name, one in cost.items() if isinstance(one, Mapping)}
    said = f"{threads} thread{'s' * (threads != 1)}" if threads is not None else "value"
    return _figures("cost of a chart", COST_FIGURES, {said: figures})
