"""Plots of a page without a script: dots with intervals as boxes, points and lines as drawings.

Colours come from the page's style; a class says who made what: `ours`, `human`, `base`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from mug.render.html import fragment
from mug.render.scale import round_step

_PLOTS = "mug.render/plots.html"
WIDTH, HEIGHT = 320, 250
LEFT, RIGHT, TOP, BOTTOM = 38, 10, 10, 34


@dataclass(frozen=True)
class Scale:
    """Values from a low to a high end; a logarithm is the caller's to take.

    Args:
        low: at the left or the foot.
        high: at the right or the head; above `low`.
    """

    low: float
    high: float

    def share(self, value: float) -> float:
        """Position of a value, 0 ... 1; beyond the ends at the ends."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def percent(self, value: float) -> str:
        """The same for a style."""
        return f"{100 * self.share(value):.2f}%"

    def ticks(self, most: int = 6) -> list[float]:
        """Round values within the ends."""
        step = round_step((self.high - self.low) / most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(index * step, 10) for index in range(first, last + 1)]


def scale_of(values: Iterable[float], *, zero: bool = False) -> Scale:
    """A scale with round ends that holds all finite values.

    Args:
        values: numbers; those that are none are passed over.
        zero: whether 0 must be on it.
    """
    found = [value for value in values if math.isfinite(value)] + [0.0] * zero
    low, high = min(found, default=0.0), max(found, default=1.0)
    if high - low < 1e-9:
        low, high = (min(low, 0.0), max(high, 1.0)) if abs(low) <= 1 else (low - 1, high + 1)
    step = round_step((high - low) / 6)
    return Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step)


@dataclass(frozen=True)
class Dot:
    """A value with its interval.

    Args:
        value: where the dot is; not a number where there is nothing to show.
        low: lower end of the interval.
        high: upper end.
        name: what it says when pointed at.
        tone: further class, for several dots in a row.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    name: str = ""
    tone: str = ""


@dataclass(frozen=True)
class DotRow:
    """A row of a dot plot: who, and one or several values.

    Args:
        label: on the left.
        kind: `ours`, `human` or `base`.
        dots: values.
        text: on the right.
    """

    label: str
    kind: str
    dots: tuple[Dot, ...]
    text: str


def track(
    dots: Sequence[Dot],
    scale: Scale,
    goal: float | None = None,
    band: tuple[float, float] | None = None,
) -> Markup:
    """A line with dots, their intervals as bars, a goal as a tick, a span between two lines."""
    marks = [
        {
            "tone": dot.tone,
            "name": dot.name,
            "left": scale.percent(dot.value),
            "bar": _span(scale, (dot.low, dot.high)),
        }
        for dot in dots
        if math.isfinite(dot.value)
    ]
    return fragment(
        _PLOTS,
        "track",
        band=None if band is None else _span(scale, band),
        goal=None if goal is None or not scale.low <= goal <= scale.high else scale.percent(goal),
        marks=marks,
    )


def _span(scale: Scale, ends: tuple[float, float]) -> tuple[str, str] | None:
    """Left end and width of a span, for a style; None where an end is no number."""
    if not all(map(math.isfinite, ends)):
        return None
    left, right = (scale.share(end) for end in ends)
    return f"{100 * left:.2f}%", f"{100 * (right - left):.2f}%"


def dot_plot(
    title: str,
    about: str,
    rows: Sequence[DotRow],
    *,
    goal: float | None = None,
    scale: Scale | None = None,
    band: tuple[float, float] | None = None,
) -> Markup:
    """A card with a row for each column of the table.

    Args:
        title: of the card.
        about: one line below it.
        rows: from the top.
        goal: a value to reach, drawn through all rows.
        scale: common to the rows; by default one that holds everything and 0.
        band: ends of a span, drawn through all rows.
    """
    dots = [dot for row in rows for dot in row.dots]
    ends = [x for dot in dots for x in (dot.value, dot.low, dot.high)]
    scale = scale or scale_of([*ends, *([] if goal is None else [goal])], zero=True)
    shown = [
        {
            "kind": row.kind,
            "label": row.label,
            "track": track(row.dots, scale, goal, band),
            "text": row.text,
        }
        for row in rows
    ]
    ticks = [(scale.percent(tick), number(tick)) for tick in scale.ticks(5)]
    return card(title, about, fragment(_PLOTS, "dot_rows", rows=shown, ticks=ticks))


def card(title: str, about: str, body: Markup, kind: str = "") -> Markup:
    """A box with a heading.

    Args:
        title: plain text.
        about: plain text below it; empty for none.
        body: HTML.
        kind: further class.
    """
    return fragment(_PLOTS, "card", title=title, about=about, body=body, kind=kind)


def number(value: float) -> str:
    """A short number; with a true minus."""
    return f"{value:.10g}".replace("-", "−")


@dataclass(frozen=True)
class Point:
    """A point of a drawing.

    Args:
        x: to the right.
        y: upwards.
        name: what it says when pointed at.
        low: lower end of y's interval.
        high: upper end.
    """

    x: float
    y: float
    name: str = ""
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Series:
    """Points of one kind.

    Args:
        kind: class for the colour.
        points: those with numbers that are none are left out.
        joined: whether a line goes through them.
    """

    kind: str
    points: tuple[Point, ...]
    joined: bool = False

    @property
    def finite(self) -> list[Point]:
        """Points that can be drawn."""
        return [p for p in self.points if math.isfinite(p.x) and math.isfinite(p.y)]


@dataclass(frozen=True)
class Axes:
    """Two scales with their names.

    Args:
        x: to the right.
        y: upwards.
        x_name: below.
        y_name: in the corner above.
    """

    x: Scale
    y: Scale
    x_name: str
    y_name: str

    def left(self, value: float) -> float:
        """Pixels from the left."""
        return LEFT + (WIDTH - LEFT - RIGHT) * self.x.share(value)

    def top(self, value: float) -> float:
        """Pixels from the top."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * self.y.share(value)


def drawing(
    series: Sequence[Series], axes: Axes, about: str, diagonal: float | None = None
) -> Markup:
    """Points and lines on axes.

    Args:
        series: drawn in this order.
        axes: scales and names.
        about: for those who cannot see it.
        diagonal: half the width of a band about y = x; None leaves both out.
    """
    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(about)}">'
    ]
    parts += _axes(axes)
    if diagonal is not None:
        parts += _diagonal(axes, diagonal)
    for one in series:
        if one.joined and one.finite:
            path = " ".join(f"{axes.left(p.x):.1f},{axes.top(p.y):.1f}" for p in one.finite)
            parts.append(f'<polyline class="{one.kind}" points="{path}"/>')
        parts += [_point(point, one.kind, axes) for point in one.finite]
    return Markup("".join([*parts, "</svg>"]))  # each text in it is escaped


def _axes(axes: Axes) -> list[str]:
    parts = []
    foot, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for tick in axes.y.ticks(5):
        y = axes.top(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{number(tick)}</text>'
        )
    for tick in axes.x.ticks(6):
        x = axes.left(tick)
        parts.append(
            f'<text x="{x:.1f}" y="{foot + 14}" text-anchor="middle">{number(tick)}</text>'
        )
    parts.append(f'<line class="base" x1="{LEFT}" x2="{right}" y1="{foot}" y2="{foot}"/>')
    parts.append(
        f'<text x="{right}" y="{HEIGHT - 5}" text-anchor="end">{escape(axes.x_name)}</text>'
    )
    parts.append(f'<text x="{LEFT + 4}" y="{TOP + 8}">{escape(axes.y_name)}</text>')
    return parts


def _diagonal(axes: Axes, band: float) -> list[str]:
    """The line y = x with a band, as far as it lies within the axes."""
    low, high = max(axes.x.low, axes.y.low), min(axes.x.high, axes.y.high)
    above = [(low, low), (low, low + band), (high - band, high)]
    corners = [*above, (high, high), (high, high - band), (low + band, low)]
    path = " ".join(f"{axes.left(x):.1f},{axes.top(y):.1f}" for x, y in corners)
    return [
        f'<polygon class="band" points="{path}"/>',
        f'<line class="diagonal" x1="{axes.left(low):.1f}" x2="{axes.left(high):.1f}"'
        f' y1="{axes.top(low):.1f}" y2="{axes.top(high):.1f}"/>',
    ]


def _point(point: Point, kind: str, axes: Axes) -> str:
    x, y = axes.left(point.x), axes.top(point.y)
    bar = ""
    if math.isfinite(point.low) and math.isfinite(point.high):
        bar = (
            f'<line class="whisker {kind}" x1="{x:.1f}" x2="{x:.1f}"'
            f' y1="{axes.top(point.low):.1f}" y2="{axes.top(point.high):.1f}"/>'
        )
    said = f"<title>{escape(point.name)}</title>" if point.name else ""
    return f'{bar}<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4">{said}</circle>'


@dataclass(frozen=True)
class Pair:
    """A kind of pattern: its share in charts by people, and in the judged ones."""

    label: str
    human: float
    ours: float


def paired_bars(pairs: Sequence[Pair]) -> Markup:
    """Two bars a kind, one above the other, so that shares can be compared."""
    top = max((max(pair.human, pair.ours) for pair in pairs), default=0.0) or 1.0
    shown = [
        {
            "label": pair.label,
            "human_text": f"{100 * pair.human:.1f}",
            "ours_text": f"{100 * pair.ours:.1f}",
            "human_width": f"{100 * pair.human / top:.2f}%",
            "ours_width": f"{100 * pair.ours / top:.2f}%",
            "shares": f"{100 * pair.human:.0f} · {100 * pair.ours:.0f} %",
        }
        for pair in pairs
    ]
    return fragment(_PLOTS, "pairs", pairs=shown)
