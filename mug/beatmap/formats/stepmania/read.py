"""StepMania's `.sm` and `.ssc` files: several charts of a song in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.limits import MAX_OBJECTS, bounded, check_lines, finite, read_text
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.numbers import LineError
from mug.beatmap.formats.reading import Reading
from mug.beatmap.formats.scroll import green_lines, in_order
from mug.beatmap.formats.stepmania.notes import KEYS, Cell, cells
from mug.beatmap.formats.stepmania.players import PlacedNote, playable
from mug.beatmap.formats.stepmania.text import Tag, Value, tags
from mug.beatmap.formats.stepmania.timing import StepTiming, changes
from mug.beatmap.formats.stepmania.timing_tags import (
    SPLIT_TIMING,
    Dialect,
    metres,
    number,
    scrolls,
    step_timing,
)
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.messages.message import Message, message_of

SECTION = "StepMania"
MAX_CHARTS = 1000
MAX_TEXT = 10_000
TIMING = ("BPMS", "STOPS", "DELAYS", "WARPS", "FAKES", "OFFSET", "TIMESIGNATURES", "SCROLLS")
_HEAD = ("STEPSTYPE", "DESCRIPTION", "DIFFICULTY", "METER", "RADARVALUES")
_UNHELD = ("SPEEDS", "ATTACKS", "BGCHANGES", "FGCHANGES", "KEYSOUNDS", "LYRICSPATH", "MODIFIERS")


@dataclass(frozen=True)
class StepChart:
    """One chart of a file, as written.

    Args:
        fields: its tags, over those of the song.
        keys: columns.
        cells: what its rows hold.
        timing: when its beats are.
        number: of its rows among those of the file, counted from 0.
        own_timing: its timing is its own, not the song's.
    """

    fields: Mapping[str, str]
    keys: int
    cells: tuple[Cell, ...]
    timing: StepTiming
    number: int = 0
    own_timing: bool = False


@dataclass(frozen=True)
class _Written:
    """Rows of a chart with its own tags, before the whole file is read."""

    own: Mapping[str, str]
    rows: str
    line: int


@dataclass
class _Reader:
    """All tags of a file; only then is anything made of them.

    A tag that stands several times counts as it stood last, but for tables of timing, whose
    entries are joined where the game joins them.
    """

    reading: Reading
    dialect: Dialect = field(default_factory=Dialect)
    song: dict[str, str] = field(default_factory=dict)
    charts: list[_Written] = field(default_factory=list)
    timings: dict[tuple[str, ...], StepTiming] = field(default_factory=dict)

    @property
    def losses(self) -> LossReport:
        """Losses of the file."""
        return self.reading.losses

    def put(self, fields: dict[str, str], tag: Tag) -> None:
        """Set a tag of the song or of a chart."""
        name = "STOPS" if tag.name == "FREEZES" and not self.dialect.ssc else tag.name
        text = tag.first if name in TIMING else tag.text
        old = fields.get(name, "")
        if old and self.dialect.adds_up(name):
            text = f"{old},{text}"
        elif old and old != text and name not in _UNHELD:
            what = "tags written several times, of which the last counts"
            self.losses.add(what, places=(self.reading.place(f"#{name}", line=tag.line),))
        fields[name] = Value.at(text, tag.line)


def parse(
    text: str, *, path: Path | None = None, losses: LossReport | None = None, strict: bool = False
) -> list[Beatmap]:
    """The charts that a `.sm` or `.ssc` file describes, in file order.

    Args:
        text: the whole file.
        path: where it came from, for messages and `Beatmap.path`.
        losses: receives what a beatmap has no place for, and what is left out; without it that is
            logged.
        strict: refuse the file at the first thing that cannot be read.

    Raises:
        BeatmapError: says what is wrong, and where; also when no note is left.
    """
    reader = _Reader(Reading(path, strict))
    charts = [_beatmap(reader, chart)[0] for chart in list(_charts(reader, text))]
    for name in _UNHELD:
        value = reader.song.get(name, "").strip()
        reader.losses.add(f"#{name}", bool(value) and value != "0.000=1.000=0.000=0")
    reader.reading.check_playable(sum(len(chart.hit_objects) for chart in charts))
    reader.reading.hand_over(losses)
    return charts


def parse_charts(text: str, *, path: Path | None = None) -> list[StepChart]:
    """The charts as written, rows and timing, before they become beatmaps; see `parse`."""
    return list(_charts(_Reader(Reading(path)), text))


@dataclass(frozen=True)
class PlacedChart:
    """A chart with the cells of its notes, in the order of its hit objects."""

    chart: StepChart
    beatmap: Beatmap
    notes: tuple[PlacedNote, ...]


def parse_placed(
    text: str, *, path: Path | None = None, losses: LossReport | None = None, strict: bool = False
) -> list[PlacedChart]:
    """As `parse`, with the cells of the notes; charts without any note are taken."""
    reader = _Reader(Reading(path, strict))
    charts = [PlacedChart(chart, *_beatmap(reader, chart)) for chart in [*_charts(reader, text)]]
    reader.reading.hand_over(losses)
    return charts


def read(path: Path, *, losses: LossReport | None = None, strict: bool = False) -> list[Beatmap]:
    """The charts in a file; see `parse`."""
    return parse(read_text(path), path=path, losses=losses, strict=strict)


def _charts(reader: _Reader, text: str) -> Iterator[StepChart]:
    reading = reader.reading
    check_lines(text, reading.path)
    if text.strip(" \t\r\n\ufeff") and "#" not in text:
        raise reading.error("chart.not_a_stepmania_file")
    _collect(reader, text)
    total = 0
    for place, written in enumerate(reader.charts):
        try:
            chart = _step_chart(reader, written, place)
        except LineError as error:
            kind = written.own.get("STEPSTYPE", "")
            reading.left_out(message_of(error), kind, line=written.line, note=True)
            continue
        if chart is None:
            continue
        total += _size(chart)
        if total > 4 * MAX_OBJECTS:
            raise reading.error("chart.too_many_charts_notes_or_tempi", line=written.line)
        yield chart


def _collect(reader: _Reader, text: str) -> None:
    """Read every tag of a file."""
    found = list(tags(text, path=reader.reading.path))
    newer = reader.reading.path is not None and reader.reading.path.suffix.lower() == ".ssc"
    versions = [tag.first.strip() for tag in found if tag.name == "VERSION"]
    reader.dialect = Dialect(newer or any(tag.name == "NOTEDATA" for tag in found))
    if versions:
        version = number(versions[-1], "VERSION", reader.reading)
        reader.dialect = replace(reader.dialect, version=version)
    chart: dict[str, str] | None = None
    for tag in found:
        if tag.name == "NOTEDATA":
            chart = {}
        elif tag.name in ("NOTES", "NOTES2"):
            if chart is None and len(tag.parts) < 6:
                parts = Message("chart.notes_has_not_six_parts", count=len(tag.parts))
                reader.reading.left_out(parts, tag.first.strip(), line=tag.line, note=True)
                continue
            reader.charts.append(_written(tag, chart))
            chart = None
            if len(reader.charts) > MAX_CHARTS:
                raise reader.reading.error("chart.too_many_charts_notes_or_tempi", line=tag.line)
        else:
            reader.put(reader.song if chart is None else chart, tag)


def _written(tag: Tag, chart: dict[str, str] | None) -> _Written:
    """The tags of a chart and its rows: beside each other in `.ssc`, in one tag in `.sm`."""
    if chart is not None:
        return _Written(chart, tag.raw, tag.line)
    head = dict(zip(_HEAD, (" ".join(part.split()) for part in tag.parts), strict=False))
    before = sum(part.count("\n") for part in tag.parts[:5])
    return _Written(head, tag.parts[5], tag.line + before)


def _size(chart: StepChart) -> int:
    """Cost of reading a chart: many charts may share one long list of tempi."""
    shared = ("TIMESIGNATURES", "SCROLLS")
    commas = sum(chart.fields.get(name, "").count(",") for name in shared)
    return len(chart.cells) + len(chart.timing.segments) + commas


def _step_chart(reader: _Reader, written: _Written, number: int) -> StepChart | None:
    """One chart; None for what no column of a player is in.

    Raises:
        LineError: says why it cannot be read.
    """
    own, reading = written.own, reader.reading
    kind = own.get("STEPSTYPE", "").lower()
    if kind.startswith("lights-"):
        reading.dropped("charts of lights, not of notes", kind, line=written.line)
        return None
    first = next(iter(written.rows.replace(",", " ").split()), "")
    keys = KEYS.get(kind, len(first))
    if not 1 <= keys <= 18:
        raise LineError("chart.type_of_steps_out_of_range")
    fields = {**reader.song, **own}
    own_timing = False
    if reader.dialect.ssc:
        own_timing, timing_tags = _timing_of(reader, own)
        fields |= timing_tags
    for name, value in fields.items():
        if len(value) > MAX_TEXT and name not in (*TIMING, *_UNHELD, "RADARVALUES"):
            raise reading.error(
                Message("chart.text_too_long", name=name, most=MAX_TEXT), line=written.line
            )
    timing_text = tuple(fields.get(name, "") for name in TIMING)
    timing = reader.timings.get(timing_text) or step_timing(fields, reader.dialect, reading)
    reader.timings[timing_text] = timing
    for segment in timing.segments:
        bounded(segment.leave_s * 1000.0, "the time of a tempo")

    def odd(what: Message, row: str, line: int) -> None:
        reading.otherwise(what, row, line=line)

    found = tuple(cells(written.rows, keys, line=written.line, odd=odd))
    return StepChart(fields, keys, found, timing, number, own_timing)


def _timing_of(reader: _Reader, own: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
    """Timing tags of a chart of `.ssc`, and whether they are its own.

    All are its own where it has any segment, else they are the song's. Of the song's timing its
    own one takes the offset alone, where it has none.
    """
    tables = [own.get(name, "").strip() for name in TIMING if name != "OFFSET"]
    if any(tables) and not reader.dialect.own_timing:
        reader.losses.add(f"timing of charts, which files below version {SPLIT_TIMING} do not have")
    if not (reader.dialect.own_timing and any(tables)):
        return False, {name: reader.song.get(name, "") for name in TIMING}
    offset = own.get("OFFSET", "") or reader.song.get("OFFSET", "")
    return True, {name: own.get(name, "") for name in TIMING} | {"OFFSET": offset}


def _beatmap(reader: _Reader, chart: StepChart) -> tuple[Beatmap, tuple[PlacedNote, ...]]:
    fields = {name: str(value) for name, value in chart.fields.items()}
    placed = playable(chart.cells, chart.timing, reader.reading)
    timing = _timing(reader, chart)
    own = {
        "StepsType": fields.get("STEPSTYPE", "").lower(),
        "Difficulty": fields.get("DIFFICULTY", ""),
        "Meter": fields.get("METER", ""),
        "Description": fields.get("DESCRIPTION", ""),
        "ChartName": fields.get("CHARTNAME", ""),
        "Subtitle": fields.get("SUBTITLE", ""),
        "Genre": fields.get("GENRE", ""),
    }
    beatmap = Beatmap(
        keys=chart.keys,
        hit_objects=tuple(one.note for one in placed),
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
        path=reader.reading.path,
    )
    return beatmap, placed


def _preview(text: str) -> str:
    """Time in ms, from seconds or `h:m:s`; -1 where it means nothing, as in the menu alone."""
    try:
        parts = [finite(part, "SAMPLESTART", 1e6) for part in text.split(":")[-3:]]
    except ValueError:
        return "-1"
    seconds = sum(part * 60.0**power for power, part in enumerate(reversed(parts)))
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
    tags = fields.get("TAGS", own["Genre"])  # TAGS is a tag of ours, which the game passes over
    return {**found, "Tags": tags} if tags else found


def _timing(reader: _Reader, chart: StepChart) -> tuple[TimingPoint | ScrollPoint, ...]:
    timing, losses = chart.timing, reader.losses
    losses.add("stops and delays: the pause of the scroll", len(timing.stops | timing.delays))
    losses.add("warps: the leap of the scroll", len(timing.warps))
    signatures = metres(chart.fields.get("TIMESIGNATURES", ""), reader.reading)
    meters = {timing.time_s(beat): count for beat, count in signatures.items()}
    beats = dict(changes(timing))
    reds: list[TimingPoint] = []
    meter, length = 4, next(iter(beats.values()), 0.5)
    for at in sorted({*beats, *meters}):
        meter, length = meters.get(at, meter), beats.get(at, length)
        reds.append(TimingPoint(at * 1000.0, length * 1000.0, meter))
    speeds = scrolls(chart.fields.get("SCROLLS", ""), reader.dialect, reader.reading)
    steps = {timing.time_s(beat) * 1000.0: value for beat, value in speeds.items()}
    return in_order([*reds, *green_lines(sorted(steps.items()), reds)])
