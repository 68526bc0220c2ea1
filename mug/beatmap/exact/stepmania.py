"""Edits of `.sm` and `.ssc` files: the measure is the unit, the row of 1/48 beat the grid."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.changes import NoteChange
from mug.beatmap.exact.stepmania_rows import RowPlace, RowsText, RowWriter
from mug.beatmap.exact.times import TimeMap
from mug.beatmap.exact.view import Splice, View
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.numbers import number_text
from mug.beatmap.formats.stepmania import read as stepmania
from mug.beatmap.formats.stepmania.notes import HOLD, TAIL, TAP
from mug.beatmap.formats.stepmania.read import PlacedChart
from mug.beatmap.formats.stepmania.text import Tag, escaped, tags
from mug.beatmap.formats.stepmania.timing import ROWS_PER_BEAT, StepTiming, to_row
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import BeatmapError

Span = tuple[int, int]
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ENTRY = re.compile(r"([^,=;]+)=([^,=;]+)")


@dataclass
class _Tags:
    """Tags of the song, or of a chart, by name, and the pieces of its rows."""

    by_name: dict[str, list[Tag]] = field(default_factory=dict)
    rows: tuple[Span, ...] = ()

    def last(self, name: str) -> Tag | None:
        """Return the tag that counts, None without one that says anything."""
        found = self.by_name.get(name, [])
        return found[-1] if found and found[-1].text.strip() else None


@dataclass(frozen=True)
class ExactStepMania:
    """A file of StepMania and the places of what stands in it.

    Args:
        view: the file.
        placed_charts: its charts, with the cells of their notes.
        song: tags of the song.
        own: tags of each chart of the file, also of those that cannot be read.
        path: where it lies.
    """

    view: View
    placed_charts: tuple[PlacedChart, ...]
    song: _Tags
    own: tuple[_Tags, ...]
    path: Path | None = None

    @classmethod
    def of(
        cls,
        view: View,
        path: Path | None = None,
        *,
        losses: LossReport | None = None,
        strict: bool = False,
    ) -> ExactStepMania:
        """Read a file; see `stepmania.parse`."""
        charts = stepmania.parse_placed(view.whole, path=path, losses=losses, strict=strict)
        song, own = _collected(view, path)
        return cls(view, tuple(charts), song, tuple(own), path)

    def reread(self, view: View) -> ExactStepMania:
        """Return the same file with other bytes."""
        return self.of(view, self.path, losses=LossReport())

    @property
    def in_beats(self) -> bool:
        """Notes stand on beats."""
        return True

    @property
    def charts(self) -> tuple[Beatmap, ...]:
        """The charts that can be read, in the order of the file."""
        return tuple(placed.beatmap for placed in self.placed_charts)

    def units(self, chart: int) -> list[tuple[Span, tuple[int, ...]]]:
        """Return the measures of a chart, each with the indices of the notes that touch it."""
        rows, placed = self._rows(chart), self.placed_charts[chart]
        touching: dict[tuple[int, int], list[int]] = {}
        for index, one in enumerate(placed.notes):
            for cell in filter(None, (one.head, one.tail)):
                key = (cell.player, int(cell.beat * ROWS_PER_BEAT) // 192)
                touching.setdefault(key, []).append(index)
        return [
            (rows.unit(place), tuple(touching.get((measure.player, measure.number), ())))
            for place, measure in enumerate(rows.measures)
        ]

    def _rows(self, chart: int) -> RowsText:
        step = self.placed_charts[chart].chart
        return RowsText.of(self.view, self.own[step.number].rows, step.keys)

    def placed(self, chart: int, note: HitObject, old: HitObject | None) -> HitObject:
        """Return a note on the nearest rows; a hold is at least a row long."""
        timing = self.placed_charts[chart].chart.timing
        start, beat = note.start_ms, self._row(chart, note.start_ms)
        if old is None or start != old.start_ms:
            start = timing.time_s(beat) * 1000.0
        if not isinstance(note, LongNote):
            return replace(note, start_ms=start)
        end = note.end_ms
        if not isinstance(old, LongNote) or end != old.end_ms or start != old.start_ms:
            tail = max(self._row(chart, end), beat + Fraction(1, ROWS_PER_BEAT))
            end = timing.time_s(tail) * 1000.0
        return replace(note, start_ms=start, end_ms=max(start, end))

    def _row(self, chart: int, time_ms: float) -> Fraction:
        beat = nearest_row(self.placed_charts[chart].chart.timing, time_ms / 1000.0)
        if beat is None:
            raise BeatmapError("chart.no_row_near", file=self.path, value=time_ms)
        return beat

    # ------------------------------------------------------------------------------ notes

    def change(self, chart: int, changes: Sequence[NoteChange]) -> list[Splice]:
        """Return what changes in the file where notes do.

        Raises:
            BeatmapError: for a row on which something else stands.
        """
        placed, rows = self.placed_charts[chart], self._rows(chart)
        where, writer = rows.located(), RowWriter(self.view, rows)
        going = [placed.notes[one.index] for one in changes if one.index is not None]
        free = {
            (cell.player, cell.beat, cell.column): where[cell.player, cell.beat, cell.column]
            for one in going
            for cell in (one.head, one.tail)
            if cell is not None
        }
        writer.cells = dict.fromkeys(free.values(), "0")
        taken: set[tuple[int, Fraction, int]] = set()
        for change in changes:
            for player, beat, column, letters in self._cells(chart, change, rows, where):
                key = (player, beat, column)
                if key in taken or (key in where and key not in free):
                    time_ms = placed.chart.timing.time_s(beat) * 1000.0
                    raise BeatmapError("chart.row_is_taken", file=self.path, value=time_ms)
                taken.add(key)
                if key in free:
                    writer.cells[free[key]] = letters
                else:
                    writer.new[player, int(beat * ROWS_PER_BEAT), column] = letters
        return writer.splices()

    def _cells(
        self,
        chart: int,
        change: NoteChange,
        rows: RowsText,
        where: Mapping[tuple[int, Fraction, int], RowPlace],
    ) -> Iterator[tuple[int, Fraction, int, str]]:
        """The cells of a note as it will be, as (player, beat, column, letters)."""
        note = change.note
        if note is None:
            return
        hold = isinstance(note, LongNote)
        head, tail, player, letters = None, None, 0, HOLD if hold else TAP
        if change.index is not None:
            was = self.placed_charts[chart].notes[change.index]
            player = was.head.player
            if note.start_ms == was.note.start_ms:
                head = was.head.beat
            if isinstance(was.note, LongNote) == hold:
                letters = rows.letters(where[player, was.head.beat, was.head.column])
            if was.tail is not None and note.last_ms == was.note.last_ms:
                tail = was.tail.beat
        head = self._row(chart, note.start_ms) if head is None else head
        yield player, head, note.column, letters
        if hold:
            tail = self._row(chart, note.last_ms) if tail is None else tail
            yield player, max(tail, head + Fraction(1, ROWS_PER_BEAT)), note.column, TAIL

    # ------------------------------------------------------------------------------ times

    def retime(self, chart: int, times: TimeMap) -> list[Splice]:
        """Return what changes where all times move alike: the offset, of the song as a rule."""
        found = self._timing_tag(chart, "OFFSET")
        if found is None:
            at = self._before_charts(chart)
            text = f"#OFFSET:{-times.by_ms / 1000:f};{self.view.line_break}"
            return [Splice(at, at, self.view.encoded(text))]
        span = _value_span(found)
        written = _NUMBER.search(self.view.text, *span)
        old = Decimal(written[0]) if written else Decimal(0)
        text = f"{old - times.by_ms / 1000:f}"
        where = written.span() if written else span
        return [Splice(*where, self.view.encoded(text))]

    def tempo(self, chart: int, time_ms: float, bpm: float) -> tuple[list[Splice], TimeMap]:
        """Return what changes where the tempo in force at a time becomes another one."""
        step = self.placed_charts[chart].chart
        segments = step.timing.segments
        at = bisect_right(segments, time_ms / 1000.0, key=lambda segment: segment.leave_s)
        beat = segments[max(at - 1, 0)].beat
        entries = [
            (to_row(float(found[1])), found.span(2))
            for tag in self._tempo_tags(chart)
            for found in _ENTRY.finditer(self.view.text, *_value_span(tag))
            if _NUMBER.fullmatch(found[1].strip())
        ]
        if not entries:
            raise BeatmapError("chart.has_no_tempo_to_change", file=self.path)
        before = [one for one in enumerate(entries) if one[1][0] <= beat]
        _, (_, span) = max(before, key=lambda one: (one[1][0], one[0]), default=(0, min(entries)))
        text = self.view.text[slice(*span)]
        bare = (span[0] + len(text) - len(text.lstrip()), span[0] + len(text.rstrip()))
        return [Splice(*bare, self.view.encoded(number_text(bpm)))], TimeMap()

    def _tempo_tags(self, chart: int) -> list[Tag]:
        step = self.placed_charts[chart].chart
        tags_of = self.own[step.number] if step.own_timing else self.song
        found = tags_of.by_name.get("BPMS", [])
        return found if self._ssc else found[-1:]

    @property
    def _ssc(self) -> bool:
        newer = self.path is not None and self.path.suffix.lower() == ".ssc"
        return newer or any(one.by_name for one in self.own)

    def _timing_tag(self, chart: int, name: str) -> Tag | None:
        step = self.placed_charts[chart].chart
        own = self.own[step.number].last(name) if step.own_timing else None
        return own or self.song.last(name)

    def _before_charts(self, chart: int) -> int:
        """Place in front of the tempi, or of the rows where there are none."""
        found = self.song.last("BPMS") or self.song.last("MUSIC") or self.song.last("TITLE")
        begin = found.spans[0][0][0] if found else self.own[chart].rows[0][0]
        return max(self.view.text.rfind("#", 0, begin), 0)

    def tags(self, chart: int, text: str) -> list[Splice]:
        """Return what changes where the tags do, a tag of ours that the game passes over."""
        step = self.placed_charts[chart].chart
        found = self.own[step.number].last("TAGS") or self.song.last("TAGS")
        if found is not None:
            begin, end = found.spans[0][0][0], found.spans[-1][-1][1]
            return [Splice(begin, end, self.view.encoded(escaped(text)))]
        at = self._before_charts(chart)
        line = f"#TAGS:{escaped(text)};{self.view.line_break}"
        return [Splice(at, at, self.view.encoded(line))]


def _value_span(tag: Tag) -> Span:
    """Span of the first part of a tag, comments within included."""
    return tag.spans[0][0][0], tag.spans[0][-1][1]


def _collected(view: View, path: Path | None) -> tuple[_Tags, list[_Tags]]:
    """The tags of a file, as `stepmania.parse` takes them together."""
    song, charts = _Tags(), list[_Tags]()
    chart: _Tags | None = None
    for tag in tags(view.text, path=path):
        if tag.name == "NOTEDATA":
            chart = _Tags()
        elif tag.name in ("NOTES", "NOTES2"):
            if chart is None and len(tag.parts) < 6:
                continue
            own, chart = chart or _Tags(), None
            own.rows = _joined(tag.spans if own.by_name or len(tag.parts) < 6 else tag.spans[5:6])
            charts.append(own)
        else:
            (song if chart is None else chart).by_name.setdefault(tag.name, []).append(tag)
    return song, charts


def _joined(parts: Sequence[tuple[Span, ...]]) -> tuple[Span, ...]:
    """Pieces of several parts, with the colons between them."""
    found: list[Span] = []
    for count, part in enumerate(parts):
        if count:
            found.append((found[-1][1], found[-1][1] + 1))
        found += part
    return tuple(found)


def nearest_row(timing: StepTiming, time_s: float) -> Fraction | None:
    """Return the row on which a note is due the nearest to a time, None without one."""
    segments = timing.segments
    at = bisect_right(segments, time_s, key=lambda segment: segment.arrival_s) - 1
    rows: set[Fraction] = set()
    for index in range(max(at - 1, 0), min(at + 2, len(segments))):
        segment = segments[index]
        end = segments[index + 1].beat if index + 1 < len(segments) else None
        first = to_row(float(segment.beat))
        rows.add(first)
        if segment.beat_s > 0:
            exact = float(segment.beat) + (time_s - segment.leave_s) / segment.beat_s
            near = int(exact * ROWS_PER_BEAT)
            rows |= {Fraction(near + more, ROWS_PER_BEAT) for more in (-1, 0, 1)}
        if end is not None:
            rows.add(end - Fraction(1, ROWS_PER_BEAT))
    playable = [beat for beat in rows if beat >= 0 and timing.hittable(beat)]
    return min(playable, key=lambda beat: (abs(timing.time_s(beat) - time_s), beat), default=None)
