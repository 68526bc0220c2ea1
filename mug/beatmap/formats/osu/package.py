"""`.osz` archives, a beatmapset in one file. They come from strangers: nothing is trusted."""

from __future__ import annotations

import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.encodings import decode_names, sound_named
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.safe_names import sanitise_name
from mug.errors import BeatmapError
from mug.files import atomic_write
from mug.messages.message import Message
from mug.util import is_resource_fork

__all__ = ["ArchiveLimits", "extract", "pack", "sanitise_name", "unpacked", "write_osz"]

_CHUNK = 1 << 16
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can hold
_PACKED = {".mp3", ".ogg", ".opus", ".m4a", ".flac", ".jpg", ".jpeg", ".png", ".webp", ".mp4"}
_ENTRY_NAME_BYTES = 240
_CHARTS = (".osu", ".qua", ".mc", ".sm", ".ssc")
_MOST_CHARTS_ASKED = 20


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Limits on the size of an archive, against archives made to fill a disk.

    Args:
        entries: files in it.
        entry_bytes: size of one file.
        total_bytes: size of all files together.
        ratio: how many times its packed size a file of more than 1 MiB may have.
        depth: folders within folders.
    """

    entries: int = 5000
    entry_bytes: int = 512 << 20
    total_bytes: int = 1 << 30
    ratio: float = 200.0
    depth: int = 16


DEFAULT_LIMITS = ArchiveLimits()

# Names that are marked as UTF-8 and are none, and extra fields that are cut, come up raw.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, struct.error)


def extract(path: Path, out_dir: Path, *, limits: ArchiveLimits = DEFAULT_LIMITS) -> list[Path]:
    """Unpack an archive into a folder; all of it, or nothing.

    Names that Windows cannot hold are changed as `sanitise_name` does. Names of old archives,
    which are not Unicode, are read in the code page that their letters are for.

    Returns:
        The files, in the order of the archive.

    Raises:
        BeatmapError: for an entry that would leave the folder (absolute, `..`, drive letter, link),
            two entries of one name, more than the limits allow, or an archive that is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            plan = plan_of(path, archive, limits)
            out_dir.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=out_dir, prefix=".unpacking-") as staging:
                _inflate(archive, plan, Path(staging), path, limits)
                return _move_in(plan, Path(staging), out_dir, path)
    except DAMAGED as error:
        raise _refused(path, "chart.archive_is_damaged", str(error)) from error
    except (NotImplementedError, RuntimeError) as error:  # other packing methods, passwords
        raise _refused(path, "chart.archive_cannot_be_unpacked", str(error)) from error
    except OSError as error:
        raise _refused(path, "chart.archive_cannot_be_read_or_unpacked", str(error)) from error


@dataclass(frozen=True)
class Unpacked:
    """A package in a temporary folder.

    Args:
        package: the file.
        folder: where its files lie for the time being.
        files: these, in the order of the archive.
    """

    package: Path
    folder: Path
    files: tuple[Path, ...]

    def place(self, file: Path) -> Path:
        """Return a file's place within the package, for messages and `Beatmap.path`."""
        inside = file.is_relative_to(self.folder)
        return self.package / file.relative_to(self.folder) if inside else file

    def named(self, error: BeatmapError) -> BeatmapError:
        """Return an error that names the package in place of the folder."""
        file = error.file if error.file is None else self.place(Path(error.file))
        return type(error)(
            error.what, file=file, line=error.line, value=error.value, remedy=error.remedy
        )


@contextmanager
def unpacked(path: Path, *, limits: ArchiveLimits = DEFAULT_LIMITS) -> Iterator[Unpacked]:
    """Unpack a package for as long as the block lasts.

    Raises:
        BeatmapError: as `extract`; of the block, with the package's name in place of the folder's.
    """
    with TemporaryDirectory(prefix="mug-package-") as name:
        folder = Path(name)
        found = Unpacked(path, folder, tuple(extract(path, folder, limits=limits)))
        try:
            yield found
        except BeatmapError as error:
            raise found.named(error) from error


def _refused(path: Path, what: str, value: object) -> BeatmapError:
    return BeatmapError(what, file=path, value=value, remedy="remedy.do_not_trust_archive")


Plan = list[tuple[zipfile.ZipInfo, PurePosixPath]]


def plan_of(path: Path, archive: zipfile.ZipFile, limits: ArchiveLimits) -> Plan:
    """Target of each file; refuses the archive before anything is written."""
    plan: Plan = []
    infos = archive.infolist()
    if len(infos) > limits.entries:
        raise _refused(
            path, Message("chart.archive_has_too_many_entries", most=limits.entries), len(infos)
        )
    for info, name in zip(infos, _entry_names(archive), strict=True):
        target = _safe_target(path, info, name.replace("\\", "/"), limits)
        if not info.is_dir() and not _is_resource_fork(archive, info, target):
            _check_size(path, info, limits)
            plan.append((info, target))
    total = sum(info.file_size for info, _ in plan)
    if total > limits.total_bytes:
        raise _refused(
            path, Message("chart.archive_has_too_many_bytes", most=limits.total_bytes), total
        )
    _check_distinct(path, [target for _, target in plan])
    return plan


def _is_resource_fork(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: PurePosixPath
) -> bool:
    if not target.name.startswith("._"):
        return False
    with archive.open(info) as source:
        return is_resource_fork(target.name, source.read)


def _safe_target(
    path: Path, info: zipfile.ZipInfo, name: str, limits: ArchiveLimits
) -> PurePosixPath:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refused(path, "chart.archive_entry_is_link_or_device", name)
    drive = len(name) > 1 and name[1] == ":" and name[0].isalpha()
    if name.startswith("/") or drive or not parts or any(p.strip(" .") == "" for p in parts):
        raise _refused(path, "chart.archive_entry_lies_outside_folder", name)
    if len(parts) > limits.depth:
        raise _refused(path, Message("chart.archive_folders_too_deep", most=limits.depth), name)
    return PurePosixPath(*(sanitise_name(p, max_bytes=_ENTRY_NAME_BYTES) for p in parts))


def _entry_names(archive: zipfile.ZipFile) -> list[str]:
    """Names of the entries; those that are not marked as Unicode share a code page."""
    infos = archive.infolist()
    names = [info.filename for info in infos]
    old: dict[int, bytes] = {}
    for index, info in enumerate(infos):
        if not info.flag_bits & 0x800 and not info.filename.isascii():
            try:
                old[index] = info.filename.encode("cp437")
            except UnicodeEncodeError:  # named by a Unicode extra field instead
                continue
    sounds = _sounds_named(archive) if old else ()
    for index, name in zip(old, decode_names([*old.values()], sounds), strict=True):
        names[index] = name
    return names


def _sounds_named(archive: zipfile.ZipFile) -> Iterator[str]:
    """Names of sounds in the first charts of an archive, by the beginnings of these."""
    charts = (i for i in archive.infolist() if i.filename.lower().endswith(_CHARTS))
    for info in islice(charts, _MOST_CHARTS_ASKED):
        with archive.open(info) as source:
            name = sound_named(source.read(_CHUNK))
        if name is not None:
            yield name


def _check_size(path: Path, info: zipfile.ZipInfo, limits: ArchiveLimits) -> None:
    if info.file_size > limits.entry_bytes:
        raise _refused(
            path,
            Message("chart.archive_entry_has_too_many_bytes", most=limits.entry_bytes),
            info.filename,
        )
    if info.file_size > max(1 << 20, limits.ratio * info.compress_size):
        raise _refused(
            path, Message("chart.archive_entry_grows_too_much", most=limits.ratio), info.filename
        )


def _check_distinct(path: Path, targets: list[PurePosixPath]) -> None:
    """No file twice, also not where letter case makes no difference; no file that is a folder."""
    files: set[str] = set()
    folders: set[str] = set()
    for target in targets:
        key = _folded(target)
        if key in files:
            raise _refused(path, "chart.two_entries_have_same_name", str(target))
        files.add(key)
        folders.update(_folded(parent) for parent in target.parents)
    if files & folders:
        raise _refused(
            path, "chart.archive_entry_is_both_file_and_folder", sorted(files & folders)[0]
        )


def _folded(target: PurePosixPath) -> str:
    return unicodedata.normalize("NFKC", str(target).casefold())


def _inflate(
    archive: zipfile.ZipFile, plan: Plan, staging: Path, path: Path, limits: ArchiveLimits
) -> None:
    """Unpack every file, counting what really comes out, whatever the archive declares."""
    total = 0
    for info, target in plan:
        place = staging / target
        place.parent.mkdir(parents=True, exist_ok=True)
        size = 0
        with archive.open(info) as source, place.open("xb") as sink:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                total += len(chunk)
                if size > limits.entry_bytes or total > limits.total_bytes:
                    raise _refused(
                        path, "chart.archive_entry_is_larger_than_declared", info.filename
                    )
                sink.write(chunk)


def _move_in(plan: Plan, staging: Path, out_dir: Path, path: Path) -> list[Path]:
    """Move the files into place; links that lie in the folder already are not followed out."""
    root = out_dir.resolve()
    places = [out_dir / target for _, target in plan]
    for place in places:
        if not place.parent.resolve().is_relative_to(root) or place.is_dir():
            raise _refused(path, "chart.something_else_lies_in_way", str(place))
    for (_, target), place in zip(plan, places, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        (staging / target).replace(place)
    return places


def write_osz(path: Path, beatmaps: Sequence[Beatmap], files: Mapping[str, Path | bytes]) -> None:
    """Pack a beatmapset; equal content gives equal bytes, whenever and wherever it lies.

    Args:
        path: the archive; it appears when it is whole.
        beatmaps: difficulties; each becomes `Artist - Title (Creator) [Version].osu`.
        files: sound, background and so on by their name in the archive, as a file or as bytes.

    Raises:
        BeatmapError: for an unsafe or repeated name, a missing file, or a chart that cannot be
            written.
    """
    contents: dict[str, Path | bytes] = {}
    for beatmap in beatmaps:
        contents[_free_name(chart_name(beatmap), contents)] = osu.encode(beatmap)
    for name, content in files.items():
        if not name or "/".join(map(sanitise_name, name.split("/"))) != name:
            raise BeatmapError("chart.unsafe_file_name", file=path, value=name)
        if isinstance(content, Path) and not content.is_file():
            raise BeatmapError("common.no_such_file", file=content, remedy="remedy.check_path")
        if name in contents:
            raise BeatmapError("chart.two_files_of_one_name", file=path, value=name)
        contents[name] = content
    if not beatmaps:  # our own reader would refuse it
        raise BeatmapError("chart.no_chart_to_write", file=path)
    pack(path, contents)


def pack(path: Path, contents: Mapping[str, Path | bytes]) -> None:
    """Pack files under safe names; equal content gives equal bytes.

    Raises:
        BeatmapError: for names that differ only in letter case, or are file and folder at once.
    """
    _check_distinct(path, [PurePosixPath(name) for name in contents])
    with atomic_write(path) as handle, zipfile.ZipFile(handle, "w") as archive:
        for name in sorted(contents):
            _add(archive, name, contents[name])


def chart_name(beatmap: Beatmap) -> str:
    """File name of a difficulty, as the game gives it."""
    stem = f"{beatmap.artist} - {beatmap.title} ({beatmap.creator}) [{beatmap.version}]"
    return sanitise_name(f"{stem}.osu")


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    """The name, or with the first number that makes it free."""
    lower = {key.casefold() for key in taken}
    stem, count = name.removesuffix(".osu"), 2
    while name.casefold() in lower:
        name = sanitise_name(f"{stem[:100]} ({count}).osu")
        count += 1
    return name


def _add(archive: zipfile.ZipFile, name: str, content: Path | bytes) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    packed = PurePosixPath(name).suffix.lower() in _PACKED
    info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
    info.create_system, info.external_attr = 3, 0o644 << 16  # the same on every system
    if isinstance(content, bytes):
        archive.writestr(info, content)
        return
    info.file_size = content.stat().st_size
    with content.open("rb") as source, archive.open(info, "w") as sink:
        shutil.copyfileobj(source, sink)
