"""Job queue with one worker, in order of arrival, each with its progress, place and cancel."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from mug.errors import Cancelled, GenerationError, MugError

log = logging.getLogger(__name__)

JobFunction = Callable[["Job"], object]

BROKEN = "ui.something_unexpected_went_wrong"


class Job:
    """One job in the queue.

    `job.progress` and `job.should_stop` are what a generator of charts takes.

    Args:
        function: what to do; its value becomes `result`.
        owner: whose it is.
    """

    def __init__(self, function: JobFunction, owner: str) -> None:
        self.function, self.owner = function, owner
        self.done, self.total = 0, 0
        self.stage = "waiting"
        self.result: object = None
        self.error: MugError | None = None
        self.finished = threading.Event()
        self._stop = threading.Event()
        self._began: float | None = None

    def progress(self, done: int, total: int) -> None:
        """Notes how far the job is."""
        if self._began is None or done == 0:
            self._began = time.monotonic()
        self.stage, self.done, self.total = "running", done, total

    def should_stop(self) -> bool:
        """Return whether the job was given up."""
        return self._stop.is_set()

    def cancel(self) -> None:
        """Give the job up, waiting or running."""
        self._stop.set()

    @property
    def seconds_left(self) -> float | None:
        """Seconds left at the speed so far; None before the first steps."""
        if self._began is None or self.done < 2 or self.total <= self.done:
            return None
        spent = time.monotonic() - self._began
        return spent / (self.done - 1) * (self.total - self.done)

    def run(self) -> None:
        """Does the work; then either `result` or `error` is set. The queue sets `finished`."""
        try:
            if self.should_stop():
                raise Cancelled("ui.cancelled_before_began")  # noqa: TRY301
            self.stage = "preparing"
            self.result = self.function(self)
        except MugError as error:
            self.error = error
        except Exception:
            # The worker must outlive a defect in one job; its owner gets the error.
            log.exception("a job failed")
            self.error = GenerationError(BROKEN)
        finally:
            self.stage = "finished"


class JobQueue:
    """First come, first served.

    Args:
        longest: jobs that may wait; more are refused.
        each: jobs of one owner that may wait or run.
    """

    def __init__(self, longest: int = 32, each: int = 2) -> None:
        self._longest, self._each = longest, each
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None

    def join(self, function: JobFunction, owner: str) -> Job:
        """Put a job at the end.

        Raises:
            GenerationError: when the queue is full, or this owner has too many jobs in it.
        """
        job = Job(function, owner)
        with self._changed:
            if len(self._jobs) >= self._longest:
                raise GenerationError("ui.queue_is_full", remedy="remedy.try_again_in_few_minutes")
            if sum(one.owner == owner for one in self._jobs) >= self._each:
                raise GenerationError("ui.other_request_is_running", remedy="remedy.wait_or_cancel")
            self._jobs.append(job)
            if self._worker is None:
                self._worker = threading.Thread(target=self._run, name="charts", daemon=True)
                self._worker.start()
            self._changed.notify_all()
        return job

    def place(self, job: Job) -> int:
        """Number of jobs before this one."""
        with self._changed:
            jobs: Sequence[Job] = tuple(self._jobs)
        return jobs.index(job) if job in jobs else 0

    def cancel(self, owner: str) -> int:
        """Give up all jobs of an owner; how many there were."""
        with self._changed:
            own = [job for job in self._jobs if job.owner == owner]
        for job in own:
            job.cancel()
        return len(own)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._jobs:
                    self._changed.wait()
                job = self._jobs[0]
            job.run()
            with self._changed:
                self._jobs.remove(job)
            job.finished.set()  # last: its owner may join again from here on
