"""Errors that a person can act on: file, line or key, value and remedy in each."""

from __future__ import annotations

import errno
import re
from concurrent.futures import BrokenExecutor
from pathlib import Path

from mug.messages.message import Message

_TEMPORARY = re.compile(r"\..*\.part")  # of mug.files: the file that it stands for is named instead
_ROOM = "remedy.make_room_and_run_same_command"
_RIGHTS = "remedy.choose_place_that_may_be_written"
_NO_MEMORY = (
    "not enough memory",
    "can't allocate memory",
    "annot allocate memory",
    "std::bad_alloc",
    "can't start new thread",
    "failed to map segment",
)
"""Signs of too little memory in errors of other kinds."""

_REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "remedy.raise_limit_of_file_size",
    errno.EROFS: _RIGHTS,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.ENOTDIR: _RIGHTS,
    errno.EISDIR: _RIGHTS,
    errno.ENAMETOOLONG: _RIGHTS,
    errno.EMFILE: "remedy.raise_limit_of_open_files",
    errno.ENFILE: "remedy.raise_limit_of_open_files",
}

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Return a text without codes for colours and other control characters of terminals."""
    return _CONTROL.sub("", text)


class MugError(Exception):
    """Base of every error that the project raises on purpose.

    Args:
        message: code of a text in `mug/messages/en.yaml`, e.g. `audio.no_such_file`, or a message.
        file: the file at fault.
        line: its line, counted from 1.
        value: the offending text or value, shown as written.
        remedy: what the reader can do about it, as a code or a message.
        values: of the placeholders in the text of the code.
    """

    def __init__(
        self,
        message: str,
        /,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        value: object = None,
        remedy: str | None = None,
        **values: object,
    ) -> None:
        self.what, self.file, self.line = _message(message, values), file, line
        self.value, self.remedy = value, None if remedy is None else _message(remedy, {})
        # Everything as an argument, so that it survives pickling.
        super().__init__(self.what, file, line, value, self.remedy)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by keyword, so that errors travel between worker processes whole."""
        return _rebuild, (type(self), self.what, self.file, self.line, self.value, self.remedy)

    def __str__(self) -> str:
        """One line: `file:line: what: value. remedy`."""
        place = "" if self.file is None else str(self.file)
        if self.line is not None:
            place = f"{place}:{self.line}" if place else f"line {self.line}"
        text = f"{place}: {self.what}" if place else self.what
        if self.value is not None:
            text += f": {self.value!r}"
        if self.remedy:
            text += f". {self.remedy}"
        return printable(text)


def _message(said: str, values: dict[str, object]) -> Message:
    return said if isinstance(said, Message) else Message(said, **values)


def _rebuild(
    kind: type[MugError],
    what: Message,
    file: str | Path | None,
    line: int | None,
    value: object,
    remedy: Message | None,
) -> MugError:
    return kind(what, file=file, line=line, value=value, remedy=remedy)


class FileError(MugError):
    """The system refuses to read or write a file: the disk is full or read-only, rights, limits."""


class FileNotWrittenError(FileError):
    """The system refuses to write a file; the old one, if there was any, is untouched."""


class FileIsThereError(FileError):
    """A file that this program did not make has the name of one that it would write."""


class ConfigError(MugError):
    """A YAML file, an override or a constructor's arguments are wrong."""


class BeatmapError(MugError):
    """A chart file cannot be read or written."""


class ModeError(BeatmapError):
    """A chart of another game mode than osu!mania."""


class AudioError(MugError):
    """A sound file cannot be decoded."""


class DataError(MugError):
    """A dataset, its database or its file lists are wrong."""


class CheckpointError(MugError):
    """A checkpoint cannot be read, or does not fit the model."""


class TrainingError(MugError):
    """Training cannot start or go on."""


class GenerationError(MugError):
    """A request for charts cannot be fulfilled."""


class Cancelled(GenerationError):  # noqa: N818 (no fault: nothing is wrong)
    """A request for charts was given up on the user's word; nothing is wrong."""


def file_error(
    error: OSError, file: Path | str | None = None, *, written: bool = False
) -> FileError:
    """Return what the system said about a file as an error of ours, with a remedy.

    Args:
        error: of the system; where it names a file itself, that one counts.
        file: that was worked on.
        written: the file was to be written.
    """
    # Errors of libraries carry no number; then their text says what there is to say.
    said = error.strerror or str(error) or type(error).__name__
    named = error.filename
    if not isinstance(named, str | Path) or _TEMPORARY.fullmatch(Path(named).name):
        named = file
    kind, what = FileError, "common.file_refused"
    if written:
        kind, what = FileNotWrittenError, "common.file_cannot_be_written"
    return kind(what, file=named, value=said, remedy=_REMEDIES.get(error.errno or 0))


def plain_error(error: Exception) -> MugError | None:
    """Return what went wrong in a whole run as an error of ours; None for a fault of the program.

    Args:
        error: that nobody has dealt with.
    """
    if isinstance(error, MugError):
        return error
    if isinstance(error, MemoryError) or any(sign in str(error) for sign in _NO_MEMORY):
        return FileError(
            "common.too_little_memory", remedy="remedy.close_programs_or_fewer_workers"
        )
    if isinstance(error, BrokenExecutor):
        return MugError("common.worker_process_died", remedy="remedy.same_command_fewer_workers")
    return file_error(error) if isinstance(error, OSError) else None
