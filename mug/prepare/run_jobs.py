"""Work through a job table with an engine until nothing is left to do."""

from __future__ import annotations

import errno
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from mug.errors import DataError, MugError, file_error
from mug.messages.message import Message
from mug.prepare.engines import Processes
from mug.prepare.jobs import Item, JobTable, Lease

log = logging.getLogger(__name__)

_AHEAD = 2  # groups a worker: one at work, one waiting
_PAUSE_S = 0.2  # between looks at what other processes have finished
_WHOLE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True)
class Work:
    """Work of a run on groups of items.

    Args:
        compute: the work of a group; a function of a module, without side effects.
        given: its argument.
        store: writes its result, within a transaction, and says what became of which items; it
            gets the keys that still belong to this process and must leave the others alone.
        unable: a result, by argument and reason, for a group that cannot be worked on: its
            process dies or fails whenever it is tried.
    """

    compute: Callable[[Any], Any]
    given: Callable[[Lease], Any]
    store: Callable[[Any, set[str]], list[Item]]
    unable: Callable[[Any, str], Any]


def run_jobs(
    table: JobTable,
    pool: Executor,
    workers: int,
    work: Work,
    report: Callable[[], None] = lambda: None,
) -> None:
    """Does all open items of a table, then waits for those that other processes are at.

    A group during which a process dies, or an unexpected error occurs, is tried once more, in a
    process of its own: which of several groups it was is not known before. Where that fails too,
    the group is stored as unable, and the rest goes on.

    Args:
        table: the items.
        pool: does the work.
        workers: how many groups it does at once.
        work: what is done.
        report: called after each group that is stored.

    Raises:
        DataError: when worker processes cannot be started, or the database cannot be written.
        MugError: that the work raises: nothing could be done then, whatever the group.
    """
    run = _Run(table, pool, workers, work)
    try:
        while run.submit() or table.open_items():
            if not run.running:
                time.sleep(_PAUSE_S)
                continue
            for future in run.finished():
                run.store(future)
                report()
    finally:
        run.end()


class _Run:
    """Groups at work, and those that wait to be tried alone."""

    def __init__(self, table: JobTable, pool: Executor, workers: int, work: Work) -> None:
        self.table, self.pool, self.workers, self.work = table, pool, workers, work
        self.running: dict[Future[Any], Lease] = {}
        self._alone: Future[Any] | None = None
        self._suspects: deque[Lease] = deque()
        self._apart = Processes(1)
        self._renewed = time.monotonic()

    def submit(self) -> bool:
        """Take open groups and have them done; False when nothing is at work."""
        ahead = _AHEAD * self.workers if self.workers > 1 else 1
        wanted = ahead - len(self.running) - len(self._suspects)
        for lease in self.table.take(wanted) if wanted >= self.workers else []:
            if lease.suspect:
                self._suspects.append(lease)
            else:
                self._start(self.pool, lease)
        if self._suspects and self._alone is None:
            self._alone = self._start(self._apart, self._suspects.popleft())
        return bool(self.running)

    def _start(self, pool: Executor, lease: Lease) -> Future[Any]:
        future = pool.submit(self.work.compute, self.work.given(lease))
        self.running[future] = lease
        return future

    def finished(self) -> set[Future[Any]]:
        """Wait until a group is done, or for a while; leases stay ours meanwhile."""
        done, _ = wait(self.running, self.table.lease_s / 4, FIRST_COMPLETED)
        if time.monotonic() - self._renewed > self.table.lease_s / 4:
            self.table.renew()
            self._renewed = time.monotonic()
        return done

    def store(self, future: Future[Any]) -> None:
        """Store what became of a group, or try it again alone."""
        lease, error = self.running.pop(future), future.exception()
        alone = future is self._alone
        if alone:
            self._alone = None
        if error is None:
            self._store(lease, future.result())
            return
        _stop_for(error)
        if not alone:
            log.info("%s is tried again alone: %s", lease.group, _said(error))
            self._suspects.append(lease)
            return
        log.warning("%s is left out: %s", lease.group, _said(error))
        reason = str(Message("prepare.failed_twice", reason=_said(error)))
        self._store(lease, self.work.unable(self.work.given(lease), reason))

    def _store(self, lease: Lease, result: Any) -> None:
        with self.table.db.transaction():
            mine = self.table.owned(lease)
            if mine:
                done = self.work.store(result, mine)
                self.table.close(item for item in done if item.key in mine)

    def end(self) -> None:
        """Give open groups back, so that nobody waits for a process that stopped."""
        for future in self.running:
            future.cancel()
        self._apart.shutdown(cancel_futures=True)
        try:
            self.table.give_back()
        except (DataError, CancelledError):
            # The disk is full, say: the leases end by themselves, and the first error is the one
            # to show.
            return


def _stop_for(error: BaseException) -> None:
    """Raise what is no fault of a single group: our own errors, a full disk, Ctrl-C."""
    if isinstance(error, MugError) or not isinstance(error, Exception):
        raise error
    if isinstance(error, OSError) and error.errno in _WHOLE_DISK:
        raise file_error(error) from error


def _said(error: BaseException) -> str:
    """Text of an error of a worker; pools say of dead processes only that they died."""
    return f"{type(error).__name__}: {error}".rstrip(": ").splitlines()[0]
