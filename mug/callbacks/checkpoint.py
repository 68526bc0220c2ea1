"""`last.ckpt`: always whole, always resumable to the very same weights."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from mug.errors import ConfigError
from mug.files import atomic_write

log = logging.getLogger(__name__)

SECONDS_BETWEEN = 30.0  # at least, between the ends of two epochs that are saved

_Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None


def _anywhere(trainer: Trainer, flag: bool) -> bool:
    """Return whether any process says so; all call it at the same point."""
    if trainer.world_size == 1:
        return flag
    return bool(trainer.strategy.reduce_boolean_decision(flag, all=False))


def to_plain(node: Any) -> Any:
    """The same content in containers and scalars that `torch.load(weights_only=True)` reads."""
    if isinstance(node, Mapping):
        return {to_plain(key): to_plain(value) for key, value in node.items()}
    if type(node) in (list, tuple, set):
        return type(node)(to_plain(item) for item in node)
    if isinstance(node, np.generic):
        return node.item()
    if isinstance(node, np.ndarray):
        return torch.from_numpy(node.copy())
    return str(node) if isinstance(node, os.PathLike) else node


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it: a kill leaves the old one whole."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Save plain containers only, so that loading needs no trust."""
        with atomic_write(Path(path)) as handle:
            torch.save(to_plain(checkpoint), handle)


class ResumeCheckpoint(Checkpoint):
    """Overwrites one file with everything that resuming needs.

    Saved every `every_n_train_steps` optimiser steps, at the end of each epoch, and when the run
    fails or is interrupted. A first Ctrl-C lets the step in hand be finished and saved, so that
    nothing is lost; a second one stops at once.

    Args:
        path: the file, usually `checkpoints/last.ckpt`.
        every_n_train_steps: None: at the end of epochs alone.
    """

    def __init__(self, path: str | Path, every_n_train_steps: int | None = None) -> None:
        if every_n_train_steps is not None and every_n_train_steps < 1:
            raise ConfigError(
                "training.every_n_train_steps_must_be_at_least_1", value=every_n_train_steps
            )
        self.path = Path(path)
        self.every_n_train_steps = every_n_train_steps
        self._saved_step = 0
        self._saved_at = 0.0
        self._interrupted = False
        self._previous: _Handler = None
        self._plateau: dict[int, float] = {}

    def state_dict(self) -> dict[str, Any]:
        """Last metric of the plateau schedulers; a checkpoint at the end of an epoch lacks it."""
        return {"plateau": dict(self._plateau)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the pending metric."""
        self._plateau = {int(k): float(v) for k, v in state_dict["plateau"].items()}

    # ------------------------------------------------------------------ Ctrl-C

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Stop listening."""
        self._restore_handler()

    def _restore_handler(self) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True
        log.warning("stopping after this step; press Ctrl-C again to stop at once")

    # ------------------------------------------------------------------ saving

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make up for the plateau schedulers' step that comes after the epoch's checkpoint.

        Also begins to listen for Ctrl-C (in the main thread, where Python allows it).
        """
        self._interrupted = False
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._on_interrupt)
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()
        self._step_plateau(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save where a step has been completed and the epoch goes on."""
        loop = trainer.fit_loop.epoch_loop
        if loop._should_accumulate() or loop._num_ready_batches_reached():
            return  # half a step, or the end of the epoch, which is saved after its validation
        step = trainer.global_step
        every = self.every_n_train_steps
        self._interrupted = _anywhere(trainer, self._interrupted)
        if self._interrupted or (every is not None and step % every == 0):
            self._save(trainer)
        if self._interrupted:
            raise KeyboardInterrupt

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save after validation, with the metrics that plateau schedulers are about to see."""
        self._plateau = {
            index: float(trainer.callback_metrics[config.monitor])
            for index, config in enumerate(trainer.lr_scheduler_configs)
            if config.reduce_on_plateau
            and config.interval == "epoch"
            and config.monitor in trainer.callback_metrics
            and (trainer.current_epoch + 1) % config.frequency == 0
        }
        self._interrupted = _anywhere(trainer, self._interrupted)
        if trainer.strategy.broadcast(self._is_due(trainer)):  # clocks differ, and all must save
            self._save(trainer)
        if trainer.fit_loop.restarting:
            self._step_plateau(trainer)  # Lightning leaves it out in the epoch of a resume
        self._plateau = {}
        if self._interrupted:
            raise KeyboardInterrupt

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the last steps."""
        if trainer.global_step > self._saved_step:
            self._save(trainer)

    def _is_due(self, trainer: Trainer) -> bool:
        """Epochs of a few steps are not all saved where a step count is given."""
        if self.every_n_train_steps is None or self._interrupted:
            return True
        whole = trainer.global_step % self.every_n_train_steps == 0
        return whole or time.monotonic() - self._saved_at > SECONDS_BETWEEN

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Keep the state at which the run broke off, unless it is on disk already.

        Of several processes the others might never come to save as well, so nothing is saved here;
        an interruption has been saved before it.
        """
        if trainer.world_size > 1:
            self._restore_handler()
            return
        if trainer.global_step > self._saved_step and not trainer.sanity_checking:
            self._save(trainer)
        self._restore_handler()

    def _step_plateau(self, trainer: Trainer) -> None:
        for index, value in self._plateau.items():
            scheduler: Any = trainer.lr_scheduler_configs[index].scheduler
            scheduler.step(value)
        self._plateau = {}

    def _save(self, trainer: Trainer) -> None:
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()
        trainer.save_checkpoint(self.path, weights_only=False)
