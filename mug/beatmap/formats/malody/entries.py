"""Values in the maps of Malody's charts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

from mug.beatmap.formats.limits import MAX_BEAT, MAX_OBJECTS, bounded
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.numbers import LineError
from mug.beatmap.formats.reading import Reading
from mug.messages.message import Message, message_of

MAX_DENOMINATOR = 1 << 20
T = TypeVar("T")
_SHOWN = 200


@dataclass
class EntryReader:
    """Values of a file's maps; what is none is left out by the policy of all readers."""

    reading: Reading
    tree: dict[str, Any]

    @property
    def losses(self) -> LossReport:
        """Losses of the file."""
        return self.reading.losses

    def number(
        self, entry: dict[str, Any], key: str, default: float, bound: float = 2.0**31
    ) -> float:
        """A number; the default where the key is missing.

        Raises:
            LineError: for anything else.
        """
        value = entry.get(key, default)
        if isinstance(value, str) and (found := _number_in(value)) is not None:
            self.reading.otherwise(Message("chart.number_is_written_as_text", key=key), value)
            value = found
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise LineError("chart.is_not_number", key=key)
        try:
            return bounded(float(value), key, bound)
        except (ValueError, OverflowError) as error:
            raise LineError("chart.is_not_number_within_bound", key=key, bound=bound) from error

    def head_number(self, entry: dict[str, Any], key: str, default: float) -> float:
        """A number of the head; the default for what is none."""
        try:
            return self.number(entry, key, default)
        except LineError as error:
            self.reading.left_out(message_of(error), entry[key])
            return default

    def text(self, entry: dict[str, Any], key: str) -> str:
        """A text in one line, empty where it is missing."""
        value = entry.get(key, "")
        if value is None or isinstance(value, (dict, list)):
            return ""
        return " ".join(str(value).split())

    def part(self, entry: dict[str, Any], key: str) -> dict[str, Any]:
        """A map, empty where it is missing or none."""
        value = entry.get(key, {})
        if not isinstance(value, dict):
            self.reading.left_out(Message("chart.is_not_map", key=key), value)
            return {}
        return value

    def entries(self, key: str) -> list[dict[str, Any]]:
        """The maps in a list; what is none is left out."""
        value = self.tree.get(key) or []
        wrong, note = Message("chart.is_not_list_of_maps", key=key), key == "note"
        if not isinstance(value, list):
            self.reading.left_out(wrong, value, note=note)
            value = self.tree[key] = []
        if len(value) > MAX_OBJECTS:
            raise self.reading.error(
                Message("chart.too_many_entries_in_list", most=MAX_OBJECTS, key=key), len(value)
            )
        if not all(isinstance(entry, dict) for entry in value):
            for entry in value:
                if not isinstance(entry, dict):
                    self.reading.left_out(wrong, entry, note=note)
            value = self.tree[key] = [entry for entry in value if isinstance(entry, dict)]
        return value

    def each(self, key: str, parse: Callable[[dict[str, Any]], T | None]) -> list[T]:
        """Read the maps in a list one by one; one that makes no sense is left out."""
        found = []
        for number, entry in enumerate(self.entries(key), start=1):
            try:
                value = parse(entry)
            except LineError as error:
                shown = f"{key} {number}: {json.dumps(entry)[:_SHOWN]}"
                self.reading.left_out(message_of(error), shown, note=key == "note")
                continue
            if value is not None:
                found.append(value)
        return found

    def beat(self, entry: dict[str, Any], key: str = "beat") -> Fraction:
        """A beat as a fraction, whose parts may be negative.

        Raises:
            LineError: for anything else.
        """
        value: Any = entry.get(key)
        whole = isinstance(value, list) and len(value) == 3 and all(map(_is_whole, value))
        if not whole or not 0 < abs(value[2]) <= MAX_DENOMINATOR:
            raise LineError("chart.is_not_beat_as_fraction", key=key)
        if abs(value[0]) > MAX_BEAT or abs(value[1]) > MAX_BEAT:
            raise LineError("chart.is_beyond_bound", what=key, bound=MAX_BEAT)
        whole_beats, part, parts = map(int, value)
        return Fraction(whole_beats) + Fraction(part, parts)


def _is_whole(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _number_in(text: str) -> float | None:
    """The number that a text is; None for other texts."""
    try:
        return float(text)
    except ValueError:
        return None
