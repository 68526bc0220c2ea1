"""Fills the feature database of a data set: in parallel, and only what is new or changed.

A song with its charts is one piece of work, so that its sound is decoded once. Each piece is
committed when it is done; what a stopped run finished is not done again.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path

from mug.beatmap import osu
from mug.beatmap.beatmap import Beatmap
from mug.data.beatmap_list import read_beatmap_list
from mug.data.difficulty import sr_algorithm
from mug.data.feature_db import FeatureDB, FeatureRow, Value
from mug.data.feature_registry import RankedMap, compute_features, tool_version
from mug.data.quarantine import FILE_NAME, Rejected, read_quarantine, write_quarantine
from mug.data.spectrograms import find_audio
from mug.errors import DataError, MugError
from mug.features import FeatureSchema

STAGE = "features"
DB_NAME = "features.db"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """The charts of a folder that may be out of date.

    Args:
        charts: files by their key in the database.
        rows: their rows as they are, where they have one.
        names: the features that are wanted.
    """

    charts: Mapping[str, Path]
    rows: Mapping[str, FeatureRow]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Done:
    """What became of a job: rows to write, rows as they are, keys of broken charts and why."""

    rows: list[FeatureRow] = field(default_factory=list)
    unchanged: list[FeatureRow] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Filled:
    """Numbers of a run, in charts; `unknown` counts rows without a value by feature."""

    charts: int
    computed: int
    unchanged: int
    rejected: int
    unknown: Mapping[str, int]


def fill_features(
    beatmap_txt: Path,
    schema: FeatureSchema,
    *,
    ranked: RankedMap | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Filled:
    """Brings `features.db`, beside the list of charts, up to date.

    Charts that cannot be measured get no row and stand in `quarantine.jsonl` with the reason.

    Raises:
        DataError: for a list or database that is wrong, or when a worker process dies.
    """
    if workers < 1:
        raise DataError("at least one worker is needed", value=workers)
    ranked = ranked or RankedMap()
    folder = beatmap_txt.parent
    charts = read_beatmap_list(beatmap_txt)
    computed = unchanged = finished = 0
    rejected: list[tuple[str, str]] = []
    with FeatureDB(folder / DB_NAME, schema.names) as db:
        # Columns that are there already are kept filled, whatever this schema asks for.
        for done in _work(_jobs(charts, db, db.names), workers):
            kept, broken = _accept(done, schema, ranked)
            db.upsert(kept.rows)
            db.delete(key for key, _ in broken)
            computed += len(kept.rows)
            unchanged += len(kept.unchanged)
            rejected += broken
            finished += len(kept.rows) + len(kept.unchanged) + len(broken)
            if progress:
                progress(finished, len(charts))
        unknown = _unknown(db)
    entries = [Rejected(str(folder / key), why, STAGE) for key, why in sorted(rejected)]
    if entries or read_quarantine(folder / FILE_NAME):
        write_quarantine(folder / FILE_NAME, STAGE, entries)
    return Filled(len(charts), computed, unchanged, len(rejected), unknown)


def measure(job: Job) -> Done:
    """Computes what is out of date in a job; runs in a worker process."""
    done = Done()
    tools, stars = tool_version(job.names), sr_algorithm()
    hashes: dict[str, str] = {}
    for row in job.rows.values():
        hashes.setdefault(f"{row.audio} {row.audio_stamp}", row.audio_hash)
    for key, chart in job.charts.items():
        try:
            beatmap_hash = hashlib.sha256(chart.read_bytes()).hexdigest()
            beatmap = osu.read(chart)
            audio, stamp, sound = _audio(beatmap, key, hashes)
            row = FeatureRow(
                path=key,
                beatmapset=_beatmapset(beatmap, chart),
                beatmap_hash=beatmap_hash,
                audio=audio,
                audio_hash=sound,
                audio_stamp=stamp,
                sr_algorithm=stars,
                tool_version=tools,
            )
            old = job.rows.get(key)
            if old is not None and replace(old, features={}) == row:
                done.unchanged.append(old)
                continue
            done.rows.append(replace(row, features=compute_features(beatmap, job.names)))
        except (MugError, OSError) as error:
            done.rejected.append((key, str(error)))
    return done


def _audio(beatmap: Beatmap, key: str, hashes: dict[str, str]) -> tuple[str, str, str]:
    """A chart's song relative to the database, the file's state, and the hash of its sound."""
    from mug.audio.load import audio_hash

    file = find_audio(beatmap)
    folder = key.rpartition("/")[0]
    below = file.relative_to(beatmap.path.parent).as_posix() if beatmap.path else file.name
    audio = f"{folder}/{below}" if folder else below
    state = file.stat()
    stamp = f"{state.st_size} {state.st_mtime_ns}"
    known = f"{audio} {stamp}"
    if known not in hashes:
        hashes[known] = audio_hash(file)
    return audio, stamp, hashes[known]


def _beatmapset(beatmap: Beatmap, chart: Path) -> str:
    """The set's id on osu!, else the number its folder begins with, else the folder's name."""
    if beatmap.beatmapset_id > 0:
        return str(beatmap.beatmapset_id)
    folder = chart.resolve().parent.name
    first = folder.split(" ")[0]
    return first if first.isdigit() else folder


def _jobs(charts: Sequence[Path], db: FeatureDB, names: tuple[str, ...]) -> list[Job]:
    rows = {row.path: row for row in db.rows()}
    folders: dict[Path, dict[str, Path]] = {}
    for chart in charts:
        folders.setdefault(chart.parent, {})[db.key(chart.absolute())] = chart
    return [
        Job(found, {key: rows[key] for key in found if key in rows}, names)
        for found in folders.values()
    ]


def _work(jobs: Sequence[Job], workers: int) -> Iterator[Done]:
    if workers == 1:
        yield from map(measure, jobs)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_ctrl_c_to_the_parent)
    try:
        for future in as_completed([pool.submit(measure, job) for job in jobs]):
            yield future.result()
    except BrokenProcessPool as error:
        raise DataError(
            "a worker process died",
            remedy="What is done stays; run again, with --workers 1 to see which song it is",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _accept(
    done: Done, schema: FeatureSchema, ranked: RankedMap
) -> tuple[Done, list[tuple[str, str]]]:
    """Adds the rank status, and refuses values that the schema cannot hold."""
    kept, broken = Done(), list(done.rejected)
    rows = [(row, True) for row in done.rows] + [(row, False) for row in done.unchanged]
    for row, is_new in rows:
        features: dict[str, Value] = dict(row.features)
        if "rank_status" in schema.names:
            features["rank_status"] = ranked.of(row.beatmapset)
        try:
            schema.ids(features)
        except MugError as error:
            broken.append((row.path, str(error)))
            continue
        changed = is_new or features != dict(row.features)
        (kept.rows if changed else kept.unchanged).append(replace(row, features=features))
    return kept, broken


def _unknown(db: FeatureDB) -> dict[str, int]:
    counts = dict.fromkeys(db.names, 0)
    for row in db.rows():
        for name, value in row.features.items():
            counts[name] += value is None
    return {name: count for name, count in counts.items() if count}
