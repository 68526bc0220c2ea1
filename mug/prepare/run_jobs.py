"""Work through a job table with an engine until nothing is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from typing import Any

from mug.errors import DataError
from mug.prepare.jobs import Item, JobTable, Lease

_AHEAD = 2  # groups a worker: one at work, one waiting
_PAUSE_S = 0.2  # between looks at what other processes have finished


def run_jobs(
    table: JobTable,
    pool: Executor,
    workers: int,
    compute: Callable[[Any], Any],
    given: Callable[[Lease], Any],
    store: Callable[[Any, set[str]], list[Item]],
    report: Callable[[], None] = lambda: None,
) -> None:
    """Does all open items of a table, then waits for those that other processes are at.

    Args:
        table: the items.
        pool: does `compute`.
        workers: how many it does at once.
        compute: the work of a group; a function of a module, without side effects.
        given: its argument.
        store: writes its result, within a transaction, and says what became of which items; it
            gets the keys that still belong to this process and must leave the others alone.
        report: called after each group that is stored.

    Raises:
        DataError: when a worker process dies, or the database cannot be written.
    """
    running: dict[Future[Any], Lease] = {}
    ahead = _AHEAD * workers if workers > 1 else 1
    renewed = time.monotonic()
    try:
        while True:
            wanted = ahead - len(running)
            for lease in table.take(wanted) if wanted >= workers else []:
                running[pool.submit(compute, given(lease))] = lease
            if not running:
                if not table.open_items():
                    return
                time.sleep(_PAUSE_S)
                continue
            finished, _ = wait(running, table.lease_s / 4, FIRST_COMPLETED)
            if time.monotonic() - renewed > table.lease_s / 4:
                table.renew()
                renewed = time.monotonic()
            for future in finished:
                _store(table, running.pop(future), future.result(), store)
                report()
    except BrokenExecutor as error:
        raise DataError(
            "prepare.worker_process_died",
            remedy="remedy.run_again_with_one_worker",
        ) from error
    finally:
        for future in running:
            future.cancel()
        _give_back(table)


def _store(
    table: JobTable,
    lease: Lease,
    result: Any,
    store: Callable[[Any, set[str]], list[Item]],
) -> None:
    with table.db.transaction():
        mine = table.owned(lease)
        if mine:
            table.close(item for item in store(result, mine) if item.key in mine)


def _give_back(table: JobTable) -> None:
    """So that nobody waits for leases of a process that stopped with an error or Ctrl-C."""
    try:
        table.give_back()
    except (DataError, CancelledError):
        # The disk is full, say: the leases end by themselves, and the first error is the one
        # to show.
        return
