"""The model that the page uses, loaded while the page is up already."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mug.errors import CheckpointError, MugError
from mug.features import FeatureSchema
from mug.pipeline.model.names import FEATURES_NAME, USUAL_FEATURES
from mug.pipeline.model.release import Release
from mug.util import find_file

if TYPE_CHECKING:
    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.model.checkpoint import LoadedModel

log = logging.getLogger(__name__)


@runtime_checkable
class LoadedProperties(Protocol):
    """Properties of a loaded model that the page needs."""

    @property
    def schema(self) -> FeatureSchema:
        """Its features."""

    @property
    def keys(self) -> int:
        """Columns of its charts."""


def _features(checkpoint: Path | None) -> Path:
    """Return a packed model's features file; of others the usual one, until they are loaded."""
    beside = None if checkpoint is None else checkpoint / FEATURES_NAME
    return beside if beside is not None and beside.is_file() else find_file(USUAL_FEATURES)


class PageModel:
    """A checkpoint that is read in a thread of its own.

    Args:
        checkpoint: what to load; None where there is nothing.
        device: where the model goes; `auto` takes the best there is.
        why_none: reason why there is nothing.
        elsewhere: loads the model of a name in another process; None loads it in this one.
    """

    def __init__(
        self,
        checkpoint: Path | None,
        device: str = "auto",
        why_none: MugError | None = None,
        elsewhere: Callable[[str], LoadedProperties] | None = None,
    ) -> None:
        self.checkpoint = checkpoint
        self.schema = FeatureSchema.from_yaml(_features(checkpoint))
        self.release = Release() if checkpoint is None else Release.beside(checkpoint)
        self._device, self._elsewhere = device, elsewhere
        self._ready, self._begun = threading.Event(), threading.Lock()
        self._generator: ChartGenerator | None = None
        self._keys = self.release.keys
        self._error: MugError | None = None
        if checkpoint is None:
            self._error = why_none or CheckpointError(
                "ui.there_is_no_model_yet",
                remedy="remedy.make_demo_training_trains_small_one",
            )
            self._ready.set()

    def start(self) -> None:
        """Begin to load, once."""
        if not self._ready.is_set() and self._begun.acquire(blocking=False):
            threading.Thread(target=self._load, name="model", daemon=True).start()

    @property
    def name(self) -> str:
        """The last two names of its path; those of a training run, which has a folder for these."""
        if self.checkpoint is None:
            return ""
        *folders, name = self.checkpoint.resolve().parts
        return "/".join([*[one for one in folders if one != "checkpoints"][-1:], name])

    @property
    def keys(self) -> int:
        """Columns of its charts; 0 where that is not known before it is loaded."""
        return self._keys

    @property
    def state(self) -> str:
        """`none`, `loading`, `ready` or `failed`."""
        if self.checkpoint is None:
            return "none"
        if not self._ready.is_set():
            return "loading"
        return "ready" if self._error is None else "failed"

    @property
    def error(self) -> MugError | None:
        """Reason why there is no model."""
        return self._error

    def wait(self) -> None:
        """Load it where that has not begun, and wait until it is loaded.

        Raises:
            CheckpointError: when there is none, or it cannot be read.
        """
        self.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error

    def generator(self) -> ChartGenerator:
        """The model, loaded in this process; see `wait`."""
        self.wait()
        assert self._generator is not None
        return self._generator

    def _load(self) -> None:
        try:
            loaded = self._load_here() if self._elsewhere is None else self._elsewhere(self.name)
            self.schema, self._keys = loaded.schema, loaded.keys
        except MugError as error:
            self._error = error
        except Exception as error:
            log.exception("the model cannot be loaded")
            self._error = CheckpointError(
                "ui.model_cannot_be_loaded", file=self.checkpoint, value=str(error)
            )
        finally:
            self._ready.set()

    def _load_here(self) -> LoadedModel:
        import torch

        from mug.model.speed.thread_count import suit_threads
        from mug.pipeline.chart import ChartGenerator

        device = self._device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        assert self.checkpoint is not None
        self._generator = ChartGenerator.from_checkpoint(self.checkpoint, device)
        suit_threads(self._generator.model.size)
        return self._generator.model
