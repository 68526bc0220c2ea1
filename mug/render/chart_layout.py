"""Layout of a chart's picture: strips of time that stand side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mug.beatmap.beatmap import Beatmap
from mug.errors import BeatmapError

HEADER, MARGIN, GUTTER, NOTE = 88, 18, 36, 6
_MIN_WIDTH, _MIN_STRIP, _ASPECT = 560, 240, 1.6


@dataclass(frozen=True, slots=True)
class ChartLayout:
    """Layout of a picture, in pixels from its upper left corner.

    Args:
        keys: columns of the chart.
        start_ms: time at the foot of the first strip.
        strip_ms: time that a strip shows.
        strips: how many stand side by side.
        pixels_per_ms: scale of time.
        lane: width of a column.
        height: height of a strip.
    """

    keys: int
    start_ms: float
    strip_ms: float
    strips: int
    pixels_per_ms: float
    lane: int
    height: int

    @property
    def strip_width(self) -> int:
        """From one strip to the next: labels, lanes and a gap."""
        return GUTTER + self.keys * self.lane + MARGIN

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        width = max(_MIN_WIDTH, MARGIN + self.strips * self.strip_width)
        return width, HEADER + self.height + MARGIN

    @property
    def foot(self) -> int:
        """Row of a strip's lowest pixel line, where its time begins."""
        return HEADER + self.height - 1

    def strip_of(self, time_ms: float) -> int:
        """Strip that shows a time; the first or the last for times that none shows."""
        index = math.floor((time_ms - self.start_ms) / self.strip_ms)
        return min(max(index, 0), self.strips - 1)

    def x(self, strip: int, column: int) -> int:
        """Left edge of a column in a strip."""
        return MARGIN + strip * self.strip_width + GUTTER + column * self.lane

    def y(self, strip: int, time_ms: float) -> int:
        """Row of a time in a strip; rows above or below it for times that it does not show."""
        since = time_ms - self.start_ms - strip * self.strip_ms
        return self.foot - math.floor(since * self.pixels_per_ms + 1e-6)

    def pieces(self, start_ms: float, end_ms: float) -> Iterator[tuple[int, int, int]]:
        """Strip, upper row and lower row of each part of a span of time."""
        for strip in range(self.strip_of(start_ms), self.strip_of(end_ms) + 1):
            top = max(self.y(strip, end_ms), HEADER)
            yield strip, top, min(self.y(strip, start_ms), self.foot)


def plan_layout(
    beatmap: Beatmap, pixels_per_second: float, max_width: int, max_height: int
) -> ChartLayout:
    """Strips of a pleasant shape that fit; a chart too long for the picture is drawn smaller."""
    times = [time for note in beatmap.hit_objects for time in (note.start_ms, note.last_ms)]
    if not all(map(math.isfinite, times)):
        raise BeatmapError("common.hit_object_has_no_finite_time", file=beatmap.path)
    bar_ms = _one_bar_ms(beatmap)
    start, end = min([0.0, *times]), max([1000.0, *times]) + 500.0
    if bar_ms:
        # Strips that begin with a bar are easier to compare. An eighth of a beat comes before it,
        # so that a first note that is rounded to the millisecond before stays with its bar.
        first = beatmap.red_lines[0]
        start = _bar_before(start, first.time_ms - first.beat_ms / 8, bar_ms)
    span = end - start
    lane = min(max(92 // beatmap.keys, 7), 18)
    strip_width = GUTTER + beatmap.keys * lane + MARGIN
    most_strips = max(1, (max_width - MARGIN) // strip_width)
    most_height = max(_MIN_STRIP, max_height - HEADER - MARGIN)
    scale = min(pixels_per_second / 1000, most_strips * most_height / span)
    pleasant = round(math.sqrt(span * scale * strip_width / _ASPECT))
    strips = math.ceil(span * scale / min(max(pleasant, _MIN_STRIP), most_height))
    strips = min(strips, most_strips)
    height = min(max(math.ceil(span * scale / strips), _MIN_STRIP), most_height)
    strip_ms = height / scale
    if bar_ms and (whole := math.ceil(strip_ms / bar_ms) * bar_ms) * scale <= most_height:
        strip_ms, height = whole, math.ceil(whole * scale)
        strips = math.ceil(span / strip_ms)
    return ChartLayout(beatmap.keys, start, strip_ms, strips, scale, lane, height)


def _one_bar_ms(beatmap: Beatmap) -> float | None:
    """Length of a bar where the whole chart has one tempo."""
    reds = beatmap.red_lines
    return reds[0].beat_ms * reds[0].meter if len(reds) == 1 else None


def _bar_before(time_ms: float, bar_line_ms: float, bar_ms: float) -> float:
    """The last bar line at or before a time."""
    return bar_line_ms + math.floor((time_ms - bar_line_ms) / bar_ms) * bar_ms
