"""StepMania's `.sm` and `.ssc` files: several charts of a song in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.limits import (
    MAX_OBJECTS,
    MAX_VELOCITY,
    bounded,
    check_lines,
    finite,
    read_text,
    shorten,
)
from mug.beatmap.formats.loss_report import LossReport, hand_over
from mug.beatmap.formats.numbers import LineError
from mug.beatmap.formats.scroll import green_lines, in_order
from mug.beatmap.formats.stepmania.notes import (
    FAKE,
    HEADS,
    HOLD,
    KEYS,
    KEYSOUND,
    LIFT,
    MINE,
    ROLL,
    TAIL,
    Cell,
    cells,
)
from mug.beatmap.formats.stepmania.text import Tag, tags
from mug.beatmap.formats.stepmania.timing import StepTiming, changes, pairs
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError
from mug.messages.message import Message, message_of

SECTION = "StepMania"
MAX_CHARTS = 1000
MAX_TEXT = 10_000
TIMING = ("BPMS", "STOPS", "DELAYS", "WARPS", "FAKES", "OFFSET", "TIMESIGNATURES", "SCROLLS")
_HEAD = ("STEPSTYPE", "DESCRIPTION", "DIFFICULTY", "METER", "RADARVALUES")
_UNHELD = ("SPEEDS", "ATTACKS", "BGCHANGES", "FGCHANGES", "KEYSOUNDS", "LYRICSPATH", "MODIFIERS")
_SYMBOL_LOSSES = {
    MINE: "mines",
    FAKE: "fake notes",
    KEYSOUND: "sounds without a key",
    ROLL: "rolls, read as holds",
    LIFT: "lifts, read as taps",
}


@dataclass(frozen=True)
class StepChart:
    """One chart of a file, as written.

    Args:
        fields: its tags, over those of the song.
        keys: columns.
        cells: what its rows hold.
        timing: when its beats are.
    """

    fields: Mapping[str, str]
    keys: int
    cells: tuple[Cell, ...]
    timing: StepTiming


@dataclass
class _Reader:
    path: Path | None
    losses: LossReport
    song: dict[str, str] = field(default_factory=dict)
    timings: dict[tuple[str, ...], StepTiming] = field(default_factory=dict)

    def error(self, what: str, line: int | None = None, value: object = None) -> BeatmapError:
        shown = None if value is None else shorten(value)
        return BeatmapError(what, file=self.path, line=line, value=shown)


def parse(
    text: str, *, path: Path | None = None, losses: LossReport | None = None
) -> list[Beatmap]:
    """The charts that a `.sm` or `.ssc` file describes, in file order.

    Args:
        text: the whole file.
        path: where it came from, for messages and `Beatmap.path`.
        losses: receives what a beatmap has no place for; without it that is logged.

    Raises:
        BeatmapError: says what is wrong, and where.
    """
    reader = _Reader(path, LossReport())
    charts = [_beatmap(reader, chart) for chart in list(_charts(reader, text))]
    for name in _UNHELD:
        value = reader.song.get(name, "").strip()
        reader.losses.add(f"#{name}", bool(value) and value != "0.000=1.000=0.000=0")
    hand_over(reader.losses, losses, path)
    return charts


def parse_charts(text: str, *, path: Path | None = None) -> list[StepChart]:
    """The charts as written, rows and timing, before they become beatmaps; see `parse`."""
    return list(_charts(_Reader(path, LossReport()), text))


def read(path: Path, *, losses: LossReport | None = None) -> list[Beatmap]:
    """The charts in a file; see `parse`."""
    return parse(read_text(path), path=path, losses=losses)


def _charts(reader: _Reader, text: str) -> Iterator[StepChart]:
    check_lines(text, reader.path)
    if text.strip(" \t\r\n\ufeff") and "#" not in text:
        raise reader.error("chart.not_a_stepmania_file")
    chart: dict[str, str] | None = None
    total = count = 0
    for tag in tags(text, path=reader.path):
        if tag.name == "NOTEDATA":
            chart = {}
        elif tag.name in ("NOTES", "NOTES2"):
            fields, rows = _notes_of(reader, tag, chart)
            step_chart = _step_chart(reader, tag, fields, rows)
            total += _size(step_chart)
            count += 1
            if total > 4 * MAX_OBJECTS or count > MAX_CHARTS:
                raise reader.error("chart.too_many_charts_notes_or_tempi", tag.line)
            yield step_chart
            chart = None
        elif chart is not None:
            chart[tag.name] = tag.text
        else:
            reader.song.setdefault(tag.name, tag.text)


def _size(chart: StepChart) -> int:
    """Cost of reading a chart: many charts may share one long list of tempi."""
    shared = ("TIMESIGNATURES", "SCROLLS")
    commas = sum(chart.fields.get(name, "").count(",") for name in shared)
    return len(chart.cells) + len(chart.timing.segments) + commas


def _notes_of(
    reader: _Reader, tag: Tag, chart: dict[str, str] | None
) -> tuple[dict[str, str], str]:
    """The tags of a chart and its rows: beside each other in `.ssc`, in one tag in `.sm`."""
    if chart is not None:
        return chart, tag.raw
    if len(tag.parts) < 6:
        raise reader.error("chart.notes_has_not_six_parts", tag.line, len(tag.parts))
    head = dict(zip(_HEAD, (" ".join(part.split()) for part in tag.parts), strict=False))
    return head, tag.parts[5]


def _step_chart(reader: _Reader, tag: Tag, own: dict[str, str], rows: str) -> StepChart:
    kind = own.get("STEPSTYPE", "").lower()
    first = next(iter(rows.replace(",", " ").split()), "")
    keys = KEYS.get(kind, len(first))
    if not 1 <= keys <= 18:
        raise reader.error("chart.type_of_steps_out_of_range", tag.line, kind)
    # A chart with any timing of its own has none of the song's, but for what it leaves empty here.
    fields = {**reader.song, **own}
    if any(own.get(name) for name in TIMING):
        kept = {name: own.get(name, "") for name in TIMING}
        fields |= kept | {n: kept[n] or reader.song.get(n, "") for n in ("BPMS", "OFFSET")}
    for name, value in fields.items():
        if len(value) > MAX_TEXT and name not in (*TIMING, *_UNHELD, "FREEZES", "RADARVALUES"):
            raise reader.error(Message("chart.text_too_long", name=name, most=MAX_TEXT), tag.line)
    written = tuple(fields.get(name, "") for name in (*TIMING, "FREEZES"))
    try:
        timing = reader.timings.get(written) or _step_timing(fields, reader.losses)
        reader.timings[written] = timing
        found = tuple(cells(rows, keys))
        for segment in timing.segments:
            bounded(segment.leave_s * 1000.0, "the time of a tempo")
    except ValueError as error:
        raise reader.error(message_of(error), tag.line) from error
    return StepChart(fields, keys, found, timing)


def _step_timing(fields: Mapping[str, str], losses: LossReport) -> StepTiming:
    stops = fields.get("STOPS", "") or fields.get("FREEZES", "")
    bpms = pairs(fields.get("BPMS", ""), "BPMS", losses)
    if not bpms:
        raise LineError("chart.stepmania_chart_has_no_tempo")
    return StepTiming(
        bpms=bpms,
        stops=pairs(stops, "STOPS", losses),
        delays=pairs(fields.get("DELAYS", ""), "DELAYS", losses),
        warps=pairs(fields.get("WARPS", ""), "WARPS", losses),
        fakes=pairs(fields.get("FAKES", ""), "FAKES", losses),
        offset_s=finite(fields.get("OFFSET", "") or "0", "OFFSET", 1e6),
    )


def _beatmap(reader: _Reader, chart: StepChart) -> Beatmap:
    fields = chart.fields
    try:
        notes = _notes(reader, chart)
        timing = _timing(reader, chart)
    except ValueError as error:
        raise reader.error(message_of(error)) from error
    own = {
        "StepsType": fields.get("STEPSTYPE", "").lower(),
        "Difficulty": fields.get("DIFFICULTY", ""),
        "Meter": fields.get("METER", ""),
        "Description": fields.get("DESCRIPTION", ""),
        "ChartName": fields.get("CHARTNAME", ""),
        "Subtitle": fields.get("SUBTITLE", ""),
    }
    return Beatmap(
        keys=chart.keys,
        hit_objects=notes,
        timing=timing,
        general={
            "AudioFilename": fields.get("MUSIC", ""),
            "PreviewTime": _preview(fields.get("SAMPLESTART", "")),
            "Mode": "3",
        },
        metadata=_metadata(fields, own),
        difficulty={"CircleSize": str(chart.keys)},
        events=_events(fields.get("BACKGROUND", "")),
        other={SECTION: tuple(f"{key}:{value}" for key, value in own.items() if value)},
        path=reader.path,
    )


def _preview(text: str) -> str:
    try:
        seconds = finite(text, "SAMPLESTART", 1e6) if text else -1.0
    except ValueError:  # a field for the menu alone: where it means nothing, none is set
        return "-1"
    return f"{seconds * 1000.0:.0f}" if seconds >= 0 else "-1"


def _events(background: str) -> tuple[str, ...]:
    name = background.replace('"', "'")
    return (f'0,0,"{name}",0,0',) if name else ()


def _metadata(fields: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Latin titles first, where the file has both."""
    found: dict[str, str] = {}
    for key, tag, latin in (
        ("Title", "TITLE", "TITLETRANSLIT"),
        ("Artist", "ARTIST", "ARTISTTRANSLIT"),
    ):
        written, latin_text = fields.get(tag, ""), fields.get(latin, "")
        found[key] = latin_text or written
        if latin_text and latin_text != written:
            found[f"{key}Unicode"] = written
    found["Creator"] = fields.get("CREDIT", "") or own["Description"]
    kind = "" if own["StepsType"] == "dance-single" else f"{own['StepsType']} "
    name = own["Difficulty"] or "Edit"
    label = own["ChartName"] or (own["Description"] if name == "Edit" else "")
    found["Version"] = f"{kind}{name}" if not label else f"{kind}{name} {label}"
    if fields.get("GENRE"):
        found["Tags"] = fields["GENRE"]
    return found


@dataclass
class _Player:
    """Goes through the rows and keeps which holds have begun."""

    losses: LossReport
    notes: list[HitObject] = field(default_factory=list)
    open_at: dict[int, float] = field(default_factory=dict)

    def tail(self, column: int, time_ms: float) -> None:
        """The end of a hold."""
        if column in self.open_at:
            self.notes.append(LongNote(column, self.open_at.pop(column), time_ms))
        else:
            self.losses.add("ends of holds that never began")

    def head(self, cell: Cell, time_ms: float, hittable: bool) -> None:
        """A tap or the beginning of a hold; a hold that is still open there has no end."""
        if cell.column in self.open_at:
            self.endless(cell.column)
        if not hittable:
            self.losses.add("notes in warps and fakes, which cannot be hit")
        elif cell.symbol in (HOLD, ROLL):
            self.open_at[cell.column] = time_ms
        else:
            self.notes.append(Rice(cell.column, time_ms))

    def endless(self, column: int) -> None:
        """A hold without an end."""
        self.losses.add("holds without an end, read as taps")
        self.notes.append(Rice(column, self.open_at.pop(column)))


def _notes(reader: _Reader, chart: StepChart) -> tuple[HitObject, ...]:
    """Notes that can be hit; the rest is counted."""
    player = _Player(reader.losses)
    for cell in chart.cells:
        time_ms = bounded(chart.timing.time_s(cell.beat) * 1000.0, "the time of a note")
        if cell.symbol in _SYMBOL_LOSSES:
            reader.losses.add(_SYMBOL_LOSSES[cell.symbol])
        if cell.symbol == TAIL:
            player.tail(cell.column, time_ms)
        elif cell.symbol in HEADS:
            player.head(cell, time_ms, chart.timing.hittable(cell.beat))
        elif cell.symbol not in _SYMBOL_LOSSES:
            reader.losses.add(f"notes of unknown kind {cell.symbol!r}")
    for column in list(player.open_at):
        player.endless(column)
    return tuple(sorted(player.notes, key=lambda note: (note.start_ms, note.column)))


def _timing(reader: _Reader, chart: StepChart) -> tuple[TimingPoint | ScrollPoint, ...]:
    timing, losses = chart.timing, reader.losses
    losses.add("stops and delays: the pause of the scroll", len(timing.stops | timing.delays))
    losses.add("warps: the leap of the scroll", len(timing.warps))
    meters: dict[float, int] = {}
    for entry in filter(None, chart.fields.get("TIMESIGNATURES", "").split(",")):
        beat, _, rest = entry.partition("=")
        at = timing.time_s(next(iter(pairs(f"{beat}=0", "TIMESIGNATURES", losses)), Fraction(0)))
        meters[at] = max(int(finite(rest.partition("=")[0], "TIMESIGNATURES")), 1)
    beats = dict(changes(timing))
    reds: list[TimingPoint] = []
    meter, length = 4, next(iter(beats.values()), 0.5)
    for at in sorted({*beats, *meters}):
        meter, length = meters.get(at, meter), beats.get(at, length)
        reds.append(TimingPoint(at * 1000.0, length * 1000.0, meter))
    scrolls = pairs(chart.fields.get("SCROLLS", ""), "SCROLLS", losses)
    steps = {
        timing.time_s(beat) * 1000.0: bounded(value, "a scroll speed", MAX_VELOCITY)
        for beat, value in sorted(scrolls.items())
    }
    return in_order([*reds, *green_lines(sorted(steps.items()), reds)])
