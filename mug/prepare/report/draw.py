"""Distributions as bars: in pages that are light or dark, and as PNG for documents.

Numbers stand as columns on an axis, categories as rows with their share.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mug.files import atomic_write
from mug.prepare.report.bins import Distribution
from mug.render.html import fragment
from mug.render.png import png_bytes

_REPORT = "mug.prepare.report/report.html"
_WIDTH, _HEIGHT, _BASE, _TOP = 300, 118, 98, 6
_MOST_LABELS = 6
_GAP = 0.16  # of a column's place
_HEAD, _ROW, _LEFT = 22.0, 18.0, 8.0  # in pictures: title, height of a row, margin

Colour = tuple[int, int, int]
_PAPER, _INK, _FAINT, _BAR, _LINE = (
    (255, 255, 255),
    (28, 32, 46),
    (106, 112, 134),
    (79, 109, 245),
    (226, 229, 239),
)


def bars_html(distribution: Distribution) -> Markup:
    """Bars that take the page's colours; each says its value when pointed at."""
    if not distribution.known:
        return fragment(_REPORT, "no_values")
    return _columns(distribution) if distribution.numeric else _rows(distribution)


def _rows(distribution: Distribution) -> Markup:
    known = distribution.known
    rows = [
        {
            "label": label,
            "count": f"{count:,}",
            "width": f"{100 * count / known:.2f}%",
            "share": _share(count, known),
        }
        for label, count in zip(distribution.labels, distribution.counts, strict=True)
    ]
    return fragment(_REPORT, "rows", rows=rows)


def _share(count: int, known: int) -> str:
    percent = 100 * count / known
    if 0 < percent < 0.5 or 99.5 <= percent < 100:
        return f"{percent:.1f} %"
    return f"{percent:.0f} %"


def _columns(distribution: Distribution) -> Markup:
    bars = distribution.counts
    place, top = _WIDTH / len(bars), max(bars)
    parts = [
        f'<svg class="bars" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="{escape(distribution.title)}: {escape(distribution.note)}">'
    ]
    for index, (label, count) in enumerate(zip(distribution.labels, bars, strict=True)):
        height = (_BASE - _TOP) * count / top
        height = max(height, 1.5) if count else 0.0
        x, width = (index + _GAP / 2) * place, (1 - _GAP) * place
        parts.append(
            f'<g><rect class="place" x="{index * place:.2f}" y="0" width="{place:.2f}"'
            f' height="{_BASE}"/><rect class="bar" x="{x:.2f}" y="{_BASE - height:.2f}"'
            f' width="{width:.2f}" height="{height:.2f}" rx="{min(2.5, width / 4):.2f}"/>'
            f"<title>{escape(label)}: {count:,}</title></g>"
        )
    parts.append(f'<line class="base" x1="0" x2="{_WIDTH}" y1="{_BASE}" y2="{_BASE}"/>')
    for index in _labelled(distribution):
        anchor = "middle" if index else "start"
        parts.append(
            f'<text x="{index * place:.1f}" y="{_BASE + 14}" text-anchor="{anchor}">'
            f"{escape(distribution.labels[index])}</text>"
        )
    return Markup("".join([*parts, "</svg>"]))  # each text in it is escaped


def _labelled(distribution: Distribution) -> list[int]:
    """Columns with a label: not more than have room."""
    count = len(distribution.labels)
    if count <= _MOST_LABELS:
        return list(range(count))
    step = next(s for s in (2, 5, 10, 20, 50, 100) if count / s <= _MOST_LABELS)
    return list(range(0, count, step))


def bars_png(distribution: Distribution, path: Path, *, width: int = 560) -> None:
    """Write bars as a small picture on white, with their title above."""
    from PIL import Image, ImageDraw

    zoom = 2 * width / _WIDTH
    rows = 0 if distribution.numeric else len(distribution.counts)
    height = _HEAD + (rows * _ROW + 4 if rows else _HEIGHT)
    image = Image.new("RGB", (2 * width, round(height * zoom)), _PAPER)
    pen = _Pen(ImageDraw.Draw(image), zoom)
    pen.text((_LEFT, 11), distribution.title, 10, _INK, "lm")
    note = distribution.note or f"{distribution.unknown:,} unknown"
    pen.text((_WIDTH - _LEFT, 11), note, 8, _FAINT, "rm")
    (_draw_columns if distribution.numeric else _draw_rows)(pen, distribution)
    small = image.resize((width, image.height // 2), Image.Resampling.LANCZOS)
    with atomic_write(path) as handle:
        handle.write(png_bytes(small, colours=32, signed=True))


@dataclass(frozen=True)
class _Pen:
    """Draws in units of the page, at a larger scale."""

    draw: Any
    zoom: float

    def text(
        self, at: tuple[float, float], text: str, size: float, fill: Colour, anchor: str
    ) -> None:
        from PIL import ImageFont

        font = ImageFont.load_default(size * self.zoom)
        place = (at[0] * self.zoom, at[1] * self.zoom)
        self.draw.text(place, text, font=font, fill=fill, anchor=anchor)

    def box(self, x: float, y: float, width: float, height: float, fill: Colour) -> None:
        corners = (x, y, x + width, y + height)
        radius = min(2.0, width / 4, height / 2) * self.zoom
        self.draw.rounded_rectangle([c * self.zoom for c in corners], radius=radius, fill=fill)


def _draw_columns(pen: _Pen, distribution: Distribution) -> None:
    place = (_WIDTH - 2 * _LEFT) / max(len(distribution.counts), 1)
    top = max(distribution.counts, default=0) or 1
    base = _HEAD + _BASE
    for index, count in enumerate(distribution.counts):
        if count:
            height = max((_BASE - _TOP) * count / top, 1.0)
            left = _LEFT + (index + _GAP / 2) * place
            pen.box(left, base - height, (1 - _GAP) * place, height, _BAR)
    pen.box(_LEFT, base, _WIDTH - 2 * _LEFT, 0.6, _LINE)
    for index in _labelled(distribution):
        at = (_LEFT + index * place, base + 5)
        pen.text(at, distribution.labels[index], 8, _FAINT, "mt" if index else "lt")


def _draw_rows(pen: _Pen, distribution: Distribution) -> None:
    known = max(distribution.known, 1)
    for index, count in enumerate(distribution.counts):
        middle = _HEAD + (index + 0.5) * _ROW
        pen.text((_LEFT, middle), distribution.labels[index], 8.5, _INK, "lm")
        pen.box(62, middle - 4.5, 186, 9, _LINE)
        if count:
            pen.box(62, middle - 4.5, max(186 * count / known, 1.5), 9, _BAR)
        pen.text((_WIDTH - _LEFT, middle), _share(count, known), 8.5, _FAINT, "rm")
