import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import distributed
import pytest

from benchmarks._data_songs import make_sets
from mug.data.feature_db import FeatureDB
from mug.errors import DataError, FileError
from mug.features import FeatureSchema
from mug.prepare import engines
from mug.prepare.collect import collect
from mug.prepare.features import fill_features
from mug.prepare.jobs import DONE, FAILED, Item, JobTable, is_dead, this_process
from mug.prepare.run_jobs import Work, run_jobs

ITEMS = [Item(f"{group}{n}", group) for group in "abc" for n in range(3)]


@pytest.fixture
def db(tmp_path):
    with FeatureDB(tmp_path / "features.db", ("sr",)) as db:
        yield db


def states(db):
    return {row[0]: (row[1], row[2]) for row in db.select("SELECT key, state, finished FROM jobs")}


def test_groups_are_taken_whole_and_once(db):
    one, other = JobTable(db, "k"), JobTable(db, "k")
    one.add(ITEMS)
    first, second = one.take(1), other.take(5)
    assert [lease.group for lease in first] == ["a"]
    assert first[0].keys == ("a0", "a1", "a2")
    assert [lease.group for lease in second] == ["b", "c"]
    assert one.take(5) == []
    assert one.open_items() == 9
    assert JobTable(db, "other").take(5) == []


def test_only_the_owner_stores(db):
    slow = JobTable(db, "k", lease_s=10, clock=lambda: 0.0)
    slow.add(ITEMS[:3])
    (lease,) = slow.take()
    quick = JobTable(db, "k", lease_s=10, clock=lambda: 9.0)
    assert quick.take() == []
    quick.clock = lambda: 10.5  # its lease has run out
    assert quick.take() == [lease]
    assert slow.owned(lease) == set()
    assert quick.owned(lease) == {"a0", "a1", "a2"}


def test_renewed_leases_stay(db):
    now = [0.0]
    one = JobTable(db, "k", lease_s=10, clock=lambda: now[0])
    one.add(ITEMS[:3])
    one.take()
    now[0] = 8.0
    one.renew()
    now[0] = 12.0
    assert JobTable(db, "k", clock=lambda: now[0]).take() == []
    one.give_back()
    assert len(JobTable(db, "k", clock=lambda: now[0]).take()) == 1


def test_adding_does_not_disturb_running_workers(db):
    one = JobTable(db, "k")
    one.add(ITEMS[:3])
    (lease,) = one.take()
    JobTable(db, "k").add(ITEMS[:3])
    assert one.owned(lease) == set(lease.keys)
    one.close([Item("a0", "a", "s", DONE), Item("a1", "a", "s", FAILED, "why")])
    assert one.owned(lease) == {"a2"}
    assert [(i.key, i.detail) for i in one.failed()] == [("a1", "why")]
    one.add([Item("a0", "a")])
    assert one.find(["a0", "zz"]) == {"a0": Item("a0", "a", "s")}


def ended_process():
    """Name of a process of this machine that is over."""
    told = subprocess.run(
        [sys.executable, "-c", "from mug.prepare.jobs import this_process; print(this_process())"],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()


def test_who_is_dead():
    ended = ended_process()
    assert is_dead(ended)
    assert not is_dead(this_process())
    machine, pid, _, rest = this_process().split(" ")
    assert is_dead(f"{machine} {pid} 1 {rest}")  # a later process of the same number
    assert not is_dead(f"elsewhere {ended.partition(' ')[2]}")  # who knows
    assert not is_dead("nonsense")


def test_leases_of_a_dead_process_of_this_machine_end_at_once(db):
    dead = ended_process()
    gone = JobTable(db, "k", owner=dead)
    gone.add(ITEMS[:3])
    assert gone.take()
    assert len(JobTable(db, "k").take()) == 1


def failing(given, reason):
    raise AssertionError(reason)


def test_leases_made_before_the_clock_was_set_back_end(db):
    other = JobTable(db, "k", lease_s=10, clock=lambda: 5000.0)
    other.add(ITEMS[:3])
    other.take()
    assert JobTable(db, "k", lease_s=10, clock=lambda: 4995.0).take() == []
    assert len(JobTable(db, "k", lease_s=10, clock=lambda: 1000.0).take()) == 1


LOG = "with open({log!r}, 'a') as file: file.write({group!r})\n"
DEATHS = {"a": "", "b": "import os; os._exit(9)", "c": "raise MemoryError", "d": "", "e": ""}


@pytest.mark.parametrize("workers", [1, 2])
def test_what_kills_its_worker_is_left_out_after_two_tries(db, tmp_path, workers):
    table, log = JobTable(db, "k"), tmp_path / "log"
    # In this process nobody may die.
    deaths = DEATHS | {"b": "raise RecursionError"} if workers == 1 else DEATHS
    table.add([Item(group, group) for group in deaths])

    def given(lease):
        return LOG.format(log=str(log), group=lease.group) + deaths[lease.group]

    def store(result, mine):
        return [Item(key, "", "", FAILED if result else DONE, result or "") for key in mine]

    with engines.executor(workers=workers) as pool:
        run_jobs(table, pool, workers, Work(exec, given, store, lambda _, reason: reason))
    assert {key: state for key, (state, _) in states(db).items()} == {
        "a": DONE, "b": FAILED, "c": FAILED, "d": DONE, "e": DONE,
    }  # fmt: skip
    tried = log.read_text()
    assert tried.count("b") == 2
    assert tried.count("c") in ((2,) if workers == 1 else (1, 2))  # b may have died before it
    reasons = {item.key: item.detail for item in table.failed()}
    assert all("twice" in reason for reason in reasons.values())
    assert "MemoryError" in reasons["c"]


def test_what_killed_a_whole_run_is_tried_in_a_process_of_its_own(db):
    dead = ended_process()
    gone = JobTable(db, "k", owner=dead)
    gone.add([Item("a", "a"), Item("b", "b")])
    gone.take(1)
    table = JobTable(db, "k")
    assert [(lease.group, lease.suspect) for lease in table.take(2)] == [("a", True), ("b", False)]
    table.give_back()
    gone.take(1)
    ends = {"a": "import os; os._exit(9)", "b": ""}

    def store(result, mine):
        return [Item(key, "", "", FAILED if result else DONE) for key in mine]

    with engines.executor() as pool:
        run_jobs(
            table, pool, 1, Work(exec, lambda lease: ends[lease.group], store, lambda *_: "died")
        )
    assert {key: state for key, (state, _) in states(db).items()} == {"a": FAILED, "b": DONE}


def test_a_full_disk_ends_a_run_and_leaves_nothing_out(db):
    table = JobTable(db, "k")
    table.add(ITEMS)
    work = Work(exec, lambda _: "raise OSError(28, 'full', 'there')", lambda *_: [], failing)
    with engines.executor() as pool, pytest.raises(FileError, match=r"there.*full.*Make room"):
        run_jobs(table, pool, 1, work)
    assert set(states(db).values()) == {("pending", 0)}


def test_working_off_stores_everything_once(db):
    table, seen = JobTable(db, "k"), []
    table.add(ITEMS)

    def store(result, mine):
        seen.append((result, mine))
        return [Item(key, "", "new", DONE) for key in mine]

    with engines.executor() as pool:
        run_jobs(table, pool, 1, Work(str.upper, lambda lease: lease.group, store, failing))
    assert seen == [(g.upper(), {f"{g}0", f"{g}1", f"{g}2"}) for g in "abc"]
    assert set(states(db).values()) == {("done", 1)}


def test_an_error_gives_the_leases_back_and_stores_nothing_half(db):
    table = JobTable(db, "k")
    table.add(ITEMS)

    def store(_, mine):
        with db.transaction() as connection:
            connection.execute("INSERT INTO versions VALUES ('half', '1')")
        raise DataError("no")

    with engines.executor() as pool, pytest.raises(DataError, match="no"):
        run_jobs(table, pool, 1, Work(str.upper, lambda lease: lease.group, store, failing))
    assert db.noted_version("half") is None
    assert set(states(db).values()) == {("pending", 0)}


def test_unknown_engines_are_refused():
    with pytest.raises(DataError, match="unknown engine"), engines.executor("spark"):
        pass
    with pytest.raises(DataError, match="worker"), engines.executor(workers=0):
        pass


def test_a_shared_database_needs_no_wal_and_stays_shared(tmp_path):
    FeatureDB(tmp_path / "f.db", ("sr",), shared=True).close()
    with FeatureDB(tmp_path / "f.db", ("sr",)) as db:
        assert db.select("PRAGMA journal_mode").fetchone()[0] == "delete"
        assert db.select("PRAGMA synchronous").fetchone()[0] == 2
        db.note_version("x", "1")
    assert not list(tmp_path.glob("*-wal"))


def test_a_database_of_version_1_is_read_and_then_brought_up_to_date(tmp_path):
    connection = sqlite3.connect(tmp_path / "f.db")
    connection.executescript(
        """CREATE TABLE beatmaps (path TEXT PRIMARY KEY NOT NULL, set_name TEXT NOT NULL,
        name TEXT NOT NULL, beatmapset TEXT NOT NULL, beatmap_hash TEXT NOT NULL,
        audio TEXT NOT NULL, audio_hash TEXT NOT NULL, audio_stamp TEXT NOT NULL,
        sr_algorithm TEXT NOT NULL, tool_version TEXT NOT NULL, sr, rc);
        CREATE INDEX beatmaps_audio ON beatmaps (audio, audio_stamp);
        INSERT INTO beatmaps VALUES
        ('s/a.osu', 's', 'a.osu', '7', 'h', 's/a.mp3', 'sound', '1 2', 'rosu', 't', 3.5, NULL);
        PRAGMA application_id = 1299531590; PRAGMA user_version = 1;"""
    )
    connection.close()
    before = (tmp_path / "f.db").read_bytes()
    with FeatureDB(tmp_path / "f.db") as old:
        assert old.names == ("sr", "rc")
        rows = list(old.rows())
    assert rows[0].features == {"sr": 3.5, "rc": None}
    assert (tmp_path / "f.db").read_bytes() == before
    with FeatureDB(tmp_path / "f.db", ("sr", "ett")) as new:
        assert new.names == ("sr", "rc", "ett")
        assert new.row("s/a.osu") == {"sr": 3.5, "rc": None, "ett": None}
        assert new.find("s/a.osu").audio_hash == "sound"
        assert tuple(new.select("SELECT path, stamp, hash FROM audio").fetchone()) == (
            "s/a.mp3",
            "1 2",
            "sound",
        )
        assert new.noted_version("schema") == "2"


WORKER = """
import sys, time
from pathlib import Path
from mug.data.feature_db import FeatureDB
from mug.prepare.jobs import JobTable, Item, DONE
from mug.prepare.collect import collect
from mug.prepare.features import fill_features
from mug.prepare.run_jobs import Work, run_jobs
from mug.prepare.engines import InThisProcess
def given(lease):  # other processes know no function of this one
    return f"__import__('time').sleep(0.01) or {lease.group!r}"
with FeatureDB(Path(sys.argv[1]), ("sr",)) as db:
    table = JobTable(db, "k")
    def store(group, mine):
        with db.transaction() as connection:
            connection.execute("INSERT INTO log VALUES (?)", (group,))
        return [Item(key, "", "", DONE) for key in mine]
    print("ready", flush=True)
    run_jobs(table, InThisProcess(), 1, Work(eval, given, store, print))
"""


def test_killed_processes_lose_nothing_and_repeat_nothing(db, tmp_path):
    """Two processes at once, killed at two moments; a last one finishes."""
    db.select("CREATE TABLE log (grp TEXT)")
    JobTable(db, "k").add([Item(f"{n:03}", f"{n:03}") for n in range(150)])
    command = [sys.executable, "-c", WORKER, str(tmp_path / "features.db")]
    before = 0
    for delay in (0.07, 0.19):
        pair = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
        for process in pair:
            process.stdout.readline()
        time.sleep(delay)
        for process in pair:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        done = db.select("SELECT COUNT(*) FROM log").fetchone()[0]
        assert done >= before
        before = done
    assert before < 150
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    groups = [row[0] for row in db.select("SELECT grp FROM log ORDER BY grp")]
    assert groups == [f"{n:03}" for n in range(150)]
    assert set(states(db).values()) == {("done", 1)}


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = (
        "import os, time\nfrom mug.prepare.engines import executor\n"
        "if __name__ == '__main__':\n"
        "    with executor(workers=2) as pool:\n"
        "        print(pool.submit(os.getpid).result(), flush=True)\n        time.sleep(60)\n"
    )
    (tmp_path / "parent.py").write_text(script)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    worker = int(parent.stdout.readline())
    handle = os.pidfd_open(worker)
    parent.kill()
    parent.communicate()
    import select

    assert select.select([handle], [], [], 20)[0]  # readable once the process has ended
    os.close(handle)


def test_dask_gives_the_same_rows_as_the_pool(tmp_path):
    """A local cluster of two worker processes, reached by its address."""
    make_sets(tmp_path / "songs", 3, notes=60, seconds=4.0)
    rows = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        for engine in ("process", f"dask:{cluster.scheduler_address}"):
            out = tmp_path / engine[:4]
            found = collect(tmp_path / "songs", out, workers=2, engine=engine)
            assert (found.done, found.charts) == (3, 12)
            schema = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")
            filled = fill_features(out / "beatmap.txt", schema, workers=2, engine=engine)
            assert filled.computed == 12
            with FeatureDB(out / "features.db") as db:
                rows.append([replace(r, audio_stamp="", beatmap_stamp="") for r in db.rows()])
    assert rows[0] == rows[1]
