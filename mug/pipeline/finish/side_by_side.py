"""Charts finished side by side, each by one of several processes, where a program allows it."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from mug.threads import cores

T = TypeVar("T")

LEAST = 8
"""Charts from which on processes pay: each takes a third of a second to start, a chart a sixth."""

_executor: ContextVar[Executor | None] = ContextVar("executor", default=None)


@contextmanager
def finishing_processes() -> Iterator[None]:
    """Let charts be finished by as many processes as there are cores; they start when needed.

    For programs whose main module can be imported, as the commands' can: a process that begins
    imports it. Nothing happens on one core, and in a process that may not start others.
    """
    if cores() < 2 or multiprocessing.current_process().daemon:
        yield
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(cores(), context, initializer=_leave_interrupts_to_the_first)
    token = _executor.set(pool)
    try:
        yield
    finally:
        _executor.reset(token)
        pool.shutdown(cancel_futures=True)


def side_by_side(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Results of calls that depend on nothing but their arguments, in their order.

    Args:
        calls: that can be pickled, such as `functools.partial`.
    """
    pool = _executor.get()
    if pool is not None and len(calls) >= LEAST:
        try:
            return [future.result() for future in [pool.submit(call) for call in calls]]
        except BrokenProcessPool:  # one of them was killed: what is left is done here
            _executor.set(None)
    return [call() for call in calls]


def _leave_interrupts_to_the_first() -> None:
    """Ignore Ctrl-C, which the process that waits answers to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
