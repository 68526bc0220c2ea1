"""Malody's `.mc` charts: JSON, with every time as a beat `[bar, numerator, denominator]`.

The "bar" counts whole beats. Beat 0 lies `offset` ms before the beginning of the sound, whose entry
stands among the notes; tempi and notes are counted on from there. Only key mode (mode 0) has
columns.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.beats import BeatClock
from mug.beatmap.formats.limits import (
    MAX_BEAT,
    MAX_BPM,
    MAX_OBJECTS,
    MAX_TIME_MS,
    MAX_VELOCITY,
    MIN_BPM,
    bounded,
    check_lines,
    read_text,
    shorten,
)
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.numbers import LineError
from mug.beatmap.formats.reading import Reading
from mug.beatmap.formats.scroll import green_lines, in_order
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError, ModeError
from mug.messages.message import Message, message_of

SECTION = "Malody"
MODES = ("Key", "Step", "DJ", "Catch", "Pad", "Taiko", "Ring", "Slide", "Live", "Cube")
MAX_DENOMINATOR = 1 << 20
T = TypeVar("T")

_SONG_TYPE = 1  # an entry of this type is the song; others are sounds that play by themselves
_SHOWN = 200
_OWN = ("id", "time", "$ver")
_NOTE_FIELDS = {"beat", "endbeat", "column", "sound", "vol", "offset", "type"}


@dataclass
class _Reader:
    reading: Reading
    tree: dict[str, Any]

    @property
    def losses(self) -> LossReport:
        """Losses of the file."""
        return self.reading.losses

    def number(
        self, entry: dict[str, Any], key: str, default: float, bound: float = 2.0**31
    ) -> float:
        """A number; the default where the key is missing.

        Raises:
            LineError: for anything else.
        """
        value = entry.get(key, default)
        if isinstance(value, str) and (found := _number_in(value)) is not None:
            self.reading.otherwise(Message("chart.number_is_written_as_text", key=key), value)
            value = found
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise LineError("chart.is_not_number", key=key)
        try:
            return bounded(float(value), key, bound)
        except (ValueError, OverflowError) as error:
            raise LineError("chart.is_not_number_within_bound", key=key, bound=bound) from error

    def head_number(self, entry: dict[str, Any], key: str, default: float) -> float:
        """A number of the head; the default for what is none."""
        try:
            return self.number(entry, key, default)
        except LineError as error:
            self.reading.left_out(message_of(error), entry[key])
            return default

    def text(self, entry: dict[str, Any], key: str) -> str:
        """A text in one line, empty where it is missing."""
        value = entry.get(key, "")
        if value is None or isinstance(value, (dict, list)):
            return ""
        return " ".join(str(value).split())

    def part(self, entry: dict[str, Any], key: str) -> dict[str, Any]:
        """A map, empty where it is missing or none."""
        value = entry.get(key, {})
        if not isinstance(value, dict):
            self.reading.left_out(Message("chart.is_not_map", key=key), value)
            return {}
        return value

    def entries(self, key: str) -> list[dict[str, Any]]:
        """The maps in a list; what is none is left out."""
        value = self.tree.get(key) or []
        wrong, note = Message("chart.is_not_list_of_maps", key=key), key == "note"
        if not isinstance(value, list):
            self.reading.left_out(wrong, value, note=note)
            value = self.tree[key] = []
        if len(value) > MAX_OBJECTS:
            raise self.reading.error(
                Message("chart.too_many_entries_in_list", most=MAX_OBJECTS, key=key), len(value)
            )
        if not all(isinstance(entry, dict) for entry in value):
            for entry in value:
                if not isinstance(entry, dict):
                    self.reading.left_out(wrong, entry, note=note)
            value = self.tree[key] = [entry for entry in value if isinstance(entry, dict)]
        return value

    def each(self, key: str, parse: Callable[[dict[str, Any]], T | None]) -> list[T]:
        """Read the maps in a list one by one; one that makes no sense is left out."""
        found = []
        for number, entry in enumerate(self.entries(key), start=1):
            try:
                value = parse(entry)
            except LineError as error:
                shown = f"{key} {number}: {json.dumps(entry)[:_SHOWN]}"
                self.reading.left_out(message_of(error), shown, note=key == "note")
                continue
            if value is not None:
                found.append(value)
        return found

    def beat(self, entry: dict[str, Any], key: str = "beat") -> Fraction:
        """A beat as a fraction, whose parts may be negative.

        Raises:
            LineError: for anything else.
        """
        value: Any = entry.get(key)
        whole = isinstance(value, list) and len(value) == 3 and all(map(_is_whole, value))
        if not whole or not 0 < abs(value[2]) <= MAX_DENOMINATOR:
            raise LineError("chart.is_not_beat_as_fraction", key=key)
        if abs(value[0]) > MAX_BEAT or abs(value[1]) > MAX_BEAT:
            raise LineError("chart.is_beyond_bound", what=key, bound=MAX_BEAT)
        whole_beats, part, parts = map(int, value)
        return Fraction(whole_beats) + Fraction(part, parts)


def _is_whole(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


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
    check_lines(text, path)
    reading = Reading(path, strict)
    reader = _Reader(reading, _load(text, reading))
    meta = reader.part(reader.tree, "meta")
    keys = _keys(reader, meta)
    sound = _song(reader.entries("note"))
    clock = _clock(reader, sound)
    own = tuple(f"{key}:{reader.text(meta, key)}" for key in _OWN if key in meta)
    beatmap = Beatmap(
        keys=keys,
        hit_objects=tuple(
            reader.each("note", lambda entry: _note(reader, entry, keys, clock, sound))
        ),
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
    reading.check_playable(len(beatmap.hit_objects))
    reading.hand_over(losses)
    return beatmap


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


def _keys(reader: _Reader, meta: dict[str, Any]) -> int:
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


def _clock(reader: _Reader, sound: dict[str, Any]) -> BeatClock:
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


def _tempo(reader: _Reader, entry: dict[str, Any]) -> tuple[Fraction, float]:
    bpm = reader.number(entry, "bpm", 0.0, MAX_BPM)
    if bpm < MIN_BPM:
        raise LineError("chart.bpm_is_not_above_0")
    reader.losses.add("delays of tempo changes", bool(entry.get("delay")))
    return reader.beat(entry), bpm


def _timing(reader: _Reader, clock: BeatClock) -> tuple[TimingPoint | ScrollPoint, ...]:
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


def _note(
    reader: _Reader, entry: dict[str, Any], keys: int, clock: BeatClock, sound: dict[str, Any]
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


def _sample(reader: _Reader, entry: dict[str, Any]) -> str:
    name = reader.text(entry, "sound")
    if not name:
        return "0:0:0:0:"
    return f"0:0:0:{reader.number(entry, 'vol', 100.0):.0f}:{name}"


def _metadata(reader: _Reader, meta: dict[str, Any]) -> dict[str, str]:
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


def _number_in(text: str) -> float | None:
    """The number that a text is; None for other texts."""
    try:
        return float(text)
    except ValueError:
        return None
