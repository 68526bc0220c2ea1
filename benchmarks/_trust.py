"""Common parts of the sections of `benchmarks/trust.py`: a try, a command measured to its end."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests/support"))
REFERENCE = "reference"
"""Folder of what undisturbed commands leave; it stays where a run is stopped."""

SURVIVED, REFUSED, FAILED = "survived", "refused", "FAILED"


@dataclass(frozen=True)
class Try:
    """One try of a section.

    Args:
        what: was tried; a row of the table.
        seed: makes the try again.
        result: `survived`, `refused` (a sentence and nothing lost) or `FAILED`.
        seconds: of the whole try.
        peak_mib: the largest memory of a process of it.
        detail: of a failure: what was seen.
    """

    what: str
    seed: int
    result: str
    seconds: float
    peak_mib: float
    detail: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Its line in the file of results."""
        return asdict(self)


@dataclass(frozen=True)
class Finished:
    """A command that has ended.

    Args:
        code: its exit code; negative: the signal that ended it.
        text: both of its outputs.
        seconds: from start to end.
        peak_mib: its largest memory.
    """

    code: int
    text: str
    seconds: float
    peak_mib: float

    @property
    def is_raw(self) -> bool:
        """A trace ended it instead of a sentence."""
        return "Traceback (most recent call last)" in self.text

    @property
    def last(self) -> str:
        """The end of its text."""
        return self.text.strip()[-300:]


def run_measured(
    words: Sequence[str | Path],
    *,
    kill_after: float | None = None,
    most_seconds: float = 600.0,
    env: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
    fresh: bool = False,
) -> Finished:
    """Run `python WORDS` in the repository's folder to its end, with all processes it starts.

    After `fork_from_now_on` it runs in a fork of this process, which has imported everything.

    Args:
        words: of the command, after `python`.
        kill_after: SIGKILL to the whole group after so many seconds; None for never.
        most_seconds: after which it is killed too; the code is then -9.
        env: variables to add.
        before: runs in the new process before the command, e.g. to set limits.
        fresh: start an interpreter in any case.
    """
    began = time.monotonic()
    with TemporaryFile() as output:
        start = _fork if _forked and not fresh else _interpreter
        pid = start([str(word) for word in words], output.fileno(), env or {}, before)
        limit = most_seconds if kill_after is None else min(kill_after, most_seconds)
        clock = threading.Timer(max(limit, 0.0), _kill_group, [pid])
        clock.start()
        try:
            _, status, usage = os.wait4(pid, 0)
        finally:
            clock.cancel()
            clock.join()
            _kill_group(pid)  # what it has left behind
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    seconds = time.monotonic() - began
    return Finished(os.waitstatus_to_exitcode(status), text, seconds, usage.ru_maxrss / 1024)


def fork_from_now_on() -> None:
    """Import what commands import; `run_measured` then forks, which takes milliseconds.

    A command is killed at its work then, and hardly ever as it imports.
    """
    _forked.append(importlib.import_module("forks"))
    for name in _forked[0].IMPORTED:
        importlib.import_module(name)
    importlib.import_module("mug.audio.librosa_once").load_librosa()
    importlib.import_module("mug.evaluation.digest").code_digest()  # kept: the code stays the same


_forked: list[Any] = []
"""The module that tells how a fork becomes a command, once there are forks."""


def _interpreter(
    words: Sequence[str],
    output: int,
    env: Mapping[str, str],
    before: Callable[[], None] | None,
) -> int:
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        stdout=output,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **env},
        start_new_session=True,
        preexec_fn=before,
    )
    process.returncode = 0  # it is waited for elsewhere
    return process.pid


def _fork(
    words: Sequence[str],
    output: int,
    env: Mapping[str, str],
    before: Callable[[], None] | None,
) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    for descriptor, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(descriptor, target)
    os.environ.update(env)
    time.tzset()
    logging.getLogger().handlers.clear()  # the command has its own
    context = multiprocessing.get_context
    multiprocessing.get_context = lambda method=None: context(method and "fork")  # type: ignore
    steps: Any = importlib.import_module("mug.cli.steps")
    steps.subprocess = SimpleNamespace(run=_forked[0]._step)
    if before is not None:
        before()
    _forked[0]._become(list(words), str(ROOT))
    raise AssertionError("a command has ended and goes on")


def own_peak_mib() -> float:
    """The largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
