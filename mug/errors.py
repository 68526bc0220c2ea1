"""Errors that a person can act on: file, line or key, value and remedy in each."""

from __future__ import annotations

from pathlib import Path


class MugError(Exception):
    """Base of every error that the project raises on purpose.

    Args:
        what: what is wrong, as a sentence without a full stop.
        file: the file at fault.
        line: its line, counted from 1.
        value: the offending text or value, shown as written.
        remedy: what the reader can do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        value: object = None,
        remedy: str | None = None,
    ) -> None:
        self.what, self.file, self.line = what, file, line
        self.value, self.remedy = value, remedy
        super().__init__(what, file, line, value, remedy)  # so that it survives pickling

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles by keyword, so that errors travel between worker processes whole."""
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
        return text


def _rebuild(
    kind: type[MugError],
    what: str,
    file: str | Path | None,
    line: int | None,
    value: object,
    remedy: str | None,
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
