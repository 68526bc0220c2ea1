"""Threads of a process that wait for work: how they wait, set before numpy and torch are imported.

By itself the OpenMP library lets a thread that waits for the others turn in a circle for
milliseconds. On an idle machine that saves waking it up. Where anything else runs beside, the
turning threads take the processor from those that have work, and two threads are several times
slower than one.
"""

from __future__ import annotations

import os

PASSIVE = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "KMP_BLOCKTIME": "0",
    "OPENBLAS_THREAD_TIMEOUT": "4",
}
"""Environment of GNU's and of Intel's and LLVM's OpenMP, and of numpy's OpenBLAS (2^4 cycles)."""

NUMBERS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment by which users choose the number of threads."""


def wait_passively() -> None:
    """Have waiting threads sleep in this process and those it starts, unless the user set it.

    It counts where it comes before the first import of numpy and torch, which read the environment
    once.
    """
    if not any(name in os.environ for name in PASSIVE):
        os.environ.update(PASSIVE)


def cores() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    return os.cpu_count() or 1 if affinity is None else len(affinity(0))
