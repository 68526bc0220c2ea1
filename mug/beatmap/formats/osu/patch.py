"""Other hit objects in a `.osu` file, and every other byte as it was.

`osu.write` says what a chart says, in the editor's form. Here the file itself is kept: its
encoding, line ends, blank lines, comments, and the lines of the objects that stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.encodings import decode, is_wide
from mug.beatmap.formats.limits import read_bounded
from mug.beatmap.formats.numbers import LineError
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu.lines import EARLY_OFFSET_MS, EARLY_VERSION, object_text
from mug.beatmap.formats.osu.text import cut
from mug.beatmap.hit_objects import HitObject
from mug.errors import BeatmapError
from mug.messages.message import Message, message_of

_SECTION = "HitObjects"
_BREAK = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True)
class ChartFile:
    """A chart and the very bytes that it was read from.

    Args:
        data: the file.
        beatmap: what it says.
        lines: index of each hit object's line within the file, counted from 0, in the order of
            `beatmap.hit_objects`.
    """

    data: bytes
    beatmap: Beatmap
    lines: tuple[int, ...]


def read(path: Path, *, strict: bool = False) -> ChartFile:
    """Read a chart that is going to be edited; `strict` refuses what cannot be read.

    Raises:
        BeatmapError: see `osu.read`, and `of`.
    """
    return of(read_bounded(path), path, strict=strict)


def of(
    data: bytes, path: Path | None = None, *, strict: bool = False, playable: bool = True
) -> ChartFile:
    """A chart from the bytes of its file; a line that means nothing stays where it is.

    Args:
        data: of the file.
        path: where it came from.
        strict: refuse what cannot be read.
        playable: refuse a chart of which no note is left.

    Raises:
        BeatmapError: for what is no chart, and for UTF-16, whose lines are not those of its bytes.
    """
    if is_wide(data):
        raise BeatmapError(
            "chart.utf16_cannot_be_edited_in_place",
            file=path,
            remedy="remedy.save_as_utf8",
        )
    beatmap, numbers = osu.parse_numbered(
        decode(data, None if path is None else path.parent),
        path=path,
        strict=strict,
        playable=playable,
    )
    return ChartFile(data, beatmap, tuple(line - 1 for line in numbers.hit_objects))


def replace_objects(
    chart: ChartFile, removed: Sequence[int], added: Sequence[HitObject]
) -> ChartFile:
    """The file with some objects taken out and others put in.

    A new object stands before the first remaining one that is later (or as late, in a higher
    column), so that a file in order of time stays in order.

    Args:
        chart: the file.
        removed: indices into `chart.beatmap.hit_objects`.
        added: objects to put in.

    Raises:
        BeatmapError: for an object that cannot be written, or a file without a place for objects.
    """
    pieces = _pieces(chart.data)
    gone = set(removed)
    outside = [index for index in gone if not 0 <= index < len(chart.lines)]
    if outside:
        raise BeatmapError("chart.no_such_hit_object", file=chart.beatmap.path, value=min(outside))
    stay = [
        (_order(note), line)
        for index, (note, line) in enumerate(
            zip(chart.beatmap.hit_objects, chart.lines, strict=True)
        )
        if index not in gone
    ]
    end = _end_of_section(chart, pieces)
    new_lines: dict[int, list[bytes]] = {}
    later = 0
    for note in sorted(added, key=_order):
        while later < len(stay) and stay[later][0] <= _order(note):
            later += 1
        place = stay[later][1] if later < len(stay) else end
        new_lines.setdefault(place, []).append(_line(note, chart.beatmap))
    cut_out = {chart.lines[index] for index in gone}
    data = _assembled(pieces, cut_out, new_lines)
    return of(data, chart.beatmap.path, playable=False)


def with_field(chart: ChartFile, section: str, key: str, value: str) -> ChartFile:
    """The file with another value in one `key: value` line; the line is added where it lacks.

    Raises:
        BeatmapError: when the file has no such section, or the value is no single line of ASCII.
    """
    if not value.isascii() or not value.isprintable():
        raise BeatmapError("chart.value_is_one_line_of_ascii", file=chart.beatmap.path, value=value)
    pieces = _pieces(chart.data)
    sections = cut(decode(chart.data)).body
    if section not in sections:
        raise BeatmapError("chart.file_has_no_such_section", file=chart.beatmap.path, value=section)
    new = f"{key}:{value}".encode("ascii")
    found = [
        line.number - 1 for line in sections[section] if line.text.partition(":")[0].strip() == key
    ]
    if found:
        pieces[found[-1]] = (new, pieces[found[-1]][1])
        data = b"".join(line + ending for line, ending in pieces)
    else:
        heads = [
            i for i, (line, _) in enumerate(pieces) if line.rstrip() == f"[{section}]".encode()
        ]
        data = _assembled(pieces, set(), {heads[-1] + 1: [new]})
    return of(data, chart.beatmap.path)


def lines_beside(chart: ChartFile, indices: Sequence[int]) -> list[bytes]:
    """Every line of the file but those of some hit objects, with the line breaks between them."""
    left_out = {chart.lines[index] for index in indices}
    kept = [pair for i, pair in enumerate(_pieces(chart.data)) if i not in left_out]
    *front, (last, _) = kept or [(b"", b"")]
    return [*(line + ending for line, ending in front), last]


def _order(note: HitObject) -> tuple[float, int]:
    return note.start_ms, note.column


def _line(note: HitObject, beatmap: Beatmap) -> bytes:
    shift = EARLY_OFFSET_MS if beatmap.file_format < EARLY_VERSION else 0
    try:
        return object_text(note, beatmap.keys, shift).encode("ascii")
    except (LineError, UnicodeEncodeError) as error:
        raise BeatmapError(
            "chart.object_cannot_be_written",
            file=beatmap.path,
            value=note,
            remedy=message_of(error),
        ) from error


def _pieces(data: bytes) -> list[tuple[bytes, bytes]]:
    """Lines and their breaks; the last break is empty."""
    pieces, first = [], 0
    for found in _BREAK.finditer(data):
        pieces.append((data[first : found.start()], found[0]))
        first = found.end()
    return [*pieces, (data[first:], b"")]


def _end_of_section(chart: ChartFile, pieces: list[tuple[bytes, bytes]]) -> int:
    """Index of the line that later objects stand before: behind the last object."""
    if chart.lines:
        return chart.lines[-1] + 1
    headers = [
        index for index, (line, _) in enumerate(pieces) if line.rstrip() == f"[{_SECTION}]".encode()
    ]
    if not headers:
        raise BeatmapError(
            "chart.no_section_for_hit_objects",
            file=chart.beatmap.path,
            remedy=Message("remedy.add_line_at_end", section=_SECTION),
        )
    return headers[-1] + 1


def _assembled(
    pieces: list[tuple[bytes, bytes]], cut_out: set[int], new_lines: dict[int, list[bytes]]
) -> bytes:
    line_break = next((ending for _, ending in pieces if ending), b"\r\n")
    out = bytearray()
    for index, (line, ending) in enumerate([*pieces, (b"", b"")]):
        for text in new_lines.get(index, ()):
            if out and not out.endswith((b"\r", b"\n")):
                out += line_break
            out += text + line_break
        if index not in cut_out:
            out += line + ending
    return bytes(out)
