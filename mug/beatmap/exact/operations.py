"""Edits as data: operations in plain containers, and the changes of notes that they mean.

An operation is a map with `op`, one of `OPERATIONS`, and `chart`, the number of the chart in the
document (0 where it is left out). Times are in ms, columns count from 0. A note is
`{"column", "start_ms"}`, with `end_ms` for a hold. `notes` names notes of the chart by index, or by
such a map (`end_ms` may be left out), or by `{"from_ms", "to_ms", "columns"}`, each of which may be
left out, for all that begin there; without `notes` it is all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.changes import NoteChange
from mug.beatmap.formats.limits import MAX_TIME_MS
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.errors import BeatmapError
from mug.messages.message import Message
from mug.util import nearest

Edit = Mapping[str, Any]
_MOST_COMBO = 124


def note_from(plain: object) -> HitObject:
    """Return the note that a map describes.

    Raises:
        BeatmapError: for what is none.
    """
    given = Fields(plain)
    column, start = given.whole("column"), given.time("start_ms")
    sound, sample = given.whole("hitsound", 0), given.text("sample", Rice(0, 0.0).sample)
    combo = given.whole("new_combo", 0)
    if given.plain.get("end_ms") is None:
        return Rice(column, start, sound, sample, combo)
    end = given.time("end_ms")
    if end < start:
        raise given.error("chart.hold_ends_before_starts")
    return LongNote(column, start, end, sound, sample, combo)


def note_to(note: HitObject) -> dict[str, Any]:
    """Return a note as a map; `note_from` reads it back."""
    plain: dict[str, Any] = {"column": note.column, "start_ms": note.start_ms}
    if isinstance(note, LongNote):
        plain["end_ms"] = note.end_ms
    bare = Rice(0, 0.0)
    for name in ("hitsound", "sample", "new_combo"):
        if getattr(note, name) != getattr(bare, name):
            plain[name] = getattr(note, name)
    return plain


def replacement(changes: Sequence[NoteChange], chart: int = 0) -> dict[str, Any]:
    """Return changes of notes as an operation."""
    listed = [[one.index, None if one.note is None else note_to(one.note)] for one in changes]
    return {"op": "replace", "chart": chart, "changes": listed}


@dataclass(frozen=True)
class Fields:
    """The values of an operation or a note."""

    plain: Any

    def __post_init__(self) -> None:
        if not isinstance(self.plain, Mapping):
            raise self.error("chart.edit_is_no_map")

    def error(self, code: str, **values: object) -> BeatmapError:
        """Return an error about this."""
        return BeatmapError(Message(code, **values), value=self.plain)

    def time(self, name: str, default: float | None = None) -> float:
        """Return a time or another number."""
        value = self.plain.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error("chart.edit_needs_number", name=name)
        if not math.isfinite(value) or abs(value) > MAX_TIME_MS:
            raise self.error("chart.edit_needs_number", name=name)
        return float(value)

    def whole(self, name: str, default: int | None = None) -> int:
        """Return a whole number."""
        value = self.time(name, default)
        if value != int(value):
            raise self.error("chart.edit_needs_number", name=name)
        return int(value)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text."""
        value = self.plain.get(name, default)
        if not isinstance(value, str):
            raise self.error("chart.edit_needs_text", name=name)
        return value

    def items(self, name: str) -> list[Any]:
        """Return a list."""
        value = self.plain.get(name)
        if not isinstance(value, list):
            raise self.error("chart.edit_needs_list", name=name)
        return value


def selected(beatmap: Beatmap, edit: Fields) -> list[int]:
    """Return the indices of the notes that an operation names, each once.

    Raises:
        BeatmapError: for a note that the chart does not have.
    """
    given, notes = edit.plain.get("notes"), beatmap.hit_objects
    if given is None:
        return list(range(len(notes)))
    if isinstance(given, Mapping):
        return _in_region(beatmap, Fields(given))
    found: dict[int, None] = {}
    for one in edit.items("notes"):
        found[_index(notes, one, found, edit)] = None
    return list(found)


def _in_region(beatmap: Beatmap, region: Fields) -> list[int]:
    first, last = region.time("from_ms", -MAX_TIME_MS), region.time("to_ms", MAX_TIME_MS)
    columns = region.plain.get("columns")
    return [
        index
        for index, note in enumerate(beatmap.hit_objects)
        if first <= note.start_ms < last and (columns is None or note.column in columns)
    ]


def _index(
    notes: Sequence[HitObject], given: object, taken: Mapping[int, None], edit: Fields
) -> int:
    if isinstance(given, int) and not isinstance(given, bool):
        if not 0 <= given < len(notes):
            raise edit.error("chart.no_such_hit_object")
        return given
    place = Fields(given)
    column, start = place.whole("column"), place.time("start_ms")
    for index, note in enumerate(notes):
        same = note.column == column and note.start_ms == start and index not in taken
        if same and place.plain.get("end_ms", note.last_ms) in (note.last_ms, None):
            return index
    raise place.error("chart.no_such_hit_object")


def moved(note: HitObject, column: int, start_ms: float) -> HitObject:
    """Return a note elsewhere, as long as it was."""
    if isinstance(note, LongNote):
        end_ms = (
            note.end_ms if start_ms == note.start_ms else start_ms + note.end_ms - note.start_ms
        )
        return replace(note, column=column, start_ms=start_ms, end_ms=end_ms)
    return replace(note, column=column, start_ms=start_ms)


def with_end(note: HitObject, end_ms: float | None) -> HitObject:
    """Return a note with another end; without one it is a tap."""
    rest = (note.hitsound, note.sample, note.new_combo)
    if end_ms is None:
        return Rice(note.column, note.start_ms, *rest)
    return LongNote(note.column, note.start_ms, end_ms, *rest)


# -------------------------------------------------------------------------------- operations


def _add(_beatmap: Beatmap, edit: Fields) -> list[NoteChange]:
    return [NoteChange(None, note_from(plain)) for plain in edit.items("notes")]


def _delete(beatmap: Beatmap, edit: Fields) -> list[NoteChange]:
    return [NoteChange(index, None) for index in selected(beatmap, edit)]


def _move(beatmap: Beatmap, edit: Fields) -> list[NoteChange]:
    """By `by_ms` and `by_columns`, or each to the place of its turn in `to`."""
    indices, notes = selected(beatmap, edit), beatmap.hit_objects
    if "to" not in edit.plain:
        by_ms, by_columns = edit.time("by_ms", 0.0), edit.whole("by_columns", 0)
        return [
            NoteChange(i, moved(notes[i], notes[i].column + by_columns, notes[i].start_ms + by_ms))
            for i in indices
        ]
    targets = edit.items("to")
    if len(targets) != len(indices):
        raise edit.error("chart.edit_has_other_number_of_places", count=len(indices))
    found = []
    for index, target in zip(indices, map(Fields, targets), strict=True):
        note = notes[index]
        note = moved(
            note, target.whole("column", note.column), target.time("start_ms", note.start_ms)
        )
        if target.plain.get("end_ms") is not None:
            note = with_end(note, target.time("end_ms"))
        found.append(NoteChange(index, note))
    return found


def _set_end(beatmap: Beatmap, edit: Fields) -> list[NoteChange]:
    """To `end_ms`; null makes taps."""
    end_ms = None if edit.plain.get("end_ms") is None else edit.time("end_ms")
    return [
        NoteChange(index, with_end(beatmap.hit_objects[index], end_ms))
        for index in selected(beatmap, edit)
    ]


def _mirror(beatmap: Beatmap, edit: Fields) -> list[NoteChange]:
    """Left to right, within all columns."""
    notes = beatmap.hit_objects
    return [
        NoteChange(i, moved(notes[i], beatmap.keys - 1 - notes[i].column, notes[i].start_ms))
        for i in selected(beatmap, edit)
    ]


def _paste(_beatmap: Beatmap, edit: Fields) -> list[NoteChange]:
    """The first of `notes` at `at_ms`, the others as far behind it as they were."""
    notes = [note_from(plain) for plain in edit.items("notes")]
    first_ms = min((note.start_ms for note in notes), default=0.0)
    by_ms = edit.time("at_ms", first_ms) - first_ms
    by_columns = edit.whole("by_columns", 0)
    return [
        NoteChange(None, moved(note, note.column + by_columns, note.start_ms + by_ms))
        for note in notes
    ]


def _replace(beatmap: Beatmap, edit: Fields) -> list[NoteChange]:
    """Pairs of an index (null for a new note) and a note (null for one that goes)."""
    found = []
    for pair in edit.items("changes"):
        if not isinstance(pair, list) or len(pair) != 2:
            raise edit.error("chart.edit_needs_list", name="changes")
        index, note = pair
        place = None if index is None else _index(beatmap.hit_objects, index, {}, edit)
        found.append(NoteChange(place, None if note is None else note_from(note)))
    return found


Meaning = Callable[[Beatmap, Fields], list[NoteChange]]
NOTE_OPERATIONS: Mapping[str, Meaning] = MappingProxyType(
    {
        "add": _add,
        "delete": _delete,
        "move": _move,
        "set_end": _set_end,
        "mirror": _mirror,
        "paste": _paste,
        "replace": _replace,
    }
)
"""Operations on notes."""

OPERATIONS = (*NOTE_OPERATIONS, "shift", "tempo", "tags", "patch")


def changes_of(beatmap: Beatmap, edit: Edit) -> list[NoteChange]:
    """Return the changes of notes that an operation means.

    Raises:
        BeatmapError: for what is no operation on notes, columns that the chart does not have,
            and notes that are changed twice.
    """
    fields = Fields(edit)
    name = fields.text("op")
    if name not in NOTE_OPERATIONS:
        raise BeatmapError("chart.no_such_edit", value=name, remedy=nearest(name, OPERATIONS))
    found = NOTE_OPERATIONS[name](beatmap, fields)
    indices = [one.index for one in found if one.index is not None]
    if len(set(indices)) < len(indices):
        raise fields.error("chart.edit_changes_note_twice")
    for one in found:
        if one.note is not None and not 0 <= one.note.column < beatmap.keys:
            raise BeatmapError(
                Message("chart.column_is_not_one_of", column=one.note.column, keys=beatmap.keys),
                file=beatmap.path,
            )
        if isinstance(one.note, LongNote) and one.note.end_ms < one.note.start_ms:
            raise fields.error("chart.hold_ends_before_starts")
    return found
