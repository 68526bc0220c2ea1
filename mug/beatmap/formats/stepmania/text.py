"""The outer form of StepMania's files: `#TAG:value:value;`, comments, escapes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mug.errors import BeatmapError

MAX_TAGS = 100_000
_TOKEN = re.compile(r"\\(?:.|\n)|//[^\r\n]*|[#:;]")


class Value(str):
    """Value of a tag that knows its line, counted from 1."""

    line: int | None = None

    @classmethod
    def at(cls, text: str, line: int) -> Value:
        """Return a text with its line."""
        made = cls(text)
        made.line = line
        return made


def line_of(text: str) -> int | None:
    """Return the line where a value stands, None where it is not known."""
    return text.line if isinstance(text, Value) else None


@dataclass(frozen=True, slots=True)
class Tag:
    """One `#NAME:part:part;`.

    Args:
        name: in capitals.
        parts: the values between the colons, as written but without comments and escapes.
        line: where it begins, counted from 1.
        spans: for each part, the pieces of the file that it is made of, as (begin, end).
    """

    name: str
    parts: tuple[str, ...]
    line: int
    spans: tuple[tuple[tuple[int, int], ...], ...] = ()

    @property
    def text(self) -> str:
        """The value as one text, in one line."""
        return " ".join(":".join(self.parts).split())

    @property
    def first(self) -> str:
        """The first of its parts, which is all that the game takes of a timing tag."""
        return self.parts[0] if self.parts else ""

    @property
    def raw(self) -> str:
        """The value as one text, line breaks included."""
        return ":".join(self.parts)


def tags(text: str, *, path: Path | None = None) -> Iterator[Tag]:
    """The tags of a file, in order.

    A `;` that somebody forgot is made up for, as in the game, by a `#` that begins a line.

    Raises:
        BeatmapError: for more tags than any chart has.
    """
    text = text.removeprefix("\ufeff")
    scanner = _Scanner(text)
    for found in _TOKEN.finditer(text):
        literal = (scanner.start, found.start())
        scanner.start = found.end()
        begins = found[0] == "#" and (not scanner.inside or _begins_line(text, found.start()))
        ends = scanner.inside and (begins or found[0] == ";")
        if ends:
            yield scanner.close(literal)
        elif scanner.inside and not begins:
            scanner.take(literal, found)
        if begins:
            scanner.open(found.start())
            if scanner.count > MAX_TAGS:
                raise BeatmapError("chart.too_many_tags", most=MAX_TAGS, file=path)
    if scanner.inside:
        yield scanner.close((scanner.start, len(text)))


Span = tuple[int, int]


@dataclass
class _Scanner:
    """The tag that is being read."""

    text: str
    inside: bool = False
    parts: list[tuple[Span, ...]] = field(default_factory=list)
    piece: list[Span] = field(default_factory=list)
    start: int = 0
    count: int = 0
    line: int = 1
    line_at: int = 0

    def open(self, at: int) -> None:
        """Begin a tag."""
        self.line += self.text.count("\n", self.line_at, at)
        self.line_at, self.inside = at, True
        self.parts, self.piece = [], []
        self.count += 1

    def take(self, literal: Span, token: re.Match[str]) -> None:
        """Go on with a tag."""
        self.piece.append(literal)
        if token[0] == ":":
            self.parts.append(tuple(self.piece))
            self.piece = []
        elif token[0] == "#":
            self.piece.append(token.span())
        elif token[0][0] == "\\":
            self.piece.append((token.start() + 1, token.end()))

    def close(self, literal: Span) -> Tag:
        """End the tag."""
        self.inside = False
        spans = [*self.parts, (*self.piece, literal)]
        parts = ["".join([self.text[begin:end] for begin, end in part]) for part in spans]
        return Tag(parts[0].strip().upper(), tuple(parts[1:]), self.line, tuple(spans[1:]))


def _begins_line(text: str, at: int) -> bool:
    """Return whether only blanks come before this on its line."""
    before = at - 1
    while before >= 0 and text[before] in " \t":
        before -= 1
    return before < 0 or text[before] in "\r\n"


def escaped(text: str) -> str:
    """Text that reads back as itself within a tag."""
    one_line = " ".join(text.split())
    return re.sub(r"([\\:;#/])", r"\\\1", one_line)
