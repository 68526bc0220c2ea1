"""The learning rate falls on a plateau of validations, not of epochs without one."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl
import torch
from flat_configs import AUTOENCODER, build
from torch.utils.data import DataLoader, Dataset

DD = {
    "x_channels": 16,
    "middle_channels": 8,
    "z_channels": 4,
    "num_groups": 4,
    "channel_mult": [1, 1],
    "num_res_blocks": 1,
}


class _Items(Dataset[dict[str, torch.Tensor]]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"note": torch.zeros(16, 16), "valid": torch.ones(16)}


def test_the_plateau_is_judged_after_validations_only(tmp_path: Path) -> None:
    loss = {"target": "mug.firststage.losses.ManiaReconstructLoss"}
    model = build(
        AUTOENCODER, ddconfig=DD, lossconfig=loss, learning_rate=1e-9
    )  # so small that nothing ever improves
    trainer = pl.Trainer(
        default_root_dir=tmp_path,
        accelerator="cpu",
        max_epochs=24,
        check_val_every_n_epoch=4,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(model, DataLoader(_Items(), num_workers=0), DataLoader(_Items(), num_workers=0))
    scheduler = trainer.lr_scheduler_configs[0].scheduler
    assert scheduler.last_epoch == 6  # 24 epochs, a validation every fourth
    assert trainer.optimizers[0].param_groups[0]["lr"] == 1e-9
