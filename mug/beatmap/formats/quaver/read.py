"""Quaver's `.qua` charts.

YAML that leaves out whatever has its default: a note without `StartTime` is at 0 ms, a timing
point without `Signature` has four beats a bar. Lanes are counted from 1. What Quaver alone knows is
kept in the chart's section `Quaver`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.limits import (
    MAX_BPM,
    MAX_OBJECTS,
    MAX_VELOCITY,
    MIN_BPM,
    finite,
    read_text,
)
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.numbers import LineError
from mug.beatmap.formats.quaver import yaml_subset as quaver_yaml
from mug.beatmap.formats.quaver.scroll import common_bpm, denormalised
from mug.beatmap.formats.reading import Reading
from mug.beatmap.formats.scroll import Step, green_lines, in_order
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.messages.message import Message, message_of

T = TypeVar("T")

SECTION = "Quaver"
MAX_NAME = 1000
OFF_FIELD = "notes in lanes that the chart does not have"
OWN_FIELDS = ("MapId", "MapSetId", "Description", "Genre", "BannerFile")
HIT_SOUNDS = {"Normal": 0, "Whistle": 2, "Finish": 4, "Clap": 8}
_MAY_BE_INFINITE = ("Bpm", "Multiplier")  # in charts that came from osu! beats of no length
_SIGNATURES = {"Quadruple": "4", "Triple": "3"}
_READ = {
    *("Mode", "HasScratchKey", "AudioFile", "SongPreviewTime", "BackgroundFile", "Title", "Artist"),
    *("Source", "Tags", "Creator", "DifficultyName", "CustomAudioSamples", "SoundEffects"),
    *("TimingPoints", "SliderVelocities", "HitObjects", "BPMDoesNotAffectScrollVelocity"),
    *("InitialScrollVelocity", *OWN_FIELDS),
}


@dataclass
class _Reader:
    """The map of a file, and what of it finds no place."""

    reading: Reading
    tree: dict[str, Any]
    samples: list[str] = field(default_factory=list)

    @property
    def losses(self) -> LossReport:
        """Losses of the file."""
        return self.reading.losses

    def text(self, key: str, entry: dict[str, Any] | None = None, default: str = "") -> str:
        """A plain value; line breaks, which charts cannot hold, become blanks.

        Raises:
            LineError: for a list or a map within an entry; in the head it counts as empty.
        """
        value = (self.tree if entry is None else entry).get(key, default)
        if not isinstance(value, str):
            wrong = Message("chart.is_not_plain_value", key=key)
            if entry is not None:
                raise LineError(wrong.code, **wrong.values)
            self.reading.left_out(wrong)
            return default
        return " ".join(value.split()) if "\n" in value or "\r" in value else value.strip()

    def number(
        self, entry: dict[str, Any], key: str, default: float = 0.0, **bound: float
    ) -> float:
        """A number; the default where the key or its value is missing.

        Raises:
            LineError: for anything else.
        """
        text = self.text(key, entry)
        if not text:
            return default
        if key in _MAY_BE_INFINITE and text.lower().lstrip("+-") == ".inf":
            self.losses.add(f"infinite {key}, read as {bound['bound']:g}")
            return -bound["bound"] if text.startswith("-") else bound["bound"]
        return finite(text, key, **bound)

    def head_number(self, key: str, default: float, **bound: float) -> float:
        """A number of the head; the default for what is none."""
        try:
            return self.number(self.tree, key, default, **bound)
        except LineError as error:
            self.reading.left_out(message_of(error), self.tree[key])
            return default

    def flag(self, key: str, entry: dict[str, Any] | None = None) -> bool:
        """A truth value, false where it is missing."""
        return self.text(key, entry).lower() in ("true", "yes", "on")

    def items(self, key: str) -> list[Any]:
        """Everything in a list, maps or not."""
        found = self.tree.get(key, [])
        return found if isinstance(found, list) else []

    def entries(self, key: str) -> list[dict[str, Any]]:
        """The maps in a list; a list that is missing is empty."""
        found = self.tree.get(key, [])
        if found == "":
            return []
        note = key == "HitObjects"
        wrong = Message("chart.is_not_list_of_maps", key=key)
        if not isinstance(found, list):
            self.reading.left_out(wrong, found, note=note)
            found = self.tree[key] = []
        if len(found) > MAX_OBJECTS:
            raise self.reading.error(
                Message("chart.too_many_of_kind", most=MAX_OBJECTS, kind=key), len(found)
            )
        if not all(isinstance(entry, dict) for entry in found):
            for entry in found:
                if not isinstance(entry, dict):
                    self.reading.left_out(wrong, entry, note=note)
            found = self.tree[key] = [entry for entry in found if isinstance(entry, dict)]
        return found

    def each(self, key: str, parse: Callable[[dict[str, Any]], T | None]) -> list[T]:
        """Read the maps in a list one by one; one that makes no sense is left out."""
        found = []
        for entry in self.entries(key):
            try:
                value = parse(entry)
            except LineError as error:
                line = entry.line if isinstance(entry, quaver_yaml.Map) else None
                note = key == "HitObjects"
                self.reading.left_out(message_of(error), dict(entry), line=line, note=note)
                continue
            if value is not None:
                found.append(value)
        return found

    def unread(self, key: str, entries: Sequence[dict[str, Any]], known: frozenset[str]) -> None:
        """Counts fields of list entries that have no place in a beatmap."""
        for entry in entries:
            for name in entry.keys() - known:
                if entry[name] not in ("", "0", "false", [], {}):
                    self.losses.add(f"{name} of {key}")


def parse(
    text: str, *, path: Path | None = None, losses: LossReport | None = None, strict: bool = False
) -> Beatmap:
    """The chart that a `.qua` file describes.

    Args:
        text: the whole file.
        path: where it came from, for messages and `Beatmap.path`.
        losses: receives what a beatmap has no place for, and what is left out; without it that is
            logged.
        strict: refuse the file at the first thing that cannot be read.

    Raises:
        BeatmapError: says what is wrong, and where; also when no note is left.
    """
    beatmap, _ = parse_placed(text, path=path, losses=losses, strict=strict, playable=True)
    return beatmap


def parse_placed(
    text: str,
    *,
    path: Path | None = None,
    losses: LossReport | None = None,
    strict: bool = False,
    playable: bool = False,
) -> tuple[Beatmap, tuple[int, ...]]:
    """As `parse`, with the place of each note in the list of the file, counted from 0.

    Without `playable`, a chart of which no note is left is taken: an edit may leave none.
    """
    reading = Reading(path, strict)
    reader = _Reader(reading, quaver_yaml.load(text, path=path, reading=reading))
    keys = _keys(reader)
    # A sample keeps its number, which notes name it by, also where its path is none.
    reader.samples = [_sample_path(entry) for entry in reader.entries("CustomAudioSamples")]
    if any(len(name) > MAX_NAME for name in reader.samples):
        # Every note may repeat the name: a long one would fill the memory.
        raise reading.error(Message("chart.sample_name_too_long", most=MAX_NAME))
    places = {id(entry): place for place, entry in enumerate(reader.items("HitObjects"))}
    placed = reader.each("HitObjects", lambda entry: _placed(reader, entry, keys, places))
    notes: tuple[HitObject, ...] = tuple(note for note, _ in placed)
    reader.unread("HitObjects", reader.entries("HitObjects"), _NOTE_FIELDS)
    for name in reader.tree.keys() - _READ:
        if reader.tree[name] not in ("", "[]", "{}", "false", "0", [], {}):
            entries = reader.tree[name]
            reader.losses.add(name, len(entries) if isinstance(entries, list) else 1)
    own = [f"{key}:{value}" for key in OWN_FIELDS if (value := reader.text(key))]
    beatmap = Beatmap(
        keys=keys,
        hit_objects=notes,
        timing=_timing(reader, notes),
        general={
            "AudioFilename": reader.text("AudioFile"),
            "PreviewTime": f"{reader.head_number('SongPreviewTime', -1.0):.0f}",
            "Mode": "3",
        },
        metadata={
            "Title": reader.text("Title"),
            "Artist": reader.text("Artist"),
            "Creator": reader.text("Creator"),
            "Version": reader.text("DifficultyName"),
            "Source": reader.text("Source"),
            "Tags": reader.text("Tags"),
        },
        difficulty={"CircleSize": str(keys)},
        events=_events(reader),
        other={SECTION: tuple(own)} if own else {},
        path=path,
    )
    if playable:
        reading.check_playable(len(notes))
    reading.hand_over(losses)
    return beatmap, tuple(place for _, place in placed)


def _sample_path(entry: dict[str, Any]) -> str:
    value = entry.get("Path", "")
    return " ".join(value.split()) if isinstance(value, str) else ""


def read(path: Path, *, losses: LossReport | None = None, strict: bool = False) -> Beatmap:
    """The chart in a file; see `parse`."""
    return parse(read_text(path), path=path, losses=losses, strict=strict)


def _keys(reader: _Reader) -> int:
    mode = reader.text("Mode", default="Keys4")
    digits = mode.removeprefix("Keys")
    if mode == digits:  # early files hold the mode's number instead of its name
        digits = {"1": "4", "2": "7"}.get(digits, "")
    if not digits.isascii() or not digits.isdigit() or not 1 <= int(digits[:3]) <= 10:
        raise reader.reading.error("chart.quaver_mode_out_of_range", mode)
    return int(digits) + reader.flag("HasScratchKey")


_NOTE_FIELDS = frozenset(
    {"StartTime", "EndTime", "Lane", "HitSound", "KeySounds", "EditorLayer", "TimingGroup"}
)


def _placed(
    reader: _Reader, entry: dict[str, Any], keys: int, places: Mapping[int, int]
) -> tuple[HitObject, int] | None:
    note = _note(reader, entry, keys)
    return None if note is None else (note, places[id(entry)])


def _note(reader: _Reader, entry: dict[str, Any], keys: int) -> HitObject | None:
    lane = reader.number(entry, "Lane")
    if lane != int(lane) or lane < 1:
        raise LineError("chart.lane_out_of_range", last=keys)
    if lane > keys:  # the game cannot show these either
        line = entry.line if isinstance(entry, quaver_yaml.Map) else None
        reader.reading.dropped(OFF_FIELD, line=line)
        return None
    start, end = reader.number(entry, "StartTime"), reader.number(entry, "EndTime")
    sound, sample = _hit_sound(reader, entry), _key_sounds(reader, entry)
    for key in ("EditorLayer", "TimingGroup"):
        reader.losses.add(f"{key} of HitObjects", reader.text(key, entry) not in ("", "0"))
    if end > 0 and end < start:
        reader.losses.add("holds that end before they start, read as taps")
    if end > 0 and end >= start:
        return LongNote(int(lane) - 1, start, end, sound, sample)
    return Rice(int(lane) - 1, start, sound, sample)


def _hit_sound(reader: _Reader, entry: dict[str, Any]) -> int:
    bits = 0
    for name in filter(None, reader.text("HitSound", entry).replace(",", " ").split()):
        if name not in HIT_SOUNDS and not (name.isascii() and name.isdigit()):
            reader.reading.left_out("chart.hit_sound_is_unknown", name)
            continue
        bits |= HIT_SOUNDS[name] if name in HIT_SOUNDS else int(name[:3]) & 14
    return bits


def _sample_name(reader: _Reader, number: float) -> str | None:
    """File of a sample; samples are counted from 1."""
    index = int(number) - 1
    return reader.samples[index] if 0 <= index < len(reader.samples) else None


def _key_sounds(reader: _Reader, entry: dict[str, Any]) -> str:
    """The first key sound as an osu! sample; more than one has no place."""
    found = entry.get("KeySounds", [])
    if not isinstance(found, list) or not found:
        return "0:0:0:0:"
    if not all(isinstance(sound, dict) for sound in found):
        reader.reading.left_out("chart.key_sounds_is_not_list_of_maps")
        return "0:0:0:0:"
    reader.losses.add("further key sounds of one note", len(found) - 1)
    name = _sample_name(reader, reader.number(found[0], "Sample"))
    if not name:
        reader.losses.add("key sounds that name no file")
        return "0:0:0:0:"
    volume = reader.number(found[0], "Volume", 100.0)
    return f"0:0:0:{volume:.0f}:{name}"


def _events(reader: _Reader) -> tuple[str, ...]:
    """The background picture and the sound effects."""
    lines = []
    background = reader.text("BackgroundFile").replace('"', "'")
    if background:
        lines.append(f'0,0,"{background}",0,0')
    lines += reader.each("SoundEffects", lambda entry: _sound_effect(reader, entry))
    slow = sum(
        entry.get("UnaffectedByRate") == "true" for entry in reader.entries("CustomAudioSamples")
    )
    reader.losses.add("samples that keep their pitch at other rates", slow)
    return tuple(lines)


def _sound_effect(reader: _Reader, entry: dict[str, Any]) -> str | None:
    name = _sample_name(reader, reader.number(entry, "Sample"))
    if not name:
        reader.losses.add("sound effects that name no file")
        return None
    time_ms = reader.number(entry, "StartTime")
    volume = reader.number(entry, "Volume", 100.0)
    return f'Sample,{time_ms:.0f},0,"{name}",{volume:.0f}'


def _timing(reader: _Reader, notes: Sequence[HitObject]) -> tuple[TimingPoint | ScrollPoint, ...]:
    reds = _red_lines(reader)
    velocities = scroll_velocities(reader)
    if not reader.flag("BPMDoesNotAffectScrollVelocity"):
        return in_order([*reds, *(ScrollPoint(time_ms, v) for time_ms, v in velocities)])
    initial = reader.head_number("InitialScrollVelocity", 1.0, bound=1e9)
    usable = sorted((p.time_ms, p.bpm) for p in reds) or [(0.0, 60.0)]
    base = common_bpm(usable, max((note.last_ms for note in notes), default=None))
    begin = min(t for t, _ in [(0.0, 0.0), *usable, *velocities])
    steps = denormalised(usable, initial, velocities, base)
    if steps[0][0] > begin:
        steps.insert(0, (begin, initial * base / usable[0][1]))
    return in_order([*reds, *green_lines(steps, reds)])


def scroll_velocities(reader: _Reader) -> list[Step]:
    """(time in ms, multiplier) in order of time."""
    pairs = reader.each(
        "SliderVelocities",
        lambda entry: (
            reader.number(entry, "StartTime"),
            reader.number(entry, "Multiplier", bound=MAX_VELOCITY),
        ),
    )
    return sorted(pairs, key=lambda pair: pair[0])


def _red_lines(reader: _Reader) -> list[TimingPoint]:
    return reader.each("TimingPoints", lambda entry: _red_line(reader, entry))


def _red_line(reader: _Reader, entry: dict[str, Any]) -> TimingPoint | None:
    bpm = reader.number(entry, "Bpm", bound=MAX_BPM)
    if bpm < MIN_BPM:
        reader.losses.add("timing points without a tempo")
        return None
    signature = reader.text("Signature", entry, "4")
    meter = reader.number({"Signature": _SIGNATURES.get(signature, signature)}, "Signature")
    effects = 8 if reader.flag("Hidden", entry) else 0
    time_ms = reader.number(entry, "StartTime")
    return TimingPoint(time_ms, 60000.0 / bpm, int(meter) if meter >= 1 else 4, effects=effects)
