"""The policy of all readers for what a file says that cannot be read.

The line is the unit of failure, not the file: a line (or an entry of a list, or a chart among
several) that the game would pass over is left out, counted, and named with its place. A chart is
refused only where no note is left of it. A strict reader refuses the file at the first such line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mug.beatmap.formats.limits import shorten
from mug.beatmap.formats.loss_report import LossReport, hand_over
from mug.errors import BeatmapError, printable
from mug.messages.message import Message

_SHOWN = 400  # characters of a line in an error
_SHOWN_IN_REPORT = 60


@dataclass
class Reading:
    """One file on its way to charts: where it is, how strictly it is read, what it loses.

    Args:
        path: the file, for messages.
        strict: refuse the file at the first thing that cannot be read.
        losses: what is left out, or read otherwise than it is written.
    """

    path: Path | None = None
    strict: bool = False
    losses: LossReport = field(default_factory=LossReport)
    _first_note: BeatmapError | None = None
    _notes_left_out: int = 0

    def error(
        self,
        what: str,
        value: object = None,
        *,
        line: int | None = None,
        remedy: str | None = None,
    ) -> BeatmapError:
        """Return an error about this file."""
        shown = None if value is None else shorten(value, _SHOWN)
        return BeatmapError(what, file=self.path, line=line, value=shown, remedy=remedy)

    def left_out(
        self, reason: str, value: object = None, *, line: int | None = None, note: bool = False
    ) -> None:
        """Leave something out, and count it.

        Args:
            reason: what is wrong with it.
            value: the text as written.
            line: its number, counted from 1.
            note: it would be a note, or a chart, if it could be read.

        Raises:
            BeatmapError: when strict.
        """
        self._count(Message("chart.left_out", reason=_said(reason)), reason, value, line)
        if note:
            self._without(reason, value, line)

    def dropped(self, reason: str, value: object = None, *, line: int | None = None) -> None:
        """Count a note, or a chart, that the game itself has no use for; no reader refuses it."""
        self.losses.add(_said(reason), places=(self.place(value, line=line),))
        self._without(reason, value, line)

    def _without(self, reason: str, value: object, line: int | None) -> None:
        self._notes_left_out += 1
        self._first_note = self._first_note or self.error(reason, value, line=line)

    def otherwise(self, reason: str, value: object = None, *, line: int | None = None) -> None:
        """Count something that the game reads otherwise than it is written, and that is kept.

        Raises:
            BeatmapError: when strict.
        """
        self._count(_said(reason), reason, value, line)

    def _count(self, what: str, reason: str, value: object, line: int | None) -> None:
        if self.strict:
            raise self.error(reason, value, line=line, remedy="remedy.fix_line_or_read_leniently")
        self.losses.add(what, places=(self.place(value, line=line),))

    def place(self, value: object = None, *, line: int | None = None) -> str:
        """Return a place in the file with what stands there."""
        name = "" if self.path is None else printable(self.path.name)
        if line is not None:
            name = f"{name}:{line}" if name else f"line {line}"
        shown = "" if value is None else repr(shorten(value, _SHOWN_IN_REPORT))
        return f"{name} {shown}".strip()

    def check_playable(self, notes: int) -> None:
        """Refuse a file of which no note is left, though it has some.

        Raises:
            BeatmapError: names the first note (or chart) that was left out, and their number.
        """
        if notes or self._first_note is None:
            return
        first = self._first_note
        count = self._notes_left_out
        raise BeatmapError(
            Message("chart.nothing_playable_is_left", count=count, reason=first.what),
            file=self.path,
            line=first.line,
            value=first.value,
        )

    def hand_over(self, losses: LossReport | None) -> None:
        """Give the losses to whoever asked for them, or log them."""
        hand_over(self.losses, losses, self.path)


def _said(reason: str) -> Message:
    return reason if isinstance(reason, Message) else Message(reason)
