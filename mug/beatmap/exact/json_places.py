"""Places of values in JSON: maps and lists as they stand in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mug.errors import BeatmapError

Span = tuple[int, int]
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)
_MOST_DEPTH = 100


@dataclass
class JsonMap:
    """A map.

    Args:
        span: of it, with its brackets.
        keys: spans of its keys, of a key written twice the last one.
        values: the values by key.
    """

    span: Span = (0, 0)
    keys: dict[str, Span] = field(default_factory=dict)
    values: dict[str, JsonPlace] = field(default_factory=dict)


@dataclass
class JsonList:
    """A list.

    Args:
        span: of it, with its brackets.
        items: what is in it.
    """

    span: Span = (0, 0)
    items: list[JsonPlace] = field(default_factory=list)


JsonPlace = JsonMap | JsonList | Span


def span_of(place: JsonPlace) -> Span:
    """Return where a value begins and ends."""
    return place if isinstance(place, tuple) else place.span


@dataclass
class _Open:
    inner: JsonMap | JsonList
    key: Span | None = None
    named: bool = False


def json_places(text: str) -> JsonPlace:
    """Find the places of all values in a text that is JSON.

    Raises:
        BeatmapError: for text that is not.
    """
    stack: list[_Open] = []
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token == ":":
            if stack:
                stack[-1].named = True
            continue
        if token == ",":
            continue
        place: JsonPlace
        if token in "{[":
            inner = JsonMap() if token == "{" else JsonList()
            inner.span = found.span()
            stack.append(_Open(inner))
            if len(stack) > _MOST_DEPTH:
                break
            continue
        if token in "}]":
            if not stack:
                break
            place = stack.pop().inner
            place.span = (place.span[0], found.end())
        else:
            place = found.span()
        if not stack:
            return place
        _put(text, stack[-1], place)
    raise BeatmapError("chart.not_json")


def _put(text: str, around: _Open, place: JsonPlace) -> None:
    """Add a key or a value to a map or a list."""
    if isinstance(around.inner, JsonList):
        around.inner.items.append(place)
    elif around.key is None or not around.named:
        around.key, around.named = span_of(place), False
    else:
        name = text[around.key[0] + 1 : around.key[1] - 1]
        around.inner.keys[name] = around.key
        around.inner.values[name] = place
        around.key, around.named = None, False
