"""The chart of a file or a package that a command is about."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mug.beatmap.exact.document import Document, open_chart
from mug.beatmap.formats.osu import package as osz
from mug.beatmap.formats.registry import CHARTS, PACKAGES
from mug.beatmap.sound_file import find_audio, find_sound
from mug.errors import BeatmapError, MugError
from mug.messages.message import Message
from mug.util import nearest


def add_difficulty_option(made: argparse.ArgumentParser) -> None:
    """Add the option that chooses one of several charts."""
    made.add_argument(
        "--difficulty",
        metavar="NAME|N",
        help="name or number (from 1) of the chart, where the file or the package has several",
    )


def chosen(document: Document, wanted: str | None, path: Path) -> int:
    """Return the number of the chart that is meant, counted from 0.

    Raises:
        BeatmapError: where that is not clear; it names the charts.
    """
    names = [place.beatmap.version for place in document.charts]
    if wanted is None and len(names) == 1:
        return 0
    if wanted is not None and wanted in names:
        return names.index(wanted)
    if wanted is not None and wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    listed = ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))
    close = None if wanted is None else nearest(wanted, names)
    raise BeatmapError(
        "chart.choose_one_of_charts",
        file=path,
        value=wanted,
        remedy=close or Message("remedy.known_are", names=listed),
    )


def columns_meant(words: Sequence[str]) -> int | None:
    """Return the columns of the chart that a command line names; None where that is not clear."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    add_difficulty_option(early)
    try:
        given, rest = early.parse_known_args(words)
        for path in (Path(word) for word in rest):
            if path.suffix.lower() in {*CHARTS, *PACKAGES} and path.is_file():
                document = open_chart(path)
                return document.place(chosen(document, given.difficulty, path)).beatmap.keys
    except (argparse.ArgumentError, MugError):  # said when the chart is read
        return None
    return None


@contextmanager
def song_of(document: Document, chart: int, path: Path) -> Iterator[Path]:
    """Give the sound of a chart; that of a package is unpacked for as long as the block lasts."""
    place = document.place(chart)
    if document.archive is None:
        yield find_audio(place.beatmap)
        return
    with osz.unpacked(path) as package:
        beside = package.folder / place.member
        yield find_sound(beside, place.beatmap.audio_filename, packed=True)
