"""Worker processes: pools that cannot wait for ever, and workers that end with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.process import BaseProcess


def open_pool(workers: int, *, interrupts: bool = True) -> ProcessPoolExecutor:
    """Open a pool whose processes all run.

    A pool starts its processes as work comes in. It ends the others where one dies, but not one
    that is being started at that moment, and then waits for it for ever. So all are started here,
    before there is any work that they could die of.

    Args:
        workers: processes.
        interrupts: Ctrl-C stops each process at once; otherwise the parent says when to stop.

    Returns:
        The pool; its processes are new ones that have imported nothing.

    Raises:
        BrokenProcessPool: when they die while they start.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin, initargs=(interrupts,)
    )
    # No process is ready before the last of these is given, so each starts one more.
    for started in [pool.submit(os.getpid) for _ in range(workers)]:
        started.result()
    return pool


def _begin(interrupts: bool) -> None:
    """End with the parent, even if that is killed."""
    if not interrupts:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
