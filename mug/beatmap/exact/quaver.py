"""Edits of `.qua` files: the item of a note in the list `HitObjects` is the unit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.changes import NoteChange, arrange, at_whole_ms
from mug.beatmap.exact.lists import arranged, list_splices
from mug.beatmap.exact.quaver_places import Places, YamlItem, YamlList, places_of
from mug.beatmap.exact.times import TimeMap
from mug.beatmap.exact.view import Splice, View
from mug.beatmap.formats.limits import MIN_BPM, finite
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.numbers import LineError, number_text
from mug.beatmap.formats.quaver import read as quaver
from mug.beatmap.formats.quaver.read import HIT_SOUNDS
from mug.beatmap.formats.quaver.yaml_subset import documents
from mug.beatmap.formats.reading import Reading
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import BeatmapError

Span = tuple[int, int]
NOTES = "HitObjects"
_TIMED = ("TimingPoints", "SliderVelocities", NOTES, "SoundEffects", "Bookmarks")
_WHOLE = (NOTES, "Bookmarks")
_INNER_TIME = re.compile(r"\b(?:StartTime|EndTime)[ \t]*:[ \t]*(-?[0-9.]+(?:[eE][-+]?[0-9]+)?)")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.+-]*")


@dataclass(frozen=True)
class ExactQuaver:
    """A `.qua` file and the places of its notes.

    Args:
        view: the file.
        beatmap: what it says.
        indices: of the items of the notes, in the order of the hit objects.
        places: of everything in the file.
        path: where it lies.
    """

    view: View
    beatmap: Beatmap
    indices: tuple[int, ...]
    places: Places
    path: Path | None = None

    @classmethod
    def of(
        cls,
        view: View,
        path: Path | None = None,
        *,
        losses: LossReport | None = None,
        strict: bool = False,
    ) -> ExactQuaver:
        """Read a file; see `quaver.parse`.

        Raises:
            BeatmapError: also for line breaks beyond ASCII, which move what stands behind them.
        """
        beatmap, indices = quaver.parse_placed(view.whole, path=path, losses=losses, strict=strict)
        places = documents(view.text, Reading(path), places_of)
        listed = places.lists.get(NOTES, YamlList((0, 0))).items
        for index, note in zip(indices, beatmap.hit_objects, strict=True):
            item = listed[index] if index < len(listed) else None
            lane = None if item is None else item.values.get("Lane")
            if lane is None or _number(view.text[slice(*lane)]) != note.column + 1:
                raise BeatmapError("chart.cannot_be_edited_in_place", file=path)
        return cls(view, beatmap, indices, places, path)

    def reread(self, view: View) -> ExactQuaver:
        """Return the same file with other bytes."""
        return self.of(view, self.path, losses=LossReport())

    @property
    def in_beats(self) -> bool:
        """Notes stand at times."""
        return False

    @property
    def charts(self) -> tuple[Beatmap, ...]:
        """The one chart."""
        return (self.beatmap,)

    def units(self, _chart: int) -> list[tuple[Span, tuple[int, ...]]]:
        """Return the items of the notes, each with the index of its note."""
        listed = self._list()
        span = self._flow if listed.flow else self._block
        return [(span(self._item(i)), (i,)) for i in range(len(self.indices))]

    def placed(self, _chart: int, note: HitObject, old: HitObject | None) -> HitObject:
        """Return a note at whole ms: the game does not read others."""
        return at_whole_ms(note, old)

    # ------------------------------------------------------------------------------ notes

    def change(self, _chart: int, changes: Sequence[NoteChange]) -> list[Splice]:
        """Return what changes in the file where notes do."""
        plan, listed = arrange(self.beatmap.hit_objects, changes), self._list()
        if listed.flow and listed.items:
            spans = [(item.start, item.end) for item in listed.items if item is not None]
            order = arranged(plan, len(spans), self.indices, self._flow_text)
            inside = (listed.span[0] + 1, listed.span[1] - 1)
            return list_splices(self.view, inside, spans, order)
        splices = [Splice(*self._block(self._item(index)), b"") for index in plan.removed]
        for index, note in plan.replaced.items():
            begin, end = self._block(self._item(index))
            splices.append(Splice(begin, end, self._block_text(note, index)))
        for place, coming in plan.inserted.items():
            text = b"".join(self._block_text(note, index) for note, index in coming)
            splices.append(self._inserted(place, text))
        left = len(listed.items) - len(plan.removed) + len(plan.inserted)
        if listed.items and not left:
            colon = self.view.text.rfind(":", 0, self._block(self._item(0))[0]) + 1
            splices.append(Splice(colon, colon, self.view.encoded(" []")))
        return splices

    def _list(self) -> YamlList:
        return self.places.lists.get(NOTES, YamlList((0, 0)))

    def _item(self, index: int) -> YamlItem:
        item = self._list().items[self.indices[index]]
        assert item is not None
        return item

    def _flow(self, item: YamlItem) -> Span:
        return item.start, item.end

    def _block(self, item: YamlItem) -> Span:
        """The lines of an item, from its dash to the break behind its last value."""
        text = self.view.text
        dash = text.rfind("-", 0, item.start)
        begin = text.rfind("\n", 0, dash) + 1
        end = text.find("\n", item.end)
        return begin, len(text) if end < 0 else end + 1

    def _inserted(self, place: int, text: bytes) -> Splice:
        """New items before that of a note, or behind the last one."""
        view, listed = self.view, self._list()
        if place < len(self.indices):
            at = self._block(self._item(place))[0]
            return Splice(at, at, text)
        ending = view.encoded(view.line_break)
        if listed.items:
            last = next(item for item in reversed(listed.items) if item is not None)
            at = self._block(last)[1]
        elif NOTES in self.places.lists or NOTES in self.places.values:
            begin, end = self._empty()
            return Splice(begin, end, ending + text.removesuffix(ending))
        else:
            at, text = len(view.text), view.encoded(f"{NOTES}:{view.line_break}") + text
        if at and view.text[at - 1] != "\n":
            return Splice(at, at, ending + text.removesuffix(ending))
        return Splice(at, at, text)

    def _empty(self) -> Span:
        """The empty list, or the empty value in its place, with the blanks before it."""
        listed = self.places.lists.get(NOTES)
        begin, end = self.places.values[NOTES] if listed is None else listed.span
        while begin and self.view.text[begin - 1] in " \t":
            begin -= 1
        return begin, end

    def _flow_text(self, note: HitObject, index: int | None) -> bytes:
        if index is not None:
            item = self._item(index)
            return self.view.patched(item.start, item.end, self._patches(note, index))
        fields = ", ".join(f"{key}: {value}" for key, value in _fields(note).items())
        return self.view.encoded(f"{{{fields}}}")

    def _block_text(self, note: HitObject, index: int | None) -> bytes:
        view = self.view
        if index is not None:
            begin, end = self._block(self._item(index))
            made = view.patched(begin, end, self._patches(note, index))
            ending = view.encoded(view.line_break)
            return made if view.text[end - 1] == "\n" else made + ending
        before, behind = self._indents()
        lines = [f"{key}: {value}" for key, value in _fields(note).items()]
        text = f"{before}{lines[0]}" + "".join(f"{view.line_break}{behind}{x}" for x in lines[1:])
        return view.encoded(text + view.line_break)

    def _indents(self) -> tuple[str, str]:
        """Text before the first key of an item, and before the others."""
        first = next((item for item in self._list().items if item is not None), None)
        if first is None or first.flow:
            return "- ", "  "
        begin = self.view.text.rfind("\n", 0, first.first_key) + 1
        before = self.view.text[begin : first.first_key]
        return (before, " " * len(before)) if "-" in before else ("- ", "  ")

    def _patches(self, note: HitObject, index: int) -> list[Splice]:
        """Changes of an item where its note changes; all its other keys stay."""
        old, item = self.beatmap.hit_objects[index], self._item(index)
        values: dict[str, str] = {}
        if note.start_ms != old.start_ms:
            values["StartTime"] = number_text(note.start_ms)
        if note.column != old.column:
            values["Lane"] = str(note.column + 1)
        if isinstance(note, LongNote):
            if not isinstance(old, LongNote) or note.end_ms != old.end_ms:
                values["EndTime"] = number_text(note.end_ms)
        elif "EndTime" in item.values:
            values["EndTime"] = "0"
        return list(self._set(item, values))

    def _set(self, item: YamlItem, values: Mapping[str, str]) -> Iterator[Splice]:
        """Set values of an item; keys that it lacks come before its first one."""
        view = self.view
        for key, value in values.items():
            if key in item.values:
                begin, end = item.values[key]
                yield Splice(begin, end, view.encoded(value if begin < end else f" {value}"))
        missing = [f"{key}: {value}" for key, value in values.items() if key not in item.values]
        if missing:
            column = item.first_key - view.text.rfind("\n", 0, item.first_key) - 1
            between = ", " if item.flow else view.line_break + " " * column
            text = "".join(one + between for one in missing)
            yield Splice(item.first_key, item.first_key, view.encoded(text))

    # ------------------------------------------------------------------------------ times

    def retime(self, _chart: int, times: TimeMap) -> list[Splice]:
        """Return what changes in the file where all its times do."""
        splices: list[Splice] = []
        for name, listed in self.places.lists.items():
            if name in _TIMED:
                for item in filter(None, listed.items):
                    splices += self._retimed(item, times, whole=name in _WHOLE)
            else:
                splices += self._inner(listed.span, times)
        for span in self.places.others:
            splices += self._inner(span, times)
        return splices

    def _retimed(self, item: YamlItem, times: TimeMap, *, whole: bool) -> Iterator[Splice]:
        values: dict[str, str] = {}
        for key in ("StartTime", "EndTime"):
            written = self.view.text[slice(*item.values[key])] if key in item.values else ""
            if key == "EndTime" and not (_number(written) or 0.0) > 0:
                continue
            text = times.text(written.strip("'\"") or "0", whole=whole)
            if text is not None and text != (written.strip("'\"") or "0"):
                values[key] = text
        yield from self._set(item, values)

    def _inner(self, span: Span, times: TimeMap) -> Iterator[Splice]:
        """Times in lists of lists, e.g. those of timing groups."""
        for found in _INNER_TIME.finditer(self.view.text, *span):
            text = times.text(found[1], whole=False)
            if text not in (None, found[1]):
                yield Splice(*found.span(1), self.view.encoded(str(text)))

    def tempo(self, _chart: int, time_ms: float, bpm: float) -> tuple[list[Splice], TimeMap]:
        """Return what changes where the timing point in force at a time gets another tempo."""
        points = []
        for item in filter(None, self.places.lists.get("TimingPoints", YamlList((0, 0))).items):
            start, old = (self._value(item, key) for key in ("StartTime", "Bpm"))
            if (old or 0.0) >= MIN_BPM:
                points.append((start or 0.0, old or 0.0, item))
        points.sort(key=lambda point: point[0])
        if not points:
            raise BeatmapError("chart.has_no_tempo_to_change", file=self.path)
        at = max((n for n, point in enumerate(points) if point[0] <= time_ms), default=0)
        begin_ms, old_bpm, item = points[at]
        end_ms = Decimal(points[at + 1][0]) if at + 1 < len(points) else Decimal("inf")
        stretch = Decimal(old_bpm) / Decimal(bpm)
        splices = list(self._set(item, {"Bpm": number_text(bpm)}))
        return splices, TimeMap(Decimal(0), Decimal(begin_ms), end_ms, stretch)

    def _value(self, item: YamlItem, key: str) -> float | None:
        return _number(self.view.text[slice(*item.values[key])]) if key in item.values else None

    def tags(self, _chart: int, text: str) -> list[Splice]:
        """Return what changes where the tags do."""
        value = text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
        if "Tags" in self.places.values:
            begin, end = self.places.values["Tags"]
            return [Splice(begin, end, self.view.encoded(value if begin < end else f" {value}"))]
        at = self.places.begin
        return [Splice(at, at, self.view.encoded(f"Tags: {value}{self.view.line_break}"))]


def _fields(note: HitObject) -> dict[str, str]:
    """The keys of a new note, in the order of the game."""
    fields = {"StartTime": number_text(note.start_ms), "Lane": str(note.column + 1)}
    if isinstance(note, LongNote):
        fields["EndTime"] = number_text(note.end_ms)
    names = [name for name, bit in HIT_SOUNDS.items() if bit and note.hitsound & bit]
    return fields | ({"HitSound": ", ".join(names)} if names else {})


def _number(text: str) -> float | None:
    try:
        return finite(text.strip("'\" "), "a number", 1e12)
    except LineError:
        return None
