"""Malody's `.mc` charts: JSON, with every time as a beat `[bar, numerator, denominator]`.

The "bar" counts whole beats. Beat 0 lies `offset` ms before the beginning of the sound, whose entry
stands among the notes; tempi and notes are counted on from there. Only key mode (mode 0) has
columns.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.beats import BeatClock
from mug.beatmap.formats.limits import (
    MAX_BEAT,
    MAX_BPM,
    MAX_OBJECTS,
    MAX_VELOCITY,
    MIN_BPM,
    bounded,
    check_lines,
    read_text,
    shorten,
)
from mug.beatmap.formats.loss_report import LossReport, hand_over
from mug.beatmap.formats.scroll import green_lines, in_order
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError, ModeError
from mug.messages.message import Message, message_of

SECTION = "Malody"
MODES = ("Key", "Step", "DJ", "Catch", "Pad", "Taiko", "Ring", "Slide", "Live", "Cube")
MAX_DENOMINATOR = 1 << 20
_OWN = ("id", "time", "$ver")
_NOTE_FIELDS = {"beat", "endbeat", "column", "sound", "vol", "offset", "type"}


@dataclass
class _Reader:
    path: Path | None
    tree: dict[str, Any]
    losses: LossReport

    def error(self, what: str, value: object = None) -> BeatmapError:
        return BeatmapError(what, file=self.path, value=None if value is None else shorten(value))

    def number(
        self, entry: dict[str, Any], key: str, default: float, bound: float = 2.0**31
    ) -> float:
        """A number; the default where the key is missing."""
        value = entry.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(Message("chart.is_not_number", key=key), value)
        try:
            return bounded(float(value), key, bound)
        except (ValueError, OverflowError) as error:
            raise self.error(
                Message("chart.is_not_number_within_bound", key=key, bound=bound), value
            ) from error

    def text(self, entry: dict[str, Any], key: str) -> str:
        """A text in one line, empty where it is missing."""
        value = entry.get(key, "")
        if value is None or isinstance(value, (dict, list)):
            return ""
        return " ".join(str(value).split())

    def part(self, entry: dict[str, Any], key: str) -> dict[str, Any]:
        """A map, empty where it is missing."""
        value = entry.get(key, {})
        if not isinstance(value, dict):
            raise self.error(Message("chart.is_not_map", key=key), value)
        return value

    def entries(self, key: str) -> list[dict[str, Any]]:
        """The maps in a list."""
        value = self.tree.get(key) or []
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.error(Message("chart.is_not_list_of_maps", key=key))
        if len(value) > MAX_OBJECTS:
            raise self.error(
                Message("chart.too_many_entries_in_list", most=MAX_OBJECTS, key=key), len(value)
            )
        return value

    def beat(self, entry: dict[str, Any], key: str = "beat") -> Fraction:
        """A beat as a fraction."""
        value: Any = entry.get(key)
        whole = (
            isinstance(value, list)
            and len(value) == 3
            and all(isinstance(part, int) and not isinstance(part, bool) for part in value)
        )
        if not whole or not 0 < value[2] <= MAX_DENOMINATOR:
            raise self.error(Message("chart.is_not_beat_as_fraction", key=key), value)
        if abs(value[0]) > MAX_BEAT or abs(value[1]) > MAX_BEAT:
            raise self.error(Message("chart.is_beyond_bound", what=key, bound=MAX_BEAT), value)
        return Fraction(value[0]) + Fraction(value[1], value[2])


def parse(text: str, *, path: Path | None = None, losses: LossReport | None = None) -> Beatmap:
    """The chart that a `.mc` file describes.

    Args:
        text: the whole file.
        path: where it came from, for messages and `Beatmap.path`.
        losses: receives what a beatmap has no place for; without it that is logged.

    Raises:
        ModeError: for a chart of another mode than Key (named).
        BeatmapError: says what is wrong.
    """
    check_lines(text, path)
    reader = _Reader(path, _load(text, path), LossReport())
    meta = reader.part(reader.tree, "meta")
    keys = _keys(reader, meta)
    entries = reader.entries("note")
    sound = next((entry for entry in entries if "sound" in entry and "column" not in entry), {})
    clock = _clock(reader, sound)
    own = tuple(f"{key}:{reader.text(meta, key)}" for key in _OWN if key in meta)
    beatmap = Beatmap(
        keys=keys,
        hit_objects=_notes(reader, entries, keys, clock, sound),
        timing=_timing(reader, clock),
        general={
            "AudioFilename": reader.text(sound, "sound")
            or reader.text(reader.part(meta, "song"), "file"),
            "PreviewTime": f"{reader.number(meta, 'preview', -1.0):.0f}",
            "Mode": "3",
        },
        metadata=_metadata(reader, meta),
        difficulty={"CircleSize": str(keys)},
        events=_events(reader.text(meta, "background")),
        other={SECTION: own} if own else {},
        path=path,
    )
    _check_times(reader, beatmap)
    hand_over(reader.losses, losses, path)
    return beatmap


def read(path: Path, *, losses: LossReport | None = None) -> Beatmap:
    """The chart in a file; see `parse`."""
    return parse(read_text(path), path=path, losses=losses)


def _load(text: str, path: Path | None) -> dict[str, Any]:
    try:
        tree = json.loads(text.lstrip("\ufeff"))
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
    mode = int(reader.number(meta, "mode", 0.0))
    if mode != 0:
        name = MODES[mode] if 0 < mode < len(MODES) else f"mode {mode}"
        raise ModeError(
            "chart.of_another_malody_mode",
            mode=name,
            file=reader.path,
            remedy="remedy.choose_chart_of_key_mode",
        )
    keys = reader.number(reader.part(meta, "mode_ext"), "column", 4.0)
    if keys != int(keys) or not 1 <= keys <= 18:
        raise reader.error("chart.number_of_columns_out_of_range", keys)
    return int(keys)


def _clock(reader: _Reader, sound: dict[str, Any]) -> BeatClock:
    """The tempi, counted from the sound's beginning."""
    tempi: dict[Fraction, float] = {}
    for entry in reader.entries("time"):
        bpm = reader.number(entry, "bpm", 0.0, MAX_BPM)
        if bpm < MIN_BPM:
            raise reader.error("chart.bpm_is_not_above_0", entry.get("bpm"))
        reader.losses.add("delays of tempo changes", bool(entry.get("delay")))
        tempi[reader.beat(entry)] = bpm
    if not tempi:
        raise reader.error("chart.malody_chart_has_no_tempo")
    offset = reader.number(sound, "offset", 0.0)
    begins = reader.beat(sound) if "beat" in sound else Fraction(0)
    return BeatClock.from_tempi(sorted(tempi.items()), -offset, begins)


def _timing(reader: _Reader, clock: BeatClock) -> tuple[TimingPoint | ScrollPoint, ...]:
    """Red lines at tempi and metres, green lines at the effects; these outlast tempo changes."""
    meters: dict[float, int] = {}
    steps: dict[float, float] = {}
    for entry in reader.entries("effect"):
        at = clock.time_ms(reader.beat(entry))
        if "scroll" in entry:
            steps[at] = reader.number(entry, "scroll", 1.0, MAX_VELOCITY)
        if "sign" in entry:
            meters[at] = max(int(reader.number(entry, "sign", 4.0)), 1)
        for key in entry.keys() - {"beat", "scroll", "sign"}:
            reader.losses.add(f"effects: {key}")
    reds = []
    meter = 4
    for at in sorted({*meters, *clock.times_ms}):
        meter = meters.get(at, meter)
        length = clock.beat_ms[max(bisect_right(clock.times_ms, at) - 1, 0)]
        reds.append(TimingPoint(at, length, meter))
    return in_order([*reds, *green_lines(sorted(steps.items()), reds)])


def _notes(
    reader: _Reader,
    entries: Sequence[dict[str, Any]],
    keys: int,
    clock: BeatClock,
    sound: dict[str, Any],
) -> tuple[HitObject, ...]:
    notes: list[HitObject] = []
    for entry in entries:
        if entry is sound:
            continue
        if "column" not in entry:
            reader.losses.add("sound events" if "sound" in entry else "notes without a column")
            continue
        for key in entry.keys() - _NOTE_FIELDS:
            reader.losses.add(f"notes: {key}")
        column = reader.number(entry, "column", 0.0)
        if column != int(column) or not 0 <= column < keys:
            raise reader.error(Message("chart.column_out_of_range", last=keys - 1), entry["column"])
        start, sample = clock.time_ms(reader.beat(entry)), _sample(reader, entry)
        if "endbeat" not in entry:
            notes.append(Rice(int(column), start, 0, sample))
            continue
        end = clock.time_ms(reader.beat(entry, "endbeat"))
        if end < start:
            raise reader.error("chart.hold_ends_before_starts", entry["endbeat"])
        notes.append(LongNote(int(column), start, end, 0, sample))
    return tuple(notes)


def _sample(reader: _Reader, entry: dict[str, Any]) -> str:
    name = reader.text(entry, "sound")
    if not name:
        return "0:0:0:0:"
    return f"0:0:0:{reader.number(entry, 'vol', 100.0):.0f}:{name.replace(' //', ' __')}"


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


def _check_times(reader: _Reader, beatmap: Beatmap) -> None:
    """All times must be such that a chart can hold them."""
    try:
        for note in beatmap.hit_objects:
            bounded(note.start_ms, "the time of a note")
            bounded(note.last_ms, "the end of a note")
        for point in beatmap.timing:
            bounded(point.time_ms, "the time of a tempo or an effect")
    except ValueError as error:
        raise reader.error(message_of(error)) from error
