"""Keep the resolved config with what it produced."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from mug.config import save_config


class SetupCallback(Callback):
    """Writes the config under `configs/` when training begins, and into each checkpoint.

    In a checkpoint it stands under `mug_config` as plain containers.

    Args:
        config: resolved.
        logdir: folder of the run.
        now: time of the start, as it names the file; the present time if empty.
    """

    def __init__(self, config: Mapping[str, Any], logdir: str | Path, now: str = "") -> None:
        self.config = dict(config)
        self.logdir = Path(logdir)
        self.now = now or time.strftime("%Y-%m-%dT%H-%M-%S")

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make the folders and write `configs/<time>.yaml`."""
        if trainer.is_global_zero:
            (self.logdir / "checkpoints").mkdir(parents=True, exist_ok=True)
            save_config(self.config, self.logdir / "configs" / f"{self.now}.yaml")

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Put the config into the checkpoint."""
        checkpoint["mug_config"] = self.config
