"""Training of the diffusion model: the class that configs name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import Float
from torch import Tensor

from mug.diffusion.latent_diffusion import LatentDiffusion
from mug.diffusion.networks import parameter_groups
from mug.diffusion.objective import LevelMeter, Losses
from mug.diffusion.optimizer import adamw
from mug.errors import TrainingError
from mug.model.randomness import row_generators
from mug.model.speed.compiling import compile_network
from mug.util import instantiate_from_config

Batch = Mapping[str, Any]

_VALIDATION_SEED = 0x76616C  # validation noise is the same in every run, whatever its seed


class DDPM(LatentDiffusion, pl.LightningModule):
    """A diffusion model in training: its steps, what they log, its optimizer.

    Takes what `LatentDiffusion` takes. Making charts needs no trainer: whoever builds a model for
    that builds the class above in its place, see `mug.util.for_inference`.

    Source: Ho et al. 2020; Rombach et al. 2022; reference facts, section 7.
    """

    _lengths_bound = False

    @cached_property
    def _meters(self) -> dict[str, LevelMeter]:
        return {part: LevelMeter(self.schedule.steps) for part in ("train", "val", "test")}

    def of_all_processes(self, z: Float[Tensor, "b ..."]) -> Float[Tensor, "*p b ..."]:
        """Gathered under a trainer with several processes, one row for each."""
        if self._trainer is None or self.trainer.world_size == 1:
            return z
        return self.all_gather(z)  # type: ignore[return-value]

    def _generators(self, batch: Batch, *key: int) -> list[torch.Generator]:
        """One for each item, the same however many processes share a batch."""
        processes = 1 if self._trainer is None else self.trainer.world_size
        return row_generators(len(batch[self.note_key]), self.global_rank, processes, *key)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Prepare the state-space layers of a new model for the length of its first batch.

        The networks are compiled after that, if asked, so that this one pass is not.
        """
        if self._lengths_bound:
            return
        first = {key: value[:1] for key, value in batch.items() if isinstance(value, Tensor)}
        z = self.encode(batch).z_0[:1]
        with torch.random.fork_rng():  # a resumed run must draw what the first one drew here
            self.model.bind_lengths(z, first.get(self.audio_key), first.get(self.feature_key))
        self._lengths_bound = True
        if self.compile_backend is not None:
            for network in (self.model.unet_model, self.model.wave_model):
                if network is not None:
                    compile_network(network, self.compile_backend)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of a batch; an item's noise depends on seed, step and its place in the batch."""
        generators = self._generators(batch, self.seed, self.global_step, batch_idx)
        target = self.encode(batch, generators if self.sample_posterior else None)
        step, noise = self.draw(target, generators)
        losses = self.p_losses(target, self.condition_of(batch), step, noise)
        self._meters["train"].update(step, losses.per_sample)
        self._log("train", losses, len(step))
        self.log("global_step", float(self.global_step), batch_size=len(step))
        if self.scheduler_config is not None:
            rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            self.log("lr_abs", float(rate), batch_size=len(step))
        return losses.total

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss under the noise of this batch number, and of noise alone; one audio encoding."""
        self._evaluate(batch, batch_idx, "val")

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """As in validation."""
        self._evaluate(batch, batch_idx, "test")

    def on_train_epoch_end(self) -> None:
        """Log the epoch's loss in each tenth of the noise range."""
        self._log_levels("train")

    def on_validation_epoch_end(self) -> None:
        """Log the epoch's loss in each tenth of the noise range."""
        self._log_levels("val")

    def on_test_epoch_end(self) -> None:
        """Log the epoch's loss in each tenth of the noise range."""
        self._log_levels("test")

    def on_fit_start(self) -> None:
        """Look at the first stage before any time is spent.

        Raises:
            TrainingError: when it is untrained, with the command that trains one.
        """
        trained = getattr(self.model.first_stage_model, "trained", True)
        if not trained and not self.allow_untrained_first_stage:
            raise TrainingError(
                "model.first_stage_is_untrained",
                remedy="remedy.train_first_stage",
            )

    def configure_optimizers(self) -> Any:
        """AdamW over what is trainable, with the learning-rate factors of `scheduler_config`.

        Raises:
            TrainingError: without a learning rate.
        """
        if self.learning_rate is None:
            raise TrainingError(
                "model.no_learning_rate", remedy="remedy.give_model_base_learning_rate_in_config"
            )
        groups = parameter_groups(self.model, self.weight_decay, decay_all=self.weight_decay_all)
        optimizer = adamw(groups, self.learning_rate, fused=self.fused)
        if self.scheduler_config is None:
            return optimizer
        schedule = instantiate_from_config(self.scheduler_config)
        by_step = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: schedule.schedule(n))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": by_step, "interval": "step"}}

    # ----------------------------------------------------------------------- details

    @torch.no_grad()
    def _evaluate(self, batch: Batch, batch_idx: int, prefix: str) -> None:
        target = self.encode(batch)
        condition = self.condition_of(batch)
        step, noise = self.draw(target, self._generators(batch, _VALIDATION_SEED, batch_idx))
        losses = self.p_losses(target, condition, step, noise)
        self._meters[prefix].update(step, losses.per_sample)
        self._log(prefix, losses, len(step))
        blind = self.p_losses(target, condition, step, noise, all_noise=True)
        value = blind.parts["loss_simple"]
        self.log(f"{prefix}/loss_level_all", value, batch_size=len(step), sync_dist=True)

    def _log(self, prefix: str, losses: Losses, size: int) -> None:
        values = {f"{prefix}/{name}": value for name, value in losses.parts.items()}
        shown = values.pop(f"{prefix}/loss_simple")
        how: dict[str, Any] = {"batch_size": size, "sync_dist": True}
        self.log(f"{prefix}/loss_simple", shown, prog_bar=True, **how)
        self.log_dict(values, **how)

    def _log_levels(self, prefix: str) -> None:
        reduce = partial(self.trainer.strategy.reduce, reduce_op="sum")
        for level, value in self._meters[prefix].means(reduce).items():
            self.log(f"{prefix}/loss_level_{level}", value)
