"""Places of lists, items and values in a `.qua` file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

Span = tuple[int, int]


@dataclass
class YamlItem:
    """A map in a list of the file.

    Args:
        start: of its first key, or of its bracket.
        end: behind its last value, or its bracket.
        flow: it is written in brackets.
        values: spans of its plain values by key; of a key written twice the last one.
        first_key: where its first key begins.
    """

    start: int
    end: int
    flow: bool
    values: dict[str, Span] = field(default_factory=dict)
    first_key: int = -1


@dataclass
class YamlList:
    """A list of maps in the head of the file.

    Args:
        span: of the list, or of the empty value in its place.
        flow: it is written in brackets.
        items: None for what is no map.
    """

    span: Span
    flow: bool = False
    items: list[YamlItem | None] = field(default_factory=list)


@dataclass
class Places:
    """Places of everything in a file that an edit may change.

    Args:
        lists: of the head.
        values: plain values of the head.
        others: spans of maps of the head.
        begin: of the first key.
    """

    lists: dict[str, YamlList] = field(default_factory=dict)
    values: dict[str, Span] = field(default_factory=dict)
    others: list[Span] = field(default_factory=list)
    begin: int = 0


def places_of(events: Iterable[Any]) -> Places:
    """Find the places of lists and plain values from the events of a YAML parser."""
    found = Places()
    walker = _Walker(iter(events))
    for key_event, event in walker.pairs():
        key, span = key_event.value, (event.start_mark.index, event.end_mark.index)
        if not (found.lists or found.values or found.others):
            found.begin = key_event.start_mark.index
        if isinstance(event, yaml.SequenceStartEvent):
            found.lists[key] = walker.items(span[0], event.flow_style)
        elif isinstance(event, yaml.ScalarEvent):
            found.values[key] = span
            found.lists.pop(key, None)
        else:
            found.others.append((span[0], walker.skip(event)))
    return found


@dataclass
class _Walker:
    """Goes through the events of a file."""

    events: Iterator[Any]

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Keys of the map that the file is, each with the event of its value."""
        for event in self.events:
            if isinstance(event, yaml.MappingStartEvent):
                yield from self._inner_pairs()

    def _inner_pairs(self) -> Iterator[tuple[Any, Any]]:
        for key in self.events:
            if isinstance(key, yaml.MappingEndEvent):
                return
            if isinstance(key, yaml.ScalarEvent):
                yield key, next(self.events)

    def skip(self, event: Any) -> int:
        """Pass over a value; return where it ends."""
        depth = int(isinstance(event, yaml.CollectionStartEvent))
        end: int = event.end_mark.index
        while depth:
            event = next(self.events)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            bracket = event.end_mark.index > event.start_mark.index
            if isinstance(event, yaml.ScalarEvent) or bracket:
                end = event.end_mark.index
        return end

    def items(self, start: int, flow: bool) -> YamlList:
        """Read a list."""
        found = YamlList((start, start), flow)
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                last = found.items[-1].end if found.items and found.items[-1] else start
                found.span = (start, event.end_mark.index if flow else last)
                return found
            if isinstance(event, yaml.MappingStartEvent):
                found.items.append(self._item(event))
            else:
                self.skip(event)
                found.items.append(None)
        return found

    def _item(self, event: Any) -> YamlItem:
        item = YamlItem(event.start_mark.index, event.end_mark.index, bool(event.flow_style))
        for key in self.events:
            if isinstance(key, yaml.MappingEndEvent):
                if item.flow:
                    item.end = key.end_mark.index
                return item
            if item.first_key < 0:
                item.first_key = key.start_mark.index
            value = next(self.events)
            if isinstance(value, yaml.ScalarEvent):
                item.values[key.value] = (value.start_mark.index, value.end_mark.index)
            item.end = max(item.end, key.end_mark.index, self.skip(value))
        return item
