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

Version 1 had one table, `beatmaps`, with the features' columns in it.
"""

from __future__ import annotations

import sqlite3

SCHEMA_VERSION = 2
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
