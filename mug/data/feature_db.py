"""The feature database: one row a chart, one column a feature, NULL where a value is unknown.

SQLite in WAL mode: readers never wait, several processes may write, and what is committed
survives a crash of the process. Rows are found by the chart's path relative to the database's
folder, so that a data set can be moved and equal names in different folders don't clash. The
original's `feature.db` can be read, not written.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from mug.data.split import Entry
from mug.errors import DataError

SCHEMA_VERSION = 1
APPLICATION_ID = 0x4D754746  # "MuGF"
Value = float | int | str | None
_FIXED: tuple[str, ...] = (
    "path",
    "set_name",
    "name",
    "beatmapset",
    "beatmap_hash",
    "audio",
    "audio_hash",
)
_FIXED += ("audio_stamp", "sr_algorithm", "tool_version")
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

    May be used in a forked or spawned process: each opens a connection of its own.

    Args:
        path: the database file.
        names: features to hold; columns for new ones are added. None: those that it has.

    Raises:
        DataError: for a file that is no feature database, or one of a newer version.
    """

    def __init__(self, path: Path, names: Sequence[str] | None = None) -> None:
        self.path = Path(path)
        self._folder = self.path.parent.resolve()
        self._open: tuple[int, sqlite3.Connection] | None = None
        for name in names or ():
            if not _IDENTIFIER.fullmatch(name) or name in _FIXED:
                raise DataError("this cannot be the name of a feature", value=name)
        if names is None and not self.path.is_file():
            raise DataError(
                "no such feature database",
                file=self.path,
                remedy="Make it with scripts/prepare_beatmap_features.py",
            )
        self.legacy = False
        try:
            self._prepare(names)
        except sqlite3.DatabaseError as error:
            self.close()
            raise DataError("not a feature database", file=self.path, value=str(error)) from error
        except DataError:
            self.close()
            raise

    def __enter__(self) -> FeatureDB:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": None}

    def close(self) -> None:
        """Closes this process's connection; the next use opens another."""
        if self._open is not None and self._open[0] == os.getpid():
            self._open[1].close()
        self._open = None

    @property
    def names(self) -> tuple[str, ...]:
        """The features that have a column."""
        fixed = ("name", "set_name") if self.legacy else _FIXED
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
                "this chart has no row in the feature database",
                file=beatmap,
                value=str(self.path),
                remedy="Run scripts/prepare_beatmap_features.py, and look into quarantine.jsonl",
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
        """Writes rows, in place of those with the same path, all or none.

        Raises:
            DataError: for a feature without a column, and for the original's database.
        """
        connection = self._writable()
        columns = self._columns()
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * len(columns))
        values = [self._values(row, columns) for row in rows]
        statement = f"INSERT OR REPLACE INTO beatmaps ({names}) VALUES ({marks})"  # noqa: S608 - own
        with connection:
            connection.executemany(statement, values)

    def delete(self, paths: Iterable[str]) -> None:
        """Removes the rows of these relative paths, all or none."""
        connection = self._writable()
        with connection:
            connection.executemany("DELETE FROM beatmaps WHERE path = ?", [(p,) for p in paths])

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
                "this chart does not lie below the feature database",
                file=beatmap,
                value=str(self.path),
            )
        return resolved.relative_to(self._folder).as_posix()

    # -- the file ---------------------------------------------------------------------------

    def _connection(self) -> sqlite3.Connection:
        if self._open is None or self._open[0] != os.getpid():
            connection = sqlite3.connect(self.path, timeout=30)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = NORMAL")
            self._open = (os.getpid(), connection)
        return self._open[1]

    def _prepare(self, names: Sequence[str] | None) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._connection()
        # Whoever comes first makes the tables, the others wait here.
        connection.execute("BEGIN IMMEDIATE" if names is not None else "BEGIN")
        try:
            self._check()
            if names is not None:
                self._make(names)
        finally:
            connection.commit()
        if names is not None:
            connection.execute("PRAGMA journal_mode = WAL")

    def _check(self) -> None:
        connection = self._connection()
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        if not tables:
            return
        if not ours and "Feature" in tables:
            self.legacy = True
        elif not ours or "beatmaps" not in tables:
            raise DataError(
                "this database holds something else than features",
                file=self.path,
                value=sorted(tables),
            )
        elif version != SCHEMA_VERSION:
            raise DataError(
                f"this feature database has version {version}; version {SCHEMA_VERSION} is read",
                file=self.path,
                remedy="Use the release that made it, or prepare the features again",
            )

    def _make(self, names: Sequence[str]) -> None:
        connection = self._writable()
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        columns = ", ".join(f'"{name}" TEXT NOT NULL' for name in _FIXED[1:])
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS beatmaps (path TEXT PRIMARY KEY NOT NULL, {columns})"
        )
        connection.execute(
            "CREATE INDEX IF NOT EXISTS beatmaps_audio ON beatmaps (audio, audio_stamp)"
        )
        for name in dict.fromkeys(names):
            if name not in self._columns():
                connection.execute(f'ALTER TABLE beatmaps ADD COLUMN "{name}"')

    def _writable(self) -> sqlite3.Connection:
        if self.legacy:
            raise DataError(
                "the original's feature.db is read, not written",
                file=self.path,
                remedy="Make a features.db with scripts/prepare_beatmap_features.py",
            )
        return self._connection()

    def _columns(self) -> list[str]:
        table = "Feature" if self.legacy else "beatmaps"
        return [row["name"] for row in self._connection().execute(f"PRAGMA table_info({table})")]

    def _select(self, where: str, values: Sequence[str]) -> sqlite3.Cursor:
        table = "Feature" if self.legacy else "beatmaps"
        statement = f"SELECT * FROM {table} WHERE {where}"  # noqa: S608 - from this file alone
        return self._connection().execute(statement, values)

    def _to_row(self, found: sqlite3.Row) -> FeatureRow:
        values = dict(found)
        if self.legacy:
            path = f"{values.pop('set_name')}/{values.pop('name')}"
            # The original writes the text 'NULL' for what it does not know.
            return FeatureRow(
                path, features={k: None if v == "NULL" else v for k, v in values.items()}
            )
        fixed = {name: values.pop(name) for name in _FIXED if name not in ("name", "set_name")}
        return FeatureRow(**fixed, features={n: v for n, v in values.items() if n not in _FIXED})

    def _values(self, row: FeatureRow, columns: Sequence[str]) -> list[Value]:
        unknown = set(row.features) - set(columns)
        if unknown:
            raise DataError("no column for features", file=self.path, value=sorted(unknown))
        return [
            getattr(row, name) if name in _FIXED else row.features.get(name) for name in columns
        ]
