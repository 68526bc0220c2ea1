"""Edits of `.osu` files: the line of a note, or of a timing point, is the unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.changes import NoteChange, arrange, at_whole_ms
from mug.beatmap.exact.times import TimeMap
from mug.beatmap.exact.view import Splice, View
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.numbers import LineError, number_text
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu.chart import LineNumbers
from mug.beatmap.formats.osu.lines import (
    EARLY_OFFSET_MS,
    EARLY_VERSION,
    object_text,
    parse_object,
    time_text,
    x_of,
)
from mug.beatmap.formats.osu.text import section_name
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError
from mug.messages.message import Message, message_of

Span = tuple[int, int]
_CIRCLE, _HOLD = 1, 128
_SAMPLE_EVENT, _BREAK = ("5", "Sample"), ("2", "Break")


@dataclass(frozen=True)
class ExactOsu:
    """A `.osu` file and the places of its notes.

    Args:
        view: the file.
        beatmap: what it says.
        numbers: of its lines.
    """

    view: View
    beatmap: Beatmap
    numbers: LineNumbers

    @classmethod
    def of(
        cls,
        view: View,
        path: Path | None = None,
        *,
        losses: LossReport | None = None,
        strict: bool = False,
    ) -> ExactOsu:
        """Read a file; see `osu.parse`."""
        beatmap, numbers = osu.parse_numbered(
            view.whole, path=path, losses=losses, strict=strict, playable=False
        )
        return cls(view, beatmap, numbers)

    def reread(self, view: View) -> ExactOsu:
        """Return the same file with other bytes."""
        return self.of(view, self.beatmap.path, losses=LossReport())

    @property
    def in_beats(self) -> bool:
        """Notes stand at times."""
        return False

    @property
    def charts(self) -> tuple[Beatmap, ...]:
        """The one chart."""
        return (self.beatmap,)

    def units(self, _chart: int) -> list[tuple[Span, tuple[int, ...]]]:
        """Return the lines of the notes, each with the index of its note."""
        lines = self.view.lines()
        return [(lines[at - 1], (i,)) for i, at in enumerate(self.numbers.hit_objects)]

    def placed(self, _chart: int, note: HitObject, old: HitObject | None) -> HitObject:
        """Return a note at whole ms, which is all that the game plays."""
        return at_whole_ms(note, old)

    # ------------------------------------------------------------------------------ notes

    def change(self, _chart: int, changes: Sequence[NoteChange]) -> list[Splice]:
        """Return what changes in the file where notes do."""
        notes, lines = self.beatmap.hit_objects, self.view.lines()
        spans = [lines[at - 1] for at in self.numbers.hit_objects]
        plan = arrange(notes, changes)
        splices = [Splice(*spans[index], b"") for index in plan.removed]
        for index, note in plan.replaced.items():
            begin, end = self._line(spans[index])
            splices.append(Splice(begin, end, self._text(note, index, spans)))
        for place, coming in plan.inserted.items():
            texts = [self._text(note, index, spans) for note, index in coming]
            at = spans[place][0] if place < len(notes) else self._end(spans, lines)
            splices.append(self._inserted(at, texts))
        return splices

    def _line(self, span: Span) -> Span:
        """A line without its break."""
        text = self.view.text[slice(*span)]
        return span[0], span[0] + len(text.rstrip("\r\n"))

    def _inserted(self, at: int, texts: Sequence[bytes]) -> Splice:
        ending = self.view.encoded(self.view.line_break)
        if at and self.view.text[at - 1] not in "\r\n":  # behind a last line without a break
            return Splice(at, at, b"".join(ending + text for text in texts))
        return Splice(at, at, b"".join(text + ending for text in texts))

    def _end(self, spans: Sequence[Span], lines: Sequence[Span]) -> int:
        """Place behind the last note, or behind the head of an empty section."""
        if spans:
            return spans[-1][1]
        heads = [span for span in lines if self._head(span) == "HitObjects"]
        if not heads:
            raise BeatmapError(
                "chart.no_section_for_hit_objects",
                file=self.beatmap.path,
                remedy=Message("remedy.add_line_at_end", section="HitObjects"),
            )
        return heads[-1][1]

    def _head(self, span: Span) -> str | None:
        text = self.view.text[slice(*span)]
        return section_name(text.partition("//")[0])

    def _text(self, note: HitObject, index: int | None, spans: Sequence[Span]) -> bytes:
        """The line of a note: that of the note it was, with other numbers, or a new one."""
        if index is not None:
            kept = self._patched(note, index, self._line(spans[index]))
            if kept is not None:
                return kept
        try:
            return self.view.encoded(object_text(note, self.beatmap.keys, self._shift))
        except LineError as error:
            raise BeatmapError(
                "chart.object_cannot_be_written",
                file=self.beatmap.path,
                value=note,
                remedy=message_of(error),
            ) from error

    def _patched(self, note: HitObject, index: int, line: Span) -> bytes | None:
        old, fields = self.beatmap.hit_objects[index], self._fields(line)
        kind = int(float(self.view.text[slice(*fields[3])]))
        if type(note) is not type(old) or not kind & (_CIRCLE | _HOLD):
            return None
        parts: list[tuple[Span, str]] = []
        if note.column != old.column:
            parts.append((fields[0], str(x_of(note.column, self.beatmap.keys))))
        if note.start_ms != old.start_ms:
            parts.append((fields[2], time_text(note.start_ms, self._shift)))
        if note.last_ms != old.last_ms and isinstance(note, LongNote) and len(fields) > 5:
            begin, end = fields[5]
            colon = self.view.text.find(":", begin, end)
            parts.append(
                ((begin, end if colon < 0 else colon), time_text(note.end_ms, self._shift))
            )
        splices = [Splice(*self._bare(span), self.view.encoded(text)) for span, text in parts]
        made = self.view.patched(*line, splices)
        return made if self._reads_as(made, note) else None

    def _reads_as(self, line: bytes, note: HitObject) -> bool:
        text = line.decode(self.view.encoding, "replace").partition("//")[0].strip()
        try:
            read = parse_object(text, self.beatmap.keys, (), 1.4, self._shift, odd=lambda _: None)
        except LineError:
            return False
        return read == note

    def _fields(self, line: Span) -> list[Span]:
        begin, end = line
        comment = self.view.text.find("//", begin, end)
        end = end if comment < 0 else comment
        spans, at = [], begin
        for part in self.view.text[begin:end].split(","):
            spans.append((at, at + len(part)))
            at += len(part) + 1
        return spans

    def _to_colon(self, span: Span) -> Span:
        colon = self.view.text.find(":", *span)
        return span[0], span[1] if colon < 0 else colon

    def _bare(self, span: Span) -> Span:
        """A span without the blanks around it."""
        text = self.view.text[slice(*span)]
        begin = span[0] + len(text) - len(text.lstrip())
        return begin, max(begin, span[0] + len(text.rstrip()))

    @property
    def _shift(self) -> int:
        return EARLY_OFFSET_MS if self.beatmap.file_format < EARLY_VERSION else 0

    # ------------------------------------------------------------------------------ times

    def retime(self, _chart: int, times: TimeMap) -> list[Splice]:
        """Return what changes in the file where all its times do."""
        lines = self.view.lines()
        moved = replace(times, from_ms=times.from_ms - self._shift, to_ms=times.to_ms - self._shift)
        fields: list[tuple[Span, bool]] = []
        for at in self.numbers.timing:
            fields.append((self._fields(self._line(lines[at - 1]))[0], False))
        for at in self.numbers.hit_objects:
            fields += [(span, True) for span in self._note_times(self._line(lines[at - 1]))]
        fields += [(span, True) for span in self._other_times(lines)]
        return [splice for span, whole in fields if (splice := self._moved(span, moved, whole))]

    def _note_times(self, line: Span) -> Iterator[Span]:
        fields = self._fields(line)
        yield fields[2]
        kind = int(float(self.view.text[slice(*fields[3])]))
        if not kind & 3 and kind & (8 | _HOLD) and len(fields) > 5:
            yield self._to_colon(fields[5]) if kind & _HOLD else fields[5]

    def _other_times(self, lines: Sequence[Span]) -> Iterator[Span]:
        """Times of breaks and sounds of their own, and bookmarks."""
        section: str | None = ""
        for span in lines:
            section = self._head(span) or section
            line = self._line(span)
            text = self.view.text[slice(*line)]
            if section == "Events":
                fields = self._fields(line)
                first = self.view.text[slice(*fields[0])]
                if first in _SAMPLE_EVENT and len(fields) > 3:
                    yield fields[1]
                elif first in _BREAK and len(fields) > 2:
                    yield from fields[1:3]
            elif section == "Editor" and text.lstrip().startswith("Bookmarks"):
                begin = line[0] + text.find(":") + 1
                yield from self._fields((begin, line[1]))

    def _moved(self, span: Span, times: TimeMap, whole: bool) -> Splice | None:
        bare = self._bare(span)
        written = self.view.text[slice(*bare)]
        text = times.text(written, whole=whole)
        return None if text in (None, written) else Splice(*bare, self.view.encoded(str(text)))

    def tempo(self, _chart: int, time_ms: float, bpm: float) -> tuple[list[Splice], TimeMap]:
        """Return what changes where the red line in force at a time gets another tempo."""
        timing = enumerate(self.beatmap.timing)
        reds = sorted(
            (red.time_ms, index, red.beat_ms)
            for index, red in timing
            if isinstance(red, TimingPoint)
        )
        if not reds:
            raise BeatmapError("chart.has_no_tempo_to_change", file=self.beatmap.path)
        at = max((n for n, red in enumerate(reds) if red[0] <= time_ms), default=0)
        begin_ms, index, beat_ms = reds[at]
        line = self._line(self.view.lines()[self.numbers.timing[index] - 1])
        field = self._bare(self._fields(line)[1])
        splice = Splice(*field, self.view.encoded(number_text(60000.0 / bpm)))
        stretch = Decimal(60000.0 / bpm) / Decimal(beat_ms)
        end_ms = Decimal(reds[at + 1][0]) if at + 1 < len(reds) else Decimal("inf")
        return [splice], TimeMap(Decimal(0), Decimal(begin_ms), end_ms, stretch)

    # ------------------------------------------------------------------------------- tags

    def tags(self, _chart: int, text: str) -> list[Splice]:
        """Return what changes where the tags do."""
        lines, section = self.view.lines(), ""
        found, head = None, None
        for span in lines:
            section = self._head(span) or section
            line = self._line(span)
            if section == "Metadata":
                head = head or span
                key, colon, _ = self.view.text[slice(*line)].partition(":")
                found = (
                    (line[0] + len(key) + 1, line[1]) if key.strip() == "Tags" and colon else found
                )
        if found is not None:
            return [Splice(*found, self.view.encoded(text))]
        if head is None:
            raise BeatmapError(
                "chart.file_has_no_such_section", file=self.beatmap.path, value="Metadata"
            )
        return [self._inserted(head[1], [self.view.encoded(f"Tags:{text}")])]
