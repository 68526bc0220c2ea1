"""Take the charts of one folder or package into a data set: the work of `prepare_beatmap.py`."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mug.beatmap.beatmap import MANIA, Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu import package as osz
from mug.beatmap.sound_file import find_audio
from mug.errors import DataError, FileNotWrittenError, ModeError, MugError
from mug.files import atomic_write, placed
from mug.prepare.opt_out import opts_out
from mug.util import beside_another

PASSED_OVER = ("wrong_mode", "wrong_keys")
"""Rules that charts break which are whole, but not what was asked for."""

UNPACKED = ".unpacked-"
_OF_THE_NAME = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
"""Errors of writing that are about one file's name, and not about the data set."""


@dataclass(frozen=True)
class Selection:
    """Selection of charts.

    Args:
        mode: 3, osu!mania; charts of other modes are passed over.
        keys: number of columns; 0 for any.
        opt_out: mappers, in lower case, who do not want their charts to be used.
        strict: leave charts out that have any line that cannot be read.
    """

    mode: int = MANIA
    keys: int = 0
    opt_out: tuple[str, ...] = ()
    strict: bool = False

    def __post_init__(self) -> None:
        if self.mode != MANIA:
            raise DataError(
                "prepare.only_charts_of_mania_mode_3",
                value=self.mode,
                remedy="remedy.leave_mode_out_or_give_3",
            )
        if not 0 <= self.keys <= 18:
            raise DataError("prepare.charts_have_1_to_18_columns", value=self.keys)


def read_opt_out(path: Path | None) -> tuple[str, ...]:
    """Names of mappers, one a line, in lower case; `#` begins a comment line.

    Raises:
        DataError: when there is no such file.
    """
    if path is None:
        return ()
    if not path.is_file():
        raise DataError("prepare.no_such_list_of_mappers", file=path)
    lines = (line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines())
    return tuple(sorted({line.lower() for line in lines if line and not line.startswith("#")}))


@dataclass(frozen=True)
class Record:
    """Result of one source.

    Args:
        source: its absolute path.
        fingerprint: changes with its files and with the selection.
        folder: its folder in the data set.
        charts: file names in that folder.
        origins: where in the source each of them was.
        left_out: files with the rule that each breaks, and why.
        lost: of charts with lines that were left out, or read otherwise, which, by file.
    """

    source: str
    fingerprint: str
    folder: str
    charts: list[str] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str, str]] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)

    def count(self, rule: str) -> int:
        """Number of files that break a rule."""
        return sum(broken == rule for _, broken, _ in self.left_out)

    @property
    def broken(self) -> list[tuple[str, str]]:
        """Files that were not just passed over, with reasons."""
        return [(file, why) for file, rule, why in self.left_out if rule not in PASSED_OVER]


@dataclass(frozen=True)
class Task:
    """A source to take: its record as far as it is known, and what is wanted of it."""

    record: Record
    out_dir: Path
    selection: Selection


def ingest(task: Task) -> Record | None:
    """Take a source's charts; None when the source has gone.

    Doing it twice, or in two processes at once, is the same as doing it once.

    Raises:
        DataError: when the data set cannot be written.
    """
    source, record = Path(task.record.source), task.record
    if source.is_dir():
        return _ingest_folder(source, task)
    if not source.exists():
        return None
    with TemporaryDirectory(dir=task.out_dir, prefix=UNPACKED) as unpacked:
        try:
            osz.extract(source, Path(unpacked))
        except MugError as error:
            record.left_out.append((str(source), "corrupt", _reason(error)))
            return record
        return _ingest_folder(Path(unpacked), task)


def unable(task: Task, reason: str) -> Record:
    """Result for a source that no process can take: it is left out whole."""
    left_out = [(_shown(Path(task.record.source)), "corrupt", reason)]
    return replace(task.record, charts=[], origins=[], left_out=left_out, lost={})


def _ingest_folder(folder: Path, task: Task) -> Record:
    source, record = Path(task.record.source), task.record
    # Charts in subfolders of a folder are sources of their own; a package is one source.
    files = folder.iterdir() if source == folder else folder.rglob("*")
    strict = task.selection.strict
    charts = (file for file in files if file.suffix.lower() == ".osu")
    for chart in sorted(file for file in charts if not beside_another(file)):
        origin = chart.relative_to(folder)
        try:
            losses = LossReport()
            beatmap = osu.read(chart, losses=losses, strict=strict)
            record.charts.append(_ingest_chart(beatmap, folder, task))
            record.origins.append(origin.as_posix())
            if losses:
                record.lost[_shown(source / origin)] = "; ".join(map(str, losses))
        except _LeftOutError as error:
            record.left_out.append((_shown(source / origin), error.rule, error.reason))
        except (MugError, OSError) as error:
            _stop_if_not_writable(error)
            rule = "wrong_mode" if isinstance(error, ModeError) else "corrupt"
            reason = str(error) if isinstance(error, OSError) else _reason(error)
            reason = reason.replace(str(folder), str(source))
            record.left_out.append((_shown(source / origin), rule, reason))
    return record


def _shown(path: Path) -> str:
    """A path as text that can be written anywhere: file names need not be UTF-8."""
    return str(path).encode("utf-8", "backslashreplace").decode()


class _LeftOutError(Exception):
    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(rule, reason)
        self.rule, self.reason = rule, reason


def _ingest_chart(beatmap: Beatmap, folder: Path, task: Task) -> str:
    """Copy a chart and link its song; the chart's new name."""
    chart, target = beatmap.path, task.out_dir / task.record.folder
    if chart is None:
        raise DataError("prepare.chart_has_no_file")
    _check(beatmap, task.selection)
    audio = _audio(beatmap, folder)
    link(audio, target / audio.relative_to(chart.parent))
    name = osz.sanitise_name(chart.name)
    if name.casefold() in {other.casefold() for other in task.record.charts}:
        name = f"{Path(name).stem} {short_hash(chart.relative_to(folder).as_posix())}.osu"
    data = chart.read_bytes()
    if not ((target / name).is_file() and (target / name).read_bytes() == data):
        with atomic_write(target / name) as handle:
            handle.write(data)
    return name


def _check(beatmap: Beatmap, selection: Selection) -> None:
    if selection.keys not in (0, beatmap.keys):
        raise _LeftOutError("wrong_keys", f"the chart has {beatmap.keys} columns")
    if not beatmap.hit_objects:
        raise _LeftOutError("empty", "the chart has no objects")
    if opts_out(beatmap):
        raise _LeftOutError("robots", "the chart says robots: disallow")
    if beatmap.creator.strip().lower() in selection.opt_out:
        raise _LeftOutError("opt_out", f"its mapper does not want it used: {beatmap.creator}")


def _audio(beatmap: Beatmap, folder: Path) -> Path:
    try:
        audio = find_audio(beatmap)
    except DataError as error:
        raise _LeftOutError("missing_audio", _reason(error)) from error
    if not audio.resolve().is_relative_to(folder.resolve()):
        raise _LeftOutError("missing_audio", "the chart's song lies outside its folder")
    return audio


def link(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the file system cannot."""
    if target.exists() and target.samefile(source):
        return
    with placed(target) as temporary:
        try:
            os.link(source.resolve(), temporary)
        except OSError:
            shutil.copy2(source, temporary)


def _stop_if_not_writable(error: Exception) -> None:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        raise DataError(
            "prepare.data_set_cannot_be_written",
            file=error.filename,
            value=error.strerror,
            remedy="remedy.make_room_and_run_same_command",
        ) from error
    if isinstance(error, FileNotWrittenError):
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _OF_THE_NAME:
            raise error


def short_hash(text: str) -> str:
    """Eight letters that tell names apart."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def ingested(names: Sequence[str], folder: Path) -> bool:
    """Return whether all these files lie in a folder."""
    return all((folder / name).is_file() for name in names)


def _reason(error: MugError) -> str:
    """The error without its file, which stands beside it."""
    return str(type(error)(error.what, line=error.line, value=error.value, remedy=error.remedy))
