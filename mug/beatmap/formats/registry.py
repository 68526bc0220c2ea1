"""The formats of charts: the only list of them, and reading and writing by suffix and content."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from zipfile import is_zipfile

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.encodings import detect
from mug.beatmap.formats.limits import MAX_TIME_MS, read_text
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.malody import read as malody
from mug.beatmap.formats.malody import write as malody_write
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu import package as osz
from mug.beatmap.formats.quaver import read as quaver
from mug.beatmap.formats.quaver import write as quaver_write
from mug.beatmap.formats.quaver.write import ROUNDED
from mug.beatmap.formats.safe_names import sanitise_name
from mug.beatmap.formats.stepmania import read as stepmania
from mug.beatmap.formats.stepmania import write as stepmania_write
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.latin import with_latin
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError, ModeError
from mug.files import atomic_write
from mug.messages.message import Message
from mug.util import nearest

SLOWEST, FASTEST = 0.01, 1e6  # scroll speeds that a `.osu` file can say

_HEAD_BYTES = 4096
_SLASHES = re.compile("/{2,}")
_ARCHIVE = b"PK\x03\x04"


@dataclass(frozen=True)
class Format:
    """A format of charts.

    Args:
        parse: the charts in the text of a file, as `parse(text, path=..., losses=..., strict=...)`;
            what it does with lines that it cannot read is `mug.beatmap.formats.reading`.
        encode: the bytes of a file with some charts, as `encode(charts, losses)`; it counts what
            the format has no place for.
        recognises: tells if a text, without the blanks before it, begins like a file of the format.
        game: its name, for people.
        package: suffix of the game's archives; empty for none.
        several: holds all charts of a song in one file.
        offered: the page offers the charts that it makes in this format, beside the package.
    """

    parse: Callable[..., list[Beatmap]]
    encode: Callable[[Sequence[Beatmap], LossReport], bytes]
    recognises: Callable[[str], bool]
    game: str
    package: str = ""
    several: bool = False
    offered: bool = False


def single(
    parse: Callable[..., Beatmap],
    encode: Callable[..., bytes],
    begins: Sequence[str],
    game: str,
    package: str = "",
) -> Format:
    """Return a format with one chart a file.

    Args:
        parse: the chart in a text, as `parse(text, path=..., losses=..., strict=...)`.
        encode: the bytes of a chart, as `encode(chart, losses=...)`.
        begins: what a file of the format begins with: one of these.
        game: its name, for people.
        package: suffix of the game's archives; empty for none.
    """

    def parse_all(
        text: str, *, path: Path | None, losses: LossReport | None, strict: bool = False
    ) -> list[Beatmap]:
        return [parse(text, path=path, losses=losses, strict=strict)]

    def encode_all(beatmaps: Sequence[Beatmap], losses: LossReport) -> bytes:
        return encode(beatmaps[0], losses=losses)

    starts = partial(_begins, tuple(begins))
    return Format(parse_all, encode_all, starts, game, package, offered=True)


def _begins(begins: tuple[str, ...], text: str) -> bool:
    return text.startswith(begins)


def _encode_osu(beatmap: Beatmap, *, losses: LossReport) -> bytes:
    return osu.encode(for_osu(beatmap, losses))


def _encode_stepmania(ssc: bool, beatmaps: Sequence[Beatmap], losses: LossReport) -> bytes:
    return stepmania_write.encode(beatmaps, ssc=ssc, losses=losses)


_STEPMANIA = Format(
    stepmania.parse,
    partial(_encode_stepmania, False),
    partial(_begins, ("#VERSION:", "#TITLE:")),
    "StepMania",
    several=True,
    offered=True,
)

# Where several recognise a text and the suffix names none of them, the last one counts.
FORMATS: dict[str, Format] = {
    ".osu": replace(
        single(osu.parse, _encode_osu, ("osu file format v",), "osu!", ".osz"), offered=False
    ),
    ".qua": single(
        quaver.parse, quaver_write.encode, ("AudioFile:", "Mode: Keys"), "Quaver", ".qp"
    ),
    ".mc": replace(
        single(malody.parse, malody_write.encode, ("{",), "Malody", ".mcz"),
        recognises=lambda text: text.startswith("{") and '"meta"' in text,
    ),
    ".sm": _STEPMANIA,
    ".ssc": replace(
        _STEPMANIA,
        encode=partial(_encode_stepmania, True),
        package=".smzip",
        offered=False,
    ),
}

CHARTS = tuple(FORMATS)
SEVERAL = tuple(suffix for suffix, format_ in FORMATS.items() if format_.several)
PACKAGES = {f.package: suffix for suffix, f in FORMATS.items() if f.package}
OFFERED = tuple(suffix for suffix, format_ in FORMATS.items() if format_.offered)


def suffixes() -> str:
    """Suffixes of all charts and packages, for command help."""
    return " ".join((*CHARTS, *PACKAGES))


def kind_of(path: Path) -> str:
    """The format of a file, as the suffix that it should have.

    The content decides where it is unmistakable, else the suffix.

    Raises:
        BeatmapError: for files that are no charts.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(_HEAD_BYTES)
            packed = path.suffix.lower() in PACKAGES and is_zipfile(handle)
    except OSError as error:
        raise BeatmapError("chart.cannot_read_chart", file=path, value=error.strerror) from error
    return _kind(head, path, packed)


def kind_of_bytes(data: bytes, path: Path) -> str:
    """The format of the bytes of a file with this name; see `kind_of`."""
    packed = path.suffix.lower() in PACKAGES and is_zipfile(io.BytesIO(data))
    return _kind(data[:_HEAD_BYTES], path, packed)


def _kind(head: bytes, path: Path, packed: bool) -> str:
    suffix = path.suffix.lower()
    if head.startswith(_ARCHIVE) or packed:
        return suffix if suffix in PACKAGES else ".osz"
    found = _recognised(head)
    if suffix in found or (not found and suffix in FORMATS):
        return suffix
    if found:
        return found[-1]
    raise BeatmapError(
        "chart.of_no_known_format",
        file=path,
        remedy=Message("remedy.known_are", names=", ".join((*CHARTS, *PACKAGES))),
    )


def _recognised(head: bytes) -> list[str]:
    """Suffixes of the formats whose files begin like this."""
    text = head.decode(detect(head), "replace")
    text = text.lstrip("\ufeff \t\r\n")
    return [suffix for suffix, format_ in FORMATS.items() if format_.recognises(text)]


def read_any(
    path: Path, *, losses: LossReport | None = None, strict: bool = False
) -> list[Beatmap]:
    """The charts in a file or a package of any known format.

    Args:
        path: the file.
        losses: receives what a beatmap has no place for, and what is left out because it cannot
            be read; without it that is logged. Charts of a package that cannot be read or are of
            other game modes are counted there too.
        strict: refuse a chart at the first line that cannot be read, and a package at the first
            such chart.

    Raises:
        BeatmapError: says what is wrong; for a package, when none of its charts can be read.
    """
    kind = kind_of(path)
    if kind not in PACKAGES:
        return read_chart(path, kind, losses=losses, strict=strict)
    with osz.unpacked(path) as package:
        charts = [file for file in package.files if file.suffix.lower() in CHARTS]
        beatmaps, failures = read_charts(charts, losses, strict=strict)
        broken = [error for error in failures if not isinstance(error, ModeError)]
        if broken and strict:
            raise broken[0]
        if failures and not beatmaps:
            raise failures[0]
        if not beatmaps:
            raise BeatmapError("chart.no_chart_is_in_package", file=path)
        return [replace(b, path=package.place(b.path) if b.path else path) for b in beatmaps]


def read_charts(
    paths: Sequence[Path], losses: LossReport | None, *, strict: bool = False
) -> tuple[list[Beatmap], list[BeatmapError]]:
    """The charts in several files, and what could not be read of them."""
    beatmaps: list[Beatmap] = []
    failures: list[BeatmapError] = []
    for path in paths:
        try:
            beatmaps += read_chart(path, kind_of(path), losses=losses, strict=strict)
        except BeatmapError as error:
            failures.append(error)
            other = isinstance(error, ModeError)
            if losses is not None:
                what = "charts of other game modes" if other else "charts that are broken"
                losses.add(what, places=(path.name,))
    return beatmaps, failures


def read_chart(
    path: Path, kind: str, *, losses: LossReport | None = None, strict: bool = False
) -> list[Beatmap]:
    """The charts in a file of a known format; see `read_any`."""
    return FORMATS[kind].parse(read_text(path), path=path, losses=losses, strict=strict)


# ---------------------------------------------------------------------------- out


def write_any(
    beatmaps: Sequence[Beatmap], path: Path, *, files: Mapping[str, Path | bytes] | None = None
) -> LossReport:
    """Write charts in the format that the suffix says, whole or not at all.

    Args:
        beatmaps: the charts: one for `.osu`, `.qua` and `.mc`, any number else.
        path: where to.
        files: for packages, what else goes in: sound and pictures by name.

    Returns:
        What the format had no place for.

    Raises:
        BeatmapError: for an unknown suffix, a number of charts that the format cannot hold, and
            whatever the format's own writer refuses.
    """
    losses, suffix = LossReport(), path.suffix.lower()
    if not beatmaps:  # our own reader would refuse it
        raise BeatmapError("chart.no_chart_to_write", file=path)
    if suffix not in PACKAGES:
        data = encode(beatmaps, suffix, losses, path=path)
        with atomic_write(path) as handle:
            handle.write(data)
        return losses
    contents: dict[str, Path | bytes] = {}
    for name, data in encoded(beatmaps, PACKAGES[suffix], losses).items():
        contents[name] = data
    for name, content in (files or {}).items():
        if not name or "/".join(map(sanitise_name, name.split("/"))) != name or name in contents:
            raise BeatmapError("chart.unsafe_file_name", file=path, value=name)
        if isinstance(content, Path) and not content.is_file():
            raise BeatmapError("common.no_such_file", file=content, remedy="remedy.check_path")
        contents[name] = content
    osz.pack(path, contents)
    return losses


def encoded(beatmaps: Sequence[Beatmap], suffix: str, losses: LossReport) -> dict[str, bytes]:
    """Charts as files of a format, by file name."""
    if suffix in SEVERAL:
        stem = f"{beatmaps[0].artist} - {beatmaps[0].title}" if beatmaps else "untitled"
        return {sanitise_name(f"{stem}{suffix}"): encode(beatmaps, suffix, losses)}
    found: dict[str, bytes] = {}
    taken: set[str] = set()
    for beatmap in beatmaps:
        stem = osz.chart_name(beatmap).removesuffix(".osu")
        name, count = sanitise_name(stem + suffix), 2
        while name.casefold() in taken:
            name, count = sanitise_name(f"{stem[:100]} ({count}){suffix}"), count + 1
        taken.add(name.casefold())
        found[name] = encode([beatmap], suffix, losses)
    return found


def encode(
    beatmaps: Sequence[Beatmap], suffix: str, losses: LossReport, *, path: Path | None = None
) -> bytes:
    """The bytes of one file; see `write_any`."""
    if suffix not in CHARTS:
        raise BeatmapError(
            "chart.no_such_format",
            file=path,
            value=suffix,
            remedy=nearest(suffix, (*CHARTS, *PACKAGES)),
        )
    if suffix not in SEVERAL and len(beatmaps) != 1:
        raise BeatmapError(
            "chart.file_holds_one_chart",
            suffix=suffix,
            count=len(beatmaps),
            file=path,
            remedy="remedy.write_into_folder_or_package",
        )
    for beatmap in beatmaps:
        if abs(beatmap.last_ms) > MAX_TIME_MS:  # no reader would take it
            raise BeatmapError("chart.is_beyond_2_31_ms", what="a note", value=beatmap.last_ms)
    return FORMATS[suffix].encode(beatmaps, losses)


def for_osu(beatmap: Beatmap, losses: LossReport) -> Beatmap:
    """A chart as the game takes it: notes at whole ms, scroll speeds above 0, Latin titles.

    A `//` in the name of a sound, which begins a comment there, becomes one slash.
    """
    notes: list[HitObject] = []
    for note in beatmap.hit_objects:
        start, end = float(round(note.start_ms)), float(round(note.last_ms))
        moved = max(abs(start - note.start_ms), abs(end - note.last_ms))
        losses.add(ROUNDED, moved > 1e-6, worst_ms=moved)
        sample = _SLASHES.sub("/", note.sample)
        if isinstance(note, LongNote):
            notes.append(replace(note, start_ms=start, end_ms=end, sample=sample))
        else:
            notes.append(replace(note, start_ms=start, sample=sample))
    timing: list[TimingPoint | ScrollPoint] = []
    for point in beatmap.timing:
        if isinstance(point, ScrollPoint):
            velocity = min(max(point.velocity, SLOWEST), FASTEST)
            changed = point.velocity <= 0 or point.velocity > FASTEST
            losses.add(f"scroll speeds not above 0 (or beyond {FASTEST:g}), bounded", changed)
            timing.append(replace(point, velocity=velocity) if changed else point)
        else:
            timing.append(point)
    general = dict(beatmap.general)
    if "AudioFilename" in general:
        general["AudioFilename"] = _SLASHES.sub("/", general["AudioFilename"])
    return replace(
        beatmap,
        hit_objects=tuple(notes),
        timing=tuple(timing),
        general=general,
        metadata=with_latin(beatmap.metadata),
    )
