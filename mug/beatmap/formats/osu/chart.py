"""The `.osu` file format: the only place that knows it, together with `osu_text` and `osu_lines`.

What a chart says is kept: every field, event, timing point, object, comment and unknown section.
What only looks different is not: blank lines, spaces around values, where exactly in its column a
note lies. Files below version 5 are 24 ms early; their times are read as the game plays them, and
written back as the file has them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mug.beatmap.beatmap import MANIA, MODE_NAMES, Beatmap
from mug.beatmap.formats.limits import check_lines, read_text, shorten
from mug.beatmap.formats.numbers import LineError, number
from mug.beatmap.formats.osu.lines import (
    EARLY_OFFSET_MS,
    EARLY_VERSION,
    SortedTiming,
    integer,
    object_text,
    parse_object,
    parse_timing,
    timing_text,
)
from mug.beatmap.formats.osu.text import HEADER, Line, Sections, cut, is_one_line, section_name
from mug.beatmap.timing_points import ScrollPoint
from mug.errors import BeatmapError, ModeError
from mug.messages.message import Message, message_of
from mug.util import atomic_write

log = logging.getLogger(__name__)
T = TypeVar("T")

LATEST_FORMAT = 14
_SHOWN = 400  # characters of a bad line in a message
_COMMENT = re.compile(r"(?:^|\s)(//.*)", re.DOTALL)
# Sections of `key: value` lines, and the separator that the editor writes in each.
_FIELDS = {"General": ": ", "Editor": ": ", "Metadata": ":", "Difficulty": ":"}
_KNOWN = (*_FIELDS, "Events", "TimingPoints", "HitObjects")


@dataclass(frozen=True, slots=True)
class SkippedLine:
    """A line that the lenient reader left out.

    Args:
        line: its number, counted from 1.
        text: as written.
        reason: what is wrong with it.
    """

    line: int
    text: str
    reason: Message


@dataclass
class _Reader:
    """State of a reader: its handling of lines without meaning, and the lines with comments."""

    path: Path | None
    strict: bool
    skipped: list[SkippedLine]
    comments: dict[str, list[str]] = field(default_factory=dict)

    def bad(self, line: Line, reason: Message) -> None:
        """Raises, or writes down the line and goes on."""
        if self.strict:
            raise BeatmapError(
                reason,
                file=self.path,
                line=line.number,
                value=shorten(line.text, _SHOWN),
                remedy="remedy.fix_line_or_read_leniently",
            )
        self.skipped.append(SkippedLine(line.number, line.text, reason))

    def error(self, what: str, value: object = None, remedy: str | None = None) -> BeatmapError:
        """An error about the file as a whole."""
        shown = None if value is None else shorten(value, _SHOWN)
        return BeatmapError(what, file=self.path, value=shown, remedy=remedy)

    def comment(self, section: str, text: str) -> None:
        """Keep a comment, in the section where it stands."""
        self.comments.setdefault(section, []).append(text)

    def each(self, sections: Sections, name: str, parse_line: Callable[[str], T]) -> tuple[T, ...]:
        """The lines of a section read one by one."""
        found = []
        for line in sections.body.get(name, ()):
            text, slashes, rest = _split_comment(line.text)
            if slashes:
                self.comment(name, rest)
            if not text:
                continue
            try:
                found.append(parse_line(text))
            except LineError as error:
                self.bad(line, message_of(error))
        return tuple(found)

    def fields(self, sections: Sections, name: str) -> dict[str, str]:
        """The `key: value` lines of a section; of a key written twice, the last counts."""
        found: dict[str, tuple[str, Line]] = {}
        for line in sections.body.get(name, ()):
            text = line.text.strip()
            if text.startswith("//"):
                self.comment(name, text)
                continue
            key, colon, value = (part.strip() for part in text.partition(":"))
            if not colon or not key:
                self.bad(line, Message("chart.expected_key_value"))
                continue
            if key in found and found[key][0] != value:
                self.bad(found[key][1], Message("chart.key_has_two_values"))
            found[key] = (value, line)
        return {key: value for key, (value, _) in found.items()}

    def header(self, sections: Sections) -> int:
        """Version of the file format; the latest where the file does not say."""
        version = None
        for line in sections.head:
            text = line.text.strip()
            found = HEADER.search(text) if version is None else None
            if found:
                version = int(found[1])
            if found is None and text.startswith("//"):
                self.comment("", text)
            elif found is None or found.start() > 0:
                self.bad(line, Message("chart.expected_osu_file_format_v14"))
        return LATEST_FORMAT if version is None else version


def _split_comment(text: str) -> tuple[str, str, str]:
    """Text before a `//` that begins the line or follows a blank; `//`; the comment."""
    found = _COMMENT.search(text) if "//" in text else None
    if found is None:
        return text.strip(), "", ""
    return text[: found.start()].strip(), "//", found[1].strip()


def parse(
    text: str,
    *,
    path: Path | None = None,
    strict: bool = True,
    skipped: list[SkippedLine] | None = None,
) -> Beatmap:
    """The chart that a `.osu` file describes.

    Args:
        text: the whole file.
        path: where it came from, for messages and `Beatmap.path`.
        strict: raise at a line that means nothing; else leave it out and write it down.
        skipped: receives the lines left out; without it they are logged as a warning.

    Raises:
        BeatmapError: for a chart of another mode (named), a number of columns outside 1 ... 18,
            and, when strict, the first malformed line with its number and text.
    """
    check_lines(text, path)
    reader = _Reader(path, strict, [])
    sections = cut(text)
    if not sections.body:
        raise reader.error("chart.has_no_sections")
    version = reader.header(sections)
    general = reader.fields(sections, "General")
    _require_mania(reader, general)
    difficulty = reader.fields(sections, "Difficulty")
    keys = _keys(reader, difficulty)
    multiplier = _slider_multiplier(reader, difficulty)
    shift = EARLY_OFFSET_MS if version < EARLY_VERSION else 0
    timing = reader.each(sections, "TimingPoints", lambda line: parse_timing(line, shift))
    by_time = SortedTiming(sorted(timing, key=lambda p: (p.time_ms, isinstance(p, ScrollPoint))))
    beatmap = Beatmap(
        keys=keys,
        hit_objects=reader.each(
            sections,
            "HitObjects",
            lambda line: parse_object(line, keys, by_time, multiplier, shift),
        ),
        timing=timing,
        general=general,
        editor=reader.fields(sections, "Editor"),
        metadata=reader.fields(sections, "Metadata"),
        difficulty=difficulty,
        events=tuple(line.text for line in sections.body.get("Events", ())),
        other={
            name: tuple(line.text for line in lines)
            for name, lines in sections.body.items()
            if name not in _KNOWN
        },
        comments={name: tuple(lines) for name, lines in reader.comments.items()},
        file_format=version,
        path=path,
    )
    _hand_over(reader, skipped)
    return beatmap


def _hand_over(reader: _Reader, skipped: list[SkippedLine] | None) -> None:
    reader.skipped.sort(key=lambda entry: entry.line)
    if skipped is not None:
        skipped.extend(reader.skipped)
        return
    for entry in reader.skipped:
        log.warning("%s:%d left out: %s: %r", reader.path, entry.line, entry.reason, entry.text)


def _require_mania(reader: _Reader, general: Mapping[str, str]) -> None:
    text = general.get("Mode", "0")
    try:
        mode = integer(text, "Mode")
    except LineError as error:
        raise reader.error(message_of(error), value=text) from error
    if mode != MANIA:
        name = MODE_NAMES.get(mode, f"mode {mode}")
        raise ModeError(
            "chart.of_another_mode",
            mode=name,
            file=reader.path,
            remedy="remedy.choose_chart_with_mode_3",
        )


def _keys(reader: _Reader, difficulty: Mapping[str, str]) -> int:
    text = difficulty.get("CircleSize")
    if text is None:
        raise reader.error("chart.circle_size_is_missing")
    try:
        keys = round(number(text, "CircleSize"))
    except LineError as error:
        raise reader.error(message_of(error), value=text) from error
    if not 1 <= keys <= 18:
        raise reader.error("chart.circle_size_out_of_range", value=text)
    return keys


def _slider_multiplier(reader: _Reader, difficulty: Mapping[str, str]) -> float:
    text = difficulty.get("SliderMultiplier", "1.4")
    try:
        value = float(number(text, "SliderMultiplier"))
    except LineError as error:
        raise reader.error(message_of(error), value=text) from error
    return min(max(value, 0.4), 3.6)  # the game's own bounds


def read(path: Path, *, strict: bool = True, skipped: list[SkippedLine] | None = None) -> Beatmap:
    """The chart in a file, in whichever encoding; see `parse`.

    Raises:
        BeatmapError: also for a file that cannot be read, or is larger than any chart.
    """
    return parse(read_text(path), path=path, strict=strict, skipped=skipped)


def format(beatmap: Beatmap) -> str:
    """The text of a `.osu` file, ending in a line break.

    `Mode` and `CircleSize` are added where the beatmap lacks them. Spaces around a field are no
    part of it.

    Raises:
        BeatmapError: for what the format cannot hold: a line break within a field, a column
            outside the chart, a hold of negative length, a time that is no number, a `CircleSize`
            that contradicts `keys`.
    """
    shift = EARLY_OFFSET_MS if beatmap.file_format < EARLY_VERSION else 0
    general, difficulty = _completed(beatmap)
    fields = (general, beatmap.editor, beatmap.metadata, difficulty)
    comments = dict(beatmap.comments)
    blocks = [[f"osu file format v{beatmap.file_format}", *comments.pop("", ())]]
    for (name, separator), values in zip(_FIELDS.items(), fields, strict=True):
        lines = [_field_text(beatmap, key, separator, value) for key, value in values.items()]
        blocks.append([f"[{name}]", *comments.pop(name, ()), *lines])
    blocks.append(["[Events]", *_verbatim(beatmap, beatmap.events)])
    points = _each(beatmap, beatmap.timing, lambda point: timing_text(point, shift))
    blocks.append(["[TimingPoints]", *comments.pop("TimingPoints", ()), *points])
    for name, lines_as_written in beatmap.other.items():
        if name in _KNOWN or section_name(f"[{name}]") != name or "\n" in name or "\r" in name:
            raise _unwritable(beatmap, "chart.cannot_be_name_of_further_section", name)
        blocks.append([f"[{name}]", *_verbatim(beatmap, lines_as_written)])
    objects = _each(
        beatmap, beatmap.hit_objects, lambda note: object_text(note, beatmap.keys, shift)
    )
    blocks.append(["[HitObjects]", *comments.pop("HitObjects", ()), *objects])
    if comments:
        raise _unwritable(beatmap, "chart.comments_in_section_without_comments", sorted(comments))
    for comment in (text for lines in beatmap.comments.values() for text in lines):
        if not comment.startswith("//") or not is_one_line(comment):
            raise _unwritable(beatmap, "chart.comment_is_one_line", comment)
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _unwritable(beatmap: Beatmap, what: str, value: object) -> BeatmapError:
    return BeatmapError(what, file=beatmap.path, value=value)


def _completed(beatmap: Beatmap) -> tuple[dict[str, str], dict[str, str]]:
    """[General] and [Difficulty] with the two fields that make it a mania chart."""
    if not 1 <= beatmap.keys <= 18:
        raise _unwritable(beatmap, "common.chart_has_1_to_18_columns", beatmap.keys)
    general = {"Mode": str(MANIA), **beatmap.general}
    difficulty = {"CircleSize": str(beatmap.keys), **beatmap.difficulty}
    reader = _Reader(beatmap.path, strict=True, skipped=[])
    _require_mania(reader, general)
    if _keys(reader, difficulty) != beatmap.keys:
        raise _unwritable(
            beatmap,
            Message("chart.circle_size_contradicts_columns", keys=beatmap.keys),
            difficulty["CircleSize"],
        )
    return (
        {**beatmap.general, "Mode": general["Mode"]},
        {**beatmap.difficulty, "CircleSize": difficulty["CircleSize"]},
    )


def _field_text(beatmap: Beatmap, key: str, separator: str, value: str) -> str:
    text = f"{key}{separator}{value}".rstrip()
    plain = key.strip() and ":" not in key and not key.lstrip().startswith("//")
    if not plain or not is_one_line(text):
        raise _unwritable(beatmap, "chart.not_a_key_value_line", text)
    return text


def _verbatim(beatmap: Beatmap, lines: tuple[str, ...]) -> tuple[str, ...]:
    for line in lines:
        if not is_one_line(line):
            raise _unwritable(beatmap, "chart.cannot_be_line_of_section", line)
    return lines


def _each(beatmap: Beatmap, values: tuple[T, ...], text_of: Callable[[T], str]) -> list[str]:
    lines = []
    for value in values:
        try:
            lines.append(text_of(value))
        except LineError as error:
            raise _unwritable(beatmap, message_of(error), value) from error
    return lines


def encode(beatmap: Beatmap) -> bytes:
    """The bytes of a `.osu` file: UTF-8 with Windows line ends, as the game writes.

    Raises:
        BeatmapError: see `format`; also for text that is no Unicode.
    """
    try:
        return format(beatmap).replace("\n", "\r\n").encode("utf-8")
    except UnicodeEncodeError as error:
        raise _unwritable(beatmap, "chart.field_is_not_unicode_text", error.object) from error


def write(beatmap: Beatmap, path: Path) -> None:
    """Write a chart; whole or not at all. See `encode`."""
    data = encode(beatmap)
    with atomic_write(path) as handle:
        handle.write(data)
