"""Charts as StepMania's `.sm` and `.ssc` files: several in one file, notes on rows of 1/48 beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.beats import BENT, BeatClock, BeatGrid, earliest_ms, lay_beats, with_tempo
from mug.beatmap.formats.limits import MAX_VELOCITY
from mug.beatmap.formats.loss_audit import audit, background
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.scroll import velocity_steps
from mug.beatmap.formats.stepmania.notes import HOLD, KEYS, MAX_MEASURES, TAIL, TAP
from mug.beatmap.formats.stepmania.read import MAX_TEXT, SECTION
from mug.beatmap.formats.stepmania.text import escaped
from mug.beatmap.formats.stepmania.timing import ROWS_PER_BEAT, WARP_BPM
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import BeatmapError
from mug.files import atomic_write
from mug.messages.message import Message

KEEPS = frozenset({"background pictures", "titles in their own script", "preview points", "tags"})
SSC_KEEPS = KEEPS | {"scroll speeds", "metres other than 4"}
MOVED = "notes moved onto a row (1/48 beat)"
CROWDED = "notes that share a row with another of their column, left out"
SHORT = "holds too short for the rows, written as taps"
CUT = "holds cut before the next note of their column"
TOO_FAST = "tempi that such a file takes for warps, left out"
OTHER_TAGS = "tags of charts, where the first one's hold for all"
DIFFICULTIES = ("Beginner", "Easy", "Medium", "Hard", "Challenge", "Edit")
_ROWS = ROWS_PER_BEAT * 4
_LINES = (4, 8, 12, 16, 24, 32, 48, 64, 96, 192)  # lines a measure may have
_TYPES = {3: "dance-threepanel", 4: "dance-single", 5: "pump-single", 6: "dance-solo"} | {
    7: "kb7-single",
    8: "dance-double",
    9: "pnm-nine",
    10: "pump-double",
    12: "bm-double5",
    16: "bm-double7",
}
Row = tuple[int, int]  # row, column


@dataclass(frozen=True)
class _Chart:
    """A chart and the beats that it is written on."""

    beatmap: Beatmap
    own: dict[str, str]
    grid: BeatGrid
    rows: dict[Row, str]


def format(beatmaps: Sequence[Beatmap], *, ssc: bool, losses: LossReport | None = None) -> str:
    """The text of a file with these charts.

    A `.sm` file has one timing for all of its charts: the first chart's. In a `.ssc` file each has
    its own.

    Args:
        beatmaps: charts of one song, at least one.
        ssc: the newer of the two formats.
        losses: receives what the format has no place for.

    Raises:
        BeatmapError: for numbers of columns that no type of steps has, and too many beats.
    """
    if not beatmaps:
        raise BeatmapError("chart.stepmania_file_needs_at_least_one")
    found = LossReport()
    timed = [_audited(beatmap, found, ssc) for beatmap in beatmaps]
    first_ms = min(earliest_ms(beatmap) for beatmap in timed)
    grids = [
        lay_beats(b.red_lines, first_ms, decimals=6, row_times=_times(b))
        for b in timed[: None if ssc else 1]
    ]
    for grid in grids:
        found.add(BENT, grid.bent)
    if not ssc:
        others = sum(b.red_lines != timed[0].red_lines for b in timed)
        found.add("charts whose tempi differ from the first one's, which holds for all", others)
        grids *= len(timed)
        tags = [b.metadata.get("Tags", "") for b in timed]
        found.add(OTHER_TAGS, sum(text != tags[0] for text in tags))
    taken: set[tuple[str, str]] = set()
    charts = []
    for beatmap, grid in zip(timed, grids, strict=True):
        own = _own(beatmap, taken)
        found.add("names of charts", bool(own.get("ChartName")) and not ssc)
        charts.append(_Chart(beatmap, own, grid, _rows(beatmap, grid.clock, found)))
    text = _ssc(charts) if ssc else _sm(charts)
    if losses is not None:
        losses.merge(found)
    return text


def encode(beatmaps: Sequence[Beatmap], *, ssc: bool, losses: LossReport | None = None) -> bytes:
    """The bytes of a file with these charts; see `format`."""
    try:
        return format(beatmaps, ssc=ssc, losses=losses).encode("utf-8")
    except UnicodeEncodeError as error:
        raise BeatmapError("chart.field_is_not_unicode_text", file=beatmaps[0].path) from error


def write(beatmaps: Sequence[Beatmap], path: Path) -> LossReport:
    """Write charts, `.ssc` or `.sm` as the suffix says, whole or not at all; see `format`.

    Returns:
        What the format had no place for.
    """
    losses = LossReport()
    data = encode(beatmaps, ssc=path.suffix.lower() == ".ssc", losses=losses)
    with atomic_write(path) as handle:
        handle.write(data)
    return losses


def _times(beatmap: Beatmap) -> list[float]:
    """Times that must lie on a row, ascending."""
    notes = beatmap.hit_objects
    return sorted({note.start_ms for note in notes} | {note.last_ms for note in notes})


def _audited(beatmap: Beatmap, losses: LossReport, ssc: bool) -> Beatmap:
    keeps = SSC_KEEPS if ssc else KEEPS
    losses.merge(audit(beatmap, keeps, sections=frozenset({SECTION})))
    held = _shortened(beatmap, losses)
    if not ssc:
        reds = tuple(red for red in held.red_lines if red.bpm < WARP_BPM)
        losses.add(TOO_FAST, len(held.red_lines) - len(reds))
        held = replace(held, timing=reds)
    return with_tempo(held, losses)


def _shortened(beatmap: Beatmap, losses: LossReport) -> Beatmap:
    """The chart with texts of no more letters than a tag may have."""
    own = beatmap.other.get(SECTION, ())
    texts = (*beatmap.metadata.values(), *beatmap.general.values(), *own)
    too_long = sum(len(text) > MAX_TEXT for text in texts)
    if not too_long:
        return beatmap
    losses.add(f"texts cut to {MAX_TEXT} letters", too_long)
    return replace(
        beatmap,
        metadata={key: text[:MAX_TEXT] for key, text in beatmap.metadata.items()},
        general={key: text[:MAX_TEXT] for key, text in beatmap.general.items()},
        other={**beatmap.other, SECTION: tuple(text[:MAX_TEXT] for text in own)},
    )


def _own(beatmap: Beatmap, taken: set[tuple[str, str]]) -> dict[str, str]:
    """Type of steps, difficulty, meter and description; a place that is taken becomes an edit."""
    own = dict(line.partition(":")[::2] for line in beatmap.other.get(SECTION, ()))
    if KEYS.get(own.get("StepsType", "")) != beatmap.keys:
        if beatmap.keys not in _TYPES:
            raise BeatmapError(
                "chart.no_type_of_steps_for_columns",
                file=beatmap.path,
                value=beatmap.keys,
                remedy=Message("remedy.types_are", types=", ".join(map(str, sorted(_TYPES)))),
            )
        own["StepsType"] = _TYPES[beatmap.keys]
    name = own.get("Difficulty", "") or beatmap.version.strip().capitalize()
    if name not in DIFFICULTIES or (own["StepsType"], name) in taken:
        name = "Edit"
        own.setdefault("Description", beatmap.version)
    taken.add((own["StepsType"], name))
    own["Difficulty"] = name
    return own


# --------------------------------------------------------------------------------- rows


def _rows(beatmap: Beatmap, clock: BeatClock, losses: LossReport) -> dict[Row, str]:
    """Symbol by row and column."""
    rows: dict[Row, str] = {}
    columns: dict[int, list[HitObject]] = {}
    for note in beatmap.hit_objects:
        if not 0 <= note.column < beatmap.keys:
            raise BeatmapError("chart.note_lies_outside_columns", file=beatmap.path, value=note)
        columns.setdefault(note.column, []).append(note)
    for column, notes in columns.items():
        starts = [(_row(note.start_ms, clock, losses), note) for note in notes]
        starts.sort(key=lambda pair: (pair[0], pair[1].start_ms))
        following = [row for row, _ in starts[1:]] + [None]
        for (row, note), after in zip(starts, following, strict=True):
            if (row, column) in rows:
                losses.add(CROWDED)
                continue
            end = _end(note, row, after, clock, losses)
            rows[row, column] = TAP if end is None else HOLD
            if end is not None:
                rows[end, column] = TAIL
    return rows


def _row(time_ms: float, clock: BeatClock, losses: LossReport) -> int:
    row = round(clock.beat_at(time_ms) * ROWS_PER_BEAT)
    error = abs(clock.time_ms(Fraction(row, ROWS_PER_BEAT)) - time_ms)
    losses.add(MOVED, error > 1.0, worst_ms=error)
    if not 0 <= row < MAX_MEASURES * _ROWS:
        raise BeatmapError("chart.too_many_measures_to_write", most=MAX_MEASURES, value=time_ms)
    return row


def _end(
    note: HitObject, start: int, after: int | None, clock: BeatClock, losses: LossReport
) -> int | None:
    """Row where a hold ends; None for what is, or becomes, a tap."""
    if not isinstance(note, LongNote):
        return None
    end = _row(note.end_ms, clock, losses)
    if after is not None and after > start and end >= after:
        losses.add(CUT)
        end = after - 1
    if end <= start:
        losses.add(SHORT)
        return None
    return end


def _measures(chart: _Chart) -> str:
    keys = chart.beatmap.keys
    by_measure: dict[int, dict[int, dict[int, str]]] = {}
    for (row, column), symbol in chart.rows.items():
        place = by_measure.setdefault(row // _ROWS, {}).setdefault(row % _ROWS, {})
        place[column] = symbol
    texts = []
    for measure in range(max(by_measure, default=0) + 1):
        rows = by_measure.get(measure, {})
        lines = next(n for n in _LINES if all(row % (_ROWS // n) == 0 for row in rows))
        step = _ROWS // lines
        texts.append(
            "\n".join(
                "".join(rows.get(line * step, {}).get(column, "0") for column in range(keys))
                for line in range(lines)
            )
        )
    return "\n,\n".join(texts)


# -------------------------------------------------------------------------------- text


def _song(beatmap: Beatmap, own: dict[str, str]) -> dict[str, str]:
    unicode_title = beatmap.metadata.get("TitleUnicode", "")
    unicode_artist = beatmap.metadata.get("ArtistUnicode", "")
    preview = beatmap.general.get("PreviewTime", "-1").strip()
    shown = preview.isascii() and preview.isdigit()
    tags = beatmap.metadata.get("Tags", "")
    own_tags = {"TAGS": tags} if tags != own.get("Genre", "") else {}
    return {
        "TITLE": unicode_title or beatmap.title,
        "SUBTITLE": own.get("Subtitle", ""),
        "ARTIST": unicode_artist or beatmap.artist,
        "TITLETRANSLIT": beatmap.title if unicode_title else "",
        "ARTISTTRANSLIT": beatmap.artist if unicode_artist else "",
        "GENRE": own.get("Genre", ""),
        "CREDIT": beatmap.creator,
        "BACKGROUND": background(beatmap),
        "MUSIC": beatmap.audio_filename,
        "SAMPLESTART": f"{int(preview[:9]) / 1000:.3f}" if shown else "",
        **own_tags,
    }


def _timing(chart: _Chart, ssc: bool) -> dict[str, str]:
    grid = chart.grid
    fields = {
        "OFFSET": f"{-grid.zero_ms / 1000:.6f}",
        "BPMS": ",\n".join(f"{float(beat):.6f}={bpm:.6f}" for beat, bpm in grid.tempi),
        "STOPS": "",
    }
    if not ssc:
        return fields
    clock = grid.clock
    meters: dict[int, int] = {}
    scrolls = {0: 1.0}
    ordered = sorted(chart.beatmap.red_lines, key=lambda point: point.time_ms)
    for beat, red in zip(grid.red_beats, ordered, strict=True):
        meters[0 if not meters else beat] = red.meter
    for time_ms, velocity in velocity_steps(chart.beatmap.timing):
        row = round(clock.beat_at(time_ms) * ROWS_PER_BEAT)
        scrolls[row] = min(max(velocity, -MAX_VELOCITY), MAX_VELOCITY)
    return fields | {
        "DELAYS": "",
        "WARPS": "",
        "TIMESIGNATURES": ",\n".join(f"{beat}.000={n}=4" for beat, n in meters.items()),
        "SCROLLS": ",\n".join(
            f"{row / ROWS_PER_BEAT:.6f}={velocity!r}" for row, velocity in sorted(scrolls.items())
        ),
    }


def _lines(fields: dict[str, str], *, escape: bool = True) -> list[str]:
    return [f"#{key}:{escaped(value) if escape else value};" for key, value in fields.items()]


def _tags(chart: _Chart) -> str:
    return chart.beatmap.metadata.get("Tags", "")


def _sm(charts: Sequence[_Chart]) -> str:
    first = charts[0]
    lines = _lines(_song(first.beatmap, first.own))
    lines += _lines(_timing(first, ssc=False), escape=False)
    for chart in charts:
        own = chart.own
        head = (own["StepsType"], own.get("Description", ""), own["Difficulty"])
        lines += ["", "#NOTES:", *(f"     {escaped(text)}:" for text in head)]
        lines += [f"     {_meter(own)}:", "     0,0,0,0,0:", f"{_measures(chart)}", ";"]
    return "\n".join(lines) + "\n"


def _meter(own: dict[str, str]) -> str:
    text = own.get("Meter", "")
    return text if text.isascii() and text.isdigit() and len(text) < 6 else "1"


def _ssc(charts: Sequence[_Chart]) -> str:
    first = charts[0]
    lines = ["#VERSION:0.83;", *_lines(_song(first.beatmap, first.own))]
    lines += _lines(_timing(first, ssc=True), escape=False)
    for chart in charts:
        own = chart.own
        fields = {
            "CHARTNAME": own.get("ChartName", ""),
            "STEPSTYPE": own["StepsType"],
            "DESCRIPTION": own.get("Description", ""),
            "DIFFICULTY": own["Difficulty"],
            "METER": _meter(own),
            "CREDIT": chart.beatmap.creator,
        }
        if _tags(chart) != _tags(first):  # the song's tag holds the first one's
            fields["TAGS"] = _tags(chart)
        lines += [
            "",
            "#NOTEDATA:;",
            *_lines(fields),
            *_lines(_timing(chart, ssc=True), escape=False),
        ]
        lines += ["#NOTES:", _measures(chart), ";"]
    return "\n".join(lines) + "\n"
