"""Folders of the page's results: one a job, one below it for each revision."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import threading
import time
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from mug.beatmap.formats.safe_names import sanitise_name
from mug.errors import GenerationError

_JOB = re.compile(r"[A-Za-z0-9_-]{22}")
_REVISION = re.compile(r"[0-9]{4}")
_UNSAFE = re.compile(r"[^\w .()\[\]&,!'+-]", re.ASCII)
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Revision:
    """One state of a job's charts.

    Args:
        job: the job's name, which cannot be guessed.
        number: of the revision, from 1.
        folder: where its files lie.
    """

    job: str
    number: int
    folder: Path

    @property
    def key(self) -> str:
        """Its name, as a page hands it back."""
        return f"{self.job}/{self.number:04d}"


@dataclass(frozen=True)
class StorageLimits:
    """StorageLimits for files.

    Args:
        number: of jobs, and of uploads.
        size: of them together, in bytes.
    """

    number: int = 2000
    size: int = 5_000_000_000


class JobFolders:
    """Folders of jobs below one root.

    Who knows a job's name may see it; names have 128 random bits.

    Args:
        root: the folder that holds them all; nothing else is ever served.
        keep_hours: jobs that were not touched for so long are deleted.
        uploads: files that lie here so long are deleted, too.
        limits: of jobs, and as much again of uploads; the oldest go first.
    """

    def __init__(
        self,
        root: Path,
        keep_hours: float = 24.0,
        uploads: Path | None = None,
        limits: StorageLimits | None = None,
    ) -> None:
        self._uploads, self._limits = uploads, limits or StorageLimits()
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self._keep_s = 3600.0 * keep_hours
        self._due = threading.Event()

    def new_job(self) -> Path:
        """An empty folder for a job."""
        folder = self.root / secrets.token_urlsafe(16)
        folder.mkdir()
        return folder

    def new_revision(self, job: Path) -> Revision:
        """The next revision of a job."""
        number = 1 + max(
            (int(p.name) for p in job.iterdir() if _REVISION.fullmatch(p.name)), default=0
        )
        folder = job / f"{number:04d}"
        folder.mkdir()
        return Revision(job.name, number, folder)

    def find(self, key: str) -> Revision:
        """The revision that a page names.

        Raises:
            GenerationError: for a name of another form, or one that is gone.
        """
        job, _, number = key.partition("/")
        if _JOB.fullmatch(job) and _REVISION.fullmatch(number):
            folder = self.root / job / number
            if folder.is_dir():
                return Revision(job, int(number), folder)
        raise GenerationError(
            "ui.charts_are_gone", remedy="remedy.generate_them_again_or_keep_download"
        )

    def file(self, job: str, number: str, name: str) -> Path | None:
        """A file that may be served; None for anything else."""
        if not (_JOB.fullmatch(job) and _REVISION.fullmatch(number)) or name != safe_name(name):
            return None
        path = self.root / job / number / name
        inside = path.resolve().parent == (self.root / job / number).resolve()
        return path if inside and path.is_file() else None

    def sound(self, job: str, name: str) -> Path | None:
        """The sound of a job; None where there is none."""
        path = self.root / job / name
        return path if _JOB.fullmatch(job) and path.is_file() else None

    def drop_unfinished(self) -> None:
        """Delete what a process has left that was killed at its work; no job may run."""
        for job in self.root.iterdir():
            if not _JOB.fullmatch(job.name):
                continue
            numbers = [one for one in job.glob("*") if _REVISION.fullmatch(one.name)]
            late = [one for one in numbers if not (one / "result.json").exists()]
            for folder in [job] if len(late) == len(numbers) else late:
                shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, in_use: Collection[Path] = ()) -> int:
        """Delete jobs and uploads that are too old, too many or too large; how many jobs.

        Args:
            in_use: uploads that jobs still read.
        """
        jobs = [path for path in self.root.iterdir() if _JOB.fullmatch(path.name) and path.is_dir()]
        old = self._too_much(jobs, _size_of_folder)
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        if self._uploads is not None:
            kept = {path.resolve() for path in in_use}
            files = [path for path in self._uploads.rglob("*") if path.is_file()]
            for path in self._too_much([one for one in files if one not in kept], _size):
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # other files lie there, too
                    path.parent.rmdir()
        return len(old)

    def _too_much(self, paths: Iterable[Path], size: Callable[[Path], int]) -> list[Path]:
        """Return what is too old, and the oldest beyond the number and the size there may be."""
        limit, found = time.time() - self._keep_s, []
        for path in paths:
            with contextlib.suppress(OSError):  # gone meanwhile
                found.append((path.stat().st_mtime, size(path), path))
        found.sort(key=lambda one: one[0], reverse=True)
        number, total, late = 0, 0, []
        for touched, bytes_, path in found:
            number, total = number + 1, total + bytes_
            if touched < limit or number > self._limits.number or total > self._limits.size:
                late.append(path)
        return late

    def keep_swept(self, in_use: Callable[[], Collection[Path]]) -> None:
        """Sweep now, each minute and after `sweep_soon`, in a thread of its own.

        Args:
            in_use: uploads that jobs still read.
        """

        def work() -> None:
            while True:
                self._due.clear()
                self.sweep(in_use())
                self._due.wait(60)

        threading.Thread(target=work, name="sweep", daemon=True).start()

    def sweep_soon(self) -> None:
        """Have `keep_swept` sweep: something was added."""
        self._due.set()


def _size(path: Path) -> int:
    return path.stat().st_size


def _size_of_folder(path: Path) -> int:
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def safe_name(text: str) -> str:
    """A file name of plain letters that no file system or shell minds, nor Windows."""
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(letter for letter in plain if letter.isprintable())
    kept = "".join(
        letter if letter.isalnum() or not _UNSAFE.match(letter) else "_" for letter in plain
    )
    name = sanitise_name(kept.strip(" .")[:_LONGEST_NAME].strip(" .") or "chart")
    return name[:_LONGEST_NAME].rstrip(" .")
