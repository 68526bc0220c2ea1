"""The part of YAML that Quaver's files use: maps, lists and plain values, nothing else.

Built on the parser's events instead of its objects: no tags, anchors or aliases (a few hundred
bytes of aliases can stand for gigabytes), bounded depth and size, and every value stays the text
that was written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mug.beatmap.formats.limits import check_lines, shorten
from mug.errors import BeatmapError
from mug.messages.message import Message

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
MAX_DEPTH = 12
MAX_EVENTS = 4_000_000

Tree = str | list[Any] | dict[str, Any]


def load(text: str, *, path: Path | None = None) -> dict[str, Any]:
    """The map that a file consists of; all values as text.

    Raises:
        BeatmapError: names the line of what is no such file.
    """
    check_lines(text, path)
    try:
        root = _tree(yaml.parse(text, Loader=_LOADER), path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise BeatmapError(
            "chart.not_yaml",
            file=path,
            line=mark.line + 1 if mark else None,
            value=shorten(error.problem),
        ) from error
    except (yaml.YAMLError, ValueError) as error:  # characters that YAML forbids, huge numbers
        raise BeatmapError("chart.not_yaml", file=path, value=shorten(error)) from error
    except RecursionError as error:
        raise BeatmapError("chart.nested_too_deep", file=path) from error
    if len(root) != 1 or not isinstance(root[0], dict):
        raise BeatmapError("chart.qua_file_is_one_map", file=path)
    return root[0]


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
    return {} if isinstance(event, yaml.MappingStartEvent) else None


@dataclass(slots=True)
class _Open:
    """A list or map that is not over yet; in a map, keys and values alternate."""

    inner: list[Any] | dict[str, Any]
    key: str | None = None

    def put(self, value: Tree) -> str | None:
        """Add a key or value; say what is wrong with it."""
        if isinstance(self.inner, list):
            self.inner.append(value)
        elif self.key is not None:
            self.inner[self.key], self.key = value, None
        elif not isinstance(value, str):
            return "chart.key_must_be_plain_text"
        elif value in self.inner:
            return "chart.key_is_written_twice"
        else:
            self.key = value
        return None


def _tree(events: Iterable[Any], path: Path | None) -> list[Any]:
    """The documents that the events describe, built with a stack instead of recursion."""
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
        wrong = stack[-1].put(value)
        if wrong:
            raise _refused(wrong, event, path, value)
        if not isinstance(value, str):
            stack.append(_Open(value))
            if len(stack) > MAX_DEPTH:
                raise _refused(Message("chart.nested_deeper_than", most=MAX_DEPTH), event, path)
    return root
