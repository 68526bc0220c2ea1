"""Time and memory of each epoch, on any device."""

from __future__ import annotations

import logging
import time

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from mug.model.memory.peak import peak_memory_mib

log = logging.getLogger(__name__)


class ResourceCallback(Callback):
    """Logs `epoch_seconds` and `peak_memory_mib` after each training epoch."""

    def __init__(self) -> None:
        self._began = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of an epoch that is gone on with, which nobody says begins."""
        self._began = time.perf_counter()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock; on a GPU also the memory count."""
        device = trainer.strategy.root_device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            torch.cuda.synchronize(device)
        self._began = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write both numbers to the loggers and to the log."""
        device = trainer.strategy.root_device
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - self._began
        memory = peak_memory_mib(device)
        metrics = {"epoch_seconds": seconds}
        if memory is not None:
            metrics["peak_memory_mib"] = memory
        for logger in trainer.loggers:
            logger.log_metrics(metrics, step=trainer.global_step)
        shown = "unknown" if memory is None else f"{memory:.0f} MiB"
        log.info("epoch %d: %.1f s, peak memory %s", trainer.current_epoch, seconds, shown)
