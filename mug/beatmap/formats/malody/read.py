"""Malody's `.mc` charts: JSON, with every time as a beat `[bar, numerator, denominator]`.

The "bar" counts whole beats. Beat 0 lies `offset` ms before the beginning of the sound, whose entry
stands among the notes; tempi and notes are counted on from there. Only key mode (mode 0) has
columns.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.beats import BeatClock
from mug.beatmap.formats.limits import (
    MAX_BPM,
    MAX_TIME_MS,
    MAX_VELOCITY,
    MIN_BPM,
    bounded,
    check_lines,
    read_text,
    shorten,
)
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.malody.entries import EntryReader
from mug.beatmap.formats.numbers import LineError
from mug.beatmap.formats.reading import Reading
from mug.beatmap.formats.scroll import green_lines, in_order
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError, ModeError
from mug.messages.message import Message, message_of

SECTION = "Malody"
MODES = ("Key", "Step", "DJ", "Catch", "Pad", "Taiko", "Ring", "Slide", "Live", "Cube")

_SONG_TYPE = 1  # an entry of this type is the song; others are sounds that play by themselves
_OWN = ("id", "time", "$ver")
_NOTE_FIELDS = {"beat", "endbeat", "column", "sound", "vol", "offset", "type"}


def parse(
    text: str, *, path: Path | None = None, losses: LossReport | None = None, strict: bool = False
) -> Beatmap:
    """The chart that a `.mc` file describes.

    Args:
        text: the whole file.
        path: where it came from, for messages and `Beatmap.path`.
        losses: receives what a beatmap has no place for, and what is left out; without it that is
            logged.
        strict: refuse the file at the first thing that cannot be read.

    Raises:
        ModeError: for a chart of another mode than Key (named).
        BeatmapError: says what is wrong; also when no note is left.
    """
    return parse_placed(text, path=path, losses=losses, strict=strict, playable=True).beatmap


@dataclass(frozen=True)
class PlacedBeats:
    """A chart with the places of its notes.

    Args:
        beatmap: the chart.
        places: of the notes in the list of the file, counted from 0.
        clock: when its beats are.
        song: place of the song's entry in the list; None without one.
    """

    beatmap: Beatmap
    places: tuple[int, ...]
    clock: BeatClock
    song: int | None


def parse_placed(
    text: str,
    *,
    path: Path | None = None,
    losses: LossReport | None = None,
    strict: bool = False,
    playable: bool = False,
) -> PlacedBeats:
    """As `parse`, with the places of the notes.

    Without `playable`, a chart of which no note is left is taken: an edit may leave none.
    """
    check_lines(text, path)
    reading = Reading(path, strict)
    reader = EntryReader(reading, _load(text, reading))
    meta = reader.part(reader.tree, "meta")
    keys = _keys(reader, meta)
    listed = reader.tree.get("note")
    places = {id(entry): i for i, entry in enumerate(listed if isinstance(listed, list) else ())}
    sound = _song(reader.entries("note"))
    clock = _clock(reader, sound)
    placed = reader.each("note", lambda entry: _placed(reader, entry, keys, clock, sound))
    own = tuple(f"{key}:{reader.text(meta, key)}" for key in _OWN if key in meta)
    beatmap = Beatmap(
        keys=keys,
        hit_objects=tuple(note for note, _ in placed),
        timing=_timing(reader, clock),
        general={
            "AudioFilename": reader.text(sound, "sound")
            or reader.text(reader.part(meta, "song"), "file"),
            "PreviewTime": f"{reader.head_number(meta, 'preview', -1.0):.0f}",
            "Mode": "3",
        },
        metadata=_metadata(reader, meta),
        difficulty={"CircleSize": str(keys)},
        events=_events(reader.text(meta, "background")),
        other={SECTION: own} if own else {},
        path=path,
    )
    if playable:
        reading.check_playable(len(beatmap.hit_objects))
    reading.hand_over(losses)
    found = tuple(places[id(entry)] for _, entry in placed)
    return PlacedBeats(beatmap, found, clock, places.get(id(sound)))


def _song(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The entry of the song: the one of its type, else the first with a sound and no column."""
    sounds = [entry for entry in entries if "sound" in entry and "column" not in entry]
    typed = (entry for entry in sounds if entry.get("type") == _SONG_TYPE)
    return next(typed, sounds[0] if sounds else {})


def read(path: Path, *, losses: LossReport | None = None, strict: bool = False) -> Beatmap:
    """The chart in a file; see `parse`."""
    return parse(read_text(path), path=path, losses=losses, strict=strict)


def _load(text: str, reading: Reading) -> dict[str, Any]:
    path, text = reading.path, text.strip("\ufeff\x00 \t\r\n")
    try:
        tree, end = json.JSONDecoder().raw_decode(text)
        if end < len(text):
            reading.left_out("chart.text_after_end_of_chart", text[end:])
    except json.JSONDecodeError as error:
        raise BeatmapError(
            "chart.not_json", file=path, line=error.lineno, value=error.msg
        ) from error
    except (RecursionError, ValueError) as error:  # numbers of too many digits
        raise BeatmapError("chart.not_json_of_chart", file=path, value=shorten(error)) from error
    if not isinstance(tree, dict) or "meta" not in tree:
        raise BeatmapError("chart.mc_file_is_one_map", file=path)
    return tree


def _keys(reader: EntryReader, meta: dict[str, Any]) -> int:
    reading = reader.reading
    mode = int(reader.head_number(meta, "mode", 0.0))
    if mode != 0:
        name = MODES[mode] if 0 < mode < len(MODES) else f"mode {mode}"
        raise ModeError(
            "chart.of_another_malody_mode",
            mode=name,
            file=reading.path,
            remedy="remedy.choose_chart_of_key_mode",
        )
    try:
        keys = reader.number(reader.part(meta, "mode_ext"), "column", 4.0)
    except LineError as error:
        raise reading.error(message_of(error)) from error
    if keys != int(keys) or not 1 <= keys <= 18:
        raise reading.error("chart.number_of_columns_out_of_range", keys)
    return int(keys)


def _clock(reader: EntryReader, sound: dict[str, Any]) -> BeatClock:
    """The tempi, counted from the sound's beginning."""
    tempi = dict(reader.each("time", lambda entry: _tempo(reader, entry)))
    if not tempi:
        raise reader.reading.error("chart.malody_chart_has_no_tempo")
    offset = reader.head_number(sound, "offset", 0.0)
    begins = Fraction(0)
    if "beat" in sound:
        try:
            begins = reader.beat(sound)
        except LineError as error:
            reader.reading.left_out(message_of(error), sound["beat"])
    clock = BeatClock.from_tempi(sorted(tempi.items()), -offset, begins)
    if not all(math.isfinite(t) and abs(t) <= MAX_TIME_MS for t in clock.times_ms):
        what = Message("chart.is_beyond_bound", what="the time of a tempo", bound=MAX_TIME_MS)
        raise reader.reading.error(what)
    return clock


def _tempo(reader: EntryReader, entry: dict[str, Any]) -> tuple[Fraction, float]:
    bpm = reader.number(entry, "bpm", 0.0, MAX_BPM)
    if bpm < MIN_BPM:
        raise LineError("chart.bpm_is_not_above_0")
    reader.losses.add("delays of tempo changes", bool(entry.get("delay")))
    return reader.beat(entry), bpm


def _timing(reader: EntryReader, clock: BeatClock) -> tuple[TimingPoint | ScrollPoint, ...]:
    """Red lines at tempi and metres, green lines at the effects; these outlast tempo changes."""
    meters: dict[float, int] = {}
    steps: dict[float, float] = {}

    def effect(entry: dict[str, Any]) -> None:
        at = bounded(clock.time_ms(reader.beat(entry)), "the time of an effect")
        speed = reader.number(entry, "scroll", 1.0, MAX_VELOCITY)
        beats = max(int(reader.number(entry, "sign", 4.0)), 1)
        if "scroll" in entry:
            steps[at] = speed
        if "sign" in entry:
            meters[at] = beats
        for key in entry.keys() - {"beat", "scroll", "sign"}:
            reader.losses.add(f"effects: {key}")

    reader.each("effect", effect)
    reds = []
    meter = 4
    for at in sorted({*meters, *clock.times_ms}):
        meter = meters.get(at, meter)
        length = clock.beat_ms[max(bisect_right(clock.times_ms, at) - 1, 0)]
        reds.append(TimingPoint(at, length, meter))
    return in_order([*reds, *green_lines(sorted(steps.items()), reds)])


def _placed(
    reader: EntryReader, entry: dict[str, Any], keys: int, clock: BeatClock, sound: dict[str, Any]
) -> tuple[HitObject, dict[str, Any]] | None:
    note = _note(reader, entry, keys, clock, sound)
    return None if note is None else (note, entry)


def _note(
    reader: EntryReader, entry: dict[str, Any], keys: int, clock: BeatClock, sound: dict[str, Any]
) -> HitObject | None:
    """One note; None for what is no note."""
    if entry is sound:
        return None
    if "column" not in entry:
        reader.losses.add("sound events" if "sound" in entry else "notes without a column")
        return None
    for key in entry.keys() - _NOTE_FIELDS:
        reader.losses.add(f"notes: {key}")
    column = reader.number(entry, "column", 0.0)
    if column != int(column) or not 0 <= column < keys:
        raise LineError("chart.column_out_of_range", last=keys - 1)
    start = bounded(clock.time_ms(reader.beat(entry)), "the time of a note")
    sample = _sample(reader, entry)
    if "endbeat" not in entry:
        return Rice(int(column), start, 0, sample)
    end = bounded(clock.time_ms(reader.beat(entry, "endbeat")), "the end of a note")
    if end < start:
        reader.reading.otherwise("chart.hold_ends_before_starts", entry["endbeat"])
    return LongNote(int(column), start, max(start, end), 0, sample)


def _sample(reader: EntryReader, entry: dict[str, Any]) -> str:
    name = reader.text(entry, "sound")
    if not name:
        return "0:0:0:0:"
    return f"0:0:0:{reader.number(entry, 'vol', 100.0):.0f}:{name}"


def _metadata(reader: EntryReader, meta: dict[str, Any]) -> dict[str, str]:
    song = reader.part(meta, "song")
    fields = {
        "Title": reader.text(song, "title"),
        "TitleUnicode": reader.text(song, "titleorg"),
        "Artist": reader.text(song, "artist"),
        "ArtistUnicode": reader.text(song, "artistorg"),
        "Creator": reader.text(meta, "creator"),
        "Version": reader.text(meta, "version"),
        "Source": reader.text(song, "source"),
    }
    tags = reader.text(song, "tags")  # a field of ours; Malody has none
    found = {
        key: value for key, value in fields.items() if value or not key.endswith(("e", "code"))
    }
    return {**found, "Tags": tags} if tags else found


def _events(background: str) -> tuple[str, ...]:
    name = background.replace('"', "'")
    return (f'0,0,"{name}",0,0',) if name else ()
