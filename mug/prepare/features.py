"""Fill the feature database of a data set: in parallel, and only what is new or changed.

Charts whose files, tools and features are as they were are passed over by the state of their
files (size and time); others are read, and measured when their content changed. A song with its
charts is one piece of work, so that its sound is decoded once. Several processes, and several
machines that share the folder, may run this at once (see mug.prepare.jobs).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path

from mug.data.beatmap_list import iter_beatmap_list
from mug.data.feature_db import FeatureDB
from mug.data.skill_sources import choose, note, refuse_another_run
from mug.difficulty.minacalc import end_of_this_process
from mug.difficulty.names import SKILL_NAMES, Value
from mug.difficulty.registry import RankedMap
from mug.difficulty.skills import ESTIMATE, SkillSource
from mug.difficulty.stars import sr_algorithm
from mug.errors import DataError, MugError
from mug.features import FeatureSchema
from mug.prepare.engines import executor
from mug.prepare.jobs import DONE, FAILED, Item, JobTable, Lease
from mug.prepare.measure import (
    Broken,
    Done,
    Files,
    SongJob,
    Sound,
    measure,
    stamp_of,
    tools,
    unable,
)
from mug.prepare.quarantine import FILE_NAME, Rejected, read_quarantine, write_quarantine
from mug.prepare.run_jobs import Work, run_jobs

STAGE = "features"
UNRATED = "msd"
"""Stage of decisions about charts that have a row, but no numbers of Etterna's."""

DB_NAME = "features.db"
_CHUNK = 500  # charts looked up at a time
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Filled:
    """Numbers of a run, in charts.

    Args:
        charts: all that are listed.
        computed: measured in this run.
        unchanged: as they were.
        rejected: not measured.
        unknown: rows without a value, by feature.
        notices: what of the sounds measured in this run could not be read.
    """

    charts: int
    computed: int
    unchanged: int
    rejected: int
    unknown: Mapping[str, int]
    notices: tuple[str, ...] = ()


def fill_features(
    beatmap_txt: Path,
    schema: FeatureSchema,
    *,
    ranked: RankedMap | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    engine: str = "process",
    shared: bool = False,
    msd: str = "auto",
) -> Filled:
    """Bring `features.db`, beside the list of charts, up to date.

    Charts that cannot be measured get no row and stand in `quarantine.jsonl` with the reason.

    Args:
        beatmap_txt: the list of charts.
        schema: the features to fill.
        ranked: what became of the beatmapsets.
        workers: processes.
        progress: called with charts done and charts in all.
        engine: `process` or `dask`, see mug.prepare.engines.
        shared: the folder is shared by several machines, see mug.data.feature_db.
        msd: what measures Etterna's numbers, see mug.difficulty.skills.

    Raises:
        DataError: for a list or database that is wrong, when worker processes cannot be started,
            or when MSD values of two sources would be mixed.
    """
    with (
        FeatureDB(beatmap_txt.parent / DB_NAME, schema.names, shared=shared) as db,
        executor(engine, workers) as pool,
    ):
        try:
            source = ESTIMATE if set(SKILL_NAMES).isdisjoint(db.names) else choose(msd, db)
            filler = _Filler(db, schema, ranked or RankedMap(), source, progress)
            filler.plan(iter_beatmap_list(beatmap_txt))
            note(db, source)
            work = Work(measure, filler.job, filler.store, unable)
            run_jobs(filler.table, pool, workers, work, filler.report)
        finally:
            end_of_this_process()
        filler.finish()
        return Filled(
            filler.charts,
            filler.computed,
            filler.unchanged,
            filler.rejected,
            _unknown(db),
            tuple(sorted(filler.notices)),
        )


class _Filler:
    """A run: plans, hands out jobs, stores what comes of them, counts."""

    def __init__(
        self,
        db: FeatureDB,
        schema: FeatureSchema,
        ranked: RankedMap,
        source: SkillSource,
        progress: Progress | None,
    ) -> None:
        self.db, self.schema, self.ranked, self.progress = db, schema, ranked, progress
        self.source = source
        self.table = JobTable(db, STAGE)
        self.folder = db.path.parent
        # Columns that are there already are kept filled, whatever this schema asks for.
        self.names = db.names
        self.tools = tools(self.names, source)
        text = f"{self.tools} {sr_algorithm()} {schema.features!r}"
        # Added, not always there: a schema without values keeps the digest that it has had.
        text += repr(schema.values) if schema.values else ""
        self.digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.charts = self.computed = self.unchanged = self.rejected = 0
        self.notices: set[str] = set()
        self.ranks = "rank_status" in schema.names

    # -- what is to be done -----------------------------------------------------------------

    def plan(self, charts: Iterator[Path]) -> None:
        """Make everything that may be out of date pending."""
        stamp = lru_cache(4096)(stamp_of)
        while chunk := list(islice(charts, _CHUNK)):
            files = {self._key(path): str(path) for path in chunk}
            self.charts += len(files)
            # Nobody else may finish a chart between our look at it and our decision.
            with self.db.transaction():
                self._plan(files, stamp)
        self._refuse_a_mixture()
        self.report()

    def _key(self, chart: Path) -> str:
        """As `FeatureDB.key`, but quick where the chart is written as lying in our folder."""
        text, here = str(chart), f"{self.folder}/"
        if text.startswith(here) and "/../" not in text:
            return text[len(here) :]
        return self.db.key(chart.absolute())

    def _plan(self, files: Mapping[str, str], stamp: Callable[[str], str]) -> None:
        items, rows = self.table.find(list(files)), self._brief(list(files))
        wanted: list[Item] = []
        statuses: list[tuple[str | None, str]] = []
        for key, file in files.items():
            item, row = items.get(key), rows.get(key)
            if item is None or not self._is_as_it_was(item, file, row is not None, stamp):
                wanted.append(Item(key, key.rpartition("/")[0]))
            elif row is None:
                self.rejected += 1
            elif self.ranks and self.ranked.of(row["beatmapset"]) != row["rank_status"]:
                statuses.append((self.ranked.of(row["beatmapset"]), key))
            else:
                self.unchanged += 1
        self.table.add(wanted)
        self.computed += len(statuses)
        if statuses:
            with self.db.transaction() as connection:
                connection.executemany(
                    "UPDATE features SET rank_status = ? WHERE path = ?", statuses
                )

    def _is_as_it_was(
        self, item: Item, file: str, has_row: bool, stamp: Callable[[str], str]
    ) -> bool:
        if item.state != (DONE if has_row else FAILED):
            return False
        digest, *parts = item.stamp.split("\n")
        if digest != self.digest:
            return False
        audio = Files.from_parts(parts).audio
        other = f"{self.folder}/{audio}" if audio else file.rpartition("/")[0] or "."
        return parts == Files(stamp_of(file), stamp(other), audio).parts

    def _refuse_a_mixture(self) -> None:
        """Numbers of different tools must not meet in one data set.

        What is listed is measured again, and charts that are gone are forgotten; others that
        other versions have measured are not ours to touch.
        """
        stale = self.db.select(
            "SELECT b.path FROM beatmaps b LEFT JOIN jobs j ON j.kind = ? AND j.key = b.path"
            " WHERE (b.tool_version, b.sr_algorithm) != (?, ?)"
            " AND coalesce(j.state, '') NOT IN ('pending', 'leased')",
            (STAGE, self.tools, sr_algorithm()),
        )
        paths = [row[0] for row in stale]
        left = [path for path in paths if (self.folder / path).is_file()]
        if left:
            raise DataError(
                "prepare.charts_measured_by_other_versions",
                count=len(left),
                file=self.db.path,
                value=left[0],
                remedy="remedy.give_list_of_all_charts",
            )
        self.db.delete(paths)

    def _brief(self, keys: Sequence[str]) -> dict[str, dict[str, str]]:
        """Parts of rows that planning needs."""
        marks = ", ".join("?" * len(keys))
        rank = "rank_status" if self.ranks else "NULL AS rank_status"
        found = self.db.select(
            f"SELECT path, beatmapset, {rank} FROM beatmaps"  # noqa: S608 - our own words
            f" JOIN features USING (path) WHERE path IN ({marks})",
            keys,
        )
        return {row["path"]: dict(row) for row in found}

    def _stamp(self, files: Files) -> str:
        return "\n".join([self.digest, *files.parts])

    # -- the work ---------------------------------------------------------------------------

    def job(self, lease: Lease) -> SongJob:
        """Job of a worker for a lease."""
        rows = (self.db.find(self.folder / key) for key in lease.keys)
        return SongJob(
            self.folder.absolute(),
            lease.keys,
            {row.path: row for row in rows if row is not None},
            {(sound.path, sound.stamp): sound for sound in self._sounds(lease)},
            self.names,
            self.source,
        )

    def _sounds(self, lease: Lease) -> list[Sound]:
        found = self.db.select(
            "SELECT path, stamp, hash FROM audio WHERE fingerprint IS NOT NULL AND"
            " path >= ? || '/' AND path < ? || '0'",
            (lease.group, lease.group),
        )
        return [Sound(*row) for row in found]

    def store(self, done: Done, mine: set[str]) -> list[Item]:
        """Write a worker's results, as far as they are ours to write."""
        refuse_another_run(self.db, self.source)
        kept, broken = self._accept(done, mine)
        self.db.upsert(kept.rows + kept.unchanged)
        self.db.delete(one.key for one in broken)
        self._store_measurements(kept, done)
        self._store_decisions(mine, [(STAGE, one) for one in broken] + self._unrated(done, mine))
        self.computed += len(kept.rows)
        self.unchanged += len(kept.unchanged)
        self.rejected += len(broken)
        self.notices.update(done.notices)
        reasons = {one.key: one.reason for one in broken}
        return [
            Item(
                key,
                "",
                self._stamp(done.files[key]),
                FAILED if key in reasons else DONE,
                reasons.get(key, ""),
            )
            for key in mine
        ]

    def _accept(self, done: Done, mine: set[str]) -> tuple[Done, list[Broken]]:
        """Add the rank status, and refuse values that the schema cannot hold."""
        kept, broken = Done(), [one for one in done.broken if one.key in mine]
        rows = [(row, True) for row in done.rows] + [(row, False) for row in done.unchanged]
        for row, is_new in rows:
            if row.path not in mine:
                continue
            features: dict[str, Value] = dict(row.features)
            if self.ranks:
                features["rank_status"] = self.ranked.of(row.beatmapset)
            try:
                self.schema.row(features)
            except MugError as error:
                broken.append(Broken(row.path, "bad_value", str(error)))
                continue
            changed = is_new or features != dict(row.features)
            (kept.rows if changed else kept.unchanged).append(replace(row, features=features))
        return kept, broken

    def _store_measurements(self, kept: Done, done: Done) -> None:
        rows = {row.path for row in kept.rows}
        measurements = [
            tuple(asdict(one).values()) for one in done.measurements if one.path in rows
        ]
        with self.db.transaction() as connection:
            marks = ", ".join("?" * 12)
            connection.executemany(f"INSERT OR REPLACE INTO facts VALUES ({marks})", measurements)  # noqa: S608
            connection.executemany(
                "INSERT OR REPLACE INTO audio (path, stamp, hash, duration_ms, fingerprint)"
                " VALUES (?, ?, ?, ?, ?)",
                [tuple(asdict(sound).values()) for sound in done.sounds],
            )

    def _unrated(self, done: Done, mine: set[str]) -> list[tuple[str, Broken]]:
        return [(UNRATED, one) for one in done.unrated if one.key in mine]

    def _store_decisions(self, mine: Iterable[str], found: Iterable[tuple[str, Broken]]) -> None:
        with self.db.transaction() as connection:
            connection.executemany(
                "DELETE FROM decisions WHERE stage IN (?, ?) AND item = ?",
                [(STAGE, UNRATED, key) for key in mine],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?)",
                [(stage, one.key, one.rule, one.reason) for stage, one in found],
            )

    def finish(self) -> None:
        """List what is broken, and note what was at work."""
        quarantine = self.folder / FILE_NAME
        entries = [Rejected(str(self.folder / i.key), i.detail, STAGE) for i in self.table.failed()]
        if entries or read_quarantine(quarantine):
            write_quarantine(quarantine, STAGE, entries)
        self.db.note_version("star_rating", sr_algorithm())
        self.db.note_version("features", self.tools)
        self.report()

    def report(self) -> None:
        """Tell how far the run is."""
        if self.progress:
            self.progress(self.computed + self.unchanged + self.rejected, self.charts)


def _unknown(db: FeatureDB) -> dict[str, int]:
    names = db.names
    if not names:
        return {}
    counted = ", ".join(f'COUNT(*) - COUNT("{name}")' for name in names)
    counts = db.select(f"SELECT {counted} FROM features").fetchone()  # noqa: S608 - our own names
    return {name: count for name, count in zip(names, counts, strict=True) if count}
