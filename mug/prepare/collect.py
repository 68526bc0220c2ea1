"""Collect charts and their songs from folders and `.osz` packages into one data set.

    OUT/<set>/chart.osu, song.mp3     copies of the charts, hard links to (or copies of) the songs
    OUT/beatmap.txt                   all charts, relative to OUT
    OUT/quarantine.jsonl              what was left out because it is broken, with reasons
    OUT/features.db                   what was done with each source, and every decision

Each source (a folder with charts, or a package) is done once; it is done again when its files
or the selection change. Sources that went away keep their charts: a data set may be collected
from several folders, and by several processes at once (see mug.prepare.jobs).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mug.beatmap.formats.osu import package as osz
from mug.data.feature_db import FeatureDB
from mug.errors import DataError
from mug.files import check_free, write_together
from mug.prepare.engines import executor
from mug.prepare.ingest import (
    UNPACKED,
    Record,
    Selection,
    Task,
    ingest,
    ingested,
    short_hash,
    unable,
)
from mug.prepare.jobs import DONE, Item, JobTable, Lease
from mug.prepare.quarantine import FILE_NAME, Rejected, write_quarantine
from mug.prepare.run_jobs import Work, run_jobs
from mug.util import folders_below

_LOG = logging.getLogger(__name__)

STAGE = "collect"
DB_NAME, LIST = "features.db", "beatmap.txt"
_VERSION = 2  # another number makes every source be done again
_OLD_JOURNAL = ".collected.jsonl"  # of data sets whose database has version 1
_CHUNK = 200
_DAY_S = 86400.0
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Collected:
    """Numbers of a run: `sources` were found, `done` of them are new; the rest counts charts.

    `repaired` charts have lines that were left out, or read otherwise than written.
    """

    sources: int
    done: int
    charts: int
    other_mode: int
    other_keys: int
    rejected: int
    repaired: int = 0


def collect(
    song_dir: Path,
    out_dir: Path,
    selection: Selection | None = None,
    *,
    progress: Progress | None = None,
    workers: int = 1,
    engine: str = "process",
    shared: bool = False,
    overwrite: bool = False,
) -> Collected:
    """Bring the charts under a folder into a data set; go on where an earlier run stopped.

    Args:
        song_dir: where the songs are.
        out_dir: the data set.
        selection: which charts are wanted.
        progress: called with sources done and sources in all.
        workers: processes.
        engine: `process` or `dask`, see mug.prepare.engines.
        shared: the data set is shared by several machines, see mug.data.feature_db.
        overwrite: write into a folder that holds lists of another program.

    Raises:
        DataError: for a folder that is missing, holds no charts, or contains the data set.
    """
    sources = _find(song_dir, out_dir)
    begun = any((out_dir / name).is_file() for name in (DB_NAME, _OLD_JOURNAL))
    lists = (out_dir / name for name in (LIST, FILE_NAME))
    check_free(lists, overwrite=overwrite, is_ours=lambda _: begun)
    with (
        FeatureDB(out_dir / DB_NAME, (), shared=shared) as db,
        executor(engine, workers) as pool,
    ):
        _sweep(out_dir)
        _import_journal(db, out_dir / _OLD_JOURNAL)
        collector = _Collector(db, out_dir, selection or Selection(), len(sources), progress)
        collector.plan(sources)
        work = Work(ingest, collector.task, collector.store, unable)
        run_jobs(collector.table, pool, workers, work, collector.report)
        return collector.finish()


def _find(song_dir: Path, out_dir: Path | None) -> list[str]:
    """Sources as texts, which take a tenth of the memory."""
    root = song_dir.resolve()
    if not root.is_dir():
        raise DataError("prepare.no_such_folder_of_songs", file=song_dir)
    ours = str(out_dir.resolve()) if out_dir else None
    found: set[str] = set()
    for folder, subfolders, files in folders_below(root):
        here = str(folder)
        subfolders[:] = [name for name in subfolders if os.path.realpath(folder / name) != ours]
        found |= {f"{here}/{name}" for name in files if name.lower().endswith(".osz")}
        if here != ours and any(name.lower().endswith(".osu") for name in files):
            found.add(here)
    for source in [name for name in found if not _is_text(name)]:
        _LOG.warning("%r is passed over: its name is not UTF-8, rename it", source)
        found.remove(source)
    if not found:
        raise DataError(
            "prepare.no_charts_found",
            file=song_dir,
            remedy="remedy.give_folder_with_osu_files",
        )
    return sorted(found)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Collector:
    """A run: plans, hands out sources, stores what comes of them, counts."""

    def __init__(
        self,
        db: FeatureDB,
        out_dir: Path,
        selection: Selection,
        sources: int,
        progress: Progress | None,
    ) -> None:
        self.db, self.out_dir, self.selection = db, out_dir, selection
        self.sources, self.progress = sources, progress
        self.table = JobTable(db, STAGE)
        self.done = self.seen = 0

    def plan(self, sources: Sequence[str]) -> None:
        """Make everything that may be out of date pending."""
        for first in range(0, len(sources), _CHUNK):
            chunk = [Path(source) for source in sources[first : first + _CHUNK]]
            # Nobody else may finish a source, or take a folder's name, while we look.
            with self.db.transaction():
                items = self.table.find([str(source) for source in chunk])
                new = [s for s in chunk if not self._is_done(s, items.get(str(s)))]
                for source in new:
                    self._reserve_folder(source)
                self.table.add(Item(str(source), str(source)) for source in new)
            self.seen += len(chunk) - len(new)
        self.report()

    def _is_done(self, source: Path, item: Item | None) -> bool:
        if item is None or (item.state, item.stamp) != (DONE, fingerprint(source, self.selection)):
            return False
        record = self.record(str(source))
        return record is not None and ingested(record.charts, self.out_dir / record.folder)

    def _reserve_folder(self, source: Path) -> None:
        """The source's own name; with a hash of its path where another source has that already."""
        if self._find("source", str(source)):
            return
        name = osz.sanitise_name(source.stem if source.is_file() else source.name, max_bytes=150)
        if name.startswith((".", "#")):  # hidden files; comments in beatmap.txt
            name = f"_{name}"
        if self._find("folder", name) or os.path.lexists(self.out_dir / name):  # somebody else's
            name = f"{name} {short_hash(str(source))}"
        with self.db.transaction() as connection:
            connection.execute(
                "INSERT INTO sources (source, folder) VALUES (?, ?)", (str(source), name)
            )

    def _find(self, column: str, value: str) -> tuple[str, str] | None:
        statement = f"SELECT folder, record FROM sources WHERE {column} = ?"  # noqa: S608 - ours
        found = self.db.select(statement, (value,)).fetchone()
        return None if found is None else (found[0], found[1])

    def record(self, source: str) -> Record | None:
        """Record of a source; None before it is finished."""
        found = self._find("source", source)
        return _to_record(found[1]) if found and found[1] else None

    def task(self, lease: Lease) -> Task:
        """Task of a worker for a lease: a group is a source."""
        found = self._find("source", lease.group)
        folder = found[0] if found else ""
        source = Path(lease.group)
        mark = fingerprint(source, self.selection) if source.exists() else ""
        return Task(Record(lease.group, mark, folder), self.out_dir.absolute(), self.selection)

    def store(self, record: Record | None, mine: set[str]) -> list[Item]:
        """Write what became of a source, and remove charts that it no longer has."""
        if record is None:  # it went away; its charts stay
            return [Item(key, key, "", DONE) for key in mine]
        old = self.record(record.source)
        for name in set(old.charts if old else ()) - set(record.charts):
            (self.out_dir / record.folder / name).unlink(missing_ok=True)
        with self.db.transaction() as connection:
            connection.execute(
                "UPDATE sources SET fingerprint = ?, record = ? WHERE source = ?",
                (record.fingerprint, json.dumps(asdict(record)), record.source),
            )
            connection.executemany(
                "DELETE FROM decisions WHERE stage = ? AND item = ?",
                [(STAGE, file) for file, _, _ in (old.left_out if old else ())],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?)",
                [(STAGE, *left_out) for left_out in record.left_out],
            )
        for chart, losses in record.lost.items():
            _LOG.info("%s: %s", chart, losses)
        self.done += 1
        self.seen += 1
        return [Item(record.source, record.source, record.fingerprint, DONE)]

    def finish(self) -> Collected:
        """Write the lists; numbers of the run and of the data set."""
        self.db.select("CREATE TEMP TABLE charts (path TEXT)")  # sorts without our memory
        broken: list[tuple[str, str]] = []
        other = dict.fromkeys(("wrong_mode", "wrong_keys"), 0)
        repaired: list[str] = []

        def charts() -> Iterator[tuple[str]]:
            for record in records(self.db):
                yield from ((f"{record.folder}/{name}",) for name in record.charts)
                broken.extend(record.broken)
                repaired.extend(record.lost)
                for rule in other:
                    other[rule] += record.count(rule)

        self.db.fill_temporary("INSERT INTO charts VALUES (?)", charts())
        listed = self.db.select("SELECT path FROM charts ORDER BY path")
        count = _write_if_new(self.out_dir / LIST, (row[0] for row in listed))
        rejected = [Rejected(file, why, STAGE) for file, why in sorted(broken)]
        write_quarantine(self.out_dir / FILE_NAME, STAGE, rejected)
        return Collected(
            sources=self.sources,
            done=self.done,
            charts=count,
            other_mode=other["wrong_mode"],
            other_keys=other["wrong_keys"],
            rejected=len(broken),
            repaired=len(repaired),
        )

    def report(self) -> None:
        """Tell how far the run is."""
        if self.progress and self.seen:
            self.progress(self.seen, self.sources)


def records(db: FeatureDB, folder: str | None = None) -> Iterator[Record]:
    """Records of all finished sources, by their folders; or of those of one folder."""
    statement = "SELECT record FROM sources WHERE record != ''"
    if folder is None:
        found = db.select(f"{statement} ORDER BY folder")
    else:
        found = db.select(f"{statement} AND folder = ?", (folder,))
    for (text,) in found:
        yield _to_record(text)


def fingerprint(source: Path, selection: Selection) -> str:
    """Of names, sizes and times of a source's files, and of what was wanted of it."""
    states = [(source.name, source.stat())] if source.is_file() else _states(source)
    text = f"{_VERSION} {selection}" + "".join(
        f"\n{name} {state.st_size} {state.st_mtime_ns}" for name, state in states
    )
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _states(folder: Path) -> list[tuple[str, os.stat_result]]:
    """Of the files in a folder, by name."""
    with os.scandir(folder) as entries:
        return sorted((e.name, e.stat()) for e in entries if e.is_file())


def _to_record(text: str) -> Record:
    values = json.loads(text)
    return Record(**{**values, "left_out": [tuple(one) for one in values["left_out"]]})


def _import_journal(db: FeatureDB, path: Path) -> None:
    """Take over what the journal of an older data set knows; the latest line of a source counts.

    Its sources are done again when they are met, in the folders that they have.
    """
    if not path.is_file():
        return
    with db.transaction() as connection:
        for line in path.read_text(encoding="utf-8").split("\n"):
            try:
                old = json.loads(line)
            except json.JSONDecodeError:
                continue  # cut off by a crash
            left_out = [(file, "corrupt", why) for file, why in old["rejected"]]
            record = Record(old["source"], "", old["folder"], old["charts"], [], left_out)
            connection.execute(
                "INSERT OR REPLACE INTO sources (source, folder, record) VALUES (?, ?, ?)",
                (record.source, record.folder, json.dumps(asdict(record))),
            )
    path.unlink()


def _sweep(out_dir: Path) -> None:
    """Remove what killed runs had unpacked; not what another process may be at."""
    for folder in out_dir.glob(f"{UNPACKED}*"):
        if folder.stat().st_mtime < time.time() - _DAY_S:
            shutil.rmtree(folder, ignore_errors=True)


def _write_if_new(path: Path, lines: Iterator[str]) -> int:
    """Write a list unless it is there already; how many lines it has."""
    count = 0
    with write_together() as files:
        with files.open(path, "w", encoding="utf-8") as handle:
            for line in lines:
                handle.write(f"{line}\n")
                count += 1
        files.leave_equal()
    return count
