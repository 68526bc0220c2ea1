"""The `.osu` file format: the only place that knows it, together with the modules beside it.

What a chart says is kept: every field, event, timing point, object, comment and unknown section.
What only looks different is not: blank lines, spaces around values, where exactly in its column a
note lies. Files below version 5 are 24 ms early; their times are read as the game plays them, and
written back as the file has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mug.beatmap.beatmap import MANIA, MODE_NAMES, Beatmap
from mug.beatmap.formats.limits import check_lines, read_text
from mug.beatmap.formats.loss_report import LossReport
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
from mug.beatmap.formats.osu.reader import Reader
from mug.beatmap.formats.osu.text import cut, is_one_line, section_name
from mug.beatmap.formats.reading import Reading
from mug.beatmap.timing_points import ScrollPoint
from mug.errors import BeatmapError, ModeError
from mug.files import atomic_write
from mug.messages.message import Message, message_of

T = TypeVar("T")

DEFAULT_KEYS, MOST_KEYS = 5, 18
# Sections of `key: value` lines, and the separator that the editor writes in each.
_FIELDS = {"General": ": ", "Editor": ": ", "Metadata": ":", "Difficulty": ":"}
_KNOWN = (*_FIELDS, "Events", "TimingPoints", "HitObjects")


def parse(
    text: str, *, path: Path | None = None, losses: LossReport | None = None, strict: bool = False
) -> Beatmap:
    """The chart that a `.osu` file describes.

    Args:
        text: the whole file.
        path: where it came from, for messages and `Beatmap.path`.
        losses: receives the lines left out and read otherwise than written; without it they are
            logged as a warning.
        strict: refuse the file at the first of these.

    Raises:
        BeatmapError: for a chart of another mode (named), for one of which no note is left, and,
            when strict, for the first malformed line with its number and text.
    """
    return parse_numbered(text, path=path, losses=losses, strict=strict)[0]


@dataclass(frozen=True, slots=True)
class LineNumbers:
    """Numbers of the lines that a chart was read from, counted from 1.

    Args:
        hit_objects: of the hit objects, in the order of `Beatmap.hit_objects`.
        timing: of the red and green lines, in the order of `Beatmap.timing`.
    """

    hit_objects: tuple[int, ...]
    timing: tuple[int, ...]


def parse_numbered(
    text: str,
    *,
    path: Path | None = None,
    losses: LossReport | None = None,
    strict: bool = False,
    playable: bool = True,
) -> tuple[Beatmap, LineNumbers]:
    """As `parse`, with the numbers of the lines.

    Without `playable`, a chart of which no note is left is taken: an edit may leave none.
    """
    check_lines(text, path)
    reading = Reading(path, strict)
    reader = Reader(reading)
    sections = cut(text)
    if not sections.body:
        raise reading.error("chart.has_no_sections")
    version = reader.head(sections)
    general = reader.fields(sections, "General")
    _require_mania(reader, general)
    difficulty = reader.fields(sections, "Difficulty")
    keys = _keys(reader, difficulty)
    multiplier = _slider_multiplier(reader, difficulty)
    shift = EARLY_OFFSET_MS if version < EARLY_VERSION else 0
    timing = reader.each(
        sections, "TimingPoints", lambda line, odd: parse_timing(line, shift, odd=odd)
    )
    by_time = SortedTiming(sorted(timing, key=lambda p: (p.time_ms, isinstance(p, ScrollPoint))))
    beatmap = Beatmap(
        keys=keys,
        hit_objects=reader.each(
            sections,
            "HitObjects",
            lambda line, odd: parse_object(line, keys, by_time, multiplier, shift, odd=odd),
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
    if playable:
        reading.check_playable(len(beatmap.hit_objects))
    reading.hand_over(losses)
    lines = reader.numbers
    numbers = (lines.get(name, ()) for name in ("HitObjects", "TimingPoints"))
    return beatmap, LineNumbers(*map(tuple, numbers))


def _require_mania(reader: Reader, general: dict[str, str]) -> None:
    written = general.get("Mode", "0")
    mode = reader.valid(general, "Mode", lambda text: integer(text, "Mode"))
    if mode is None and "Mode" not in general and written != "0":
        raise reader.reading.error(Message("chart.is_not_finite_number", what="Mode"), written)
    if mode != MANIA:
        name = MODE_NAMES.get(mode or 0, f"mode {mode}")
        raise ModeError(
            "chart.of_another_mode",
            mode=name,
            file=reader.reading.path,
            remedy="remedy.choose_chart_with_mode_3",
        )
    if not general["Mode"].isdecimal():
        general["Mode"] = str(MANIA)


def _keys(reader: Reader, difficulty: dict[str, str]) -> int:
    """Number of columns; a chart that does not say has the game's default."""
    reading = reader.reading
    value = reader.valid(difficulty, "CircleSize", lambda text: number(text, "CircleSize"))
    if value is None:
        reading.otherwise(Message("chart.circle_size_is_missing", keys=DEFAULT_KEYS))
        return DEFAULT_KEYS
    keys = min(max(round(value), 1), MOST_KEYS)
    if keys != round(value):
        text = Message("chart.circle_size_out_of_range", keys=keys)
        reading.otherwise(text, difficulty["CircleSize"])
        difficulty["CircleSize"] = str(keys)
    return keys


def _slider_multiplier(reader: Reader, difficulty: dict[str, str]) -> float:
    found = reader.valid(
        difficulty, "SliderMultiplier", lambda text: number(text, "SliderMultiplier")
    )
    value = 1.4 if found is None else float(found)
    return min(max(value, 0.4), 3.6)  # the game's own bounds


def read(path: Path, *, losses: LossReport | None = None, strict: bool = False) -> Beatmap:
    """The chart in a file, in whichever encoding; see `parse`.

    Raises:
        BeatmapError: also for a file that cannot be read, or is larger than any chart.
    """
    return parse(read_text(path), path=path, losses=losses, strict=strict)


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
    for name, values in zip(_FIELDS, fields, strict=True):
        lines = [_field_text(beatmap, name, key, value) for key, value in values.items()]
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
    if general["Mode"].strip() != str(MANIA):
        raise _unwritable(beatmap, "chart.mode_must_be_mania", general["Mode"])
    if not _says(difficulty["CircleSize"], beatmap.keys):
        raise _unwritable(
            beatmap,
            Message("chart.circle_size_contradicts_columns", keys=beatmap.keys),
            difficulty["CircleSize"],
        )
    return (
        {**beatmap.general, "Mode": general["Mode"]},
        {**beatmap.difficulty, "CircleSize": difficulty["CircleSize"]},
    )


def _says(circle_size: str, keys: int) -> bool:
    try:
        return round(number(circle_size, "CircleSize")) == keys
    except LineError:
        return False


def _field_text(beatmap: Beatmap, section: str, key: str, value: str) -> str:
    text = f"{key}{_FIELDS[section]}{value}".rstrip()
    plain = key.strip() and ":" not in key and not key.lstrip().startswith("//")
    plain = plain and (section == "Metadata" or "//" not in text)  # the game cuts lines there
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
