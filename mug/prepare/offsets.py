"""Measure how the charts of a data set lie on their songs; keeps the results in its database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mug.beatmap.formats.osu import chart as osu
from mug.data.feature_db import FeatureDB
from mug.errors import MugError
from mug.prepare.engines import executor
from mug.prepare.jobs import DONE, Item, JobTable, Lease
from mug.prepare.measure import stamp_of
from mug.prepare.run_jobs import Work, run_jobs
from mug.timing.chart_offset import OffsetEstimate, shift_beatmap, song_onsets

STAGE = "offset"
_VERSION = "offset-1"
_RATE = 22050
LEAST_SHIFT_MS = 3.0
"""Corrections below this are within the error of the estimate."""


@dataclass(frozen=True)
class OffsetJob:
    """A song and its charts."""

    folder: Path
    audio: str
    charts: tuple[str, ...]


@dataclass(frozen=True)
class OffsetDone:
    """Estimates by chart, or why there are none; and the charts that were looked at."""

    audio: str
    charts: tuple[str, ...]
    found: dict[str, OffsetEstimate] = field(default_factory=dict)
    reason: str = ""


def measure_offsets(
    db: FeatureDB,
    *,
    workers: int = 1,
    engine: str = "process",
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Measure the songs whose sound or charts are new or changed.

    Args:
        db: with measured charts.
        workers: processes.
        engine: see mug.prepare.engines.
        progress: called with songs done and songs in all.
    """
    table = JobTable(db, STAGE)
    songs = [row[0] for row in db.select("SELECT DISTINCT audio FROM beatmaps ORDER BY audio")]
    with db.transaction():
        known = {song: table.find([song]).get(song) for song in songs}
        new = [
            song
            for song, item in known.items()
            if item is None or (item.state, item.stamp) != (DONE, _stamp(db, song))
        ]
        table.add(Item(song, song) for song in new)
    finished = [len(songs) - len(new)]

    def given(lease: Lease) -> OffsetJob:
        return OffsetJob(db.path.parent.absolute(), lease.group, tuple(_charts(db, lease.group)))

    def store(done: OffsetDone, mine: set[str]) -> list[Item]:
        _store(db, done)
        finished[0] += 1
        return [Item(key, key, _stamp(db, key), DONE, done.reason) for key in mine]

    def report() -> None:
        if progress:
            progress(finished[0], len(songs))

    with executor(engine, workers) as pool:
        run_jobs(table, pool, workers, Work(estimate, given, store, unable), report)


def unable(job: OffsetJob, reason: str) -> OffsetDone:
    """Result for a song that no process can estimate."""
    return OffsetDone(job.audio, job.charts, {}, reason)


def estimate(job: OffsetJob) -> OffsetDone:
    """Estimate each chart of a song; runs in a worker process."""
    from mug.audio.load import load_audio

    done = OffsetDone(job.audio, job.charts)
    try:
        song = song_onsets(load_audio(job.folder / job.audio, _RATE), _RATE)
        for chart in job.charts:
            notes = [note.start_ms for note in osu.read(job.folder / chart).hit_objects]
            done.found[chart] = song.offset(notes)
    except (MugError, OSError) as error:
        return OffsetDone(job.audio, job.charts, {}, str(error))
    return done


def correct(db: FeatureDB, chart: str) -> float:
    """Move a chart of the data set by its song's offset; by how much, 0 for hardly or unknown.

    The original file is left alone. The song counts as not measured afterwards, so that a second
    call does nothing until it is measured again.
    """
    found = db.select(
        "SELECT offset_ms, beatmap_hash FROM audio JOIN beatmaps ON audio.path = beatmaps.audio"
        " WHERE beatmaps.path = ?",
        (chart,),
    ).fetchone()
    shift = found[0] if found and found[0] is not None else 0.0
    if abs(shift) < LEAST_SHIFT_MS:
        return 0.0
    file = db.path.parent / chart
    if hashlib.sha256(file.read_bytes()).hexdigest() != found[1]:
        return 0.0  # moved before, by a run that was killed
    osu.write(shift_beatmap(osu.read(file), float(round(shift))), file)
    return float(round(shift))


def _charts(db: FeatureDB, audio: str) -> list[str]:
    found = db.select("SELECT path FROM beatmaps WHERE audio = ? ORDER BY path", (audio,))
    return [row[0] for row in found]


def _stamp(db: FeatureDB, audio: str) -> str:
    folder = db.path.parent
    states = [f"{chart} {stamp_of(folder / chart)}" for chart in _charts(db, audio)]
    return "\n".join([_VERSION, stamp_of(folder / audio), *states])


def _store(db: FeatureDB, done: OffsetDone) -> None:
    agreed = [one for one in done.found.values() if one.agrees]
    total = sum(one.confidence for one in agreed)
    mean = sum(one.offset_ms * one.confidence for one in agreed) / total if agreed else None
    best = max((one.confidence for one in done.found.values()), default=None)
    with db.transaction() as connection:
        connection.executemany("DELETE FROM offsets WHERE path = ?", [(c,) for c in done.charts])
        connection.executemany(
            "INSERT INTO offsets VALUES (?, ?, ?, ?)",
            [(c, one.offset_ms, one.confidence, one.agrees) for c, one in done.found.items()],
        )
        connection.execute(
            "UPDATE audio SET offset_ms = ?, offset_confidence = ?, offset_stamp = stamp"
            " WHERE path = ?",
            (mean, best, done.audio),
        )
