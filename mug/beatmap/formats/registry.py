"""Charts of every format in, charts of every format out, by suffix and content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mug.beatmap.beatmap import Beatmap
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
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError, ModeError
from mug.messages.message import Message
from mug.util import atomic_write, nearest

CHARTS = (".osu", ".qua", ".mc", ".sm", ".ssc")
SEVERAL = (".sm", ".ssc")  # formats with all charts of a song in one file
PACKAGES = {".osz": ".osu", ".qp": ".qua", ".mcz": ".mc", ".smzip": ".ssc"}
SLOWEST, FASTEST = 0.01, 1e6  # scroll speeds that a `.osu` file can say

_SNIFFED = 4096


def kind_of(path: Path) -> str:
    """The format of a file, as the suffix that it should have.

    The content decides where it is unmistakable, else the suffix.

    Raises:
        BeatmapError: for files that are no charts.
    """
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as handle:
            head = handle.read(_SNIFFED)
    except OSError as error:
        raise BeatmapError("chart.cannot_read_chart", file=path, value=error.strerror) from error
    found = _sniffed(head)
    if found == ".osz":
        return suffix if suffix in PACKAGES else ".osz"
    if found == ".ssc":
        return suffix if suffix in SEVERAL else ".ssc"
    if found or suffix in CHARTS:
        return found or suffix
    raise BeatmapError(
        "chart.of_no_known_format",
        file=path,
        remedy=Message("remedy.known_are", names=", ".join((*CHARTS, *PACKAGES))),
    )


def _sniffed(head: bytes) -> str:
    """Format that the first bytes of a file show, '' where they show none."""
    if head.startswith(b"PK\x03\x04"):
        return ".osz"
    text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith("osu file format v"):
        return ".osu"
    if text.startswith("{") and '"meta"' in text:
        return ".mc"
    if text.startswith(("#VERSION:", "#TITLE:")):
        return ".ssc"
    return ".qua" if text.startswith(("AudioFile:", "Mode: Keys")) else ""


def read_any(path: Path, *, losses: LossReport | None = None) -> list[Beatmap]:
    """The charts in a file or a package of any known format.

    Args:
        path: the file.
        losses: receives what a beatmap has no place for; without it that is logged. Charts of a
            package that cannot be read or are of other game modes are counted there too.

    Raises:
        BeatmapError: says what is wrong; for a package, when none of its charts can be read.
    """
    kind = kind_of(path)
    if kind not in PACKAGES:
        return read_chart(path, kind, losses=losses)
    with TemporaryDirectory(prefix="mug-package-") as folder:
        files = osz.extract(path, Path(folder))
        beatmaps, failures = read_charts([f for f in files if f.suffix.lower() in CHARTS], losses)
        if not beatmaps:
            raise (
                failures[0] if failures else BeatmapError("chart.no_chart_is_in_package", file=path)
            )
        within = Path(folder)
        return [
            replace(b, path=path / b.path.relative_to(within) if b.path else path) for b in beatmaps
        ]


def read_charts(
    paths: Sequence[Path], losses: LossReport | None
) -> tuple[list[Beatmap], list[BeatmapError]]:
    """The charts in several files, and what could not be read of them."""
    beatmaps: list[Beatmap] = []
    failures: list[BeatmapError] = []
    for path in paths:
        try:
            beatmaps += read_chart(path, kind_of(path), losses=losses)
        except BeatmapError as error:
            failures.append(error)
            if losses is not None:
                other = isinstance(error, ModeError)
                losses.add("charts of other game modes" if other else "charts that are broken")
    return beatmaps, failures


def read_chart(path: Path, kind: str, *, losses: LossReport | None = None) -> list[Beatmap]:
    """The charts in a file of a known format; see `read_any`."""
    if kind == ".osu":
        return [osu.read(path)]
    if kind == ".qua":
        return [quaver.read(path, losses=losses)]
    if kind == ".mc":
        return [malody.read(path, losses=losses)]
    return stepmania.read(path, losses=losses)


# ---------------------------------------------------------------------------- out


def write_any(
    beatmaps: Sequence[Beatmap], path: Path, *, files: Mapping[str, Path | bytes] | None = None
) -> LossReport:
    """Writes charts in the format that the suffix says, whole or not at all.

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
    if suffix in SEVERAL:
        return stepmania_write.encode(beatmaps, ssc=suffix == ".ssc", losses=losses)
    if len(beatmaps) != 1:
        raise BeatmapError(
            "chart.file_holds_one_chart",
            suffix=suffix,
            count=len(beatmaps),
            file=path,
            remedy="remedy.write_into_folder_or_package",
        )
    if suffix == ".osu":
        return osu.encode(for_osu(beatmaps[0], losses))
    if suffix == ".qua":
        return quaver_write.encode(beatmaps[0], losses=losses)
    return malody_write.encode(beatmaps[0], losses=losses)


def for_osu(beatmap: Beatmap, losses: LossReport) -> Beatmap:
    """A chart as the game takes it: notes at whole milliseconds, scroll speeds above 0."""
    notes: list[HitObject] = []
    for note in beatmap.hit_objects:
        start, end = float(round(note.start_ms)), float(round(note.last_ms))
        moved = max(abs(start - note.start_ms), abs(end - note.last_ms))
        losses.add(ROUNDED, moved > 1e-6, worst_ms=moved)
        if isinstance(note, LongNote):
            notes.append(replace(note, start_ms=start, end_ms=end))
        else:
            notes.append(replace(note, start_ms=start))
    timing: list[TimingPoint | ScrollPoint] = []
    for point in beatmap.timing:
        if isinstance(point, ScrollPoint):
            velocity = min(max(point.velocity, SLOWEST), FASTEST)
            changed = point.velocity <= 0 or point.velocity > FASTEST
            losses.add(f"scroll speeds not above 0 (or beyond {FASTEST:g}), bounded", changed)
            timing.append(replace(point, velocity=velocity) if changed else point)
        else:
            timing.append(point)
    return replace(beatmap, hit_objects=tuple(notes), timing=tuple(timing))
