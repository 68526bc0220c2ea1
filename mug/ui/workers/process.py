"""The process that does tasks: one after the other, with models that stay."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mug.errors import GenerationError, MugError
from mug.features import FeatureSchema
from mug.ui.jobs.bench import Bench, Task
from mug.ui.jobs.folders import JobFolders
from mug.ui.jobs.job import BROKEN
from mug.ui.model import PageModel
from mug.ui.workers.bounds import memory_mib

log = logging.getLogger(__name__)

_FIRST_TO_GO = "900"  # of 1000: where memory is out, the system ends this process, not the server


@dataclass(frozen=True)
class ModelProperties:
    """Properties of a model that was loaded here.

    Args:
        schema: its features.
        keys: columns of its charts.
        memory_mib: that this process grew by.
    """

    schema: FeatureSchema
    keys: int
    memory_mib: float


@dataclass(frozen=True)
class WorkerSetting:
    """Folders and models that a process begins with.

    Args:
        root: of the jobs' folders.
        checkpoints: of its models.
        device: of all models.
    """

    root: Path
    checkpoints: tuple[Path, ...] = ()
    device: str = "auto"


class _Following:
    """Link of a task to the server: its progress, and a stop."""

    def __init__(self, say: Any, stop: threading.Event) -> None:
        self._say, self._stop = say, stop

    def progress(self, done: int, total: int) -> None:
        """Tell how far it is."""
        self._say("progress", (done, total))

    def should_stop(self) -> bool:
        """Return whether the task was given up."""
        return self._stop.is_set()


def main(connection: Connection, setting: WorkerSetting) -> None:
    """Do tasks until the server is gone.

    Args:
        connection: to the server.
        setting: folders and models.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the server, and that ends this
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    _Process(connection, setting).work()


class _Process:
    def __init__(self, connection: Connection, setting: WorkerSetting) -> None:
        self._connection, self._lock = connection, threading.Lock()
        self._models = [PageModel(path, setting.device) for path in setting.checkpoints]
        self._bench = Bench(JobFolders(setting.root), self._models)
        self._tasks: queue.Queue[Task] = queue.Queue()
        self._stop = threading.Event()

    def work(self) -> None:
        """Do tasks in this thread, and listen in another."""
        self._say("ready", memory_mib(os.getpid()))
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        while True:
            self._do(self._tasks.get())

    def _do(self, task: Task) -> None:
        try:
            result = self._bench.run(task, _Following(self._say, self._stop))
        except MugError as error:
            self._say("failed", error)
        except Exception:
            # The next task is another visitor's; the owner of this one gets the error.
            log.exception("a task failed")
            self._say("failed", GenerationError(BROKEN))
        else:
            _give_back(self._models)
            self._say("done", result)

    def _listen(self) -> None:
        try:
            while True:
                what, content = self._connection.recv()
                if what == "task":
                    self._stop.clear()
                    self._tasks.put(content)
                elif what == "stop":
                    self._stop.set()
                else:
                    threading.Thread(target=self._load, args=(content,), daemon=True).start()
        except (EOFError, OSError):
            os._exit(0)  # the server is gone, whatever a task is at

    def _load(self, name: str) -> None:
        before = memory_mib(os.getpid())
        model = self._bench.model(name)
        try:
            generator = model.generator()
        except MugError as error:
            self._say("no model", (name, error))
            return
        grown = max(0.0, memory_mib(os.getpid()) - before)
        self._say(
            "model", (name, ModelProperties(generator.model.schema, generator.model.keys, grown))
        )

    def _say(self, what: str, content: object) -> None:
        with self._lock:
            self._connection.send((what, content))


def _give_back(models: Sequence[PageModel]) -> None:
    """Return the memory that tasks took, where there are models: others are small."""
    if models:
        from mug.model.memory.malloc import trim

        trim()
