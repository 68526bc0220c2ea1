"""Measure the charts of a song: the work of `prepare_beatmap_features.py`, in any process."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.sound_file import find_audio
from mug.data.feature_db import FeatureRow
from mug.data.measures import FINGERPRINT_VERSION, MEASUREMENTS_VERSION, Measurements
from mug.difficulty.minacalc import MinaCalcError
from mug.difficulty.names import SKILL_NAMES, Value
from mug.difficulty.registry import compute_features, tool_version
from mug.difficulty.skills import ESTIMATE, SkillSource
from mug.difficulty.stars import sr_algorithm
from mug.errors import AudioError, DataError, ModeError, MugError
from mug.messages.message import Message


@dataclass(frozen=True)
class Sound:
    """A sound file's row in the table `audio`.

    Args:
        path: as in the feature database.
        stamp: size and time of the file.
        hash: of the decoded sound.
        duration_ms: how long it is.
        fingerprint: `mug.prepare.fingerprint`, as bytes.
    """

    path: str
    stamp: str
    hash: str
    duration_ms: float = 0.0
    fingerprint: bytes = b""


@dataclass(frozen=True)
class SongJob:
    """The charts of a song that may be out of date.

    Args:
        folder: of the data set.
        keys: the charts' paths in it.
        rows: their rows as they are, where they have one.
        sounds: what is known of sound files, by path and stamp.
        names: the features that are wanted.
        source: what measures Etterna's numbers.
    """

    folder: Path
    keys: tuple[str, ...]
    rows: Mapping[str, FeatureRow]
    sounds: Mapping[tuple[str, str], Sound]
    names: tuple[str, ...]
    source: SkillSource = ESTIMATE


@dataclass(frozen=True)
class Broken:
    """A chart that cannot be measured, or not wholly: which rule it breaks, and the error."""

    key: str
    rule: str
    reason: str


@dataclass(frozen=True)
class Files:
    """State of the files that a chart's row depends on.

    Args:
        chart: stamp of the chart.
        other: stamp of its sound file; of its folder, which changes when files come, without one.
        audio: the sound file in the data set; empty where there is none.
    """

    chart: str
    other: str
    audio: str = ""

    @property
    def parts(self) -> list[str]:
        """The fields, to be written down."""
        return [self.chart, self.other, self.audio]

    @classmethod
    def from_parts(cls, parts: list[str]) -> Files:
        """Read what was stored."""
        return cls(*parts)


@dataclass(frozen=True)
class Done:
    """Result of a job: rows to write with measurements and sounds, unchanged rows, the rest.

    Args:
        rows: measured again.
        unchanged: nothing but the time of a file may have changed.
        measurements: of the rows measured again.
        sounds: decoded again.
        broken: charts that cannot be measured.
        unrated: charts that the user's MinaCalc has no numbers for; they have rows without them.
        files: state of each chart's files when they were read.
        notices: what of the sounds could not be read, with their paths.
    """

    rows: list[FeatureRow] = field(default_factory=list)
    unchanged: list[FeatureRow] = field(default_factory=list)
    measurements: list[Measurements] = field(default_factory=list)
    sounds: list[Sound] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    unrated: list[Broken] = field(default_factory=list)
    files: dict[str, Files] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


def tools(names: tuple[str, ...], source: SkillSource = ESTIMATE) -> str:
    """Versions of all that measures, but the star rating."""
    return f"{tool_version(names, source)} {MEASUREMENTS_VERSION} {FINGERPRINT_VERSION}".strip()


def stamp_of(file: Path | str) -> str:
    """Size and time of a file; empty where there is none."""
    try:
        state = os.stat(file)  # noqa: PTH116 - three times as fast, and there are many
    except OSError:
        return ""
    return f"{state.st_size} {state.st_mtime_ns}"


def measure(job: SongJob) -> Done:
    """Compute what is out of date in a job.

    Raises:
        DataError: when this process lacks the tool that measures Etterna's numbers in this run.
    """
    job.source.check()
    done, sounds = Done(), dict(job.sounds)
    for key in job.keys:
        chart = job.folder / key
        done.files[key] = Files(stamp_of(chart), stamp_of(chart.parent))
        try:
            _measure(job, key, sounds, done)
        except _BrokenError as error:
            done.broken.append(Broken(key, error.rule, error.reason))
        except ModeError as error:
            done.broken.append(Broken(key, "wrong_mode", str(error)))
        except (MugError, OSError) as error:
            done.broken.append(Broken(key, "corrupt", str(error)))
    return done


def unable(job: SongJob, reason: str) -> Done:
    """Result for a song that no process can measure: its charts are left out."""
    files = {}
    for key in job.keys:
        chart = job.folder / key
        files[key] = Files(stamp_of(chart), stamp_of(chart.parent))
    return Done(broken=[Broken(key, "corrupt", reason) for key in job.keys], files=files)


class _BrokenError(Exception):
    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(rule, reason)
        self.rule, self.reason = rule, reason


def _measure(job: SongJob, key: str, sounds: dict[tuple[str, str], Sound], done: Done) -> None:
    from mug.prepare.measurements import (
        measurements_of,  # numerical packages, which a look at files can do without
    )

    chart = job.folder / key
    state = stamp_of(chart)
    beatmap_hash = hashlib.sha256(chart.read_bytes()).hexdigest()
    beatmap = osu.read(chart)
    audio, audio_state = _audio(beatmap, key)
    done.files[key] = Files(state, audio_state, audio)
    if (audio, audio_state) not in sounds:
        sound, notices = _measure_sound(job.folder / audio, audio, audio_state)
        sounds[audio, audio_state] = sound
        done.sounds.append(sound)
        done.notices.extend(f"{audio}: {notice}" for notice in notices)
    row = FeatureRow(
        path=key,
        beatmapset=_beatmapset(beatmap, chart),
        beatmap_hash=beatmap_hash,
        audio=audio,
        audio_hash=sounds[audio, audio_state].hash,
        audio_stamp=audio_state,
        sr_algorithm=sr_algorithm(),
        tool_version=tools(job.names, job.source),
        beatmap_stamp=state,
    )
    old = job.rows.get(key)
    if old is not None and replace(old, features={}, beatmap_stamp=state) == row:
        done.unchanged.append(replace(old, beatmap_stamp=state))
        return
    if not beatmap.hit_objects:
        raise _BrokenError("empty", str(DataError("prepare.chart_has_no_objects", file=chart)))
    done.rows.append(replace(row, features=_features(beatmap, job, key, done)))
    done.measurements.append(measurements_of(beatmap, key))


def _features(beatmap: Beatmap, job: SongJob, key: str, done: Done) -> dict[str, Value]:
    try:
        return compute_features(beatmap, job.names, job.source)
    except MinaCalcError as error:
        done.unrated.append(Broken(key, "no_msd", str(error)))
        rest = tuple(name for name in job.names if name not in SKILL_NAMES)
        unknown: dict[str, Value] = dict.fromkeys(set(job.names) & set(SKILL_NAMES))
        return compute_features(beatmap, rest, job.source) | unknown


def _audio(beatmap: Beatmap, key: str) -> tuple[str, str]:
    """A chart's song relative to the database, and the file's state."""
    try:
        file = find_audio(beatmap)
    except DataError as error:
        raise _BrokenError("missing_audio", str(error)) from error
    folder = key.rpartition("/")[0]
    below = file.relative_to(beatmap.path.parent).as_posix() if beatmap.path else file.name
    return (f"{folder}/{below}" if folder else below), stamp_of(file)


def _measure_sound(file: Path, path: str, stamp: str) -> tuple[Sound, tuple[Message, ...]]:
    from mug.audio.load import hash_samples, read_sound
    from mug.prepare.fingerprint import fingerprint

    try:
        samples, rate, notices = read_sound(file)
    except AudioError as error:
        raise _BrokenError("corrupt_audio", str(error)) from error
    sound = Sound(
        path=path,
        stamp=stamp,
        hash=hash_samples(samples, rate),
        duration_ms=1000.0 * len(samples) / rate,
        fingerprint=fingerprint(samples, rate).tobytes(),
    )
    return sound, notices


def _beatmapset(beatmap: Beatmap, chart: Path) -> str:
    """The set's id on osu!, else the number its folder begins with, else the folder's name."""
    if beatmap.beatmapset_id > 0:
        return str(beatmap.beatmapset_id)
    folder = chart.resolve().parent.name
    first = folder.split(" ")[0]
    return first if first.isdigit() else folder
