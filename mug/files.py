"""Writing of files: each appears whole or not at all, several of them together, errors named.

A file is written under a temporary name beside its place and renamed. What the system refuses
(a full or read-only disk, missing rights, a limit) is a `FileError` that names the file. Temporary
files that a killed process has left are removed by the next one that writes into the folder.
"""

from __future__ import annotations

import filecmp
import functools
import hashlib
import io
import os
import re
import secrets
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

from mug.errors import FileError, FileIsThereError, file_error

PART = ".part"
"""Suffix of temporary files; they begin with a dot."""

_OURS = re.compile(r"\..*\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.part")
_LONGEST = 40  # characters of a file's name in that of its temporary one


@contextmanager
def atomic_write(path: Path, mode: str = "wb", **kwargs: Any) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` and rename it into place when the block succeeds.

    A reader never sees a half-written file, and a failure leaves the old one untouched.

    Args:
        path: the file; its folders are made.
        mode: `wb`, or `w` for text.
        kwargs: of text: `encoding`, `newline`.

    Raises:
        FileError: when the system refuses to write it, whatever the block made of that.
    """
    group = _GROUP.get()
    if group is not None:
        with group.open(path, mode, **kwargs) as handle:
            yield handle
        return
    with write_together() as files, files.open(path, mode, **kwargs) as handle:
        yield handle


@contextmanager
def write_together(*, overwrite: bool = True) -> Iterator[FileGroup]:
    """Write several files that appear when the block succeeds, all of them or none.

    They appear in the order in which they were opened: a file that needs the others comes last.
    Whatever the block writes by `atomic_write`, through other functions too, is among them.

    Args:
        overwrite: replace files that are there; otherwise those with the same content stay, and
            others are refused.

    Raises:
        FileError: when the system refuses to write one of them; `FileIsThereError` for one that
            must not be replaced.
    """
    group = FileGroup(overwrite)
    token = _GROUP.set(group)
    try:
        yield group
        group.place()
    finally:
        _GROUP.reset(token)
        group.discard()


_GROUP: ContextVar[FileGroup | None] = ContextVar("group of files", default=None)


class FileGroup:
    """Files that are being written under temporary names; see `write_together`."""

    def __init__(self, overwrite: bool) -> None:
        self._overwrite = overwrite
        self._waiting: list[tuple[Path, Path]] = []
        self._made: list[Path] = []

    @contextmanager
    def open(self, path: Path, mode: str = "wb", **kwargs: Any) -> Iterator[IO[Any]]:
        """Open one of the files; arguments and errors as of `atomic_write`."""
        if mode not in ("wb", "w"):
            raise ValueError(f"files are written anew, not opened with {mode!r}")
        raw: list[_Raw] = []
        with self.reserve(Path(path), raw) as temporary:
            raw.append(_Raw(temporary, "xb"))
            buffered = io.BufferedWriter(raw[0])
            with io.TextIOWrapper(buffered, **kwargs) if mode == "w" else buffered as handle:
                yield handle
                handle.flush()
                raw[0].check()
                os.fsync(raw[0].fileno())
            temporary.chmod(0o644)

    @contextmanager
    def reserve(self, path: Path, raw: Sequence[_Raw] = ()) -> Iterator[Path]:
        """Give a temporary path, at which the block makes one of the files."""
        temporary = None
        try:
            self._make_folders(path.parent)
            temporary = _temporary(path)
            yield temporary
        except BaseException as error:
            if temporary is not None:
                _remove(temporary)
            ours = _writing_error(error, raw[0].refused if raw else None, path)
            if ours is None:
                raise
            raise ours from error
        self._waiting.append((temporary, path))

    def write(self, path: Path, content: bytes) -> None:
        """Write one of the files at once."""
        with self.open(path) as handle:
            handle.write(content)

    def place(self) -> None:
        """Give all files their names; where one cannot have it, none has."""
        if not self._overwrite:
            self.leave_equal()
            for _, path in self._waiting:
                if os.path.lexists(path):
                    raise _is_there(path)
        kept: list[tuple[Path, Path | None]] = []
        try:
            while self._waiting:
                temporary, path = self._waiting[0]
                try:
                    # A single file is replaced in one step, and needs no copy of the old one.
                    alone = not kept and len(self._waiting) == 1
                    kept.append((path, None if alone else _kept_copy(path)))
                    temporary.replace(path)
                except OSError as error:
                    _undo(kept)
                    raise _not_written(error, path) from error
                self._waiting.pop(0)
        finally:
            for _, old in kept:
                if old is not None:
                    old.unlink(missing_ok=True)
        self._made.clear()

    def leave_equal(self) -> None:
        """Leave files alone that are there with the same content."""
        for temporary, path in list(self._waiting):
            if path.is_file() and filecmp.cmp(temporary, path, shallow=False):
                _remove(temporary)
                self._waiting.remove((temporary, path))

    def discard(self) -> None:
        """Remove what did not get its name, and folders that were made for it."""
        for temporary, _ in self._waiting:
            _remove(temporary)
        self._waiting.clear()
        for folder in reversed(self._made):
            with suppress(OSError):  # no longer empty
                folder.rmdir()
        self._made.clear()

    def _make_folders(self, folder: Path) -> None:
        missing = []
        here = folder
        while not here.exists():
            missing.append(here)
            here = here.parent
        folder.mkdir(parents=True, exist_ok=True)
        self._made += reversed(missing)
        _sweep_once(folder.absolute())


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Give a temporary path, and rename what the block makes there into place."""
    with write_together() as files, files.reserve(path) as temporary:
        yield temporary


def atomic_copy(source: Path, target: Path) -> None:
    """Copy a file's content, whole or not at all."""
    with atomic_write(target) as handle, source.open("rb") as reader:
        shutil.copyfileobj(reader, handle)


def append_lines(file: Path, lines: Iterable[str]) -> None:
    """Add whole lines to a file; a line that a kill or a full disk has cut before is ended first.

    Raises:
        FileError: when they cannot be written; what was written of them is taken away again.
    """
    data = "".join(f"{line}\n" for line in lines).encode()
    if not data:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab+", buffering=0) as handle:
            size = handle.seek(0, os.SEEK_END)
            if size:
                handle.seek(size - 1)
                data = data if handle.read(1) == b"\n" else b"\n" + data
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[handle.write(rest) :]
                os.fsync(handle.fileno())
            except OSError:
                handle.truncate(size)
                raise
    except OSError as error:
        raise _not_written(error, file) from error


def check_free(
    paths: Iterable[Path], *, overwrite: bool, is_ours: Callable[[Path], bool] | None = None
) -> None:
    """Refuse to write over files that are somebody else's.

    Args:
        paths: files to be written.
        overwrite: the user wants it.
        is_ours: tells a file that this program made before, which may be replaced.

    Raises:
        FileIsThereError: for the first one that is there.
    """
    for path in paths:
        if overwrite or not os.path.lexists(path):
            continue
        if path.is_dir():
            raise FileError(
                "common.folder_is_in_the_way",
                file=path,
                remedy="remedy.choose_place_that_may_be_written",
            )
        if is_ours is None or not is_ours(path):
            raise _is_there(path)


def _is_there(path: Path) -> FileIsThereError:
    return FileIsThereError(
        "common.file_is_there_already", file=path, remedy="remedy.overwrite_or_other_name"
    )


class _Raw(io.FileIO):
    """A file that remembers what the system refused, for callers that don't pass it on."""

    refused: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except OSError as error:
            self.refused = error
            raise

    def check(self) -> None:
        """Raise what was refused, where a library has passed over it."""
        if self.refused is not None:
            raise self.refused


def _writing_error(error: BaseException, refused: OSError | None, path: Path) -> FileError | None:
    """Tell what the system refused of a file from what else a block raises; None for the latter."""
    if refused is not None and isinstance(error, Exception):
        return _not_written(refused, path)  # torch, say, tells it in its own way
    if not isinstance(error, OSError) or isinstance(error, InterruptedError):
        return None
    named = error.filename
    if not isinstance(named, str | Path):
        return _not_written(error, path)
    place = Path(named)  # folders above the file are made for it
    other = place not in (path, *path.parents) and not _OURS.fullmatch(place.name)
    return file_error(error, path) if other else _not_written(error, path)


def _remove(temporary: Path) -> None:
    with suppress(OSError):  # of a disk that has become read-only, say
        temporary.unlink(missing_ok=True)


def _not_written(error: OSError, path: Path) -> FileError:
    return file_error(error, path, written=True)


def _temporary(path: Path) -> Path:
    random = secrets.token_hex(4)
    return path.with_name(f".{path.name[:_LONGEST]}.{_machine()}-{os.getpid()}-{random}{PART}")


def _kept_copy(path: Path) -> Path | None:
    """Give the old file a second name, to have it back; None where there is none."""
    if not path.is_file():
        return None
    kept = _temporary(path)
    try:
        os.link(path, kept)
    except OSError:  # the file system has no hard links
        shutil.copy2(path, kept)
    return kept


def _undo(kept: list[tuple[Path, Path | None]]) -> None:
    """Bring the old files back; the last one was not replaced."""
    for path, old in kept[:-1]:
        if old is None:
            path.unlink(missing_ok=True)
        else:
            old.replace(path)


@functools.cache
def _machine() -> str:
    """Name of this machine since its start, containers apart, as 8 hexadecimal digits."""
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    parts = [socket.gethostname()]
    parts += [boot.read_text().strip()] if boot.is_file() else []
    parts += [str(space.stat().st_ino)] if space.exists() else []
    return hashlib.sha256(" ".join(parts).encode("utf-8", "replace")).hexdigest()[:8]


def sweep_below(folder: Path) -> None:
    """Remove temporary files of processes that are no more, in a folder and all below.

    For folders into which nobody writes again, as those of a training that was killed before its
    first checkpoint.
    """
    if folder.is_dir():
        for place, _, _ in os.walk(folder):
            _sweep(Path(place))


@functools.lru_cache(maxsize=256)
def _sweep_once(folder: Path) -> None:
    _sweep(folder)


def _sweep(folder: Path) -> None:
    """Remove temporary files of processes of this machine that are no more."""
    if os.name != "posix":  # elsewhere asking for a process may end it
        return
    with os.scandir(folder) as entries:
        found = [(_OURS.fullmatch(entry.name), entry.path) for entry in entries]
    for match, path in found:
        if match is not None and match[1] == _machine() and not _lives(int(match[2])):
            with suppress(OSError):  # another process may be at it
                Path(path).unlink()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return not _has_ended(process)


def _has_ended(process: int) -> bool:
    """Tell a process that has ended and that nobody waits for, as where a container has no init."""
    with suppress(OSError):
        said = Path(f"/proc/{process}/stat").read_bytes()
        return said.rpartition(b")")[2].split()[0] in (b"Z", b"X")
    return False
