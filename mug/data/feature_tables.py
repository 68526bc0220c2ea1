"""Tables of the feature database, and the way from older ones to them.

    beatmaps   one row a chart: where it lies, what it shares with others, what measured it
    features   one row a chart, one column a feature; NULL is unknown
    facts      one row a chart: what cleaning looks at (see mug.prepare.measurements)
    audio      one row a sound file: state, hash and fingerprint of the sound, duration, offset
    offsets    one row a chart: how it lies on its song
    sources    one row a folder or package that charts were collected from
    decisions  why something was left out (or changed), by stage, item and rule
    jobs       one row a piece of work and its state (see mug.prepare.jobs)
    versions   of this schema and of the tools that measured
    sums       checksums of the rows of `SUMMED`

Version 1 had one table, `beatmaps`, with the features' columns in it.

SQLite keeps no sums of its pages: a value that changes on a disk is read as it is. Triggers note
each row that is written, by this program or another; before a transaction ends, the rows noted get
their sums. A row without one was changed by hand: it counts as it is, and gets one with the next
transaction.
"""

from __future__ import annotations

import marshal
import sqlite3
import time
import zlib
from collections.abc import Sequence

from mug.errors import DataError

SCHEMA_VERSION = 2
BUSY_S = 60.0
"""Time to wait for another process that writes, in seconds."""

APPLICATION_ID = 0x4D754746  # "MuGF"

FIXED: tuple[str, ...] = (
    "path",
    "set_name",
    "name",
    "beatmapset",
    "beatmap_hash",
    "audio",
    "audio_hash",
    "audio_stamp",
    "sr_algorithm",
    "tool_version",
    "beatmap_stamp",
)
"""Columns of `beatmaps`; no feature may have one of these names."""

SUMMED = {
    "beatmaps": "path",
    "features": "path",
    "facts": "path",
    "audio": "path",
    "offsets": "path",
    "sources": "source",
}
"""Tables with sums, and the columns that name their rows."""

SUMS = "sums"
_TABLE = f"""CREATE TABLE {SUMS} (
    name TEXT NOT NULL, key TEXT NOT NULL, sum INTEGER, PRIMARY KEY (name, key)) WITHOUT ROWID"""
_INDEX = f"CREATE INDEX sums_open ON {SUMS} (name, key) WHERE sum IS NULL"
_TRIGGERS = (
    "CREATE TRIGGER sums_{table}_insert AFTER INSERT ON {table} BEGIN {drop_new} {note} END",
    "CREATE TRIGGER sums_{table}_update AFTER UPDATE ON {table} BEGIN"
    " {drop_old} {drop_new} {note} END",
    "CREATE TRIGGER sums_{table}_delete AFTER DELETE ON {table} BEGIN {drop_old} END",
)
# Passing states of SQLite, which are no damage.
_PASSING = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}
    | {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
)


_VERSION_1 = FIXED[:-1]

_TABLES = (
    "CREATE TABLE beatmaps (path TEXT PRIMARY KEY NOT NULL, "
    + ", ".join(f"{name} TEXT NOT NULL DEFAULT ''" for name in FIXED[1:])
    + ")",
    "CREATE INDEX beatmaps_by_audio ON beatmaps (audio)",
    "CREATE TABLE features (path TEXT PRIMARY KEY NOT NULL)",
    """CREATE TABLE facts (
        path TEXT PRIMARY KEY NOT NULL, keys INTEGER, objects INTEGER, first_ms REAL, last_ms REAL,
        creator TEXT, version TEXT, notes_hash TEXT, rows_hash TEXT, row_times BLOB,
        odd_scroll REAL, disallowed INTEGER)""",
    "CREATE INDEX facts_by_notes ON facts (notes_hash)",
    "CREATE INDEX facts_by_rows ON facts (rows_hash)",
    """CREATE TABLE audio (
        path TEXT PRIMARY KEY NOT NULL, stamp TEXT NOT NULL, hash TEXT NOT NULL,
        duration_ms REAL, fingerprint BLOB, offset_ms REAL, offset_confidence REAL,
        offset_stamp TEXT NOT NULL DEFAULT '')""",
    "CREATE INDEX audio_by_duration ON audio (duration_ms)",
    """CREATE TABLE offsets (
        path TEXT PRIMARY KEY NOT NULL, offset_ms REAL, confidence REAL, agrees INTEGER)""",
    """CREATE TABLE sources (
        source TEXT PRIMARY KEY NOT NULL, folder TEXT NOT NULL UNIQUE COLLATE NOCASE,
        fingerprint TEXT NOT NULL DEFAULT '', record TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE decisions (
        stage TEXT NOT NULL, item TEXT NOT NULL, rule TEXT NOT NULL, detail TEXT NOT NULL,
        PRIMARY KEY (stage, item, rule)) WITHOUT ROWID""",
    "CREATE INDEX decisions_by_item ON decisions (item)",
    """CREATE TABLE jobs (
        kind TEXT NOT NULL, key TEXT NOT NULL, grp TEXT NOT NULL, state TEXT NOT NULL,
        stamp TEXT NOT NULL DEFAULT '', owner TEXT NOT NULL DEFAULT '',
        expires REAL NOT NULL DEFAULT 0, finished INTEGER NOT NULL DEFAULT 0,
        detail TEXT NOT NULL DEFAULT '', PRIMARY KEY (kind, key)) WITHOUT ROWID""",
    "CREATE INDEX jobs_open ON jobs (kind, grp) WHERE state IN ('pending', 'leased')",
    "CREATE INDEX jobs_leased ON jobs (kind, owner) WHERE state = 'leased'",
    "CREATE TABLE versions (name TEXT PRIMARY KEY NOT NULL, version TEXT NOT NULL) WITHOUT ROWID",
)


def version_of(connection: sqlite3.Connection) -> int | None:
    """Version of a database's schema; None for an empty file, 0 for a database of another kind."""
    if not tables_of(connection):
        return None
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        return 0
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def tables_of(connection: sqlite3.Connection) -> set[str]:
    """Names of all tables and indices."""
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    """Names of a table's columns."""
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty database, or bring one of version 1 to this version.

    To be called within a transaction, so that it is done whole or not at all.
    """
    version = version_of(connection)
    if version == SCHEMA_VERSION:
        if SUMS not in tables_of(connection):
            _keep_sums(connection)
        return
    if version == 1:
        connection.execute("ALTER TABLE beatmaps RENAME TO beatmaps_1")
        connection.execute("DROP INDEX IF EXISTS beatmaps_audio")
    for statement in _TABLES:
        connection.execute(statement)
    if version == 1:
        _from_version_1(connection)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    set_version(connection, "schema", str(SCHEMA_VERSION))
    _keep_sums(connection)


def _keep_sums(connection: sqlite3.Connection) -> None:
    make_sums(connection)
    set_version(connection, SUMS, "1")


def _from_version_1(connection: sqlite3.Connection) -> None:
    fixed = ", ".join(_VERSION_1)
    names = [name for name in columns_of(connection, "beatmaps_1") if name not in _VERSION_1]
    add_features(connection, names)
    copied = ", ".join(["path", *(f'"{name}"' for name in names)])
    for statement in (
        f"INSERT INTO beatmaps ({fixed}) SELECT {fixed} FROM beatmaps_1",  # noqa: S608 - own
        f"INSERT INTO features ({copied}) SELECT {copied} FROM beatmaps_1",  # noqa: S608 - own
        "INSERT OR REPLACE INTO audio (path, stamp, hash) SELECT audio, audio_stamp, audio_hash"
        " FROM beatmaps_1 WHERE audio != ''",
        "DROP TABLE beatmaps_1",
    ):
        connection.execute(statement)


def add_features(connection: sqlite3.Connection, names: list[str]) -> None:
    """Add columns for the features that have none."""
    present = set(columns_of(connection, "features"))
    for name in dict.fromkeys(names):
        if name not in present:
            connection.execute(f'ALTER TABLE features ADD COLUMN "{name}"')


def set_version(connection: sqlite3.Connection, name: str, version: str) -> None:
    """Notes which version of a tool was at work."""
    connection.execute("INSERT OR REPLACE INTO versions VALUES (?, ?)", (name, version))


def switch_journal(connection: sqlite3.Connection, mode: str) -> None:
    """Give a database its journal mode, which needs it alone.

    SQLite waits for others everywhere but here.

    Args:
        connection: outside a transaction.
        mode: `wal` or `delete`.

    Raises:
        sqlite3.OperationalError: when another process has not let go after `BUSY_S`.
    """
    until = time.monotonic() + BUSY_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != mode:
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def make_sums(connection: sqlite3.Connection) -> None:
    """Begin to keep sums, of all rows that are there too; within a transaction."""
    for statement in (_TABLE, _INDEX):
        connection.execute(statement)
    for table, key in SUMMED.items():
        drop = f"DELETE FROM {SUMS} WHERE name = '{table}' AND key = {{}}.{key};"  # noqa: S608 - own
        note = f"INSERT INTO {SUMS} VALUES ('{table}', NEW.{key}, NULL);"  # noqa: S608 - own
        parts = {"drop_old": drop.format("OLD"), "drop_new": drop.format("NEW"), "note": note}
        for trigger in _TRIGGERS:
            connection.execute(trigger.format(table=table, **parts))
        connection.execute(
            f"INSERT INTO {SUMS} SELECT '{table}', {key}, NULL FROM {table}"  # noqa: S608 - own
        )


def fill_sums(connection: sqlite3.Connection) -> None:
    """Give sums to the rows that were noted; before a transaction ends."""
    kept = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    if connection.execute(kept, (SUMS,)).fetchone() is None:
        return  # opened for reading, before sums were kept
    for table, key in SUMMED.items():
        noted = connection.execute(
            f"SELECT key FROM {SUMS} WHERE name = ? AND sum IS NULL",  # noqa: S608 - own
            (table,),
        ).fetchall()
        for (name,) in noted:
            found = connection.execute(f"SELECT * FROM {table} WHERE {key} = ?", (name,))  # noqa: S608 - own
            columns = [column[0] for column in found.description]
            connection.execute(
                f"UPDATE {SUMS} SET sum = ? WHERE name = ? AND key = ?",  # noqa: S608 - own
                (_sum(columns, tuple(found.fetchone())), table, name),
            )


def check_database(connection: sqlite3.Connection, file: object, version: int) -> None:
    """Compare a database with what SQLite and the sums say of it; within a transaction.

    Args:
        connection: of the database.
        file: its path, for messages.
        version: of its schema; 0 is the original's.

    Raises:
        DataError: names what is damaged.
    """
    try:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
        if said != ["ok"]:
            raise _damaged(file, said[0])
        tables = tables_of(connection)
        if not _fits(connection, version, tables):
            raise _damaged(file, f"version {version}")
        if SUMS in tables:
            for table, key in SUMMED.items():
                _check_table(connection, table, key, file)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _PASSING:
            raise
        raise _damaged(file, str(error)) from error


def _fits(connection: sqlite3.Connection, version: int, tables: set[str]) -> bool:
    """Return whether a database has the tables of its version, and sums where it notes them."""
    if version < 2:
        return "features" not in tables
    if not {"versions", *SUMMED} <= tables:
        return False
    noted = connection.execute("SELECT 1 FROM versions WHERE name = ?", (SUMS,)).fetchone()
    return (noted is not None) == (SUMS in tables)


def _check_table(connection: sqlite3.Connection, table: str, key: str, file: object) -> None:
    count = connection.execute(f"SELECT COUNT(*) FROM {SUMS} WHERE name = ?", (table,)).fetchone()[  # noqa: S608 - own
        0
    ]
    found = connection.execute(
        f"SELECT s.sum, s.name, t.* FROM {table} t"  # noqa: S608 - own
        f" LEFT JOIN {SUMS} s ON s.name = '{table}' AND s.key = t.{key}"
    )
    columns = [column[0] for column in found.description[2:]]
    place, rows = columns.index(key), 0
    for noted, name, *values in found:
        rows += 1
        if name is None or noted not in (None, _sum(columns, values)):
            raise _damaged(file, f"{table}: {values[place]}")
    if rows != count:
        raise _damaged(file, f"{table}: {rows} of {count} rows")


def _sum(columns: Sequence[str], values: Sequence[object]) -> int:
    """Sum of a row; a new column that is NULL does not change it."""
    known = [pair for pair in zip(columns, values, strict=True) if pair[1] is not None]
    # This format stays as it is; text and JSON would take ten times as long.
    return zlib.crc32(marshal.dumps(known, 2))


def _damaged(file: object, what: str) -> DataError:
    return DataError(
        "data.feature_database_is_damaged",
        file=str(file),
        value=what,
        remedy="remedy.restore_database_or_prepare_again",
    )
