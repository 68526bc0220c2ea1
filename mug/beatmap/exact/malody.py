"""Edits of `.mc` files: the element of a note in the list `note` is the unit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.changes import NoteChange, arrange
from mug.beatmap.exact.json_places import JsonList, JsonMap, JsonPlace, json_places, span_of
from mug.beatmap.exact.lists import arranged, list_splices
from mug.beatmap.exact.times import TimeMap
from mug.beatmap.exact.view import Splice, View
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.malody import read as malody
from mug.beatmap.formats.malody.write import DIVISORS
from mug.beatmap.formats.numbers import number_text
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import BeatmapError

Span = tuple[int, int]
_EXACT_MS = 1e-7
_LINES = tuple(divisor for divisor in DIVISORS if divisor < 1000)
_NEAR_MS = 0.01  # a line of the editor that is as near as this is meant
_BEAT = re.compile(r"(\[\s*)-?[0-9]+(\s*,\s*)-?[0-9]+(\s*,\s*)-?([0-9]+)(\s*\])")
_SAMPLE = re.compile(r"[0-9]+:[0-9]+:[0-9]+:([0-9]{1,6}):(.+)", re.DOTALL)


@dataclass(frozen=True)
class ExactMalody:
    """A `.mc` file and the places of its notes.

    Args:
        view: the file.
        read: what it says, with the elements of the notes.
        tree: places of all values.
        path: where it lies.
    """

    view: View
    read: malody.PlacedBeats
    tree: JsonMap
    path: Path | None = None

    @classmethod
    def of(
        cls,
        view: View,
        path: Path | None = None,
        *,
        losses: LossReport | None = None,
        strict: bool = False,
    ) -> ExactMalody:
        """Read a file; see `malody.parse`."""
        read = malody.parse_placed(view.whole, path=path, losses=losses, strict=strict)
        tree = json_places(view.text)
        if not isinstance(tree, JsonMap):
            raise BeatmapError("chart.mc_file_is_one_map", file=path)
        made = cls(view, read, tree, path)
        if not made._is_found():
            raise BeatmapError("chart.cannot_be_edited_in_place", file=path)
        return made

    def _is_found(self) -> bool:
        """Return whether every note stands where it was found; keys may be written with escapes."""
        listed = self.tree.values.get("note")
        items = listed.items if isinstance(listed, JsonList) else []
        return all(
            place < len(items)
            and isinstance(item := items[place], JsonMap)
            and {"beat", "column"} <= item.values.keys()
            and (not isinstance(note, LongNote) or "endbeat" in item.values)
            for place, note in zip(self.read.places, self.read.beatmap.hit_objects, strict=True)
        )

    def reread(self, view: View) -> ExactMalody:
        """Return the same file with other bytes."""
        return self.of(view, self.path, losses=LossReport())

    @property
    def in_beats(self) -> bool:
        """Notes stand on beats."""
        return True

    @property
    def charts(self) -> tuple[Beatmap, ...]:
        """The one chart."""
        return (self.read.beatmap,)

    def units(self, _chart: int) -> list[tuple[Span, tuple[int, ...]]]:
        """Return the elements of the notes, each with the index of its note."""
        return [(self._element(index).span, (index,)) for index in range(len(self.read.places))]

    def placed(self, _chart: int, note: HitObject, old: HitObject | None) -> HitObject:
        """Return a note on the fraction of a beat that is nearest."""
        start = note.start_ms
        if old is None or start != old.start_ms:
            start = self._time(self._beat(start))
        if not isinstance(note, LongNote):
            return replace(note, start_ms=start)
        end = note.end_ms
        if not isinstance(old, LongNote) or end != old.end_ms:
            end = self._time(self._beat(end))
        return replace(note, start_ms=start, end_ms=max(start, end))

    def _beat(self, time_ms: float) -> Fraction:
        clock = self.read.clock
        beat = clock.snap(time_ms, DIVISORS, _EXACT_MS)
        if abs(clock.time_ms(beat) - time_ms) <= _EXACT_MS:
            return beat
        return clock.snap(time_ms, (*_LINES, DIVISORS[-1]), _NEAR_MS)

    def _time(self, beat: Fraction) -> float:
        return self.read.clock.time_ms(beat)

    # ------------------------------------------------------------------------------ notes

    def change(self, _chart: int, changes: Sequence[NoteChange]) -> list[Splice]:
        """Return what changes in the file where notes do."""
        plan = arrange(self.read.beatmap.hit_objects, changes)
        listed = self.tree.values.get("note")
        if not isinstance(listed, JsonList):
            return self._first_list(plan.inserted.get(0, []))
        spans = [span_of(item) for item in listed.items]
        order = arranged(plan, len(spans), self.read.places, self._text)
        inside = (listed.span[0] + 1, listed.span[1] - 1)
        return list_splices(self.view, inside, spans, order)

    def _first_list(self, coming: Sequence[tuple[HitObject, int | None]]) -> list[Splice]:
        """The list of notes of a file that has none."""
        texts = [self._text(note, index) for note, index in coming]
        opened, comma, closed = map(self.view.encoded, "[,]")
        return [self._with_key(self.tree, "note", opened + comma.join(texts) + closed)]

    def _element(self, index: int) -> JsonMap:
        listed = self.tree.values["note"]
        assert isinstance(listed, JsonList)
        element = listed.items[self.read.places[index]]
        assert isinstance(element, JsonMap)
        return element

    def _text(self, note: HitObject, index: int | None) -> bytes:
        if index is not None:
            element = self._element(index)
            return self.view.patched(*element.span, self._patches(note, index, element))
        fields: dict[str, Any] = {"beat": _parts(self._beat(note.start_ms))}
        if isinstance(note, LongNote):
            fields["endbeat"] = _parts(self._beat(note.end_ms))
        fields["column"] = note.column
        found = _SAMPLE.fullmatch(note.sample)
        if found:
            fields |= {"sound": found[2], "vol": int(found[1]) or 100}
        return self._json(fields)

    def _json(self, value: object) -> bytes:
        """JSON with blanks where the file has them."""
        return self.view.encoded(json.dumps(value, ensure_ascii=False, separators=self._marks))

    @property
    def _marks(self) -> tuple[str, str]:
        """Comma and colon as the file has them."""
        return (", ", ": ") if '": ' in self.view.text else (",", ":")

    def _patches(self, note: HitObject, index: int, element: JsonMap) -> Iterator[Splice]:
        """Changes of an element where its note changes; all its other keys stay."""
        old = self.read.beatmap.hit_objects[index]
        if note.column != old.column:
            yield Splice(*span_of(element.values["column"]), self._json(note.column))
        if note.start_ms != old.start_ms:
            yield self._moved(element.values["beat"], self._beat(note.start_ms))
        if not isinstance(note, LongNote):
            if "endbeat" in element.values:
                yield self._without(element, "endbeat")
        elif "endbeat" not in element.values:
            yield self._with_end(element, self._beat(note.end_ms))
        elif not isinstance(old, LongNote) or note.end_ms != old.end_ms:
            yield self._moved(element.values["endbeat"], self._beat(note.end_ms))

    def _moved(self, place: JsonPlace, beat: Fraction) -> Splice:
        """Another beat, written as the one before it: its blanks, and its divisor if it fits."""
        span = span_of(place)
        found = _BEAT.fullmatch(self.view.text, *span)
        if found is None:
            return Splice(*span, self._json(_parts(beat)))
        parts = _parts(beat, int(found[4]))
        first, second, third, _, last = found.groups()
        text = f"{first}{parts[0]}{second}{parts[1]}{third}{parts[2]}{last}"
        return Splice(*span, self.view.encoded(text))

    def _with_end(self, element: JsonMap, beat: Fraction) -> Splice:
        at = span_of(element.values["beat"])[1]
        comma, colon = self._marks
        value = json.dumps(_parts(beat), separators=(comma, colon))
        return Splice(at, at, self.view.encoded(f'{comma}"endbeat"{colon}{value}'))

    def _without(self, element: JsonMap, key: str) -> Splice:
        """Take a key out, with the comma behind or before it."""
        text = self.view.text
        begin, end = element.keys[key][0], span_of(element.values[key])[1]
        rest = re.compile(r"\s*,\s*").match(text, end, element.span[1])
        if rest:
            return Splice(begin, rest.end(), b"")
        before = text.rfind(",", element.span[0], begin)
        return Splice(before if before >= 0 else begin, end, b"")

    def _with_key(self, around: JsonMap, key: str, value: bytes) -> Splice:
        """Put a key at the beginning of a map."""
        at = around.span[0] + 1
        comma, colon = self._marks
        head = self.view.encoded(f'"{key}"{colon}')
        tail = self.view.encoded(comma) if around.values else b""
        return Splice(at, at, head + value + tail)

    # ------------------------------------------------------------------------------ times

    def retime(self, _chart: int, times: TimeMap) -> list[Splice]:
        """Return what changes in the file where all its times move alike: one number."""
        listed = self.tree.values.get("note")
        if self.read.song is None or not isinstance(listed, JsonList):
            raise BeatmapError("chart.no_song_entry_to_shift", file=self.path)
        song = listed.items[self.read.song]
        assert isinstance(song, JsonMap)
        if "offset" not in song.values:
            value = self._json(_plain(-times.by_ms))
            return [self._with_key(song, "offset", value)]
        span = span_of(song.values["offset"])
        written = self.view.text[slice(*span)].strip('"')
        return [Splice(*span, self.view.encoded(str(_plain(Decimal(written) - times.by_ms))))]

    def tempo(self, _chart: int, time_ms: float, bpm: float) -> tuple[list[Splice], TimeMap]:
        """Return what changes where the tempo in force at a time becomes another one."""
        listed = self.tree.values.get("time")
        items = listed.items if isinstance(listed, JsonList) else []
        clock, found = self.read.clock, None
        for item in items:
            beat = self._beat_of(item)
            if beat is not None and (clock.time_ms(beat) <= time_ms or beat == clock.beats[0]):
                found = item if found is None or beat >= (self._beat_of(found) or beat) else found
        if not isinstance(found, JsonMap) or "bpm" not in found.values:
            raise BeatmapError("chart.has_no_tempo_to_change", file=self.path)
        text = self.view.encoded(number_text(bpm))
        return [Splice(*span_of(found.values["bpm"]), text)], TimeMap()

    def _beat_of(self, item: JsonPlace) -> Fraction | None:
        if not isinstance(item, JsonMap) or "beat" not in item.values:
            return None
        try:
            whole, part, parts = json.loads(self.view.text[slice(*span_of(item.values["beat"]))])
            return Fraction(int(whole)) + Fraction(int(part), int(parts))
        except (ValueError, TypeError, ZeroDivisionError):  # such an entry is left out in reading
            return None

    def tags(self, _chart: int, text: str) -> list[Splice]:
        """Return what changes where the tags do, a field of the song that is ours."""
        meta = self.tree.values.get("meta")
        song = meta.values.get("song") if isinstance(meta, JsonMap) else None
        if not isinstance(song, JsonMap):
            raise BeatmapError("chart.file_has_no_such_section", file=self.path, value="song")
        value = self._json(text)
        if "tags" in song.values:
            return [Splice(*span_of(song.values["tags"]), value)]
        return [self._with_key(song, "tags", value)]


def _parts(beat: Fraction, divisor: int = 1) -> list[int]:
    """A beat as whole beats and a fraction, of this divisor where it can be."""
    whole = beat.numerator // beat.denominator
    rest = beat - whole
    fits = divisor > 0 and (rest * divisor).denominator == 1
    parts = divisor if fits else rest.denominator
    return [whole, int(rest * parts), parts]


def _plain(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
