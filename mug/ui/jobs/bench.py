"""Models and folders that tasks work with, in whichever process they run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mug.ui.jobs.folders import JobFolders
from mug.ui.jobs.operations import model_name
from mug.ui.model import PageModel

if TYPE_CHECKING:
    from mug.pipeline.chart import ChartGenerator


@runtime_checkable
class Following(Protocol):
    """Follower of a task: learns how far it is, and may say stop."""

    def progress(self, done: int, total: int) -> None:
        """Take note of how far the task is."""

    def should_stop(self) -> bool:
        """Return whether the task was given up."""


class Bench:
    """Models and folders of tasks.

    Args:
        folders: where jobs lie.
        models: the one that the page begins with first.
    """

    def __init__(self, folders: JobFolders, models: Sequence[PageModel] = ()) -> None:
        self.folders, self._models = folders, tuple(models)

    def model(self, name: str | None) -> PageModel:
        """Return the model of a name; for none, and one that is gone, the first."""
        return named(self._models, name)

    def generator_of(self, key: str) -> ChartGenerator:
        """Return the model that made the charts of a revision, loaded."""
        return self.model(model_name(self.folders, key)).generator()

    def run(self, task: Task, following: Following) -> object:
        """Do a task in this process."""
        return task(self, following)


Task = Callable[[Bench, Following], object]


@runtime_checkable
class Runner(Protocol):
    """Runner of tasks: a bench, or a process that has one."""

    def run(self, task: Task, following: Following) -> object:
        """Do a task.

        Raises:
            MugError: of the task, or because it took more than it may.
        """


def named(models: Sequence[PageModel], name: str | None) -> PageModel:
    """Return the model of a name; for none, and one that is gone, the first."""
    return next((one for one in models if one.name == name), models[0])
