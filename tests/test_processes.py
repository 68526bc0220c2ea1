"""Pools of processes, and what becomes of them where one dies."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import BrokenExecutor
from multiprocessing.context import SpawnProcess

import pytest

from mug.processes import open_pool


def test_all_processes_run_before_there_is_work() -> None:
    before = {*multiprocessing.active_children()}
    with open_pool(3) as pool:
        started = {*multiprocessing.active_children()} - before
        assert len(started) == 3
        assert pool.submit(os.getpid).result() in {process.pid for process in started}
    assert not any(process.is_alive() for process in started)


def test_a_death_beside_a_start_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that starts a process for the second task would wait for that one when it closes."""
    start = SpawnProcess.start

    def slow_start(process: SpawnProcess) -> None:
        start(process)
        time.sleep(0.4)  # while the pool has not noted it

    with open_pool(2) as pool:
        monkeypatch.setattr(SpawnProcess, "start", slow_start)
        dying, beside = (pool.submit(os._exit, 9), pool.submit(time.sleep, 60))
        for future in (dying, beside):
            with pytest.raises(BrokenExecutor):
                future.result(timeout=20)
