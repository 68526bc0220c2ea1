"""The outer form of a `.osu` file: bytes to text, text to sections of numbered lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

HEADER = re.compile(r"osu file format v([0-9]{1,9})\s*$")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")  # str.splitlines would also split at U+2028 and others


@dataclass(frozen=True, slots=True)
class Line:
    """A line and its number, counted from 1."""

    number: int
    text: str


@dataclass
class Sections:
    """A file cut at its `[Section]` lines; blank lines carry nothing and are left out.

    Args:
        head: lines before the first section.
        body: lines by section, in the order of the file; a section written twice is joined.
    """

    head: list[Line] = field(default_factory=list)
    body: dict[str, list[Line]] = field(default_factory=dict)


def section_name(text: str) -> str | None:
    """The name in `[name]`; None for any other line."""
    stripped = text.rstrip()
    if len(stripped) > 2 and stripped[0] == "[" and stripped[-1] == "]":
        return stripped[1:-1]
    return None


def cut(text: str) -> Sections:
    """The sections of a file."""
    sections = Sections()
    current = sections.head
    inside = ""
    for line in _numbered(text):
        plain, slashes, comment = line.text, "", ""
        if inside != "Metadata" and not line.text.lstrip().startswith("//"):
            plain, slashes, comment = line.text.partition("//")
        name = section_name(plain)
        if name is None:
            current.append(line)
            continue
        inside, current = name, sections.body.setdefault(name, [])
        if slashes:
            current.append(Line(line.number, slashes + comment))
    return sections


def _numbered(text: str) -> Iterator[Line]:
    for count, line in enumerate(_LINE_BREAK.split(text.removeprefix("\ufeff")), start=1):
        if line.strip():
            yield Line(count, line)


def is_one_line(text: str) -> bool:
    """Return whether this can stand in a file as a line of a section."""
    return bool(text.strip()) and not _LINE_BREAK.search(text) and section_name(text) is None
