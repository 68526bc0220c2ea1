"""Common parts of the sections of `benchmarks/trust.py`: a try, a command measured to its end."""

from __future__ import annotations

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
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
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
) -> Finished:
    """Run `python WORDS` in the repository's folder to its end, with all processes it starts.

    Args:
        words: of the command, after `python`.
        kill_after: SIGKILL to the whole group after so many seconds; None for never.
        most_seconds: after which it is killed too; the code is then -9.
        env: variables to add.
        before: runs in the new process before the command, e.g. to set limits.
    """
    began = time.monotonic()
    with TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, *map(str, words)],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=before,
        )
        limit = most_seconds if kill_after is None else min(kill_after, most_seconds)
        clock = threading.Timer(max(limit, 0.0), _kill_group, [process.pid])
        clock.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            clock.cancel()
            clock.join()
            _kill_group(process.pid)  # what it has left behind
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    seconds = time.monotonic() - began
    return Finished(process.returncode, text, seconds, usage.ru_maxrss / 1024)


def own_peak_mib() -> float:
    """The largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
