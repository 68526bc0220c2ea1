"""Charts as pictures: time runs upwards in strips that stand side by side, as sheets of a score."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError
from mug.files import atomic_write
from mug.render.chart_layout import HEADER, MARGIN, NOTE, ChartLayout, plan_layout
from mug.render.png import signature

if TYPE_CHECKING:
    import PIL.Image

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]

BACKGROUND: Colour = (17, 19, 25)
LANE: tuple[Colour, Colour] = ((27, 30, 39), (32, 35, 46))
BAR, BEAT, EDGE = (112, 120, 146), (52, 57, 73), (66, 72, 92)
TEXT, FAINT = (236, 239, 246), (150, 157, 178)
# By distance from the edge, alternating; the middle column of an odd number stands out.
COLUMNS: tuple[Colour, Colour] = ((235, 240, 250), (92, 172, 255))
MIDDLE: Colour = (255, 199, 77)
# The customary colours of note lengths: red on the beat, blue half-way, and so on.
SNAPS: dict[int, Colour] = {
    1: (255, 92, 92),
    2: (90, 150, 255),
    3: (190, 110, 255),
    4: (255, 214, 74),
    6: (255, 130, 210),
    8: (255, 150, 60),
    12: (90, 220, 220),
    16: (110, 220, 110),
}
NO_SNAP: Colour = (170, 170, 178)

FRAMES: dict[str, Colour] = {"error": (255, 86, 86), "warning": (255, 176, 58)}

_SNAP_MS = 2.0
_LABEL_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 36000)


@dataclass(frozen=True, slots=True)
class ChartFrame:
    """A place that is framed.

    Args:
        start_ms: where it begins.
        end_ms: where it is over.
        columns: those that it is about.
        kind: `error` or `warning`, for the colour; others are not framed in pictures.
        said: words for it.
    """

    start_ms: float
    end_ms: float
    columns: tuple[int, ...]
    kind: str
    said: str = ""


def render_chart(
    beatmap: Beatmap,
    path: Path | None = None,
    *,
    title: str | None = None,
    pixels_per_second: float = 150.0,
    colour_by: str = "column",
    max_width: int = 4000,
    max_height: int = 2400,
    frames: Sequence[ChartFrame] = (),
) -> PIL.Image.Image:
    """Draw a chart; the same chart gives the same picture.

    Args:
        beatmap: any number of columns; it may be empty.
        path: where to save it as PNG; not saved when None.
        title: the upper line, instead of artist and title.
        pixels_per_second: scale of time; less where the chart would not fit otherwise.
        colour_by: `column`, or `snap` for the place of a note within its beat.
        max_width: width of the picture in pixels at most (560 or more).
        max_height: height of the picture in pixels at most (336 or more).
        frames: places to frame.

    Raises:
        BeatmapError: for columns outside the chart, times that are no numbers, or arguments out of
            range.
    """
    from PIL import Image, ImageDraw

    if colour_by not in ("column", "snap"):
        raise BeatmapError(
            "chart.no_such_colouring", value=colour_by, remedy="remedy.choose_column_or_snap"
        )
    if not 0 < pixels_per_second < math.inf:
        raise BeatmapError("chart.pixels_per_second_must_be_above_0", value=pixels_per_second)
    for note in beatmap.hit_objects:
        if not 0 <= note.column < beatmap.keys:
            raise BeatmapError(
                "common.column_outside_keys", keys=beatmap.keys, file=beatmap.path, value=note
            )
    layout = plan_layout(beatmap, pixels_per_second, max_width, max_height)
    image = Image.new("RGB", layout.size, BACKGROUND)
    draw = ImageDraw.Draw(image)
    _draw_lanes(draw, layout)
    _draw_beats(draw, layout, beatmap)
    _draw_notes(draw, layout, beatmap, colour_by)
    _draw_labels(draw, layout)
    _draw_header(draw, layout, beatmap, title)
    if colour_by == "snap":
        _draw_legend(draw, layout)
    _draw_frames(draw, layout, frames)
    if path is not None:
        with atomic_write(path) as handle:
            image.save(handle, format="PNG", optimize=False, pnginfo=signature())
    return image


def column_colour(column: int, keys: int) -> Colour:
    """Colour of a column, the same for both hands."""
    if keys % 2 and keys > 1 and column == keys // 2:
        return MIDDLE
    return COLUMNS[min(column, keys - 1 - column) % 2]


def snap_colour(time_ms: float, red_lines: tuple[TimingPoint, ...]) -> Colour:
    """Colour of a place within the beat; grey where it lies on none to within 2 ms.

    Args:
        time_ms: when.
        red_lines: sorted by time.
    """
    if not red_lines:
        return NO_SNAP
    index = bisect_right([line.time_ms for line in red_lines], time_ms + _SNAP_MS) - 1
    line = red_lines[max(index, 0)]
    for divisor, colour in SNAPS.items():
        part = line.beat_ms / divisor
        if abs(math.remainder(time_ms - line.time_ms, part)) <= min(_SNAP_MS, part / 4):
            return colour
    return NO_SNAP


def _mix(colour: Colour, other: Colour, share: float) -> Colour:
    a, b, c = (round(x * share + y * (1 - share)) for x, y in zip(colour, other, strict=True))
    return a, b, c


def _draw_lanes(draw: Any, layout: ChartLayout) -> None:
    for strip in range(layout.strips):
        for column in range(layout.keys):
            left = layout.x(strip, column)
            draw.rectangle(
                (left, HEADER, left + layout.lane - 1, layout.foot), fill=LANE[column % 2]
            )
        left, right = layout.x(strip, 0) - 1, layout.x(strip, layout.keys)
        draw.line((left, HEADER, left, layout.foot), fill=EDGE)
        draw.line((right, HEADER, right, layout.foot), fill=EDGE)


def _sorted_reds(beatmap: Beatmap) -> tuple[TimingPoint, ...]:
    return tuple(sorted(beatmap.red_lines, key=lambda line: line.time_ms))


def _draw_beats(draw: Any, layout: ChartLayout, beatmap: Beatmap) -> None:
    """Lines of bars and beats, as far as they lie 4 pixels apart; the first tempo also before."""
    reds = _sorted_reds(beatmap)
    end_ms = layout.start_ms + layout.strips * layout.strip_ms
    for index, red in enumerate(reds):
        begin = red.time_ms if index else layout.start_ms
        until = min(reds[index + 1].time_ms if index + 1 < len(reds) else math.inf, end_ms)
        for colour, length in ((BEAT, red.beat_ms), (BAR, red.beat_ms * red.meter)):
            if length * layout.pixels_per_ms < 4:
                continue
            count = math.ceil((max(begin, layout.start_ms) - red.time_ms) / length)
            while (at := red.time_ms + count * length) < until:
                strip = layout.strip_of(at)
                row = layout.y(strip, at)
                if HEADER <= row <= layout.foot:
                    left, right = layout.x(strip, 0), layout.x(strip, layout.keys) - 1
                    draw.line((left, row, right, row), fill=colour)
                count += 1


def _draw_notes(draw: Any, layout: ChartLayout, beatmap: Beatmap, colour_by: str) -> None:
    reds = _sorted_reds(beatmap)

    def colour_of(note: HitObject) -> Colour:
        if colour_by == "snap":
            return snap_colour(note.start_ms, reds)
        return column_colour(note.column, beatmap.keys)

    for hold in beatmap.long_notes:
        _draw_body(draw, layout, hold, colour_of(hold))
    for note in beatmap.hit_objects:
        strip = layout.strip_of(note.start_ms)
        left, row = layout.x(strip, note.column), layout.y(strip, note.start_ms)
        row = max(row, HEADER)
        draw.rectangle(
            (left + 1, row - NOTE + 1, left + layout.lane - 2, row), fill=colour_of(note)
        )


def _draw_body(draw: Any, layout: ChartLayout, note: LongNote, colour: Colour) -> None:
    """A hold: a paler, narrower body from the head to a bright line at its end."""
    inset = max(2, layout.lane // 5)
    body = _mix(colour, BACKGROUND, 0.55)
    last = layout.strip_of(note.end_ms)
    for strip, top, bottom in layout.pieces(note.start_ms, note.end_ms):
        left = layout.x(strip, note.column)
        right = left + layout.lane - 1
        draw.rectangle((left + inset, top, right - inset, max(top, bottom)), fill=body)
        if strip == last:
            draw.rectangle((left + 1, top, right - 1, min(top + 1, layout.foot)), fill=colour)


def _draw_labels(draw: Any, layout: ChartLayout) -> None:
    """Minutes and seconds in the gutter, at least 48 pixels apart."""
    font = _font(11)
    steps = (s for s in _LABEL_STEPS_S if s * 1000 * layout.pixels_per_ms >= 48)
    step_ms = 1000.0 * next(steps, _LABEL_STEPS_S[-1])
    count = math.ceil(layout.start_ms / step_ms)
    while (at := count * step_ms) < layout.start_ms + layout.strips * layout.strip_ms:
        strip = layout.strip_of(at)
        row, right = layout.y(strip, at), layout.x(strip, 0) - 2
        draw.line((right - 4, row, right, row), fill=FAINT)
        place = (right - 6, max(row, HEADER + 5))
        draw.text(place, clock_text(at), font=font, fill=FAINT, anchor="rm")
        count += 1


def clock_text(time_ms: float) -> str:
    """Minutes and seconds, e.g. `1:05`."""
    seconds = round(abs(time_ms) / 1000)
    return f"{'-' if time_ms < 0 and seconds else ''}{seconds // 60}:{seconds % 60:02d}"


def _draw_header(draw: Any, layout: ChartLayout, beatmap: Beatmap, title: str | None) -> None:
    named = " - ".join(part for part in (beatmap.artist, beatmap.title) if part)
    width = layout.size[0] - 2 * MARGIN
    upper = _fitted(draw, title or named or "untitled", _font(24), width)
    draw.text((MARGIN, 27), upper, font=_font(24), fill=TEXT, anchor="lm")
    lower = _fitted(draw, summary(beatmap), _font(14), width)
    draw.text((MARGIN, 54), lower, font=_font(14), fill=FAINT, anchor="lm")
    if not beatmap.hit_objects:
        middle = (layout.size[0] // 2, HEADER + layout.height // 2)
        draw.text(middle, "no notes", font=_font(24), fill=FAINT, anchor="mm")


def summary(beatmap: Beatmap) -> str:
    """One line about a chart: difficulty, keys, notes, share of long notes, length, tempo."""
    notes, holds = len(beatmap.hit_objects), len(beatmap.long_notes)
    parts = [f"[{beatmap.version}]"] if beatmap.version else []
    if beatmap.creator:
        parts.append(f"by {beatmap.creator}")
    parts.append(f"{beatmap.keys}K")
    parts.append("1 note" if notes == 1 else f"{notes} notes")
    if notes:
        parts += [f"{100 * holds / notes:.0f} % long", clock_text(beatmap.last_ms)]
        span = beatmap.last_ms - min(note.start_ms for note in beatmap.hit_objects)
        if span > 0:
            parts.append(f"{1000 * notes / span:.1f} notes/s")
    tempi = sorted({round(line.bpm) for line in beatmap.red_lines})
    if tempi:
        parts.append(f"{tempi[0]} BPM" if len(tempi) == 1 else f"{tempi[0]}-{tempi[-1]} BPM")
    return "  ·  ".join(parts)


def _draw_legend(draw: Any, layout: ChartLayout) -> None:
    left = layout.size[0] - MARGIN - 46 * (len(SNAPS) + 1)
    for divisor, colour in [*SNAPS.items(), (0, NO_SNAP)]:
        draw.rectangle((left, HEADER - 18, left + 9, HEADER - 13), fill=colour)
        text = f"1/{divisor}" if divisor else "other"
        draw.text((left + 13, HEADER - 15), text, font=_font(11), fill=FAINT, anchor="lm")
        left += 46


def _draw_frames(draw: Any, layout: ChartLayout, frames: Sequence[ChartFrame]) -> None:
    for frame in frames:
        colour = FRAMES.get(frame.kind)
        columns = [c for c in frame.columns if 0 <= c < layout.keys]
        if colour is None or not columns:
            continue
        for strip, top, bottom in layout.pieces(frame.start_ms, frame.end_ms):
            left = layout.x(strip, min(columns)) - 1
            right = layout.x(strip, max(columns)) + layout.lane
            box = (left, max(top - NOTE - 1, HEADER), right, max(bottom + 2, HEADER + 2))
            draw.rectangle(box, outline=colour)


def _fitted(draw: Any, text: str, font: Any, width: int) -> str:
    """The text on one line, cut with an ellipsis where it is too long."""
    text = " ".join(text.split())
    if draw.textlength(text[:width], font=font) <= width and len(text) <= width:
        return text
    fits = range(min(len(text), width))  # a letter is a pixel wide at least
    end = bisect_right(fits, width, key=lambda n: draw.textlength(f"{text[:n]}…", font=font))
    return f"{text[: max(end - 1, 0)]}…"


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
