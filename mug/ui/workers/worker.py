"""The server's side of a process that does tasks: bounds, and a new process after each end."""

from __future__ import annotations

import multiprocessing
import queue
import threading
import time
from multiprocessing.process import BaseProcess
from threading import Event
from typing import Any

from mug.errors import Cancelled, CheckpointError, GenerationError, MugError
from mug.ui.jobs.bench import Following, Task
from mug.ui.workers.bounds import Bounds, memory_mib
from mug.ui.workers.process import ModelProperties, WorkerSetting, main

_LOOK_S = 0.05
_START_S = 120.0  # for the process to begin: a machine may have much else to do
_TRIES = 3  # to load a model: a task of somebody else may have ended the process meanwhile
Said = tuple[str, Any]
_GONE: Said = ("gone", None)


class Worker:
    """Does one task at a time in a process of its own.

    What takes more than its bounds, or does not stop in time, is killed with the
    process; so is what a defect brings down. The next task gets a new process.

    Args:
        setting: folders and models of the process.
        bounds: of each task.
    """

    def __init__(self, setting: WorkerSetting, bounds: Bounds) -> None:
        self._setting, self._bounds = setting, bounds
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._loaded: list[str] = []

    @property
    def pid(self) -> int | None:
        """Number of the process; None before there is one."""
        return None if self._process is None else self._process.pid

    def begin(self) -> None:
        """Start the process before it is needed."""
        self._alive()

    def run(self, task: Task, following: Following) -> object:
        """Do a task.

        Args:
            task: a value that can be pickled.
            following: who follows it.

        Raises:
            Cancelled: when who follows says stop.
            GenerationError: when it takes more memory or time than it may, or its process ends.
            MugError: of the task.
        """
        process = self._alive()
        try:
            return process.run(task, following, self._bounds)
        finally:
            if process.has_ended or process.kept_mib > self._bounds.kept_mib:
                process.kill()
                self._alive()  # the next need not wait for it

    def load(self, name: str) -> ModelProperties:
        """Have the process load a model.

        Args:
            name: of the model.

        Raises:
            CheckpointError: when it cannot be read.
        """
        loaded = None
        for _ in range(_TRIES):
            loaded = loaded or self._alive().load(name)
        if loaded is None:
            raise CheckpointError("ui.model_cannot_be_loaded", value=name)
        if name not in self._loaded:
            self._loaded.append(name)
        return loaded

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def _alive(self) -> _Process:
        """Return the process; a new one, which loads the same models, where it is gone."""
        with self._lock:
            if self._process is None or self._process.has_ended:
                self._process = _Process(self._setting)
                for name in self._loaded:
                    self._process.request_model(name)
            return self._process


class _Process:
    """One process and what it says.

    Args:
        setting: what it begins with.
    """

    def __init__(self, setting: WorkerSetting) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would have the server's threads
        self._connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=main, args=(theirs, setting), name="mug-worker", daemon=True
        )
        self._process.start()
        theirs.close()
        self._events: queue.Queue[Said] = queue.Queue()
        self._models: dict[str, queue.Queue[Said]] = {}
        self._base_mib = 0.0
        self._ready, self._ended, self._sending = Event(), Event(), threading.Lock()
        threading.Thread(target=self._listen, name="worker", daemon=True).start()

    @property
    def pid(self) -> int | None:
        """Number of the process."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Return whether it does no more tasks."""
        return self._ended.is_set()

    @property
    def kept_mib(self) -> float:
        """Memory that it holds beyond what it began and its models were loaded with."""
        return memory_mib(self._process.pid or 0) - self._base_mib

    def kill(self) -> None:
        """End it, whatever it is at."""
        self._ended.set()
        self._process.kill()
        self._process.join()

    def request_model(self, name: str) -> queue.Queue[Said]:
        """Have a model loaded; what comes of it."""
        answer = self._models.setdefault(name, queue.Queue())
        if not self._say("model", name):
            answer.put(_GONE)
        return answer

    def load(self, name: str) -> ModelProperties | None:
        """Have a model loaded; None where the process ended over it, or over a task."""
        _, content = self.request_model(name).get()
        if isinstance(content, MugError):
            raise content
        loaded: ModelProperties | None = content
        return loaded

    def run(self, task: Task, following: Following, bounds: Bounds) -> object:
        """Do a task; `Worker.run` says how it may end."""
        self._ready.wait(_START_S)  # or it has ended, and says so below
        begun, stopped_at = time.monotonic(), None
        self._say("task", task)
        while True:
            what, content = self._next()
            if what == "progress":
                following.progress(*content)
            elif what == "done":
                return content
            elif what == "failed":
                raise content
            elif what == "gone":
                self._ended.set()
                raise GenerationError("ui.task_ended_its_process")
            now = time.monotonic()
            if stopped_at is None and following.should_stop():
                stopped_at = now
                self._say("stop", None)
            if stopped_at is not None and now - stopped_at > bounds.grace_s:
                self.kill()
                raise Cancelled("ui.cancelled")
            self._check(now - begun, bounds)

    def _check(self, seconds: float, bounds: Bounds) -> None:
        """Kill the process where its task takes more than it may."""
        if seconds > bounds.seconds:
            self.kill()
            raise GenerationError(
                "ui.task_took_too_long", minutes=round(bounds.seconds / 60, 1),
                remedy="remedy.ask_for_less",
            )  # fmt: skip
        if self._base_mib and self.kept_mib > bounds.memory_mib:
            self.kill()
            raise GenerationError(
                "ui.task_took_too_much_memory", gb=round(bounds.memory_mib / 1024, 1),
                remedy="remedy.ask_for_less",
            )  # fmt: skip

    def _next(self) -> Said:
        try:
            return self._events.get(timeout=_LOOK_S)
        except queue.Empty:
            return "", None

    def _say(self, what: str, content: object) -> bool:
        try:
            with self._sending:
                self._connection.send((what, content))
        except OSError:  # it is gone; its listener says so, too
            return False
        return True

    def _listen(self) -> None:
        """Sort what the process says to who waits for it."""
        try:
            while True:
                what, content = self._connection.recv()
                if what == "ready":
                    self._base_mib += content
                    self._ready.set()
                elif what in ("model", "no model"):
                    name, found = content
                    if what == "model":
                        self._base_mib += found.memory_mib
                    self._models[name].put((what, found))
                else:
                    self._events.put((what, content))
        except (EOFError, OSError):
            self._ended.set()
            self._ready.set()
        self._events.put(_GONE)
        for answer in self._models.values():
            answer.put(_GONE)
