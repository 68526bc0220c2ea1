"""Charts of any format, opened to be edited: what is not edited keeps its bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.archive import Archive
from mug.beatmap.exact.changes import MovedNote
from mug.beatmap.exact.files import EXACT, ExactFile
from mug.beatmap.exact.operations import Edit, Fields
from mug.beatmap.exact.patches import to_plain
from mug.beatmap.exact.steps import apply_to
from mug.beatmap.exact.view import View
from mug.beatmap.formats.encodings import decode, detect
from mug.beatmap.formats.limits import MAX_BYTES, check_lines, read_bounded
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.registry import PACKAGES, kind_of, kind_of_bytes
from mug.errors import BeatmapError, ModeError
from mug.files import atomic_write
from mug.util import nearest


@dataclass(frozen=True)
class ChartPlace:
    """A chart of a document.

    Args:
        member: file of the package that it stands in; empty without a package.
        number: of the chart in its file.
        beatmap: what it says.
    """

    member: str
    number: int
    beatmap: Beatmap


@dataclass(frozen=True)
class Document:
    """A file of charts, or a package, as it is now.

    Args:
        kind: suffix of its format.
        files: of charts, by their names in a package; one of the empty name without a package.
        archive: the package as it was opened; None without one.
        changed: members that differ from those of the archive.
        losses: what a beatmap has no place for, and what is left out of it.
        left_out: why files of a package cannot be opened.
    """

    kind: str
    files: Mapping[str, ExactFile]
    archive: Archive | None = None
    changed: frozenset[str] = frozenset()
    losses: LossReport = field(default_factory=LossReport)
    left_out: tuple[BeatmapError, ...] = ()

    @property
    def charts(self) -> tuple[ChartPlace, ...]:
        """The charts, file by file."""
        return tuple(
            ChartPlace(member, number, beatmap)
            for member, file in self.files.items()
            for number, beatmap in enumerate(file.charts)
        )

    @property
    def data(self) -> bytes:
        """The bytes of the file as it is now."""
        if self.archive is None:
            return self.files[""].view.data
        contents = {member: self.files[member].view.data for member in sorted(self.changed)}
        return self.archive.with_members(contents)

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        data = self.data
        with atomic_write(path) as handle:
            handle.write(data)

    def place(self, chart: int) -> ChartPlace:
        """Return a chart by its number.

        Raises:
            BeatmapError: when there is none.
        """
        charts = self.charts
        if not 0 <= chart < len(charts):
            raise BeatmapError("chart.no_such_chart", value=chart, count=len(charts))
        return charts[chart]

    def apply(self, edits: Sequence[Edit]) -> Applied:
        """Apply operations one after another; all of them, or none.

        Raises:
            BeatmapError: for what is no operation, and notes that the format cannot hold there.
        """
        document = self
        undo: list[dict[str, Any]] = []
        moved: list[MovedNote] = []
        for edit in edits:
            member, number = document._addressed(edit)
            step = apply_to(document.files[member], number, edit)
            undo[:0] = [to_plain(member, patches) for patches in step.undo]
            moved += step.moved
            document = replace(
                document,
                files={**document.files, member: step.file},
                changed=document.changed | {member},
            )
        return Applied(document, tuple(undo), tuple(moved))

    def _addressed(self, edit: Edit) -> tuple[str, int]:
        """The member and the number of the chart that an operation is about."""
        fields = Fields(edit)
        if fields.plain.get("op") != "patch":
            place = self.place(fields.whole("chart", 0))
            return place.member, place.number
        member = fields.text("member", "")
        if member not in self.files:
            raise BeatmapError("chart.no_such_member", value=member)
        return member, 0


@dataclass(frozen=True)
class Applied:
    """Operations that were applied.

    Args:
        document: after them.
        undo: operations that give back every byte; their own `undo` does it again.
        moved: notes that the format could not hold where they were put.
    """

    document: Document
    undo: tuple[dict[str, Any], ...]
    moved: tuple[MovedNote, ...]


def open_chart(
    source: Path | bytes,
    member: str | None = None,
    *,
    path: Path | None = None,
    strict: bool = False,
) -> Document:
    """Open a file of charts, or a package.

    Args:
        source: the file, or its bytes.
        member: of a package, the one file to open; all of its charts by default.
        path: the name that bytes have.
        strict: refuse a chart at the first line that cannot be read, and a package at the first
            such chart.

    Raises:
        BeatmapError: for what cannot be read; see `registry.read_any`.
    """
    how = _Opening(LossReport(), strict)
    if isinstance(source, Path):
        path = source
        data = _read(source)
    else:
        data, path = source, path or Path("chart")
    kind = kind_of_bytes(data, path)
    if kind in PACKAGES:
        return _open_package(kind, data, path, member, how)
    folder = path.parent if isinstance(source, Path) else None
    return Document(kind, {"": how.opened(data, path, folder)}, losses=how.losses)


def _read(path: Path) -> bytes:
    """The bytes of a file; only packages may be large."""
    if kind_of(path) not in PACKAGES:
        return read_bounded(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise BeatmapError("chart.cannot_read_chart", file=path, value=error.strerror) from error


@dataclass(frozen=True)
class _Opening:
    """Policy and losses of opening charts."""

    losses: LossReport
    strict: bool

    def opened(self, data: bytes, path: Path, folder: Path | None) -> ExactFile:
        """Open one file of charts."""
        kind = kind_of_bytes(data, path)
        if len(data) > MAX_BYTES:
            raise BeatmapError("chart.file_has_too_many_bytes", most=MAX_BYTES, file=path)
        decode(data, folder)  # refuses what a byte-order mark promises otherwise
        view = View.of(data, detect(data, folder))
        check_lines(view.text, path)
        return EXACT[kind](view, path, self.losses, self.strict)


def _open_package(
    kind: str, data: bytes, path: Path, member: str | None, how: _Opening
) -> Document:
    archive, contents = Archive.of(data, path)
    if member is not None and member not in contents:
        raise BeatmapError(
            "chart.no_such_member", file=path, value=member, remedy=nearest(member, contents)
        )
    files: dict[str, ExactFile] = {}
    failures: list[BeatmapError] = []
    for name, content in contents.items():
        if member not in (None, name):
            continue
        try:
            files[name] = how.opened(content, path / name, None)
        except BeatmapError as error:
            failures.append(error)
    broken = [error for error in failures if not isinstance(error, ModeError)]
    if failures and (not files or (how.strict and broken)):
        raise (broken or failures)[0]
    return Document(kind, files, archive, losses=how.losses, left_out=tuple(failures))
