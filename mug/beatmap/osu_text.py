"""The outer form of a `.osu` file: bytes to text, text to sections of numbered lines."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mug.errors import BeatmapError

HEADER = re.compile(r"osu file format v([0-9]{1,9})\s*$")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")  # str.splitlines would also split at U+2028 and others
_JAPANESE = re.compile("[\u3040-\u30ff]|[\u3000-\u303f\u4e00-\u9fff]{2}")
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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


def decode(data: bytes) -> str:
    """Text of a chart in whichever encoding: a byte-order mark, else UTF-8, else an old code page.

    Without a mark, bytes that are not UTF-8 are read as Shift-JIS (cp932) when that gives
    Japanese words, and as Latin-1, which never fails and loses nothing, otherwise.

    Raises:
        BeatmapError: when a file with a byte-order mark does not hold to it.
    """
    try:
        if data.startswith(_WIDE_BOMS):
            return data.decode("utf-16")
        if data.startswith(codecs.BOM_UTF8):
            return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BeatmapError(
            "the file is damaged: its byte-order mark promises another encoding",
            value=str(error),
            remedy="Save it as UTF-8",
        ) from error
    found = guess(data)
    return data.decode("latin-1") if found is None else found


def guess(data: bytes) -> str | None:
    """Text of bytes that are UTF-8, or Shift-JIS with Japanese words; None for any other."""
    for encoding in ("utf-8", "cp932"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _JAPANESE.search(text):
            return text
    return None


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
    for line in _numbered(text):
        name = section_name(line.text)
        if name is None:
            current.append(line)
        else:
            current = sections.body.setdefault(name, [])
    return sections


def _numbered(text: str) -> Iterator[Line]:
    for count, line in enumerate(_LINE_BREAK.split(text.removeprefix("\ufeff")), start=1):
        if line.strip():
            yield Line(count, line)


def is_one_line(text: str) -> bool:
    """Whether this can stand in a file as a line of a section."""
    return bool(text.strip()) and not _LINE_BREAK.search(text) and section_name(text) is None
