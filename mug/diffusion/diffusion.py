"""Training of the diffusion model: the class that configs name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import Float
from torch import Tensor

from mug.diffusion.networks import Networks, parameter_groups
from mug.diffusion.objective import LevelMeter, Losses
from mug.diffusion.optimizer import adamw
from mug.diffusion.parts.build import build_parts
from mug.diffusion.parts.options import (
    BatchKeys,
    LatentOptions,
    NetworkConfigs,
    ObjectiveOptions,
    OptimizerOptions,
    ScheduleOptions,
    TrainingOptions,
)
from mug.errors import TrainingError
from mug.model.randomness import row_generators
from mug.model.speed.compiling import compile_network
from mug.model.weights import load_weights
from mug.util import instantiate_from_config

Batch = Mapping[str, Any]
Config = Mapping[str, Any]

_VALIDATION_SEED = 0x76616C  # validation noise is the same in every run, whatever its seed


class DDPM(pl.LightningModule):
    """A diffusion model in training: its steps, what they log, its optimizer.

    Making charts needs no trainer: whoever builds a model for that builds
    `mug.diffusion.latent_diffusion.LatentDiffusion` in its place, which has the same networks under
    the same names.

    Args:
        unet_config: target and params of the denoiser.
        first_stage_config: of the autoencoder.
        cond_stage_config: of the feature encoder; none without features.
        wave_stage_config: of the audio encoder; none without audio.
        ckpt_path: weights to start from.
        schedule: noise levels.
        objective: loss.
        latent: latents that are diffused.
        optimizer: AdamW and its learning rate.
        training: course of the run.
        batch_keys: names in a batch.
        beat_condition: condition the denoiser on the beat (see `mug.diffusion.beat`).

    Attributes:
        model: the four networks.
        schedule: the noise levels.
        generation: what samplers need.
        denoising: loss of a batch.

    Source: Ho et al. 2020; Rombach et al. 2022; reference facts, section 7.
    """

    model: Networks
    latent_factor: Tensor

    _lengths_bound = False

    def __init__(  # noqa: PLR0913 (its arguments are the keys of the YAML file)
        self,
        unet_config: Config,
        first_stage_config: Config,
        cond_stage_config: Config | None = None,
        wave_stage_config: Config | None = None,
        ckpt_path: str | None = None,
        *,
        schedule: ScheduleOptions | None = None,
        objective: ObjectiveOptions | None = None,
        latent: LatentOptions | None = None,
        optimizer: OptimizerOptions | None = None,
        training: TrainingOptions | None = None,
        batch_keys: BatchKeys | None = None,
        beat_condition: bool = False,
    ) -> None:
        super().__init__()
        configs = NetworkConfigs(
            unet_config, first_stage_config, cond_stage_config, wave_stage_config, beat_condition
        )
        parts = build_parts(configs, schedule, objective, latent, batch_keys)
        self.schedule, self.generation, self.denoising = (
            parts.schedule,
            parts.generation,
            parts.denoising,
        )
        parts.register(self)
        parts.generation.latents.gather_with(self._of_all_processes)
        self.optimizer_options = optimizer or OptimizerOptions()
        self.learning_rate = self.optimizer_options.learning_rate
        self.training_options = training or TrainingOptions()
        if self.training_options.training_keys:
            self.model.train_only(self.training_options.training_keys)
        if ckpt_path is not None:
            load_weights(self, ckpt_path, self.training_options.ignore_keys)

    @cached_property
    def _meters(self) -> dict[str, LevelMeter]:
        return {part: LevelMeter(self.schedule.steps) for part in ("train", "val", "test")}

    def _of_all_processes(self, z: Float[Tensor, "b ..."]) -> Float[Tensor, "*p b ..."]:
        """Latents of this batch and of those that other processes hold of the same step."""
        if self._trainer is None or self.trainer.world_size == 1:
            return z
        return self.all_gather(z)  # type: ignore[return-value]

    def _generators(self, batch: Batch, *key: int) -> list[torch.Generator]:
        """One for each item, the same however many processes share a batch."""
        processes = 1 if self._trainer is None else self.trainer.world_size
        notes = batch[self.denoising.keys.note_key]
        return row_generators(len(notes), self.global_rank, processes, *key)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Prepare the state-space layers of a new model for the length of its first batch.

        The networks are compiled after that, if asked, so that this one pass is not.
        """
        if self._lengths_bound:
            return
        first = {key: value[:1] for key, value in batch.items() if isinstance(value, Tensor)}
        z = self.denoising.encode(batch).z_0[:1]
        keys, backend = self.denoising.keys, self.training_options.compile_backend
        with torch.random.fork_rng():  # a resumed run must draw what the first one drew here
            self.model.bind_lengths(z, first.get(keys.audio_key), first.get(keys.feature_key))
        self._lengths_bound = True
        if backend is not None:
            for network in (self.model.unet_model, self.model.wave_model):
                if network is not None:
                    compile_network(network, backend)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of a batch; an item's noise depends on seed, step and its place in the batch."""
        task, seed = self.denoising, self.training_options.seed
        generators = self._generators(batch, seed, self.global_step, batch_idx)
        target = task.encode(batch, generators if task.sample_posterior else None)
        step, noise = task.draw(target, generators)
        losses = task.p_losses(target, task.condition_of(batch), step, noise)
        self._meters["train"].update(step, losses.per_sample)
        self._log("train", losses, len(step))
        self.log("global_step", float(self.global_step), batch_size=len(step))
        if self.optimizer_options.scheduler_config is not None:
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
        if not trained and not self.training_options.allow_untrained_first_stage:
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
        options = self.optimizer_options
        groups = parameter_groups(
            self.model, options.weight_decay, decay_all=options.weight_decay_all
        )
        optimizer = adamw(groups, self.learning_rate, fused=options.fused)
        if options.scheduler_config is None:
            return optimizer
        schedule = instantiate_from_config(options.scheduler_config)
        by_step = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: schedule.schedule(n))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": by_step, "interval": "step"}}

    # ----------------------------------------------------------------------- details

    @torch.no_grad()
    def _evaluate(self, batch: Batch, batch_idx: int, prefix: str) -> None:
        task = self.denoising
        target = task.encode(batch)
        condition = task.condition_of(batch)
        step, noise = task.draw(target, self._generators(batch, _VALIDATION_SEED, batch_idx))
        losses = task.p_losses(target, condition, step, noise)
        self._meters[prefix].update(step, losses.per_sample)
        self._log(prefix, losses, len(step))
        blind = task.p_losses(target, condition, step, noise, all_noise=True)
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
