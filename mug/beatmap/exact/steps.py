"""One operation on one file: what it changes, proved by reading what was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mug.beatmap.exact.changes import MovedNote, NoteChange
from mug.beatmap.exact.files import ExactFile
from mug.beatmap.exact.operations import Edit, Fields, changes_of
from mug.beatmap.exact.patches import BytePatch, from_plain, patched, patches_of
from mug.beatmap.exact.times import TimeMap
from mug.beatmap.exact.view import Splice, View
from mug.beatmap.formats.limits import MAX_BPM, MIN_BPM
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import BeatmapError

_SAME_MS = 0.01  # a smaller move of a note is none
_RETIMED_MS = 1.0  # a note at a whole ms may move by this when all times do
Place = tuple[int, float, float, bool]


@dataclass(frozen=True)
class Step:
    """Result of an operation on a file.

    Args:
        file: after it.
        undo: patches that lead back, one set after the other.
        moved: notes that the format could not hold where they were put.
    """

    file: ExactFile
    undo: tuple[tuple[BytePatch, ...], ...] = ()
    moved: tuple[MovedNote, ...] = ()


def apply_to(file: ExactFile, number: int, edit: Edit) -> Step:
    """Apply an operation to a chart of a file.

    Args:
        file: the file.
        number: of the chart in it.
        edit: the operation.

    Raises:
        BeatmapError: for what is no operation, and what the format cannot hold.
    """
    fields = Fields(edit)
    name = fields.text("op")
    if name == "patch":
        return _patched(file, from_plain(fields.items("splices")))
    if name == "shift":
        return _shifted(file, number, fields)
    if name == "tempo":
        return _with_tempo(file, number, fields)
    if name == "tags":
        return _spliced(file, file.tags(number, " ".join(fields.text("text").split())))
    return _changed(file, number, changes_of(file.charts[number], edit))


def _patched(file: ExactFile, patches: Sequence[BytePatch]) -> Step:
    data, back = patched(file.view.data, patches)
    return Step(file.reread(View.of(data, file.view.encoding)), (tuple(back),))


def _spliced(file: ExactFile, splices: Sequence[Splice]) -> Step:
    return _patched(file, patches_of(file.view, splices))


# ------------------------------------------------------------------------------------- notes


def _changed(file: ExactFile, number: int, changes: Sequence[NoteChange]) -> Step:
    notes = file.charts[number].hit_objects
    placed, moved = [], []
    for change in changes:
        old = None if change.index is None else notes[change.index]
        if change.note is None:
            placed.append(change)
        elif change.note != old:
            note = file.placed(number, change.note, old)
            found = MovedNote(change.note, note)
            moved += [found] if abs(found.by_ms) > _SAME_MS else []
            placed.append(NoteChange(change.index, note))
    if not placed:
        return Step(file)
    step = _spliced(file, file.change(number, placed))
    _prove(file, step.file, number, placed)
    return Step(step.file, step.undo, tuple(moved))


def _prove(before: ExactFile, after: ExactFile, number: int, changes: Sequence[NoteChange]) -> None:
    """Refuse a file that does not read as it should.

    Raises:
        BeatmapError: names a note that would be lost, or come.
    """
    if len(after.charts) != len(before.charts):
        raise BeatmapError("chart.edit_would_read_otherwise", file=before.charts[number].path)
    gone = {change.index for change in changes}
    stay = [n for i, n in enumerate(before.charts[number].hit_objects) if i not in gone]
    wanted = Counter(map(_place, [*stay, *(c.note for c in changes if c.note is not None)]))
    read = Counter(map(_place, after.charts[number].hit_objects))
    if wanted != read:
        wrong = sorted([*(wanted - read), *(read - wanted)])
        raise BeatmapError(
            "chart.edit_would_read_otherwise",
            file=before.charts[number].path,
            value=wrong[0],
            remedy="remedy.put_notes_where_none_is_in_way",
        )
    for other, (one, two) in enumerate(zip(before.charts, after.charts, strict=True)):
        if other != number and one.hit_objects != two.hit_objects:
            raise BeatmapError("chart.edit_would_read_otherwise", file=one.path)


def _place(note: HitObject) -> Place:
    # Times of beats are computed again, on the same numbers: they differ in nothing.
    return note.column, note.start_ms, note.last_ms, isinstance(note, LongNote)


# ------------------------------------------------------------------------------------- times


def _shifted(file: ExactFile, number: int, fields: Fields) -> Step:
    """All times by `by_ms`: notes, tempi, scroll speeds and what else is bound to the notes."""
    times = TimeMap(Decimal(repr(fields.time("by_ms"))))
    step = _spliced(file, file.retime(number, times))
    return Step(step.file, step.undo, _retimed(file, step.file, number, times))


def _retimed(
    before: ExactFile, after: ExactFile, number: int, times: TimeMap
) -> tuple[MovedNote, ...]:
    """Return notes that did not move by what they should.

    Raises:
        BeatmapError: where one is off by more than rounding.
    """
    old, new = before.charts[number].hit_objects, after.charts[number].hit_objects
    moved = []
    if len(old) != len(new):
        raise BeatmapError("chart.edit_would_read_otherwise", file=before.charts[number].path)
    for one, two in zip(old, new, strict=True):
        by_ms = times.of_float(one.start_ms) - two.start_ms
        if one.column != two.column or abs(by_ms) > _RETIMED_MS:
            raise BeatmapError(
                "chart.edit_would_read_otherwise", file=before.charts[number].path, value=two
            )
        if abs(by_ms) > _SAME_MS:
            moved.append(MovedNote(_retimed_note(one, times), two))
    return tuple(moved)


def _retimed_note(note: HitObject, times: TimeMap) -> HitObject:
    start = times.of_float(note.start_ms)
    if isinstance(note, LongNote):
        return LongNote(note.column, start, times.of_float(note.end_ms))
    return type(note)(note.column, start)


def _with_tempo(file: ExactFile, number: int, fields: Fields) -> Step:
    """Another tempo from `time_ms` on; `keep` says if notes keep their "beats" or their "times"."""
    bpm, keep = fields.time("bpm"), fields.text("keep", "beats")
    if not MIN_BPM <= bpm <= MAX_BPM:
        raise fields.error("chart.bpm_is_not_above_0")
    if keep not in ("beats", "times"):
        raise fields.error("chart.edit_keeps_beats_or_times")
    splices, times = file.tempo(number, fields.time("time_ms", 0.0), bpm)
    if file.in_beats:
        step = _spliced(file, splices)
        return step if keep == "beats" else _at_old_times(file, step, number)
    if keep == "beats":
        splices = [*splices, *file.retime(number, times)]
    step = _spliced(file, splices)
    moved = _retimed(file, step.file, number, times if keep == "beats" else TimeMap())
    return Step(step.file, step.undo, moved)


def _at_old_times(before: ExactFile, step: Step, number: int) -> Step:
    """Put all notes back to where they were, on the beats of another tempo."""
    old, new = before.charts[number].hit_objects, step.file.charts[number].hit_objects
    changes = [
        NoteChange(index, was)
        for index, (was, note) in enumerate(zip(old, new, strict=True))
        if was != note
    ]
    back = _changed(step.file, number, changes)
    return Step(back.file, (*back.undo, *step.undo), back.moved)


def as_containers(moved: Sequence[MovedNote]) -> list[dict[str, Any]]:
    """Return moved notes in plain containers."""
    return [
        {
            "column": one.written.column,
            "start_ms": one.written.start_ms,
            "asked_ms": one.asked.start_ms,
            "by_ms": one.by_ms,
        }
        for one in moved
    ]
