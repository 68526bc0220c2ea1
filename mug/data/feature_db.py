"""The feature database: one row a chart, one column a feature, NULL where a value is unknown.

SQLite in WAL mode: readers never wait, several processes may write, and what is committed
survives a crash of the process. WAL needs memory that all processes share, so it is for one
machine; a database made `shared` keeps to rollback journals instead, which work wherever the
folder's file system has working locks (NFS 4, SMB, Lustre, CephFS). Rows are found by the chart's
path relative to the database's folder, so that a data set can be moved and equal names in
different folders don't clash. The original's `feature.db` can be read, not written.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mug.data.feature_tables import (
    BUSY_S,
    FIXED,
    SCHEMA_VERSION,
    add_features,
    check_database,
    columns_of,
    fill_sums,
    make_tables,
    set_version,
    switch_journal,
    tables_of,
    version_of,
)
from mug.data.split import Entry
from mug.difficulty.names import Value
from mug.errors import DataError

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class FeatureRow:
    """A chart, its song, and what is known about it.

    Args:
        path: of the chart, relative to the database's folder, with `/`.
        beatmapset: id of its beatmapset, or the name of its folder where it has none.
        beatmap_hash: SHA-256 of the file.
        audio: path of its song, as `path`.
        audio_hash: hash of the decoded song.
        audio_stamp: size and time of the song's file, to see whether it changed.
        sr_algorithm: what measured the star rating.
        tool_version: what measured all the rest.
        features: by name; None is unknown.
        beatmap_stamp: size and time of the chart's file.
        name: of the file, without folder.
        set_name: of the folder.
    """

    path: str
    beatmapset: str = ""
    beatmap_hash: str = ""
    audio: str = ""
    audio_hash: str = ""
    audio_stamp: str = ""
    sr_algorithm: str = ""
    tool_version: str = ""
    features: Mapping[str, Value] = field(default_factory=dict)
    beatmap_stamp: str = ""

    @property
    def name(self) -> str:
        """The chart's file name: half of the original's key."""
        return self.path.rpartition("/")[2]

    @property
    def set_name(self) -> str:
        """The name of its folder: the other half."""
        return self.path.rpartition("/")[0].rpartition("/")[2]


class FeatureDB:
    """Opens a database, or makes one when names of features are given.

    Databases of version 1 are read as they are, and brought up to date when names are given.
    May be used in a forked or spawned process: each opens a connection of its own.

    Args:
        path: the database file.
        names: features to hold; columns for new ones are added. None: those that it has.
        shared: several machines write to it over a network file system; noted in the database.

    Raises:
        DataError: for a file that is no feature database, or one of a newer version.
    """

    def __init__(
        self, path: Path, names: Sequence[str] | None = None, *, shared: bool = False
    ) -> None:
        self.path = Path(path)
        self._folder = self.path.parent.resolve()
        self._open: tuple[int, sqlite3.Connection] | None = None
        for name in names or ():
            if not _IDENTIFIER.fullmatch(name) or name in FIXED:
                raise DataError("data.cannot_be_name_of_feature", value=name)
        if names is None and not self.path.is_file():
            raise DataError(
                "data.no_such_feature_database",
                file=self.path,
                remedy="remedy.make_with_prepare_beatmap_features",
            )
        self.version: int = SCHEMA_VERSION
        try:
            self._prepare(names, shared)
        except sqlite3.OperationalError as error:
            self.close()
            raise DataError(
                "data.feature_database_cannot_be_opened",
                file=self.path,
                value=str(error),
                remedy="remedy.make_room_on_disk_or_end",
            ) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self.close()
            raise DataError(
                "data.not_feature_database", file=self.path, value=str(error)
            ) from error
        except DataError:
            self.close()
            raise

    def __enter__(self) -> FeatureDB:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": None}

    def close(self) -> None:
        """Close this process's connection; the next use opens another."""
        if self._open is not None and self._open[0] == os.getpid():
            self._open[1].close()
        self._open = None

    @property
    def legacy(self) -> bool:
        """Return whether it is the original's `feature.db`."""
        return self.version == 0

    @property
    def names(self) -> tuple[str, ...]:
        """The features that have a column."""
        fixed = ("name", "set_name") if self.legacy else FIXED
        return tuple(name for name in self._columns() if name not in fixed)

    def row(self, beatmap: Path | str) -> dict[str, Value]:
        """Features of a chart; None is unknown.

        Args:
            beatmap: its path; relative ones as in `key`.

        Raises:
            DataError: for a chart that has no row.
        """
        found = self.find(beatmap)
        if found is None:
            raise DataError(
                "data.chart_has_no_row_in_feature_database",
                file=beatmap,
                value=str(self.path),
                remedy="remedy.prepare_features_and_look_into_quarantine",
            )
        return dict(found.features)

    def find(self, beatmap: Path | str) -> FeatureRow | None:
        """The row of a chart, None where it has none; paths as in `row`."""
        key = self.key(beatmap)
        if self.legacy:
            row = FeatureRow(key)
            where, what = "name = ? AND set_name = ?", [row.name, row.set_name]
        else:
            where, what = "path = ?", [key]
        found = self._select(where, what).fetchone()
        return None if found is None else self._to_row(found)

    def rows(self) -> Iterator[FeatureRow]:
        """All rows by path."""
        order = "set_name, name" if self.legacy else "path"
        for found in self._select(f"1 ORDER BY {order}", ()):
            yield self._to_row(found)

    def entries(self) -> list[Entry]:
        """All charts with what they share, for `mug.data.split`; paths from the current folder."""
        return [
            Entry(self.path.parent / row.path, row.beatmapset, row.audio_hash)
            for row in self.rows()
        ]

    def upsert(self, rows: Iterable[FeatureRow]) -> None:
        """Write rows, in place of those with the same path, all or none.

        Raises:
            DataError: for a feature without a column, and for the original's database.
        """
        with self.transaction() as connection:
            columns = columns_of(connection, "features")
            values = [self._values(row, columns) for row in rows]
            names = ", ".join(f'"{name}"' for name in columns)
            for table, part, which in (("beatmaps", ", ".join(FIXED), 0), ("features", names, 1)):
                marks = ", ".join("?" * (len(FIXED) if which == 0 else len(columns)))
                connection.executemany(
                    f"INSERT OR REPLACE INTO {table} ({part}) VALUES ({marks})",  # noqa: S608 - own
                    [row[which] for row in values],
                )

    def delete(self, paths: Iterable[str]) -> None:
        """Remove the rows of these relative paths, all or none."""
        keys = [(path,) for path in paths]
        with self.transaction() as connection:
            for table in ("beatmaps", "features", "facts"):
                connection.executemany(f"DELETE FROM {table} WHERE path = ?", keys)  # noqa: S608 - own

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block whole or not at all; may be nested, the outermost counts.

        Writing processes wait for one another from its start on.

        Raises:
            DataError: for the original's database, or one of version 1, which are only read; and
                when the disk is full or the database stays locked.
        """
        connection = self._writable()
        if connection.in_transaction:
            yield connection
            return
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                fill_sums(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise DataError(
                "data.feature_database_cannot_be_written",
                file=self.path,
                value=str(error),
                remedy="remedy.make_room_on_disk_or_end",
            ) from error

    def select(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Ask the database something."""
        return self._connection().execute(statement, values)

    def fill_temporary(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Write rows into a temporary table, all at once: nobody waits for it."""
        connection = self._connection()
        connection.execute("BEGIN")
        try:
            connection.executemany(statement, rows)
        finally:
            connection.execute("COMMIT")

    def note_version(self, name: str, version: str) -> None:
        """Notes which version of a tool was at work."""
        if self.noted_version(name) != version:
            with self.transaction() as connection:
                set_version(connection, name, version)

    def noted_version(self, name: str) -> str | None:
        """The version of a tool that was noted last."""
        found = self.select("SELECT version FROM versions WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def key(self, beatmap: Path | str) -> str:
        """A chart's path relative to the database's folder, with `/`.

        A relative path counts from the working directory where that leads below the database's
        folder, and from the database's folder otherwise.

        Raises:
            DataError: for a chart outside the folder.
        """
        path = Path(beatmap)
        here = self.path.parent
        if path.is_relative_to(here):
            return path.relative_to(here).as_posix()
        if not path.is_absolute() and not path.absolute().is_relative_to(here.absolute()):
            return path.as_posix()
        resolved = path.parent.resolve() / path.name
        if not resolved.is_relative_to(self._folder):
            raise DataError(
                "data.chart_does_not_lie_below_feature",
                file=beatmap,
                value=str(self.path),
            )
        return resolved.relative_to(self._folder).as_posix()

    # -- the file ---------------------------------------------------------------------------

    def _connection(self) -> sqlite3.Connection:
        if self._open is None or self._open[0] != os.getpid():
            # Transactions are begun by hand: reading and then writing must be one of them.
            connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
            connection.row_factory = sqlite3.Row
            self._open = (os.getpid(), connection)
            if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                connection.execute("PRAGMA synchronous = NORMAL")
        return self._open[1]

    def _prepare(self, names: Sequence[str] | None, shared: bool) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._connection()
        # Whoever comes first makes the tables, the others wait here.
        connection.execute("BEGIN IMMEDIATE" if names is not None else "BEGIN")
        try:
            self._check(new=names is not None)
            if names is not None:
                self._writable()
                make_tables(connection)
                self.version = SCHEMA_VERSION
                add_features(connection, list(names))
                if shared:
                    set_version(connection, "journal", "shared")
                fill_sums(connection)
        finally:
            connection.execute("COMMIT")
        if names is not None:
            mode = "delete" if self.noted_version("journal") == "shared" else "wal"
            switch_journal(connection, mode)
            connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")

    def _check(self, *, new: bool) -> None:
        connection = self._connection()
        version, tables = version_of(connection), tables_of(connection)
        if version is None and new:
            return
        if version == 0 and "Feature" not in tables:
            raise DataError(
                "data.database_holds_something_else_than_features",
                file=self.path,
                value=sorted(tables),
            )
        self.version = SCHEMA_VERSION if version is None else version
        if self.version > SCHEMA_VERSION:
            raise DataError(
                "data.feature_database_has_later_version",
                version=version,
                newest=SCHEMA_VERSION,
                file=self.path,
                remedy="remedy.use_release_made_or_prepare_features",
            )
        check_database(connection, self.path, self.version)

    def _writable(self) -> sqlite3.Connection:
        if self.legacy:
            raise DataError(
                "data.original_db_is_read_not_written",
                file=self.path,
                remedy="remedy.make_db_with_prepare_beatmap_features",
            )
        return self._connection()

    @property
    def _tables(self) -> str:
        return ("Feature", "beatmaps", "beatmaps JOIN features USING (path)")[self.version]

    def _columns(self) -> list[str]:
        table = ("Feature", "beatmaps", "features")[self.version]
        return columns_of(self._connection(), table)

    def _select(self, where: str, values: Sequence[str]) -> sqlite3.Cursor:
        return self.select(f"SELECT * FROM {self._tables} WHERE {where}", values)  # noqa: S608 - own

    def _to_row(self, found: sqlite3.Row) -> FeatureRow:
        values = dict(found)
        if self.legacy:
            path = f"{values.pop('set_name')}/{values.pop('name')}"
            # The original writes the text 'NULL' for what it does not know.
            return FeatureRow(
                path, features={k: None if v == "NULL" else v for k, v in values.items()}
            )
        fixed = {n: values[n] for n in FIXED if n in values and n not in ("name", "set_name")}
        return FeatureRow(**fixed, features={n: v for n, v in values.items() if n not in FIXED})

    def _values(self, row: FeatureRow, columns: Sequence[str]) -> tuple[list[Value], list[Value]]:
        unknown = set(row.features) - set(columns)
        if unknown:
            raise DataError("data.no_column_for_features", file=self.path, value=sorted(unknown))
        features = [row.path if name == "path" else row.features.get(name) for name in columns]
        return [getattr(row, name) for name in FIXED], features
