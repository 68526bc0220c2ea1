"""Errors that a person can act on: file, line or key, value and remedy in each."""

from __future__ import annotations

import re
from pathlib import Path

from mug.messages.message import Message

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
