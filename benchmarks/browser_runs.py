"""Repeated runs of the browser tests beside busy cores, up to the first failure.

    python benchmarks/browser_runs.py --runs 20 --busy 1

Races show on a machine that has much else to do. Each run prints a line; a run that fails prints
what pytest said. Further arguments go to pytest, e.g. `-n 2` or `-k language`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARK = "pytest.mark.browser"


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--busy", type=int, default=1, help="cores that do something else")
    return parser.parse_known_args()


@contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Keep as many cores busy as `count` says."""
    command = [sys.executable, "-c", "while True: pass"]
    spinning = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def _cpu_seconds() -> float:
    """Return the processor time of all ended child processes, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def one_run(arguments: Sequence[str]) -> tuple[int, str]:
    """Return the exit status of the browser tests and what pytest printed."""
    # To collect the whole suite would take longer than some of these tests do.
    tests = [
        path for path in (ROOT / "tests").rglob("test_*.py") if MARK in path.read_text("utf-8")
    ]
    command = [sys.executable, "-m", "pytest", "-m", "browser", "-q", *arguments, *map(str, tests)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def main() -> int:
    """Print a line a run; return the exit status of the last one."""
    options, rest = _arguments()
    with busy_cores(options.busy):
        for run in range(1, options.runs + 1):
            begin, spent = time.monotonic(), _cpu_seconds()
            status, said = one_run(rest)
            seconds, load = time.monotonic() - begin, os.getloadavg()[0]
            last = said.strip().splitlines()[-1]
            cost = f"{seconds:.0f} s, {_cpu_seconds() - spent:.0f} s of CPU, load {load:.1f}"
            print(f"{run} of {options.runs}: {last} · {cost}", flush=True)
            if status:
                print(said)
                return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
