"""Collects charts and their songs from folders and `.osz` packages into one data set.

    OUT/<set>/chart.osu, song.mp3     copies of the charts, hard links to (or copies of) the songs
    OUT/beatmap.txt                   all charts, relative to OUT
    OUT/quarantine.jsonl              what was left out because it is broken, with reasons
    OUT/.collected.jsonl              what was done, one line a source: makes a second run short

Each source (a folder with charts, or a package) is done once; it is done again when its files
or the selection change. Sources that went away keep their charts: a data set may be collected
from several folders. One process at a time may collect into a folder.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from mug.beatmap import osu, osz
from mug.beatmap.beatmap import MANIA, Beatmap
from mug.data.quarantine import FILE_NAME, Rejected, write_quarantine
from mug.data.spectrograms import find_audio
from mug.errors import DataError, ModeError, MugError
from mug.util import atomic_write

STAGE = "collect"
JOURNAL = ".collected.jsonl"
_VERSION = 1  # another number makes every source be done again
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Selection:
    """Which charts are wanted.

    Args:
        mode: 3, osu!mania; charts of other modes are passed over.
        keys: number of columns; 0 for any.
    """

    mode: int = MANIA
    keys: int = 0

    def __post_init__(self) -> None:
        if self.mode != MANIA:
            raise DataError(
                "only charts of osu!mania (mode 3) can be prepared",
                value=self.mode,
                remedy="Leave the mode out, or give 3",
            )
        if not 0 <= self.keys <= 18:
            raise DataError("charts have 1 to 18 columns; 0 takes any", value=self.keys)


@dataclass(frozen=True)
class Record:
    """What became of one source; a line of the journal.

    Args:
        source: its absolute path.
        fingerprint: changes with its files and with the selection.
        folder: its folder in the data set.
        charts: file names in that folder.
        other_mode: charts of other game modes, passed over.
        other_keys: charts with another number of columns, passed over.
        rejected: broken files with their reasons.
    """

    source: str
    fingerprint: str
    folder: str
    charts: list[str] = field(default_factory=list)
    other_mode: int = 0
    other_keys: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Collected:
    """Numbers of a run: `sources` were found, `done` of them are new; the rest counts charts."""

    sources: int
    done: int
    charts: int
    other_mode: int
    other_keys: int
    rejected: int


def collect(
    song_dir: Path,
    out_dir: Path,
    selection: Selection | None = None,
    *,
    progress: Progress | None = None,
) -> Collected:
    """Brings the charts under a folder into a data set; goes on where an earlier run stopped.

    Raises:
        DataError: for a folder that is missing, holds no charts, or contains the data set.
    """
    selection = selection or Selection()
    sources = find_sources(song_dir, out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    records = _read_journal(out_dir / JOURNAL)
    done = 0
    with (out_dir / JOURNAL).open("a", encoding="utf-8") as journal:
        for count, source in enumerate(sources, start=1):
            old = records.get(str(source))
            mark = _fingerprint(source, selection)
            if old is None or old.fingerprint != mark or not _is_complete(old, out_dir):
                folder = old.folder if old else _free_folder(source, records)
                record = _collect_source(
                    source, out_dir, Record(str(source), mark, folder), selection
                )
                _remove_stale(old, record, out_dir)
                journal.write(json.dumps(asdict(record), ensure_ascii=False) + "\n")
                journal.flush()
                records[record.source] = record
                done += 1
            if progress:
                progress(count, len(sources))
    _write_lists(out_dir, list(records.values()))
    return _summary(list(records.values()), len(sources), done)


def find_sources(song_dir: Path, out_dir: Path | None = None) -> list[Path]:
    """Folders with charts in them and `.osz` packages, absolute, sorted.

    Raises:
        DataError: for a folder that is missing or has none of them.
    """
    root = song_dir.resolve()
    if not root.is_dir():
        raise DataError("no such folder of songs", file=song_dir)
    ours = out_dir.resolve() if out_dir else None
    found: set[Path] = set()
    for folder, subfolders, files in os.walk(root):
        here = Path(folder)
        subfolders[:] = [name for name in subfolders if here / name != ours]
        found |= {here / name for name in files if name.lower().endswith(".osz")}
        if here != ours and any(name.lower().endswith(".osu") for name in files):
            found.add(here)
    if not found:
        raise DataError(
            "no charts found",
            file=song_dir,
            remedy="Give a folder with .osu files or .osz packages",
        )
    return sorted(found)


def _collect_source(source: Path, out_dir: Path, record: Record, selection: Selection) -> Record:
    if source.is_dir():
        return _collect_folder(source, source, out_dir, record, selection)
    with TemporaryDirectory(dir=out_dir, prefix=".unpacked-") as unpacked:
        folder = Path(unpacked)
        try:
            osz.extract(source, folder)
        except MugError as error:
            record.rejected.append((str(source), _reason(error)))
            return record
        return _collect_folder(folder, source, out_dir, record, selection)


def _collect_folder(
    folder: Path, source: Path, out_dir: Path, record: Record, selection: Selection
) -> Record:
    """Takes the charts of a folder; `source` is its name in messages."""
    other_mode = other_keys = 0
    # Charts in subfolders of a folder are sources of their own; a package is one source.
    files = folder.iterdir() if source == folder else folder.rglob("*")
    for chart in sorted(file for file in files if file.suffix.lower() == ".osu"):
        try:
            beatmap = osu.read(chart)
            if selection.keys not in (0, beatmap.keys):
                other_keys += 1
                continue
            name = _take(beatmap, folder, out_dir / record.folder, record.charts)
            record.charts.append(name)
        except ModeError:
            other_mode += 1
        except (MugError, OSError) as error:
            _stop_if_disk_is_full(error)
            shown = source / chart.relative_to(folder)
            reason = str(error) if isinstance(error, OSError) else _reason(error)
            record.rejected.append((str(shown), reason.replace(str(folder), str(source))))
    return Record(**{**asdict(record), "other_mode": other_mode, "other_keys": other_keys})


def _stop_if_disk_is_full(error: Exception) -> None:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        raise DataError(
            "the data set cannot be written",
            file=error.filename,
            value=error.strerror,
            remedy="Make room and run the same command again",
        ) from error


def _take(beatmap: Beatmap, folder: Path, target: Path, taken: Sequence[str]) -> str:
    """Copies a chart and links its song; the chart's new name."""
    chart = beatmap.path
    if chart is None or not beatmap.hit_objects:
        raise DataError("the chart has no objects", file=chart)
    audio = find_audio(beatmap)
    if not audio.resolve().is_relative_to(folder.resolve()):
        raise DataError("the chart's song lies outside its folder", file=chart, value=str(audio))
    _link(audio, target / audio.relative_to(chart.parent))
    name = osz.sanitise_name(chart.name)
    if name.casefold() in {other.casefold() for other in taken}:
        name = f"{Path(name).stem} {_short_hash(chart.relative_to(folder).as_posix())}.osu"
    data = chart.read_bytes()
    if not ((target / name).is_file() and (target / name).read_bytes() == data):
        with atomic_write(target / name) as handle:
            handle.write(data)
    return name


def _link(source: Path, target: Path) -> None:
    """Gives a file a second name; copies it where the file system cannot."""
    if target.exists() and target.samefile(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), temporary)
    except OSError:
        shutil.copy2(source, temporary)
    temporary.replace(target)


def _remove_stale(old: Record | None, new: Record, out_dir: Path) -> None:
    for name in set(old.charts if old else ()) - set(new.charts):
        (out_dir / new.folder / name).unlink(missing_ok=True)


def _is_complete(record: Record, out_dir: Path) -> bool:
    return all((out_dir / record.folder / name).is_file() for name in record.charts)


def _fingerprint(source: Path, selection: Selection) -> str:
    """Of names, sizes and times of a source's files, and of what was wanted of it."""
    files = [source] if source.is_file() else sorted(p for p in source.iterdir() if p.is_file())
    text = f"{_VERSION} {selection}"
    for file in files:
        state = file.stat()
        text += f"\n{file.name} {state.st_size} {state.st_mtime_ns}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _free_folder(source: Path, records: dict[str, Record]) -> str:
    """The source's own name; with a hash of its path where another source has that already."""
    name = osz.sanitise_name(source.stem if source.is_file() else source.name, max_bytes=150)
    if name.startswith((".", "#")):  # hidden files; comments in beatmap.txt
        name = f"_{name}"
    if name.casefold() in {record.folder.casefold() for record in records.values()}:
        name = f"{name} {_short_hash(str(source))}"
    return name


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _reason(error: MugError) -> str:
    """The error without its file, which stands beside it."""
    return str(type(error)(error.what, line=error.line, value=error.value, remedy=error.remedy))


def _read_journal(path: Path) -> dict[str, Record]:
    """Records by source, the latest of each; a line cut off by a crash is not one."""
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        with path.open("a", encoding="utf-8") as handle:
            handle.write("\n")  # so that the next line stands alone
    records = {}
    for line in text.split("\n"):
        try:
            values = json.loads(line)
        except json.JSONDecodeError:
            continue
        record = Record(**{**values, "rejected": [tuple(r) for r in values["rejected"]]})
        records[record.source] = record
    return records


def _write_lists(out_dir: Path, records: Sequence[Record]) -> None:
    charts = sorted(f"{record.folder}/{name}" for record in records for name in record.charts)
    _write_if_new(out_dir / "beatmap.txt", "".join(f"{chart}\n" for chart in charts))
    rejected = sorted(pair for record in records for pair in record.rejected)
    write_quarantine(
        out_dir / FILE_NAME, STAGE, [Rejected(file, why, STAGE) for file, why in rejected]
    )


def _write_if_new(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    with atomic_write(path, "w", encoding="utf-8") as handle:
        handle.write(text)


def _summary(records: Sequence[Record], sources: int, done: int) -> Collected:
    return Collected(
        sources=sources,
        done=done,
        charts=sum(len(record.charts) for record in records),
        other_mode=sum(record.other_mode for record in records),
        other_keys=sum(record.other_keys for record in records),
        rejected=sum(len(record.rejected) for record in records),
    )
