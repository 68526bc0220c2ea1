"""Rows of StepMania's charts to notes that can be hit."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from mug.beatmap.formats.limits import bounded
from mug.beatmap.formats.numbers import LineError
from mug.beatmap.formats.reading import Reading
from mug.beatmap.formats.stepmania.notes import (
    FAKE,
    HEADS,
    HOLD,
    KEYSOUND,
    LIFT,
    MINE,
    ROLL,
    TAIL,
    Cell,
)
from mug.beatmap.formats.stepmania.timing import StepTiming
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.messages.message import message_of

_SYMBOL_LOSSES = {
    MINE: "mines",
    FAKE: "fake notes",
    KEYSOUND: "sounds without a key",
    ROLL: "rolls, read as holds",
    LIFT: "lifts, read as taps",
}


@dataclass(frozen=True, slots=True)
class PlacedNote:
    """A note and the cells that it stands in.

    Args:
        note: the note.
        head: of its beginning.
        tail: of its end; None for a tap.
    """

    note: HitObject
    head: Cell
    tail: Cell | None = None


@dataclass
class Player:
    """Goes through the rows and keeps which holds have begun.

    Source: `SetTapNote` and `IsHoldNoteAtRow` of itgmania's `NoteData.cpp`: of two notes of a
    column on a row the later one stays; a note within a hold leaves the hold without an end, and
    such a hold is no note.
    """

    reading: Reading
    notes: dict[tuple[Fraction, int], PlacedNote] = field(default_factory=dict)
    open_at: dict[int, tuple[Cell, float, bool]] = field(default_factory=dict)

    def tail(self, cell: Cell, time_ms: float) -> None:
        """The end of a hold."""
        if cell.column not in self.open_at:
            self.reading.losses.add("ends of holds that never began")
            return
        head, start_ms, hittable = self.open_at.pop(cell.column)
        if hittable:
            hold = LongNote(cell.column, start_ms, max(start_ms, time_ms))
            self.notes[head.beat, cell.column] = PlacedNote(hold, head, cell)

    def place(self, cell: Cell, time_ms: float, hittable: bool) -> None:
        """Anything but an end; a hold that is still open there has none."""
        losses, key = self.reading.losses, (cell.beat, cell.column)
        if cell.symbol == KEYSOUND:
            return
        beside = self.open_at.get(cell.column)
        if beside is not None and beside[0].beat != cell.beat:
            self.endless(cell.column)
        replaced = key in self.notes or cell.column in self.open_at
        self.notes.pop(key, None)
        if cell.column in self.open_at:
            del self.open_at[cell.column]
        if replaced:
            losses.add("notes that share a row (1/48 beat) with a later one of their column")
        if cell.symbol in (MINE, FAKE):
            return
        if not hittable:
            self.reading.dropped("notes in warps and fakes, which cannot be hit")
        if cell.symbol in (HOLD, ROLL):
            self.open_at[cell.column] = (cell, time_ms, hittable)
        elif hittable:
            self.notes[key] = PlacedNote(Rice(cell.column, time_ms), cell)

    def endless(self, column: int) -> None:
        """A hold without an end."""
        head, _, _ = self.open_at.pop(column)
        what = "holds without an end, left out as in the game"
        self.reading.dropped(what, f"beat {head.beat}")

    def finish(self) -> list[PlacedNote]:
        """The notes, by time and column."""
        for column in list(self.open_at):
            self.endless(column)
        return list(self.notes.values())


def playable(
    cells: tuple[Cell, ...], timing: StepTiming, reading: Reading
) -> tuple[PlacedNote, ...]:
    """Notes that can be hit, by time and column; the rest is counted."""
    players: dict[int, Player] = {}
    for cell in cells:
        player = players.setdefault(cell.player, Player(reading))
        try:
            time_ms = bounded(timing.time_s(cell.beat) * 1000.0, "the time of a note")
        except LineError as error:
            reading.left_out(message_of(error), f"beat {cell.beat}", note=True)
            continue
        if cell.symbol in _SYMBOL_LOSSES:
            reading.losses.add(_SYMBOL_LOSSES[cell.symbol])
        if cell.symbol == TAIL:
            player.tail(cell, time_ms)
        elif cell.symbol in HEADS or cell.symbol in _SYMBOL_LOSSES:
            player.place(cell, time_ms, timing.hittable(cell.beat))
        else:
            reading.losses.add(f"notes of unknown kind {cell.symbol!r}")
    found = [one for player in players.values() for one in player.finish()]
    return tuple(sorted(found, key=lambda one: (one.note.start_ms, one.note.column)))
