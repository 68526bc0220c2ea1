"""Service that all visitors share: models, folders, queues, and the runners of tasks."""

from __future__ import annotations

from dataclasses import dataclass, field

from mug.errors import MugError
from mug.ui.jobs.bench import Bench, Following, Runner, named
from mug.ui.jobs.folders import JobFolders
from mug.ui.jobs.job import Job
from mug.ui.jobs.queue import JobQueue, QueueLimits
from mug.ui.jobs.tasks import ChartsTask, ReadingTask
from mug.ui.model import PageModel

_READINGS = QueueLimits(longest=64, by_tab=4, by_address=16, by_person=32)


def _readings() -> JobQueue:
    return JobQueue(_READINGS, "readings")


@dataclass(frozen=True)
class Service:
    """Service that all visitors share.

    Args:
        model: the model that the page begins with.
        folders: where jobs lie.
        job_queue: where they wait.
        others: further models to choose from.
        charts: makes charts; None makes them in this process.
        reader: reads what was uploaded; None reads it in this process.
        readings: where that waits: short work, which need not wait for charts.
    """

    model: PageModel
    folders: JobFolders
    job_queue: JobQueue
    others: tuple[PageModel, ...] = ()
    charts: Runner | None = None
    reader: Runner | None = None
    readings: JobQueue = field(default_factory=_readings)

    @property
    def models(self) -> tuple[PageModel, ...]:
        """All models, the one that the page begins with first."""
        return (self.model, *self.others)

    def named(self, name: str | None) -> PageModel:
        """Return the model of a name; for none, and one that is gone, the first."""
        return named(self.models, name)

    def do(self, task: ChartsTask, job: Job) -> object:
        """Do a task that makes charts, once its model is loaded."""
        self.named(task.needs(self.folders)).wait()
        try:
            return (self.charts or self._bench()).run(task, job)
        except MugError:
            self.folders.drop_unfinished()
            raise

    def look(self, task: ReadingTask, following: Following) -> object:
        """Do a task that reads what was uploaded."""
        return (self.reader or self._bench()).run(task, following)

    def _bench(self) -> Bench:
        return Bench(self.folders, self.models)
