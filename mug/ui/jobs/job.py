"""One job: its progress, cancel, and what came of it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mug.errors import Cancelled, GenerationError, MugError
from mug.ui.jobs.owner import Owner

log = logging.getLogger(__name__)

JobFunction = Callable[["Job"], object]

BROKEN = "ui.something_unexpected_went_wrong"


class Job:
    """One job in the queue.

    `job.progress` and `job.should_stop` are what a generator of charts takes.

    Args:
        function: what to do; its value becomes `result`.
        owner: whose it is.
        files: uploads that it reads; they stay until it is finished.
    """

    def __init__(self, function: JobFunction, owner: Owner, files: tuple[Path, ...] = ()) -> None:
        self.function, self.owner, self.files = function, owner, files
        for path in files:  # those that nobody has used for longest go first
            with suppress(OSError):
                os.utime(path)
        self.round = 0  # the round of the queue in which it runs
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

    def turn_away(self, error: MugError) -> None:
        """End a job that has not begun."""
        self.error, self.stage = error, "finished"
        self.finished.set()
