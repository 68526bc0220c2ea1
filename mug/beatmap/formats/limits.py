"""Bounds that hold for every chart file: size, lines, length and range of numbers."""

from __future__ import annotations

import math
import re
from pathlib import Path

from mug.beatmap.formats.encodings import decode
from mug.beatmap.formats.numbers import LineError
from mug.errors import BeatmapError

MAX_BYTES = 32 << 20  # the longest real charts have a few MiB
MAX_LINES = 1_000_000
MAX_OBJECTS = 500_000
MAX_TIME_MS = 2.0**31 - 1  # times are 32-bit in the game
MAX_NUMBER_CHARACTERS = 400
MAX_BEAT = 10_000_000.0
# Tempi that some songs use for effects reach 10^9; beyond these a beat has no length any more.
MIN_BPM, MAX_BPM = 1e-6, 1e12
MAX_VELOCITY = 1e9
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def read_bounded(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a chart file that is no larger than a chart can be.

    Raises:
        BeatmapError: for a file that cannot be read, or is larger.
    """
    try:
        with path.open("rb") as handle:
            data = handle.read(max_bytes + 1)
    except OSError as error:
        raise BeatmapError("chart.cannot_read_chart", file=path, value=error.strerror) from error
    if len(data) > max_bytes:
        raise BeatmapError("chart.file_has_too_many_bytes", most=max_bytes, file=path)
    return data


def check_lines(text: str, path: Path | None, *, max_lines: int = MAX_LINES) -> None:
    """Refuse text of too many lines before anything is made of them."""
    lines = text.count("\n") + text.count("\r")
    if lines > 2 * max_lines or (lines > max_lines and lines - text.count("\r\n") > max_lines):
        raise BeatmapError("chart.file_has_too_many_lines", most=max_lines, file=path)


def read_text(path: Path) -> str:
    """The text of a chart file in whichever encoding, within the bounds.

    Raises:
        BeatmapError: names the file.
    """
    data = read_bounded(path)
    try:
        text = decode(data, path.parent)
    except BeatmapError as error:
        raise BeatmapError(error.what, file=path, value=error.value, remedy=error.remedy) from error
    check_lines(text, path)
    return text


def finite(text: str, what: str, bound: float = MAX_TIME_MS) -> float:
    """A finite number of at most `bound`, from text.

    Raises:
        ValueError: says what is wrong with it, in words fit for a `BeatmapError`.
    """
    stripped = text.strip()
    if len(stripped) > MAX_NUMBER_CHARACTERS or not _NUMBER.fullmatch(stripped):
        raise LineError("chart.is_not_finite_number", what=what)
    return bounded(float(stripped), what, bound)


def bounded(value: float, what: str, bound: float = MAX_TIME_MS) -> float:
    """The number, when it is finite and no larger than `bound`.

    Raises:
        ValueError: says what is wrong with it.
    """
    if not math.isfinite(value) or abs(value) > bound:
        raise LineError("chart.is_beyond_bound", what=what, bound=bound)
    return value


def shorten(value: object, characters: int = 80) -> str:
    """Text for a message, so that a hostile file cannot flood the terminal."""
    text = str(value)
    return text if len(text) <= characters else f"{text[:characters]}…"
