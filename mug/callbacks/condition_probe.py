"""Probe of a diffusion model in training for the use of its conditions (`mug.diffusion.probe`)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from mug.callbacks.beatmap_logger import run_folder
from mug.callbacks.probe_report import write_probe
from mug.diffusion.diffusion import DDPM
from mug.diffusion.parts.build import DiffusionModel
from mug.diffusion.probe import (
    Probe,
    ProbeOptions,
    latent_centre,
    probe_batch,
    songs_of,
    swap_songs,
)
from mug.errors import ConfigError
from mug.features import FeatureSchema

log = logging.getLogger(__name__)


class ConditionProbe(Callback):
    """Logs, every few validations, the loss by tenth of the noise range and without conditions.

    Scalars are `val/loss_t0` (the cleanest tenth) ... `val/loss_t9`, `val/constant_t0`,
    `val/ratio_t0` (loss over best constant), `val/gain_audio_t0`, `val/gain_features_t0`,
    `val/gain_beat_t0`, and their means `val/ratio`, `val/gain_audio` ... The same stand in
    `<run>/probe/step<n>.csv` and `.json`, drawn in `.png`. Items, steps and noise are the same each
    time. Averaged weights (EMA) are probed where they are validated.

    A probe costs, for each batch, as many passes of the denoiser as there are tenths (10), times
    draws, times variants (the whole model and each of `without`), and one pass of the audio encoder
    for each variant that changes the sound.

    Args:
        every_n_validations: validations between two probes.
        batches: validation batches to look at, the first ones.
        without: conditions to take away, see `mug.diffusion.probe`.
        draws: time steps for each item and tenth.
        feature_yaml: the features, for the ids of the empty prompt.
        folder: where to write; `probe` in the run's folder if None.
    """

    def __init__(
        self,
        every_n_validations: int = 1,
        batches: int = 2,
        without: Sequence[str] = ("audio", "features", "beat"),
        *,
        draws: int = 1,
        feature_yaml: str = "configs/mug/mania_beatmap_features.yaml",
        folder: str | None = None,
    ) -> None:
        for name, value in (("every_n_validations", every_n_validations), ("batches", batches)):
            if value < 1:
                raise ConfigError(
                    "training.condition_probe_value_must_be_positive", name=name, value=value
                )
        self.every_n_validations, self.batches, self.folder = every_n_validations, batches, folder
        self.options, self.feature_yaml = ProbeOptions(tuple(without), draws), feature_yaml
        self._validations = 0
        self._batches: list[dict[str, Any]] = []

    def state_dict(self) -> dict[str, Any]:
        """Number of validations so far, so that a resumed run goes on in step."""
        return {"validations": self._validations}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the count."""
        self._validations = int(state_dict["validations"])

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget what a validation that was cut short left."""
        self._batches = []

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the first batches; probe at the last of them, while averaged weights are in."""
        if trainer.sanity_checking or dataloader_idx or not isinstance(pl_module, DDPM):
            return
        if self._validations % self.every_n_validations == 0 and batch_idx < self.batches:
            self._batches.append(dict(batch))
            if batch_idx == min(self.batches, int(trainer.num_val_batches[0])) - 1:
                self._report(trainer, pl_module, self.probe(pl_module, self._batches))
                self._batches = []

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Counts."""
        self._validations += not trainer.sanity_checking

    def probe(self, model: DiffusionModel, batches: Sequence[dict[str, Any]]) -> Probe:
        """The probe of a model on batches; its mode and the global randomness stay as they are."""
        training, found = model.training, Probe()
        nothing = None
        if model.model.cond_stage_model is not None:
            nothing = FeatureSchema.from_yaml(self.feature_yaml).missing_row()
        model.train(mode=False)
        try:
            with torch.random.fork_rng():
                centre = latent_centre(model, batches)
                sounds = swap_songs(
                    [batch.get(model.denoising.keys.audio_key) for batch in batches],
                    [songs_of(batch) for batch in batches],
                )
                for key, (batch, sound) in enumerate(zip(batches, sounds, strict=True)):
                    probe_batch(
                        model, batch, found, self.options,
                        nothing=nothing, centre=centre, other_sound=sound, key=key,
                    )  # fmt: skip
        finally:
            model.train(training)
        return found

    def _report(self, trainer: Trainer, module: DDPM, found: Probe) -> None:
        size = len(found.samples["loss"][found.tenths[0]])
        values = {f"val/{name}": value for name, value in found.scalars().items()}
        module.log_dict(values, on_step=False, on_epoch=True, batch_size=size, sync_dist=True)
        if not trainer.is_global_zero:
            return
        folder = Path(self.folder) if self.folder else run_folder(trainer) / "probe"
        step = trainer.global_step
        title = f"step {step}: loss by tenth of the noise range"
        paths = write_probe(found, folder / f"step{step:08d}", title)
        gains = [f"{name} {values[f'val/gain_{name}']:+.4f}" for name in found.left_out]
        gains.insert(0, f"loss / best constant {values['val/ratio']:.3f}")
        log.info("probe: %s; gains in %s", ", gain of ".join(gains), paths[-1])
