"""Engines that run jobs: this process, a pool of processes, a Dask cluster; with equal results."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from typing import Any

from mug.errors import DataError
from mug.processes import open_pool
from mug.util import nearest

ENGINES = ("process", "dask")


@contextmanager
def executor(engine: str = "process", workers: int = 1) -> Iterator[Executor]:
    """Open an engine.

    Args:
        engine: `process` (this process itself for one worker); `dask` for a cluster of `workers`
            processes on this machine; `dask:ADDRESS` for a running scheduler, whose workers see
            the same folders under the same paths and can import this package.
        workers: processes, of this machine or of the cluster, to keep busy.

    Raises:
        DataError: for an unknown engine, no workers, or when Dask is not installed.
    """
    if workers < 1:
        raise DataError("prepare.at_least_one_worker_is_needed", value=workers)
    kind, _, address = engine.partition(":")
    if kind == "dask":
        with _dask(workers, address) as pool:
            yield pool
    elif engine != "process":
        raise DataError("prepare.unknown_engine", value=engine, remedy=nearest(engine, ENGINES))
    elif workers == 1:
        yield InThisProcess()
    else:
        processes = Processes(workers)
        try:
            yield processes
        finally:
            processes.shutdown(cancel_futures=True)


class InThisProcess(Executor):
    """Does the work when it is given, so that Ctrl-C and debuggers see it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `fn` now; the future is done already."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
            if not isinstance(error, Exception):  # Ctrl-C
                raise
        return future


class Processes(Executor):
    """A pool of processes that is begun again where one of them has died.

    Args:
        workers: processes.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: Executor | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a process call `fn`; where it dies, its future and those beside it tell so.

        Raises:
            DataError: when processes die before they have anything to do.
        """
        if self._pool is not None:
            try:
                return self._pool.submit(fn, *args, **kwargs)
            except BrokenExecutor:
                self.shutdown()
        self._pool = self._begun()
        return self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; the next work begins others."""
        if self._pool is not None:
            self._pool.shutdown(wait, cancel_futures=cancel_futures)
        self._pool = None

    def _begun(self) -> Executor:
        try:
            return open_pool(self.workers, interrupts=False)
        except BrokenExecutor as error:
            raise DataError(
                "prepare.worker_process_died", remedy="remedy.run_again_with_one_worker"
            ) from error


@contextmanager
def _dask(workers: int, address: str) -> Iterator[Executor]:
    try:
        distributed: Any = importlib.import_module("distributed")  # an extra, without types
    except ImportError as error:
        raise DataError(
            "prepare.dask_is_not_installed",
            remedy="remedy.pip_install_distributed_or_leave_engine",
        ) from error
    if address:
        with distributed.Client(address) as client:
            yield client.get_executor()
        return
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()
