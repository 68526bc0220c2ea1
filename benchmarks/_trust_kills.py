"""Long jobs killed at uniformly random moments, with the clock set back too; nothing may be lost.

Each try kills a job (SIGKILL to all of its processes) once or a few times, each at a moment that
is uniform over the whole of what is left to do, and then runs the same command to its end. In half
of the tries the clock goes back by an hour before it: files and leases come from the future then,
and names that are made of the time are earlier. What is left must be what an undisturbed run
leaves.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks._small_jobs import EVALUATE, GENERATE_FOLDER, PREPARE, Job, leftovers, reference
from benchmarks._small_trainings import TRAIN, TRAIN_RELEASE
from benchmarks._trust import FAILED, SURVIVED, Try

SECTION = "kills"
JOBS: tuple[Job, ...] = (GENERATE_FOLDER, PREPARE, TRAIN, EVALUATE, TRAIN_RELEASE)
FULL = 16 * len(JOBS)  # with 3.5 kills each
_HOUR_S = 3600.0
_MOST_KILLS = 6


def tries(
    count: int, seed: int, work: Path, jobs: tuple[Job, ...] = JOBS
) -> Iterator[dict[str, Any]]:
    """Kill the jobs in turn."""
    for number in range(seed, seed + count):
        yield kill(jobs[number % len(jobs)], number, work).as_dict()


def kill(job: Job, seed: int, work: Path) -> Try:
    """Kill a job at random moments, run it to its end, and compare what it leaves.

    Args:
        job: to be killed.
        seed: of the moments.
        work: folder for everything.
    """
    inputs, expected, whole = reference(job, work)
    rng, began, peak = random.Random(seed), time.monotonic(), 0.0
    out = work / "killed"
    shutil.rmtree(out, ignore_errors=True)
    moments: list[str] = []
    env: Mapping[str, str] = {}
    for _ in range(rng.randint(1, _MOST_KILLS)):
        moment = rng.uniform(0.0, whole)
        end = job.run(out, inputs, kill_after=moment, env=env)
        peak = max(peak, end.peak_mib)
        while end.code != -9 and not moments:  # faster than the undisturbed run: from the beginning
            shutil.rmtree(out, ignore_errors=True)
            whole = end.seconds
            moment = rng.uniform(0.0, whole)
            end = job.run(out, inputs, kill_after=moment, env=env)
        moments.append(f"{moment:.2f} s" + ("" if end.code == -9 else " (had ended)"))
        if rng.random() < 0.5:
            set_clock_back(out)
            env = {"TZ": "UTC+1"}  # one hour earlier, for names that are made of the time
            moments[-1] += ", clock set back"
    end = job.run(out, inputs, env=env)
    peak = max(peak, end.peak_mib)
    detail = _wrong(job, end.code, end.last, out, expected)
    return Try(
        job.name,
        seed,
        FAILED if detail else SURVIVED,
        time.monotonic() - began,
        peak,
        f"killed after {'; '.join(moments)}. {detail}".strip(),
    )


def _wrong(job: Job, code: int, said: str, out: Path, expected: Mapping[str, str]) -> str:
    if code:
        return f"exit code {code}: {said}"
    if left := leftovers(out):
        return f"left behind: {left[:5]}"
    found = job.outcome(out)
    differing = [name for name in {*found, *expected} if found.get(name) != expected.get(name)]
    return f"differs: {sorted(differing)[:5]}" if differing else ""


def set_clock_back(out: Path) -> None:
    """Bring everything below a folder into the state that it has when the clock went back."""
    for path in [out, *out.rglob("*")]:
        if path.exists() and not path.is_symlink():
            found = path.stat()
            os.utime(path, (found.st_atime + _HOUR_S, found.st_mtime + _HOUR_S))
    for database in out.rglob("features.db"):
        with sqlite3.connect(database, timeout=5.0) as connection:
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone()
            if known:
                connection.execute("UPDATE jobs SET expires = expires + ?", (_HOUR_S,))
        connection.close()
