"""Job queue with one worker: fair by address and person, and nobody's job blocks it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mug.errors import Cancelled, GenerationError
from mug.ui.jobs.job import Job, JobFunction
from mug.ui.jobs.owner import Owner

IsFollowed = Callable[[Owner], bool]


@dataclass(frozen=True)
class QueueLimits:
    """Jobs that may wait or run.

    Args:
        longest: of all owners.
        by_tab: of one tab or program.
        by_person: of one login.
        by_address: of one address.
        patience_s: a job ends when nobody comes to listen to it within so long.
        leave_s: a job ends when who listened has been gone for so long.
    """

    longest: int = 32
    by_tab: int = 2
    by_person: int = 16
    by_address: int = 8
    patience_s: float = 30.0
    leave_s: float = 3.0


class JobQueue:
    """Queue in rounds: each address and each person has one job before any has a second.

    In a full queue the last job of who has several gives way to somebody who has none.

    Args:
        limits: numbers of jobs.
        name: of the thread that runs them.
    """

    def __init__(self, limits: QueueLimits | None = None, name: str = "charts") -> None:
        self.limits, self._name = limits or QueueLimits(), name
        self._running: Job | None = None
        self._round = 0
        self._waiting: list[Job] = []
        self._followed: dict[Job, tuple[float, float]] = {}  # since when, patience from then
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None

    def join(self, function: JobFunction, owner: Owner, files: tuple[Path, ...] = ()) -> Job:
        """Put a job in line.

        Args:
            function: what to do.
            owner: whose it is.
            files: uploads that it reads.

        Raises:
            GenerationError: when the queue is full, or this owner has too many jobs in it.
        """
        job = Job(function, owner, files)
        with self._changed:
            self._check(owner)
            if len(self._jobs()) >= self.limits.longest:
                self._make_room(owner)
            job.round = self._round_of(owner)
            self._waiting.append(job)
            self._followed[job] = time.monotonic(), self.limits.patience_s
            if self._worker is None:
                self._worker = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._worker.start()
            self._changed.notify_all()
        return job

    def place(self, job: Job) -> int:
        """Number of jobs before this one."""
        with self._changed:
            before = ([self._running] if self._running else []) + self._in_rounds()
        return before.index(job) if job in before else 0

    def cancel(self, owner: Owner) -> int:
        """Give up all jobs of a tab; how many there were. Those that wait end at once."""
        with self._changed:
            own = [job for job in self._jobs() if job.owner == owner]
        for job in own:
            self.give_up(job)
        return len(own)

    def give_up(self, job: Job) -> None:
        """Give a job up; one that waits ends at once."""
        job.cancel()
        with self._changed:
            if job not in self._waiting:
                return
            self._drop(job)
        job.turn_away(Cancelled("ui.cancelled_before_began"))

    def files(self) -> set[Path]:
        """Uploads that jobs still read."""
        with self._changed:
            return {path for job in self._jobs() for path in job.files}

    def end_abandoned(self, is_followed: IsFollowed) -> int:
        """Give up jobs to which nobody has listened for long; how many.

        Args:
            is_followed: whether somebody waits for an owner's job.
        """
        now, abandoned = time.monotonic(), []
        with self._changed:
            for job in self._jobs():
                since, patience = self._followed.get(job, (now, 0.0))
                if is_followed(job.owner):
                    self._followed[job] = now, self.limits.leave_s
                elif now - since > patience:
                    abandoned.append(job)
        for job in abandoned:
            self.give_up(job)
        return len(abandoned)

    def _jobs(self) -> list[Job]:
        return ([self._running] if self._running else []) + self._waiting

    def _check(self, owner: Owner) -> None:
        """Refuse an owner who has enough."""
        limits, owners = self.limits, [job.owner for job in self._jobs()]
        same_tab = sum(one.address == owner.address and one.tab == owner.tab for one in owners)
        same_person = sum(bool(one.person) and one.person == owner.person for one in owners)
        same_address = sum(one.address == owner.address for one in owners)
        if (
            same_tab >= limits.by_tab
            or same_person >= limits.by_person
            or same_address >= limits.by_address
        ):
            raise GenerationError("ui.other_request_is_running", remedy="remedy.wait_or_cancel")

    def _make_room(self, owner: Owner) -> None:
        """Turn the last job away for somebody who has none, where its owner has others."""
        shares = Counter(share for job in self._jobs() for share in job.owner.shares)
        full = GenerationError("ui.queue_is_full", remedy="remedy.try_again_in_few_minutes")
        last = self._in_rounds()[-1] if self._waiting else None
        has_some = any(shares[share] for share in owner.shares)
        if last is None or has_some or max(shares[one] for one in last.owner.shares) < 2:
            raise full
        self._drop(last)
        last.turn_away(full)

    def _in_rounds(self) -> list[Job]:
        """Those that wait, in the order in which they will run."""
        return sorted(self._waiting, key=lambda job: job.round)  # equal rounds by arrival

    def _round_of(self, owner: Owner) -> int:
        """The round in which a new job runs: the present one, or that after its owner's last."""
        mine = [job.round for job in self._jobs() if {*job.owner.shares} & {*owner.shares}]
        return max(self._round, 1 + max(mine, default=-1))

    def _drop(self, job: Job) -> None:
        self._waiting.remove(job)
        self._followed.pop(job, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                job = self._in_rounds()[0]
                self._waiting.remove(job)
                self._running, self._round = job, job.round
            job.run()
            with self._changed:
                self._running = None
                self._followed.pop(job, None)
            job.finished.set()  # last: its owner may join again from here on
