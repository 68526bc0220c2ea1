"""Whole folders and packages from one format to another, sound and pictures along with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_audit import background, sound_events
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.osu import package as osz
from mug.beatmap.formats.registry import (
    CHARTS,
    PACKAGES,
    SEVERAL,
    encoded,
    kind_of,
    read_charts,
    write_any,
)
from mug.beatmap.formats.safe_names import sanitise_name
from mug.beatmap.sound_file import find_audio, look_for
from mug.errors import BeatmapError, DataError, FileIsThereError, MugError
from mug.files import atomic_copy, atomic_write, write_together
from mug.messages.message import Message
from mug.util import files_below, nearest

Progress = Callable[[int, int], None]
Inspect = Callable[[Path], Iterable[Message]]


@dataclass
class Conversion:
    """Result of a conversion.

    Args:
        charts: how many were converted.
        written: files that were written, in order.
        failed: what could not be converted, and why.
        missing: sounds and pictures that charts name and that are not there.
        losses: what the charts lost.
        notices: what was said of sounds, each once with its name.
    """

    charts: int = 0
    written: list[Path] = field(default_factory=list)
    failed: list[MugError] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    losses: LossReport = field(default_factory=LossReport)
    notices: list[tuple[str, Message]] = field(default_factory=list)


@dataclass(frozen=True)
class _Song:
    """Chart files that lie together.

    Args:
        folder: where they lie, with their sound.
        charts: the files.
        name: folder of the output, relative; empty for the output itself.
        package: the package that they come from; None for files.
    """

    folder: Path
    charts: tuple[Path, ...]
    name: Path
    package: osz.Unpacked | None = None

    def named(self, error: BeatmapError) -> BeatmapError:
        """Return an error with the place that the user knows."""
        return error if self.package is None else self.package.named(error)


def convert(
    source: Path,
    out: Path,
    to: str | None = None,
    *,
    progress: Progress | None = None,
    strict: bool = False,
    inspect: Inspect | None = None,
    overwrite: bool = False,
) -> Conversion:
    """Convert a chart, a package or a folder of them.

    Args:
        source: a file or a folder.
        out: a chart or package where its suffix is that of a format, else a folder.
        to: the format, e.g. `qua`; needed where `out` does not say it.
        progress: called with (done, total) songs.
        strict: refuse a chart at the first line that cannot be read.
        inspect: called once with each sound of a song that charts name, for what is to be said
            of it.
        overwrite: replace files of the output whose content is another.

    Raises:
        BeatmapError: for a missing source, an unknown format, and, for a single file, whatever
            cannot be read or written. Within a folder such files are listed in the result.
    """
    suffix = _target(out, to)
    result = Conversion()
    if not source.exists():
        raise BeatmapError("chart.no_such_file_or_folder", file=source, remedy="remedy.check_path")
    with ExitStack() as stack:
        songs = list(_songs(source, result, stack))
        if not songs and not result.failed:
            raise BeatmapError("chart.no_charts_are_here", file=source, remedy="remedy.check_path")
        for done, song in enumerate(songs, start=1):
            beatmaps = _convert_song(song, _Target(out, suffix, overwrite), result, strict=strict)
            if inspect is not None:
                _inspect_sounds(song, beatmaps, result, inspect)
            if progress is not None:
                progress(done, len(songs))
    if not result.charts and result.failed:
        raise result.failed[0]
    return result


def _target(out: Path, to: str | None) -> str:
    known = (*CHARTS, *PACKAGES)
    suffix = f".{to.lower().lstrip('.')}" if to else out.suffix.lower()
    if suffix not in known:
        raise BeatmapError(
            "chart.format_of_output_is_unknown",
            value=to or out.name,
            remedy=Message(
                "remedy.give_to", known=nearest(suffix.lstrip("."), [name[1:] for name in known])
            ),
        )
    if out.suffix.lower() in known and out.suffix.lower() != suffix and not out.is_dir():
        raise BeatmapError("chart.output_name_says_another_format", file=out, value=to)
    return suffix


def _songs(source: Path, result: Conversion, stack: ExitStack) -> Iterator[_Song]:
    if source.is_file():
        if kind_of(source) in PACKAGES:
            yield from _unpacked(source, Path(), result, stack)
        else:
            yield _Song(source.parent, (source,), Path())
        return
    yield from _in_folder(source, Path())
    for path in files_below(source):
        if path.suffix.lower() in PACKAGES:
            name = path.relative_to(source).with_suffix("")
            yield from _unpacked(path, name, result, stack)


def _unpacked(path: Path, name: Path, result: Conversion, stack: ExitStack) -> Iterator[_Song]:
    try:
        package = stack.enter_context(osz.unpacked(path))
    except BeatmapError as error:
        result.failed.append(error)
        return
    found = list(_in_folder(package.folder, name, package))
    if not found:
        result.failed.append(BeatmapError("chart.no_chart_is_in_package", file=path))
    yield from found


def _in_folder(folder: Path, name: Path, package: osz.Unpacked | None = None) -> Iterator[_Song]:
    """Charts by the folder they lie in; of `x.sm` and `x.ssc` the newer format, as in the game."""
    groups: dict[Path, list[Path]] = {}
    for path in files_below(folder):
        newer = path.with_suffix(".ssc")
        older = path.suffix.lower() == ".sm" and newer.is_file()
        if path.suffix.lower() in CHARTS and not older:
            groups.setdefault(path.parent, []).append(path)
    for parent, charts in groups.items():
        yield _Song(parent, tuple(charts), name / parent.relative_to(folder), package)


@dataclass(frozen=True)
class _Target:
    """Output of a conversion: a file or folder, the suffix of its format, what may be replaced."""

    out: Path
    suffix: str
    overwrite: bool


def _convert_song(
    song: _Song, target: _Target, result: Conversion, *, strict: bool
) -> list[Beatmap]:
    """Convert charts that lie together, all or none; returns those that were read."""
    beatmaps, failures = read_charts(song.charts, result.losses, strict=strict)
    result.failed += map(song.named, failures)
    if not beatmaps:
        return []
    losses = LossReport()
    beatmaps = [_with_sound(song, beatmap, losses) for beatmap in beatmaps]
    try:
        with write_together(overwrite=target.overwrite):
            written = _write(song, beatmaps, target, result, losses)
    except BeatmapError as error:
        result.failed.append(song.named(error))
        return beatmaps
    except FileIsThereError as error:
        result.failed.append(error)
        return beatmaps
    result.losses.merge(losses)
    result.charts += len(beatmaps)
    result.written += written
    return beatmaps


def _inspect_sounds(
    song: _Song, beatmaps: Sequence[Beatmap], result: Conversion, inspect: Inspect
) -> None:
    sounds = {look_for(song.folder, beatmap.audio_filename) for beatmap in beatmaps}
    for sound in sorted(filter(None, sounds)):
        result.notices += [(sound.name, notice) for notice in inspect(sound)]


def _write(
    song: _Song,
    beatmaps: Sequence[Beatmap],
    target: _Target,
    result: Conversion,
    losses: LossReport,
) -> list[Path]:
    """One file, one package, or the files of a folder."""
    out, suffix = target.out, target.suffix
    files = _companions(song, beatmaps, result)
    single = out.suffix.lower() == suffix and not out.is_dir()
    if suffix in PACKAGES:
        stem = song.name.name or f"{beatmaps[0].artist} - {beatmaps[0].title}"
        package = out if single else out / song.name.parent / sanitise_name(f"{stem}{suffix}")
        if package in result.written:
            raise BeatmapError(
                "chart.several_songs_do_not_fit_into",
                file=song.folder,
                value=str(out),
                remedy="remedy.give_folder_and_to",
            )
        losses.merge(write_any(beatmaps, package, files=files))
        return [package]
    if single:
        losses.merge(write_any(beatmaps, out))
        return [out, *_copied(files, out.parent)]
    folder = out / song.name
    written = []
    groups = [beatmaps] if suffix in SEVERAL else [[beatmap] for beatmap in beatmaps]
    contents: dict[str, bytes] = {}
    for group in groups:
        for name, data in encoded(group, suffix, losses).items():
            contents[_free(name, contents)] = data
    for name, data in contents.items():
        with atomic_write(folder / name) as handle:
            handle.write(data)
        written.append(folder / name)
    return [*written, *_copied(files, folder)]


def _free(name: str, taken: dict[str, bytes]) -> str:
    path, count, lower = Path(name), 2, {key.casefold() for key in taken}
    while name.casefold() in lower:
        name, count = sanitise_name(f"{path.stem[:100]} ({count}){path.suffix}"), count + 1
    return name


def _with_sound(song: _Song, beatmap: Beatmap, losses: LossReport) -> Beatmap:
    """The chart with the name of its sound, where that is there under another one."""
    if look_for(song.folder, beatmap.audio_filename) is not None:
        return beatmap
    try:
        found = find_audio(beatmap, packed=song.package is not None)
    except DataError:
        return beatmap  # counted as missing
    losses.add("sounds under another name than the chart's", places=(found.name,))
    return replace(beatmap, general={**beatmap.general, "AudioFilename": found.name})


def _companions(
    song: _Song, beatmaps: Sequence[Beatmap], result: Conversion
) -> dict[str, Path | bytes]:
    """Sounds and pictures that the charts name, where they lie beside them; nothing outside."""
    wanted: dict[str, None] = {}
    for beatmap in beatmaps:
        names = [beatmap.audio_filename, background(beatmap)]
        names += [name for _, name, _ in sound_events(beatmap)]
        names += [note.sample.partition(":")[2].split(":")[-1] for note in beatmap.hit_objects]
        wanted |= dict.fromkeys(name for name in names if name.strip())
    root = song.folder.resolve()
    found: dict[str, Path | bytes] = {}
    taken: set[str] = set()
    for name in wanted:
        path = look_for(song.folder, name)
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        target = "/".join(map(sanitise_name, parts))
        if path is None or ".." in parts or not path.resolve().is_relative_to(root):
            result.missing.append(name)
        elif target.casefold() not in taken:
            taken.add(target.casefold())
            found[target] = path
    return found


def _copied(files: dict[str, Path | bytes], folder: Path) -> list[Path]:
    """Copies sounds and pictures; what lies there already with the same size stays."""
    copied = []
    for name, source in files.items():
        target = folder / name
        if not isinstance(source, Path) or source.resolve() == target.resolve():
            continue
        if target.is_file() and target.stat().st_size == source.stat().st_size:
            continue
        atomic_copy(source, target)
        copied.append(target)
    return copied
