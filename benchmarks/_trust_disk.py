"""Full and read-only disks, limits, and every write failed once: one sentence, nothing half.

Real faults first: a disk (tmpfs) with room for a part of what a command writes, a limit on the
size of files, a limit on memory, a disk that may only be read. Then each writing call of each
command fails once (of one with more than 93 calls, as many, evenly spread). A command that fails
must say so in one line, leave no half-written file and nothing of a group of files; what was
finished before stays; and the same command, when the fault is over, must leave what an undisturbed
one leaves.
"""

from __future__ import annotations

import errno
import random
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._small_jobs import (
    COMPOSE,
    CONVERT,
    EVALUATE,
    GENERATE,
    GENERATE_FOLDER,
    PREPARE,
    Job,
    leftovers,
    reference,
)
from benchmarks._trust import FAILED, REFERENCE, REFUSED, SURVIVED, Finished, Try, run_measured

SECTION = "disk"
JOBS = (CONVERT, GENERATE, PREPARE, COMPOSE, GENERATE_FOLDER, EVALUATE)
FULL = 960
_CALL_TURNS = 93  # of each job in a full run
_ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)
_KINDS = ("call", "call", "full disk", "call", "limit of size", "call", "read-only", "call")
_MEMORY = "limit of memory"

_NO_MEMORY = ("annot allocate memory", "Memory allocation still failed", "failed to map segment")

Fault = Callable[[Job, Path, Path], Finished]


def tries(
    count: int, seed: int, work: Path, jobs: tuple[Job, ...] = JOBS
) -> Iterator[dict[str, Any]]:
    """Give each job each kind of fault in turn; calls from the first to the last, then again."""
    for number in range(seed, seed + count):
        job = jobs[number % len(jobs)]
        turn = number // len(jobs)
        yield disturb(job, _kind_of(turn), turn, number, work).as_dict()


def _kind_of(turn: int) -> str:
    return _KINDS[turn % len(_KINDS)] if turn % 20 else _MEMORY


def disturb(job: Job, kind: str, turn: int, seed: int, work: Path) -> Try:
    """Run a job with a fault, look at what it leaves, and run it again without.

    Args:
        job: to be disturbed.
        kind: of the fault.
        turn: which of the calls fails, for that kind.
        seed: of sizes.
        work: folder for everything.
    """
    inputs, expected, _ = reference(job, work)
    began, rng = time.monotonic(), random.Random(seed)
    out, what = work / "disturbed", f"{job.name}: {kind}"
    _unmount(out)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        fault, said = _fault(job, kind, turn, rng, work)
        end = fault(job, out, inputs)
        wrong = _wrong_after(end, out)
        again = job.run(out, inputs)
        found = job.outcome(out) if again.code == 0 else {}
        differing = sorted(n for n in {*found, *expected} if found.get(n) != expected.get(n))
        if again.code:
            wrong = wrong or f"does not go on: {again.last}"
        elif differing or leftovers(out):
            wrong = wrong or f"differs afterwards: {[*differing, *leftovers(out)][:5]}"
    finally:
        _unmount(out)
    result = FAILED if wrong else SURVIVED if end.code == 0 else REFUSED
    peak = max(end.peak_mib, again.peak_mib)
    return Try(what, seed, result, time.monotonic() - began, peak, f"{said}. {wrong}".strip())


def _wrong_after(end: Finished, out: Path) -> str:
    """Tell what is wrong with a command's end; empty when it went well, or said why it did not."""
    lines = [line for line in end.text.splitlines() if line.startswith("error: ")]
    if end.code and any(sign in end.text for sign in _NO_MEMORY):
        left = leftovers(out)  # the C library ends a process by itself, and says so
        return f"left behind: {left[:5]}" if left else ""
    if end.code < 0:
        return f"ended by signal {-end.code}"
    if end.is_raw:
        return f"a raw error: {end.last}"
    if end.code and not lines:
        return f"no error is said: {end.last}"
    left = leftovers(out)
    return f"left behind: {left[:5]}" if left else ""


def _fault(job: Job, kind: str, turn: int, rng: random.Random, work: Path) -> tuple[Fault, str]:
    inputs, _, _ = reference(job, work)
    if kind == "call":
        calls = _calls(job, inputs, work)
        number, error = _call_of(turn, calls), rng.choice(_ERRORS)
        return partial(
            _injected, number, error
        ), f"call {number} of {calls}, {errno.errorcode[error]}"
    used = _used(work / REFERENCE / job.name.replace(" ", "_") / "out")
    if kind == "full disk":
        room = max(8192, int(rng.uniform(0.05, 1.0) * used))
        return partial(_on_small_disk, room), f"{room} bytes of room, {used} needed"
    if kind == "limit of size":
        most = int(rng.uniform(100, max(_largest(work, job), 200)))
        return partial(_limited, resource.RLIMIT_FSIZE, most), f"files of {most} bytes at most"
    if kind == _MEMORY:
        most = int(rng.uniform(250, 2500)) << 20
        return partial(_limited, resource.RLIMIT_AS, most), f"{most >> 20} MiB of memory"
    return _read_only, "a disk that may only be read"


def _call_of(turn: int, calls: int) -> int:
    """Number of the call that fails: each in turn, or evenly spread ones of a job with many."""
    before = sum(_kind_of(earlier) == "call" for earlier in range(turn))
    return 1 + before * -(-calls // _CALL_TURNS) % max(calls, 1)


def _calls(job: Job, inputs: Path, work: Path) -> int:
    """Number of writing calls of a job; counted once."""
    kept = work / REFERENCE / f"{job.name.replace(' ', '_')}.calls"
    if not kept.is_file():
        out = work / "counted"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        _injected(0, errno.EIO, job, out, inputs)
        kept.write_text((work / "counted.calls").read_text(), encoding="utf-8")
    return int(kept.read_text(encoding="utf-8"))


def _injected(number: int, error: int, job: Job, out: Path, inputs: Path) -> Finished:
    """Run the job with one call failing; of several commands only the first is watched."""
    counter = out.with_name(f"{out.name}.calls")
    counter.unlink(missing_ok=True)
    before = ["benchmarks/_inject.py", str(number), str(error), str(out), str(counter)]

    def words(out: Path, inputs: Path) -> list[list[str | Path]]:
        first, *rest = job.words(out, inputs)
        return [[*before, *first], *map(list, rest)]

    end = replace(job, words=words).run(out, inputs)
    if not counter.is_file():
        counter.write_text("0", encoding="utf-8")
    return end


def _on_small_disk(room: int, job: Job, out: Path, inputs: Path) -> Finished:
    """Run the job on a disk of so much room, and then give it more."""
    _mount(out, f"size={room}")
    end = job.run(out, inputs)
    _remount(out, "size=1g")
    return end


def _read_only(job: Job, out: Path, inputs: Path) -> Finished:
    _mount(out, "size=1g")
    _remount(out, "ro")
    end = job.run(out, inputs)
    _remount(out, "rw")
    return end


def _limited(which: int, most: int, job: Job, out: Path, inputs: Path) -> Finished:
    def limit() -> None:
        resource.setrlimit(which, (most, most))

    ends = []
    for words in job.words(out, inputs):
        ends.append(run_measured(words, before=limit, fresh=which == resource.RLIMIT_AS))
        if ends[-1].code:
            break
    return ends[-1]


def _mount(folder: Path, options: str) -> None:
    """Mount a tmpfs; needs the rights for it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def _remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def _unmount(folder: Path) -> None:
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


def _used(out: Path) -> int:
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in out.rglob("*"))


def _largest(work: Path, job: Job) -> int:
    out = work / REFERENCE / job.name.replace(" ", "_") / "out"
    return max((path.stat().st_size for path in out.rglob("*") if path.is_file()), default=0)
