"""Charts as Malody's `.mc` files."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.beats import BENT, BeatClock, BeatGrid, earliest_ms, lay_beats, with_tempo
from mug.beatmap.formats.loss_audit import PLAIN_SAMPLES, audit, background
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.malody.read import SECTION
from mug.beatmap.formats.scroll import velocity_steps
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import BeatmapError
from mug.files import atomic_write

KEEPS = frozenset(
    {"scroll speeds", "metres other than 4", "background pictures", "titles in their own script"}
    | {"sources", "tags", "preview points", "hit samples"}
)
MOVED = "notes moved onto a fraction of a beat"
# The editor's divisions first, so that notes stay on the lines that they were made on.
DIVISORS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 24, 32, 48, 64, 96, 192, 288, 1000, 10000, 100000)
TOLERANCE_MS = 0.25
_SAMPLE = re.compile(r"[0-9]+:[0-9]+:[0-9]+:([0-9]{1,6}):(.+)", re.DOTALL)


def format(beatmap: Beatmap, *, losses: LossReport | None = None) -> str:
    """The text of a `.mc` file.

    Args:
        beatmap: the chart.
        losses: receives what the format has no place for.

    Raises:
        BeatmapError: for notes outside the columns, and charts of too many beats.
    """
    found = audit(beatmap, KEEPS, sections=frozenset({SECTION}))
    timed = with_tempo(beatmap, found)
    grid = lay_beats(timed.red_lines, earliest_ms(timed))
    found.add(BENT, grid.bent)
    clock = grid.clock
    sound = {"beat": [0, 0, 1], "sound": timed.audio_filename, "vol": 100}
    tree = {
        "meta": _meta(timed),
        "time": [{"beat": _beat(beat), "bpm": bpm} for beat, bpm in grid.tempi],
        "effect": _effects(timed, grid, clock),
        "note": [
            *(_note(timed, note, clock, found) for note in timed.hit_objects),
            {**sound, "offset": -grid.zero_ms, "type": 1},
        ],
    }
    if losses is not None:
        losses.merge(found)
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encode(beatmap: Beatmap, *, losses: LossReport | None = None) -> bytes:
    """The bytes of a `.mc` file; see `format`."""
    try:
        return format(beatmap, losses=losses).encode("utf-8")
    except UnicodeEncodeError as error:
        raise BeatmapError("chart.field_is_not_unicode_text", file=beatmap.path) from error


def write(beatmap: Beatmap, path: Path) -> LossReport:
    """Write a chart, whole or not at all; see `format`.

    Returns:
        What the format had no place for.
    """
    losses = LossReport()
    data = encode(beatmap, losses=losses)
    with atomic_write(path) as handle:
        handle.write(data)
    return losses


def _beat(beat: Fraction, divisor: int | None = None) -> list[int]:
    whole = beat.numerator // beat.denominator
    rest = beat - whole
    return [whole, rest.numerator, divisor or rest.denominator]


def _meta(beatmap: Beatmap) -> dict[str, Any]:
    own = dict(line.partition(":")[::2] for line in beatmap.other.get(SECTION, ()))
    numbers = {k: int(v) for k, v in own.items() if re.fullmatch(r"-?[0-9]{1,15}", v)}
    preview = beatmap.general.get("PreviewTime", "-1").strip()
    song = {
        "title": beatmap.title,
        "artist": beatmap.artist,
        "titleorg": beatmap.metadata.get("TitleUnicode", ""),
        "artistorg": beatmap.metadata.get("ArtistUnicode", ""),
        "source": beatmap.metadata.get("Source", ""),
        "tags": beatmap.metadata.get("Tags", ""),
    }
    return {
        "$ver": numbers.get("$ver", 0),
        "creator": beatmap.creator,
        "background": background(beatmap),
        "version": beatmap.version,
        "preview": int(preview) if re.fullmatch(r"-?[0-9]{1,9}", preview) else -1,
        "id": numbers.get("id", 0),
        "mode": 0,
        "time": numbers.get("time", 0),
        "song": {k: v for k, v in song.items() if v or k in ("title", "artist")},
        "mode_ext": {"column": beatmap.keys, "bar_begin": 0},
    }


def _effects(beatmap: Beatmap, grid: BeatGrid, clock: BeatClock) -> list[dict[str, Any]]:
    """Scroll speeds, and the metre where it changes."""
    effects: list[tuple[Fraction, dict[str, Any]]] = []
    for time_ms, velocity in velocity_steps(beatmap.timing):
        effects.append((clock.snap(time_ms, DIVISORS, TOLERANCE_MS), {"scroll": velocity}))
    meter = 4
    ordered = sorted(beatmap.red_lines, key=lambda point: point.time_ms)
    for beat, red in zip(grid.red_beats, ordered, strict=True):
        if red.meter != meter:
            meter = red.meter
            effects.append((Fraction(beat), {"sign": meter}))
    effects.sort(key=lambda pair: pair[0])
    return [{"beat": _beat(beat), **effect} for beat, effect in effects]


def _note(
    beatmap: Beatmap, note: HitObject, clock: BeatClock, losses: LossReport
) -> dict[str, Any]:
    if not 0 <= note.column < beatmap.keys:
        raise BeatmapError("chart.note_lies_outside_columns", file=beatmap.path, value=note)
    entry: dict[str, Any] = {"beat": _placed(note.start_ms, clock, losses)}
    if isinstance(note, LongNote):
        entry["endbeat"] = _placed(note.end_ms, clock, losses)
    entry["column"] = note.column
    found = _SAMPLE.fullmatch(note.sample)
    if found:
        entry |= {"sound": found[2], "vol": int(found[1]) or 100}
    elif note.sample not in PLAIN_SAMPLES:
        losses.add("hit samples")
    return entry


def _placed(time_ms: float, clock: BeatClock, losses: LossReport) -> list[int]:
    beat = clock.snap(time_ms, DIVISORS, TOLERANCE_MS)
    error = abs(clock.time_ms(beat) - time_ms)
    losses.add(MOVED, error > 1.0, worst_ms=error)
    return _beat(beat)
