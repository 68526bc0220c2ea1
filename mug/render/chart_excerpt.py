"""Some seconds of several charts side by side, as a drawing (SVG); time runs upwards in strips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from mug.beatmap.hit_objects import HitObject, LongNote
from mug.render.chart_image import ChartFrame, clock_text
from mug.render.chart_layout import NOTE

_LANE, _GAP, _GUTTER, _HEIGHT, _FOOT, _HEAD = 15, 12, 34, 330, 8, 20


@dataclass(frozen=True)
class ExcerptSide:
    """One of the charts.

    Args:
        title: above its lanes; plain text.
        notes: of the whole chart.
        full: start times of the notes that are drawn full; others are outlines.
        frames: what is framed in it.
    """

    title: str
    notes: Sequence[HitObject]
    full: frozenset[float]
    frames: Sequence[ChartFrame] = ()


@dataclass(frozen=True)
class Excerpt:
    """Seconds of charts to show.

    Args:
        sides: from the left.
        keys: columns of each.
        from_ms: time at the foot of the first strip.
        strips: how many stand side by side.
        strip_ms: time that a strip shows.
        beats: times of the lines, and whether each begins a bar.
        name_of: words for the time of a note.
    """

    sides: Sequence[ExcerptSide]
    keys: int
    from_ms: float
    strips: int
    strip_ms: float
    beats: Sequence[tuple[float, bool]]
    name_of: Callable[[float], str] = clock_text


def excerpt_svg(excerpt: Excerpt, about: str) -> Markup:
    """Return the drawing.

    Args:
        excerpt: what is shown.
        about: for those who cannot see it.
    """
    count = len(excerpt.sides)
    width = excerpt.strips * (_GUTTER + count * excerpt.keys * _LANE + _GAP) + _GAP
    height = _HEAD + _HEIGHT + _FOOT
    parts = [
        f'<svg class="excerpt" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{escape(about)}">'
    ]
    for number in range(excerpt.strips):
        strip = _Strip(number, excerpt.from_ms + number * excerpt.strip_ms, excerpt)
        parts += strip.lanes()
        for side, chart in enumerate(excerpt.sides):
            for note in chart.notes:
                parts += strip.note(note, side, full=float(note.start_ms) in chart.full)
        for side, chart in enumerate(excerpt.sides):
            for frame in chart.frames:
                parts += strip.frame(frame, side)
    return Markup("".join([*parts, "</svg>"]))  # each text in it is escaped


@dataclass(frozen=True)
class _Strip:
    """Some seconds of all charts."""

    number: int
    start_ms: float
    excerpt: Excerpt

    def x(self, side: int, column: int) -> int:
        lanes = self.excerpt.keys * _LANE
        place = self.number * (_GUTTER + len(self.excerpt.sides) * lanes + _GAP) + _GUTTER
        return place + side * (lanes + _GAP // 2) + column * _LANE

    def y(self, time_ms: float) -> float:
        return _HEAD + _HEIGHT * (1 - (time_ms - self.start_ms) / self.excerpt.strip_ms)

    def shows(self, start_ms: float, end_ms: float) -> bool:
        return end_ms >= self.start_ms and start_ms < self.start_ms + self.excerpt.strip_ms

    def lanes(self) -> Iterator[str]:
        """Lanes, beats, and the time at the foot."""
        lanes = self.excerpt.keys * _LANE
        for side, chart in enumerate(self.excerpt.sides):
            left = self.x(side, 0)
            yield f'<rect class="lane" x="{left}" y="{_HEAD}" width="{lanes}" height="{_HEIGHT}"/>'
            yield (
                f'<text x="{left + lanes / 2}" y="13" text-anchor="middle">'
                f"{escape(chart.title)}</text>"
            )
            for at, is_bar in self.excerpt.beats:
                if self.shows(at, at):
                    kind = "bar" if is_bar else "beat"
                    yield (
                        f'<line class="{kind}" x1="{left}" x2="{left + lanes}"'
                        f' y1="{self.y(at):.1f}" y2="{self.y(at):.1f}"/>'
                    )
        foot = self.y(self.start_ms)
        yield (
            f'<text x="{self.x(0, 0) - 5}" y="{foot:.0f}" text-anchor="end">'
            f"{clock_text(self.start_ms)}</text>"
        )

    def note(self, note: HitObject, side: int, *, full: bool) -> Iterator[str]:
        keys = self.excerpt.keys
        if not (self.shows(note.start_ms, note.last_ms) and 0 <= note.column < keys):
            return
        left = self.x(side, note.column) + 1
        kind = ("hit" if full else "lone") + (" outer" if note.column in (0, keys - 1) else "")
        if isinstance(note, LongNote):
            top = max(self.y(note.end_ms), _HEAD)
            foot = min(self.y(note.start_ms), _HEAD + _HEIGHT)
            yield (
                f'<rect class="body {kind}" x="{left + 2}" y="{top:.1f}" width="{_LANE - 6}"'
                f' height="{max(foot - top, 0):.1f}"/>'
            )
        if note.start_ms >= self.start_ms:
            y = self.y(note.start_ms) - NOTE / 2
            yield (
                f'<rect class="{kind}" x="{left}" y="{y:.1f}" width="{_LANE - 2}" height="{NOTE}"'
                f' rx="1.5"><title>{escape(self.excerpt.name_of(note.start_ms))}</title></rect>'
            )

    def frame(self, frame: ChartFrame, side: int) -> Iterator[str]:
        if not self.shows(frame.start_ms, frame.end_ms):
            return
        keys = self.excerpt.keys
        columns = [c for c in frame.columns if 0 <= c < keys] or [0, keys - 1]
        left, right = self.x(side, min(columns)), self.x(side, max(columns)) + _LANE
        top = max(self.y(frame.end_ms) - 6, _HEAD)
        foot = min(self.y(frame.start_ms) + 6, _HEAD + _HEIGHT)
        yield (
            f'<rect class="found {escape(frame.kind)}" x="{left - 1}" y="{top:.1f}"'
            f' width="{right - left + 1}" height="{max(foot - top, 1):.1f}" rx="3">'
            f"<title>{escape(frame.said)}</title></rect>"
        )
