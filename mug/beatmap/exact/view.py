"""The bytes of a chart as text of one letter a code unit, to find places in and to replace them.

Letters beyond ASCII stand as `x`: the structure of all formats is ASCII. In UTF-16 a unit has two
bytes, else one; so a place in the text is a place in the file, in any encoding.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from mug.errors import BeatmapError

_MASK = bytes(range(128)) + b"x" * 128
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# The second byte of a letter may look like ASCII in these code pages.
_PAIRS = {
    "cp932": re.compile(rb"[\x81-\x9f\xe0-\xfc][\x40-\xff]", re.DOTALL),
    "johab": re.compile(rb"[\x81-\xfe][\x31-\xff]", re.DOTALL),
    **{page: re.compile(rb"[\x81-\xfe][\x40-\xff]", re.DOTALL) for page in ("gbk", "cp949")},
    "cp950": re.compile(rb"[\x81-\xfe][\x40-\xff]", re.DOTALL),
}
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class Splice(NamedTuple):
    """Bytes in the place of others.

    Args:
        start: first unit that goes.
        end: the unit after the last that goes.
        new: the bytes that come.
    """

    start: int
    end: int
    new: bytes


@dataclass(frozen=True)
class View:
    """A file and its text of one letter a unit.

    Args:
        data: the file.
        text: its units; a byte-order mark is none of them.
        encoding: of the file.
        begin: bytes before the first unit.
        width: bytes a unit.
    """

    data: bytes
    text: str
    encoding: str
    begin: int
    width: int

    @classmethod
    def of(cls, data: bytes, encoding: str) -> View:
        """Return the view of a file in an encoding, see `encodings.detect`."""
        begin = next((len(mark) for mark in _BOMS if data.startswith(mark)), 0)
        if encoding == "utf-16":
            little = data.startswith(codecs.BOM_UTF16_LE)
            encoding = "utf-16-le" if little else "utf-16-be"
        if encoding.startswith("utf-16"):
            return cls(data, _units(data[begin:], encoding), encoding, begin, 2)
        found = data[begin:]
        if encoding in _PAIRS:
            found = _PAIRS[encoding].sub(b"\xff\xff", found)
        text = found.translate(_MASK).decode("ascii")
        return cls(data, text, encoding.removesuffix("-sig"), begin, 1)

    @cached_property
    def whole(self) -> str:
        """The true text of the file."""
        return self.data[self.begin :].decode(self.encoding, "replace")

    @property
    def line_break(self) -> str:
        """The first line break of the file; of Windows where it has none."""
        found = _LINE_BREAK.search(self.text)
        return found[0] if found else "\r\n"

    def lines(self) -> list[tuple[int, int]]:
        """Return the lines as (begin, end), line breaks included."""
        spans, begin = [], 0
        for found in _LINE_BREAK.finditer(self.text):
            spans.append((begin, found.end()))
            begin = found.end()
        return [*spans, (begin, len(self.text))]

    def raw(self, start: int, end: int) -> bytes:
        """Return the bytes of some units."""
        return self.data[self.byte(start) : self.byte(end)]

    def byte(self, place: int) -> int:
        """Return the place of a unit in the file."""
        return self.begin + place * self.width

    def decoded(self, start: int, end: int) -> str:
        """Return the true text of some units."""
        return self.raw(start, end).decode(self.encoding, "replace")

    def encoded(self, text: str) -> bytes:
        """Return the bytes of a text in the encoding of the file.

        Raises:
            BeatmapError: for letters that it does not have.
        """
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise BeatmapError("chart.letters_are_not_in_encoding", value=text) from error

    def patched(self, start: int, end: int, splices: Iterable[Splice]) -> bytes:
        """Return the bytes of some units, with others in the place of a few of them."""
        out, at = [], start
        for splice in sorted(splices, key=lambda one: (one.start, one.end)):
            out += [self.raw(at, splice.start), splice.new]
            at = splice.end
        return b"".join([*out, self.raw(at, end)])

    def spliced(self, splices: Iterable[Splice]) -> bytes:
        """Return the file with some units replaced."""
        body = self.patched(0, len(self.text), splices)
        return self.data[: self.begin] + body + self.data[self.byte(len(self.text)) :]


def _units(data: bytes, encoding: str) -> str:
    first, second = data[0::2], data[1::2]
    low, high = (first, second) if encoding.endswith("le") else (second, first)
    found = bytes(a if not b else 0xFF for a, b in zip(low, high, strict=False))
    return found.translate(_MASK).decode("ascii")


def splices_of(pieces: Sequence[tuple[int, int] | bytes], start: int, end: int) -> list[Splice]:
    """Return the difference between a span and what is made of it.

    Args:
        pieces: what stands there after it: kept spans, ascending, and new bytes.
        start: of the span.
        end: of the span.
    """
    found: list[Splice] = []
    at, new = start, b""
    for piece in [*pieces, (end, end)]:
        if isinstance(piece, bytes):
            new += piece
            continue
        if new or piece[0] > at:
            found.append(Splice(at, piece[0], new))
        at, new = piece[1], b""
    return found
