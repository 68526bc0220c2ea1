import multiprocessing
import pickle
import random
import sqlite3
import struct
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from mug.data.feature_db import FeatureDB, FeatureRow
from mug.data.feature_tables import APPLICATION_ID, switch_journal
from mug.errors import DataError

NAMES = ("sr", "rank_status", "rc")


def row(path="set/a.osu", **features):
    return FeatureRow(path, "7", "hash", "set/a.mp3", "sound", "1 2", "rosu", "t", features)


def full(given):
    return FeatureRow(**{**given.__dict__, "features": dict.fromkeys(NAMES) | dict(given.features)})


def test_what_is_written_is_read(tmp_path):
    with FeatureDB(tmp_path / "f.db", NAMES) as db:
        db.upsert([row(sr=3.25, rc=1)])
        assert db.names == NAMES
        assert db.row("set/a.osu") == {"sr": 3.25, "rank_status": None, "rc": 1}
        assert db.find("set/a.osu") == full(row(sr=3.25, rc=1))
        assert (db.find("set/a.osu").set_name, db.find("set/a.osu").name) == ("set", "a.osu")
    with FeatureDB(tmp_path / "f.db") as again:
        assert list(again.rows()) == [full(row(sr=3.25, rc=1))]


def test_writing_twice_is_writing_once_and_the_last_counts(tmp_path):
    with FeatureDB(tmp_path / "f.db", NAMES) as db:
        for stars in (1.0, 2.0, 2.0):
            db.upsert([row(sr=stars, rc=1 if stars == 1 else None)])
        assert list(db.rows()) == [full(row(sr=2.0))]
        db.delete(["set/a.osu"])
        assert list(db.rows()) == []


def test_equal_names_in_different_folders_are_two_rows(tmp_path):
    with FeatureDB(tmp_path / "f.db", NAMES) as db:
        db.upsert([row("x/set/a.osu", sr=1.0), row("y/set/a.osu", sr=2.0)])
        assert db.row("x/set/a.osu")["sr"] == 1.0
        assert db.row(tmp_path / "y" / "set" / "a.osu")["sr"] == 2.0


def test_paths_however_written(tmp_path, monkeypatch):
    (tmp_path / "data" / "set").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    for file in ("data/f.db", tmp_path / "data" / "f.db", tmp_path / "link" / "f.db"):
        with FeatureDB(Path(file), NAMES) as db:
            for chart in ("set/a.osu", "data/set/a.osu", tmp_path / "data" / "set" / "a.osu"):
                if "link" in str(file) and chart == "data/set/a.osu":
                    continue
                assert db.key(chart) == "set/a.osu"
            with pytest.raises(DataError, match="does not lie below"):
                db.key("/elsewhere/a.osu")


def test_the_data_set_can_be_moved(tmp_path):
    (tmp_path / "old").mkdir()
    with FeatureDB(tmp_path / "old" / "f.db", NAMES) as db:
        db.upsert([row(sr=1.0)])
    (tmp_path / "old").rename(tmp_path / "new")
    with FeatureDB(tmp_path / "new" / "f.db") as db:
        assert db.row(tmp_path / "new" / "set" / "a.osu")["sr"] == 1.0
        assert db.entries()[0].path == tmp_path / "new" / "set" / "a.osu"
        assert (db.entries()[0].beatmapset, db.entries()[0].audio_hash) == ("7", "sound")


def test_a_chart_without_a_row_is_an_error(tmp_path):
    with FeatureDB(tmp_path / "f.db", NAMES) as db, pytest.raises(DataError, match="no row"):
        db.row("set/none.osu")


def test_new_features_get_columns_and_old_rows_stay(tmp_path):
    with FeatureDB(tmp_path / "f.db", NAMES) as db:
        db.upsert([row(sr=1.0)])
    with FeatureDB(tmp_path / "f.db", ("ett", "sr")) as db:
        assert set(db.names) == {*NAMES, "ett"}
        assert db.row("set/a.osu")["sr"] == 1.0
        with pytest.raises(DataError, match="no column"):
            db.upsert([row("set/c.osu", sr=2.0), row(stranger=1)])
        assert db.find("set/c.osu") is None  # all or none


@pytest.mark.parametrize("name", ["path", 'x" TEXT', "a b", ""])
def test_names_that_are_no_columns_are_refused(tmp_path, name):
    with pytest.raises(DataError):
        FeatureDB(tmp_path / "f.db", (name,))


def test_it_is_in_wal_mode_and_says_what_it_is(tmp_path):
    FeatureDB(tmp_path / "f.db", NAMES).close()
    connection = sqlite3.connect(tmp_path / "f.db")
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    connection.close()


def test_other_databases_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(DataError, match="no such feature database"):
        FeatureDB(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("not a database at all, but long enough to look at" * 50)
    with pytest.raises(DataError, match="not a feature database"):
        FeatureDB(tmp_path / "text.db")
    FeatureDB(tmp_path / "new.db", NAMES).close()
    for file, statement in (("new.db", "PRAGMA user_version = 3"), ("x.db", "CREATE TABLE t (a)")):
        connection = sqlite3.connect(tmp_path / file)
        connection.execute(statement)
        connection.commit()
        connection.close()
    with pytest.raises(DataError, match="version 3; up to 2 are read"):
        FeatureDB(tmp_path / "new.db", NAMES)
    with pytest.raises(DataError, match="something else"):
        FeatureDB(tmp_path / "x.db", NAMES)


@pytest.fixture
def legacy(tmp_path):
    connection = sqlite3.connect(tmp_path / "feature.db")
    connection.execute(
        "CREATE TABLE Feature (name TEXT, set_name TEXT, sr REAL, rank_status TEXT DEFAULT 'NULL',"
        " ln REAL, PRIMARY KEY (name, set_name))"
    )
    connection.execute("INSERT INTO Feature VALUES ('a.osu', 'set', 4.5, 'loved', 0)")
    connection.execute("INSERT INTO Feature (name, set_name, sr) VALUES ('b.osu', 'set', 'NULL')")
    connection.commit()
    connection.close()
    return tmp_path / "feature.db"


def test_the_originals_database_is_read_and_not_written(legacy):
    before = legacy.read_bytes()
    with FeatureDB(legacy) as db:
        assert db.names == ("sr", "rank_status", "ln")
        assert db.row(legacy.parent / "set" / "a.osu") == {
            "sr": 4.5,
            "rank_status": "loved",
            "ln": 0,
        }
        assert db.row("set/b.osu") == {"sr": None, "rank_status": None, "ln": None}
        assert [found.path for found in db.rows()] == ["set/a.osu", "set/b.osu"]
        with pytest.raises(DataError, match="read, not written"):
            db.upsert([row()])
    with pytest.raises(DataError, match="read, not written"):
        FeatureDB(legacy, NAMES)
    assert legacy.read_bytes() == before


def _write(path, worker):
    with FeatureDB(path, NAMES) as db:
        for number in range(40):
            db.upsert([row(f"set{worker}/{number}.osu", sr=float(number)), row(sr=1.0)])


def test_several_processes_write_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        for future in [pool.submit(_write, tmp_path / "f.db", worker) for worker in range(2)]:
            future.result()
    with FeatureDB(tmp_path / "f.db") as db:
        assert len(list(db.rows())) == 2 * 40 + 1


def test_who_opens_it_waits_for_a_reader_that_has_it(tmp_path):
    """The journal's mode needs the database alone, and SQLite itself does not wait there."""
    path = tmp_path / "f.db"
    with FeatureDB(path, NAMES) as db:
        db.upsert([row()])
    with sqlite3.connect(path) as plain:
        plain.execute("PRAGMA journal_mode = delete")
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM beatmaps").fetchone() == (1,)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite3.connect(path, timeout=0.3).execute("PRAGMA journal_mode = wal")
    end = threading.Timer(0.1, reader.execute, ["COMMIT"])
    end.start()
    connection = sqlite3.connect(path, isolation_level=None)
    switch_journal(connection, "wal")
    end.join()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_it_travels_to_other_processes(tmp_path):
    with FeatureDB(tmp_path / "f.db", NAMES) as db:
        db.upsert([row(sr=1.0)])
        with pickle.loads(pickle.dumps(db)) as copy:
            assert copy.row("set/a.osu")["sr"] == 1.0


def _prepared(path):
    """A database with rows in the tables that preparation fills; its rows."""
    with FeatureDB(path, NAMES) as db:
        db.upsert([row(f"set/{n}.osu", sr=n / 7, rc=n) for n in range(60)])
        with db.transaction() as connection:
            connection.execute("INSERT INTO audio (path, stamp, hash) VALUES ('a', '1', 'h')")
    with FeatureDB(path) as db:
        return list(db.rows())


def _changed(path, before, after):
    data = path.read_bytes()
    assert before in data
    path.write_bytes(data.replace(before, after, 1))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"set/7.osu", b"set/8.osu"),  # a path
        (struct.pack(">d", 8 / 7), struct.pack(">d", 9 / 7)),  # a value
        (b'"sr"', b'"sx"'),  # a column
        (b"hash", b"hasi"),  # of a chart's file
    ],
)
def test_a_value_that_changed_on_the_disk_is_noticed(tmp_path, before, after):
    path = tmp_path / "f.db"
    _prepared(path)
    _changed(path, before, after)
    for names in (None, NAMES):
        with pytest.raises(DataError, match=r"f\.db: the feature database is damaged"):
            FeatureDB(path, names)


def test_a_sound_that_changed_is_noticed(tmp_path):
    _prepared(tmp_path / "f.db")
    _changed(tmp_path / "f.db", b"a1h", b"a1i")
    with pytest.raises(DataError, match="audio: a"):
        FeatureDB(tmp_path / "f.db")


@pytest.mark.parametrize("seed", range(12))
def test_random_damage_is_noticed_or_does_no_harm(tmp_path, seed):
    path, rng = tmp_path / "f.db", random.Random(seed)
    good = _prepared(path)
    data = bytearray(path.read_bytes())
    for _ in range(4):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data if seed else b"")
    with suppress(DataError), FeatureDB(path) as db:  # no other error, and no other values
        assert list(db.rows()) == good


def test_what_is_changed_by_hand_counts(tmp_path):
    path = tmp_path / "f.db"
    _prepared(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE features SET sr = 5.5 WHERE path = 'set/7.osu'")
    connection.execute("INSERT INTO features (path, sr) VALUES ('set/new.osu', 1)")
    connection.execute("DELETE FROM features WHERE path = 'set/8.osu'")
    connection.commit()
    connection.close()
    with FeatureDB(path, NAMES) as db:
        assert db.row("set/7.osu")["sr"] == 5.5
    _changed(path, struct.pack(">d", 5.5), struct.pack(">d", 5.75))
    with pytest.raises(DataError, match=r"features: set/7\.osu"):  # it has a sum by now
        FeatureDB(path)


def test_a_database_from_before_the_sums_is_read_and_gets_them(tmp_path):
    path = tmp_path / "f.db"
    good = _prepared(path)
    connection = sqlite3.connect(path)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("DROP TABLE sums")
    connection.execute("DELETE FROM versions WHERE name = 'sums'")
    connection.commit()
    connection.close()
    with FeatureDB(path) as db:
        assert list(db.rows()) == good
        db.note_version("t", "1")  # writing needs no sums
    with FeatureDB(path, NAMES) as db:
        assert db.select("SELECT COUNT(*) FROM sums WHERE sum IS NULL").fetchone()[0] == 0
        assert db.select("SELECT COUNT(*) FROM sums").fetchone()[0] == 2 * 60 + 1
