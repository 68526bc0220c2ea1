"""Charts as Quaver's `.qua` files."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.limits import MAX_VELOCITY
from mug.beatmap.formats.loss_audit import audit as _audit
from mug.beatmap.formats.loss_audit import background, sound_events
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.numbers import LineError, number_text
from mug.beatmap.formats.quaver.read import HIT_SOUNDS, MAX_NAME, OWN_FIELDS, SECTION
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError
from mug.files import atomic_write
from mug.messages.message import message_of

KEEPS = frozenset(
    {"hit sounds", "scroll speeds", "metres other than 4", "hidden bar lines", "sources", "tags"}
    | {"background pictures", "sound events", "preview points"}
)
ROUNDED = "notes moved to whole milliseconds"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./ ]*[A-Za-z0-9]")
_MEANINGFUL = frozenset(["true", "false", "yes", "no", "on", "off", "null", "y", "n"])
_SAMPLE = re.compile(r"[0-9]+:[0-9]+:[0-9]+:([0-9]+):(.+)", re.DOTALL)


@dataclass
class _Writer:
    """Lines of a file, the samples it names, and what it cannot hold."""

    beatmap: Beatmap
    losses: LossReport
    lines: list[str] = field(default_factory=list)
    samples: dict[str, int] = field(default_factory=dict)
    timing: list[TimingPoint | ScrollPoint] = field(default_factory=list)

    def sample(self, name: str) -> int:
        """Number of a sample, counted from 1."""
        return self.samples.setdefault(name, len(self.samples) + 1)

    def whole(self, time_ms: float) -> int:
        """A time as Quaver holds it."""
        rounded = round(time_ms)
        if abs(rounded - time_ms) > 1e-6:
            self.losses.add(ROUNDED, worst_ms=abs(rounded - time_ms))
        return rounded


def format(beatmap: Beatmap, *, losses: LossReport | None = None) -> str:
    """The text of a `.qua` file.

    Args:
        beatmap: the chart.
        losses: receives what the format has no place for.

    Raises:
        BeatmapError: for more than ten columns, and times that are no numbers.
    """
    if not 1 <= beatmap.keys <= 10:
        raise BeatmapError(
            "chart.quaver_has_1_to_10_columns", file=beatmap.path, value=beatmap.keys
        )
    sections = frozenset({SECTION})
    writer = _Writer(beatmap, _audit(beatmap, KEEPS | {"hit samples"}, sections=sections))
    writer.timing = sorted(beatmap.timing, key=lambda point: point.time_ms)
    try:
        effects = _sound_effects(writer)
        notes = _notes(writer)
        timing = _timing(writer)
    except LineError as error:
        raise BeatmapError(message_of(error), file=beatmap.path) from error
    head = _head(beatmap)
    samples = _list("CustomAudioSamples", [f"- Path: {_text(name)}" for name in writer.samples])
    text = "\n".join([*head, *samples, *_list("SoundEffects", effects), *timing, *notes]) + "\n"
    if losses is not None:
        losses.merge(writer.losses)
    return text


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


def encode(beatmap: Beatmap, *, losses: LossReport | None = None) -> bytes:
    """The bytes of a `.qua` file; see `format`."""
    try:
        return format(beatmap, losses=losses).encode("utf-8")
    except UnicodeEncodeError as error:
        raise BeatmapError("chart.field_is_not_unicode_text", file=beatmap.path) from error


def _text(value: str) -> str:
    """A value that YAML reads back as exactly this text."""
    if _PLAIN.fullmatch(value) and value.lower() not in _MEANINGFUL:
        return value
    quoted: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=1 << 30)
    return quoted.strip()


def _list(key: str, lines: list[str]) -> list[str]:
    return [f"{key}:", *lines] if lines else [f"{key}: []"]


def _head(beatmap: Beatmap) -> list[str]:
    own = dict(line.partition(":")[::2] for line in beatmap.other.get(SECTION, ()))
    preview = beatmap.general.get("PreviewTime", "-1").strip() or "-1"
    fields = {
        "AudioFile": beatmap.audio_filename,
        "SongPreviewTime": preview if re.fullmatch(r"-?[0-9]{1,9}", preview) else "-1",
        "BackgroundFile": background(beatmap),
        "MapId": own.get("MapId", "-1"),
        "MapSetId": own.get("MapSetId", "-1"),
        "Mode": f"Keys{beatmap.keys}",
        "Title": beatmap.title,
        "Artist": beatmap.artist,
        "Source": beatmap.metadata.get("Source", ""),
        "Tags": beatmap.metadata.get("Tags", ""),
        "Creator": beatmap.creator,
        "DifficultyName": beatmap.version,
        **{key: own[key] for key in OWN_FIELDS if key in own and not key.startswith("Map")},
    }
    numbers = ("SongPreviewTime", "MapId", "MapSetId")
    return [
        f"{key}: {value if key in numbers and _is_number(value) else _text(value)}"
        for key, value in fields.items()
    ]


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?[0-9]{1,18}", text))


def _sound_effects(writer: _Writer) -> list[str]:
    lines = []
    for time_ms, name, volume in sound_events(writer.beatmap):
        if len(name) > MAX_NAME:
            writer.losses.add("sound events")
            continue
        lines.append(f"- StartTime: {number_text(time_ms)}")
        lines.append(f"  Sample: {writer.sample(name)}")
        if volume != 100:
            lines.append(f"  Volume: {volume:.0f}")
    return lines


def _timing(writer: _Writer) -> list[str]:
    tempi: list[str] = []
    speeds: list[str] = []
    for point in writer.beatmap.timing:
        start = f"- StartTime: {number_text(point.time_ms)}"
        if isinstance(point, TimingPoint):
            tempi += [start, f"  Bpm: {number_text(point.bpm)}"]
            tempi += [f"  Signature: {point.meter}"] * (point.meter != 4)
            tempi += ["  Hidden: true"] * bool(point.effects & 8)
        else:
            speeds += [start, f"  Multiplier: {_velocity(writer, point)}"]
    return [*_list("TimingPoints", tempi), *_list("SliderVelocities", speeds)]


def _velocity(writer: _Writer, point: ScrollPoint) -> str:
    if abs(point.velocity) > MAX_VELOCITY:
        writer.losses.add(f"scroll speeds beyond {MAX_VELOCITY:g}")
    return number_text(min(max(point.velocity, -MAX_VELOCITY), MAX_VELOCITY))


def _notes(writer: _Writer) -> list[str]:
    lines: list[str] = []
    for note in writer.beatmap.hit_objects:
        lines.append(f"- StartTime: {writer.whole(note.start_ms)}")
        lines.append(f"  Lane: {_lane(writer.beatmap, note)}")
        if isinstance(note, LongNote):
            end = writer.whole(note.end_ms)
            if end > 0:  # 0 is how the format says that there is no end
                lines.append(f"  EndTime: {end}")
            else:
                writer.losses.add("holds that end before the song begins, written as taps")
        names = [name for name, bit in HIT_SOUNDS.items() if note.hitsound & bit]
        lines += [f"  HitSound: {', '.join(names)}"] * bool(names)
        lines += _key_sound(writer, note)
    return _list("HitObjects", lines)


def _lane(beatmap: Beatmap, note: HitObject) -> int:
    if not 0 <= note.column < beatmap.keys:
        raise BeatmapError("chart.note_lies_outside_columns", file=beatmap.path, value=note)
    return note.column + 1


def _key_sound(writer: _Writer, note: HitObject) -> list[str]:
    """The file that a note plays; osu!'s numbered sample sets have no place."""
    found = _SAMPLE.fullmatch(note.sample)
    if not found or len(found[2]) > MAX_NAME:
        writer.losses.add("hit samples", note.sample not in ("", "0:0:0:0:", "0:0"))
        return []
    volume = int(found[1][:6]) or _volume_at(writer, note.start_ms)
    if not volume:  # silent
        return []
    lines = ["  KeySounds:", f"  - Sample: {writer.sample(found[2])}"]
    return [*lines, *([f"    Volume: {volume}"] if volume != 100 else [])]


def _volume_at(writer: _Writer, time_ms: float) -> int:
    """Volume of the timing point in force, which a sample without one of its own takes."""
    index = bisect_right(writer.timing, time_ms, key=lambda point: point.time_ms)
    return writer.timing[index - 1].volume if index else 100
