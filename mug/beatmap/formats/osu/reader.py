"""Sections of a `.osu` file, line by line, as osu!'s own decoder takes them.

Source: `LegacyDecoder`, `LegacyBeatmapDecoder` and `ConvertHitObjectParser` of osu!lazer. Each line
is parsed on its own; one that throws is logged and passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from mug.beatmap.formats.numbers import LineError
from mug.beatmap.formats.osu.text import HEADER, Line, Sections
from mug.beatmap.formats.reading import Reading
from mug.messages.message import Message, message_of

T = TypeVar("T")

LATEST_FORMAT = 14
Odd = Callable[[Message], None]


@dataclass
class Reader:
    """Lines of a file, with the comments and the values of keys written several times.

    Args:
        reading: the policy, and what was lost.
        comments: lines by section.
        numbers: of the lines that were read one by one, by section, counted from 1.
    """

    reading: Reading
    comments: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, list[int]] = field(default_factory=dict)
    _values: dict[str, list[tuple[str, Line]]] = field(default_factory=dict)

    def comment(self, section: str, text: str) -> None:
        """Keep a comment, in the section where it stands."""
        self.comments.setdefault(section, []).append(text)

    def plain(self, section: str, line: Line) -> str:
        """Return a line without blanks and comment: a `//` cuts every line but metadata."""
        text = line.text.strip()
        at = text.find("//")
        if at < 0 or (at > 0 and section == "Metadata"):
            return text
        self.comment(section, text[at:])
        return text[:at].rstrip()

    def each(
        self, sections: Sections, name: str, parse_line: Callable[[str, Odd], T]
    ) -> tuple[T, ...]:
        """Read the lines of a section one by one."""
        found = []
        notes = name == "HitObjects"
        for line in sections.body.get(name, ()):
            text = self.plain(name, line)
            if not text:
                continue
            odd = self._odd(line)
            try:
                found.append(parse_line(text, odd))
            except LineError as error:
                self.reading.left_out(message_of(error), line.text, line=line.number, note=notes)
                continue
            self.numbers.setdefault(name, []).append(line.number)
        return tuple(found)

    def _odd(self, line: Line) -> Odd:
        return lambda reason: self.reading.otherwise(reason, line.text, line=line.number)

    def fields(self, sections: Sections, name: str) -> dict[str, str]:
        """Read the `key: value` lines of a section; of a key written twice, the last counts."""
        found: dict[str, tuple[str, Line]] = {}
        for line in sections.body.get(name, ()):
            text = self.plain(name, line)
            if not text:
                continue
            key, colon, value = (part.strip() for part in text.partition(":"))
            if not colon or not key:
                self.reading.left_out("chart.expected_key_value", line.text, line=line.number)
                continue
            if key in found and found[key][0] != value:
                old = found[key][1]
                self.reading.left_out("chart.key_has_two_values", old.text, line=old.number)
            found[key] = (value, line)
            self._values.setdefault(key, []).append(found[key])
        return {key: value for key, (value, _) in found.items()}

    def valid(self, fields: dict[str, str], key: str, parse: Callable[[str], T]) -> T | None:
        """Return the last value of a key that can be read, None without any; its text stays alone.

        Raises:
            BeatmapError: when strict, for the first that cannot.
        """
        for text, line in reversed(self._values.get(key, [])):
            try:
                value = parse(text)
            except LineError as error:
                self.reading.left_out(message_of(error), line.text, line=line.number)
                continue
            fields[key] = text
            return value
        fields.pop(key, None)
        return None

    def head(self, sections: Sections) -> int:
        """Read the lines above the first section; fields there belong to [General].

        Returns:
            The version of the file format; the latest where the file does not say.
        """
        version = None
        fields = []
        for line in sections.head:
            text = line.text.strip()
            found = HEADER.search(text) if version is None else None
            if found:
                version = int(found[1])
            if found is None and text.startswith("//"):
                self.comment("", text)
            elif found is None and ":" in text and not self.reading.strict:
                fields.append(line)
            elif found is None or found.start() > 0:
                reason = Message("chart.expected_osu_file_format_v14")
                self.reading.left_out(reason, line.text, line=line.number)
        if fields:
            sections.body["General"] = [*fields, *sections.body.get("General", [])]
        return LATEST_FORMAT if version is None else version
