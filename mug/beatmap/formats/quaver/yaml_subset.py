"""The part of YAML that Quaver's files use: maps, lists and plain values, nothing else.

Built on the parser's events instead of its objects: no tags, anchors or aliases (a few hundred
bytes of aliases can stand for gigabytes), bounded depth and size, and every value stays the text
that was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mug.beatmap.formats.limits import check_lines, shorten
from mug.beatmap.formats.reading import Reading
from mug.errors import BeatmapError
from mug.messages.message import Message

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
MAX_DEPTH = 12
MAX_EVENTS = 4_000_000
_MOST_BROKEN = 20  # lines that are left out before the file counts as no YAML
_LARGE = 1 << 21  # characters; larger texts are not read so often
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_BEGUN_BEFORE = ("while parsing a flow", "while scanning a quoted", "while scanning a simple key")

T = TypeVar("T")
Tree = str | list[Any] | dict[str, Any]


class Map(dict[str, Any]):
    """A map that knows the line where it begins, counted from 1."""

    line: int = 1


def load(text: str, *, path: Path | None = None, reading: Reading | None = None) -> dict[str, Any]:
    """The map that a file consists of; all values as text.

    A line that spoils the file is left out, as are control characters; of a key that is written
    twice the last value counts.

    Args:
        text: the whole file.
        path: of the file, for messages.
        reading: the policy; strict without one.

    Raises:
        BeatmapError: names the line of what is no such file.
    """
    reading = reading or Reading(path, strict=True)
    check_lines(text, path)
    if _CONTROL.search(text):
        reading.otherwise("chart.control_characters_are_no_text")
        text = _CONTROL.sub("\ufffd", text)
    root = documents(text, reading, lambda events: _tree(events, reading))
    if len(root) != 1 or not isinstance(root[0], dict):
        raise BeatmapError("chart.qua_file_is_one_map", file=path)
    return root[0]


def documents(text: str, reading: Reading, build: Callable[[Iterable[Any]], T]) -> T:
    """Build something from the events of a text, without the lines that are no YAML.

    Args:
        text: the whole file.
        reading: the policy.
        build: takes the parser's events; it is called again where a line had to be left out.

    Raises:
        BeatmapError: names the line of what is no YAML.
    """
    path, lines = reading.path, text.split("\n")
    for tries_left in range(_MOST_BROKEN if len(text) < _LARGE else 1, -1, -1):
        try:
            return build(yaml.parse("\n".join(lines), Loader=_LOADER))
        except yaml.MarkedYAMLError as error:
            at = _broken_line(error)
            if at is None or not tries_left or at >= len(lines) or not lines[at].strip():
                raise BeatmapError(
                    "chart.not_yaml",
                    file=path,
                    line=None if at is None else at + 1,
                    value=shorten(error.problem),
                ) from error
            reading.left_out("chart.not_yaml", lines[at], line=at + 1, note=True)
            lines[at] = " " * len(lines[at])  # what follows keeps its place
        except (yaml.YAMLError, ValueError) as error:  # huge numbers, say
            raise BeatmapError("chart.not_yaml", file=path, value=shorten(error)) from error
        except RecursionError as error:
            raise BeatmapError("chart.nested_too_deep", file=path) from error
    raise BeatmapError("chart.not_yaml", file=path)


def _broken_line(error: yaml.MarkedYAMLError) -> int | None:
    """Index of the line to blame: where a bracket or a quote was opened, else where it failed."""
    begun = (error.context or "").startswith(_BEGUN_BEFORE)
    mark = error.context_mark if begun and error.context_mark else error.problem_mark
    return None if mark is None else int(mark.line)


def _refused(what: str, event: Any, path: Path | None, value: object = None) -> BeatmapError:
    line = event.start_mark.line + 1 if event.start_mark else None
    return BeatmapError(what, file=path, line=line, value=None if value is None else shorten(value))


def _value_of(event: Any, path: Path | None) -> Tree | None:
    """The value that begins here; None where none does."""
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise _refused("chart.anchors_and_aliases_have_no_place", event, path)
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    if not isinstance(event, yaml.MappingStartEvent):
        return None
    made = Map()
    made.line = event.start_mark.line + 1 if event.start_mark else 1
    return made


@dataclass(slots=True)
class _Open:
    """A list or map that is not over yet; in a map, keys and values alternate."""

    inner: list[Any] | dict[str, Any]
    key: str | None = None

    def put(self, value: Tree) -> bool:
        """Add a key or value; say whether it can be one."""
        if isinstance(self.inner, list):
            self.inner.append(value)
        elif self.key is not None:
            self.inner[self.key], self.key = value, None
        elif not isinstance(value, str):
            return False
        else:
            self.key = value
        return True

    def has(self, value: Tree) -> bool:
        """Return whether this would be a key of a map for the second time."""
        return self.key is None and isinstance(self.inner, dict) and value in self.inner


def _tree(events: Iterable[Any], reading: Reading) -> list[Any]:
    """The documents that the events describe, built with a stack instead of recursion."""
    path = reading.path
    root: list[Any] = []
    stack = [_Open(root)]
    for count, event in enumerate(events):
        if count > MAX_EVENTS:
            raise _refused(Message("chart.too_many_values", most=MAX_EVENTS), event, path)
        if isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
            continue
        value = _value_of(event, path)
        if value is None:
            continue
        if isinstance(value, str) and stack[-1].has(value):
            line = event.start_mark.line + 1 if event.start_mark else None
            reading.otherwise("chart.key_is_written_twice", value, line=line)
        if not stack[-1].put(value):
            raise _refused("chart.key_must_be_plain_text", event, path, value)
        if not isinstance(value, str):
            stack.append(_Open(value))
            if len(stack) > MAX_DEPTH:
                raise _refused(Message("chart.nested_deeper_than", most=MAX_DEPTH), event, path)
    return root
