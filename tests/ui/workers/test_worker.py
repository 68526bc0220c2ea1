"""What takes too much, hangs or dies does so alone: real processes, real kills."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from odd_tasks import Odd
from repository import ROOT

from mug.errors import AudioError, Cancelled, CheckpointError, GenerationError, MugError
from mug.ui.jobs.job import BROKEN
from mug.ui.workers.bounds import Bounds
from mug.ui.workers.process import WorkerSetting
from mug.ui.workers.worker import Worker

BOUNDS = Bounds(memory_mib=160, seconds=2.0, grace_s=0.2, kept_mib=150)


class Follower:
    """Follows a task, and says stop once it has begun."""

    def __init__(self, *, stops: bool = False) -> None:
        self.told: list[tuple[int, int]] = []
        self.stops = stops

    def progress(self, done: int, total: int) -> None:
        self.told.append((done, total))

    def should_stop(self) -> bool:
        return self.stops


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    made = Worker(WorkerSetting(tmp_path_factory.mktemp("jobs")), BOUNDS)
    yield made
    made.close()


def _do(worker: Worker, what: str, value: object = None) -> object:
    return worker.run(Odd(what, value), Follower())


def test_results_progress_and_errors_come_back(worker: Worker) -> None:
    follower = Follower()
    assert worker.run(Odd("echo", {"a": (1, 2)}), follower) == {"a": (1, 2)}
    assert follower.told == [(1, 2)]
    with pytest.raises(AudioError, match="no sound"):
        _do(worker, "fail")
    with pytest.raises(GenerationError) as broken:
        _do(worker, "break_")
    assert broken.value.what.code == BROKEN


def test_one_process_does_all_that_behaves(worker: Worker) -> None:
    first = _do(worker, "pid")
    assert first == worker.pid
    assert _do(worker, "pid") == first
    _do(worker, "take_at_once", 100)  # and gives it back
    assert _do(worker, "pid") == first


def test_who_says_stop_keeps_the_process(worker: Worker) -> None:
    first = _do(worker, "pid")
    with pytest.raises(Cancelled):
        worker.run(Odd("wait"), Follower(stops=True))
    assert _do(worker, "pid") == first


@pytest.mark.parametrize(
    ("what", "sentence"),
    [("take", "memory"), ("turn", "longer than"), ("die", "process")],
)
def test_what_exceeds_its_bounds_ends_alone(worker: Worker, what: str, sentence: str) -> None:
    before = _do(worker, "pid")
    begun = time.monotonic()
    with pytest.raises(GenerationError, match=sentence):
        _do(worker, what)
    assert time.monotonic() - begun < BOUNDS.seconds + 3
    assert not psutil.pid_exists(int(str(before)))
    assert _do(worker, "pid") != before


def test_what_does_not_hear_stop_is_ended(worker: Worker) -> None:
    with pytest.raises(Cancelled):
        worker.run(Odd("turn"), Follower(stops=True))
    assert _do(worker, "echo", 1) == 1


def test_a_model_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.ckpt").write_bytes(b"")
    worker = Worker(WorkerSetting(tmp_path / "jobs", (tmp_path / "empty.ckpt",), "cpu"), BOUNDS)
    try:
        with pytest.raises(MugError) as found:
            worker.load("none")
        assert isinstance(found.value, CheckpointError)
    finally:
        worker.close()


SERVER = """
import sys, time
from pathlib import Path
from mug.ui.workers.bounds import Bounds
from mug.ui.workers.process import WorkerSetting
from mug.ui.workers.worker import Worker
if __name__ == "__main__":
    worker = Worker(WorkerSetting(Path(sys.argv[1])), Bounds())
    worker.begin()
    print(worker.pid, flush=True)
    time.sleep(60)
"""


def test_the_process_ends_with_the_server(tmp_path: Path) -> None:
    """A kill leaves the server no time to say so."""
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    command = [sys.executable, str(script), str(tmp_path / "jobs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}) as server:  # fmt: skip
        assert server.stdout is not None
        process = psutil.Process(int(server.stdout.readline()))
        server.kill()
        process.wait(30)
    assert not process.is_running()
