"""The diffusion model: networks, noise and objective, for whoever samples, judges or trains it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mug.diffusion.beat import add_beat_model, beat_of
from mug.diffusion.generation import Generation
from mug.diffusion.networks import Networks
from mug.diffusion.objective import Losses, Objective, Target, full_precision, latent_mask
from mug.diffusion.parameterization import Parameterization
from mug.diffusion.samplers.base import Generators, noise_like
from mug.diffusion.schedule import NoiseSchedule, kind_from_config
from mug.errors import CheckpointError, ConfigError
from mug.messages.message import Message
from mug.model.weights import load_weights
from mug.protocols import Condition
from mug.util import instantiate_from_config

Config = Mapping[str, Any]
Batch = Mapping[str, Any]


class LatentDiffusion(Generation):
    """Denoising diffusion in the latent space of a frozen first stage, without a trainer.

    What only training reads of its arguments is kept for the class that trains it,
    `mug.diffusion.diffusion.DDPM`, so that both are built from the same config.

    Args:
        unet_config: target and params of the denoiser.
        first_stage_config: of the autoencoder.
        cond_stage_config: of the feature encoder; none without features.
        wave_stage_config: of the audio encoder; none without audio.
        timesteps: N, the number of time steps.
        beta_schedule: `scaled_linear`, `cosine`, `sqrt` or `ddpm_linear`; the original's `linear`
            means scaled_linear, and its `sqrt_linear` ddpm_linear.
        linear_start: first beta of the linear schedules.
        linear_end: last beta of the linear schedules.
        cosine_s: offset of the cosine schedule.
        given_betas: betas that replace those of the schedule.
        v_posterior: weight of beta in the posterior variance.
        parameterization: eps, x0, v or recon.
        loss_type: l1, l2 or smooth_l1.
        l_simple_weight: weight of the plain loss.
        original_elbo_weight: weight of the loss in units of the variational bound.
        z_channels: channels of a latent; the denoiser's input channels unless given.
        z_length: latent frames in training, for the original's files; any length can be sampled.
        min_step: lowest time step that is trained.
        max_step: one above the highest; N unless given.
        log_every_t: for the original's files; how often its sample charts were written.
        clip_denoised: for the original's files; its sample charts were clipped at 10 (see
            `AncestralSampler`).
        monitor: metric that decides about checkpoints.
        ckpt_path: weights to start from.
        ignore_keys: names to leave out of them, see `mug.model.weights.selects`.
        training_keys: names (below `model.`) that alone are trained; all but the first stage
            unless given.
        scheduler_config: learning-rate factors by step.
        learning_rate: of AdamW; the trainer sets it from `base_learning_rate`.
        weight_decay: of AdamW.
        fused: AdamW as one operation; where the device has it unless given.
        compile_backend: of torch.compile for the denoiser and the audio encoder in training;
            none unless given.
        weight_decay_all: decay S4's dynamics, norms and biases too, as the reference does.
        use_valid: let only the frames of the chart count; the reference lets all count.
        sample_posterior: train on samples of the posterior instead of its mode.
        latent_scale: factor between the first stage's latents and the diffusion's.
        scale_by_std: measure that factor on the first batch, so that latents have unit variance.
        allow_untrained_first_stage: do not refuse to train on random latents (debugging).
        note_key: name of the data in a batch.
        audio_key: name of the audio in a batch.
        feature_key: name of the feature ids in a batch.
        valid_key: name of the mask of the chart's frames in a batch.
        beat_condition: condition the denoiser on the beat (see `mug.diffusion.beat`).
        seed: of noise and time steps in training.

    Source: Ho et al. 2020; Rombach et al. 2022; reference facts, section 7.
    """

    # fmt: off
    def __init__(  # noqa: PLR0913 (its arguments are the keys of the YAML file, by theme)
        self,
        unet_config: Config, first_stage_config: Config,
        cond_stage_config: Config | None = None, wave_stage_config: Config | None = None, *,
        timesteps: int = 1000, beta_schedule: str = "linear",
        linear_start: float = 1e-4, linear_end: float = 2e-2, cosine_s: float = 8e-3,
        given_betas: Sequence[float] | None = None, v_posterior: float = 0.0,
        parameterization: str = "eps", loss_type: str = "l2",
        l_simple_weight: float = 1.0, original_elbo_weight: float = 0.0,
        z_channels: int | None = None, z_length: int | None = None,
        min_step: int = 0, max_step: int | None = None,
        log_every_t: int = 100, clip_denoised: bool = True, monitor: str = "val/loss",
        ckpt_path: str | None = None, ignore_keys: Sequence[str] = (),
        training_keys: Sequence[str] = (), scheduler_config: Config | None = None,
        learning_rate: float | None = None,
        weight_decay: float = 0.01, weight_decay_all: bool = False,
        fused: bool | None = None, compile_backend: str | None = None,
        use_valid: bool = False, sample_posterior: bool = False,
        latent_scale: float = 1.0, scale_by_std: bool = False,
        allow_untrained_first_stage: bool = False,
        note_key: str = "note", audio_key: str = "audio",
        feature_key: str = "feature", valid_key: str = "valid",
        beat_condition: bool = False, seed: int = 23,
    ) -> None:
        # fmt: on
        super().__init__()
        self.schedule = NoiseSchedule(
            kind_from_config(beta_schedule), timesteps, linear_start, linear_end,
            cosine_s=cosine_s, v_posterior=v_posterior, given_betas=given_betas,
        )  # fmt: skip
        self.parameterization = Parameterization(parameterization, self.schedule)
        self.objective = Objective(
            self.parameterization, loss_type, l_simple_weight, original_elbo_weight
        )
        self._register_tables(latent_scale, scale_by_std)
        self.model = _build_networks(
            unet_config, first_stage_config, wave_stage_config, cond_stage_config
        )
        if beat_condition:
            add_beat_model(self.model, unet_config)
        self._check_recon()
        self.z_channels = z_channels or (unet_config.get("params") or {}).get("in_channels")
        self.z_length, self.log_every_t, self.clip_denoised = z_length, log_every_t, clip_denoised
        self.min_step, self.max_step = _step_range(min_step, max_step, self.schedule.steps)
        self.monitor, self.seed = monitor, seed
        self.scheduler_config, self.learning_rate = scheduler_config, learning_rate
        self.weight_decay, self.weight_decay_all = weight_decay, weight_decay_all
        self.fused, self.compile_backend = fused, compile_backend
        self.use_valid, self.sample_posterior = use_valid, sample_posterior
        self.allow_untrained_first_stage = allow_untrained_first_stage
        self.note_key, self.audio_key = note_key, audio_key
        self.feature_key, self.valid_key = feature_key, valid_key
        if training_keys:
            self.model.train_only(training_keys)
        self.register_load_state_dict_post_hook(_check_schedule)  # type: ignore[no-untyped-call]
        if ckpt_path is not None:
            load_weights(self, ckpt_path, ignore_keys)

    # ---------------------------------------------------------------------- objective

    def encode(self, batch: Batch, generator: Generators = None) -> Target:
        """Clean latents of a batch; a sample of the posterior only with generators."""
        with torch.no_grad():
            posterior = self.model.first_stage_model.encode(batch[self.note_key])  # type: ignore[operator]
            z = posterior.mode() if generator is None else posterior.sample(generator)
            self._measure_scale(z)
            z = full_precision(z) * self.latent_factor
        std = getattr(posterior, "std", None)
        valid = batch.get(self.valid_key)
        mask = latent_mask(valid, z) if self.use_valid and valid is not None else None
        return Target(
            z,
            None if std is None else std * self.latent_factor,
            mask,
            partial(self._data_loss, batch),
        )

    def condition_of(self, batch: Batch) -> Condition:
        """Audio, features and beat of a batch."""
        audio = None if self.model.wave_model is None else batch[self.audio_key]
        features = None if self.model.cond_stage_model is None else batch[self.feature_key]
        return self.conditions(audio, features, beat_of(self.model, batch))

    def p_losses(
        self,
        target: Target,
        condition: Condition,
        step: Int[Tensor, "b"],
        noise: Float[Tensor, "b ..."],
        *,
        all_noise: bool = False,
    ) -> Losses:
        """Loss at given time steps and noise; with `all_noise` the input is the noise alone."""
        x_t = noise if all_noise else self.objective.noisy(target.z_0, step, noise)
        output = self.model.denoise(x_t, step, condition)
        return self.objective.losses(output, target, step, noise)

    def draw(
        self, target: Target, generator: torch.Generator | Sequence[torch.Generator]
    ) -> tuple[Int[Tensor, "b"], Float[Tensor, "b ..."]]:
        """Time steps and noise for a batch, from one generator or from one for each item."""
        shares = (
            [(generator, len(target.z_0))]
            if isinstance(generator, torch.Generator)
            else [(each, 1) for each in generator]
        )
        low, high = self.min_step, self.max_step
        step = torch.cat([torch.randint(low, high, (n,), generator=g) for g, n in shares])
        return step.to(target.z_0.device), noise_like(target.z_0, generator)

    # ----------------------------------------------------------------------- details

    def _register_tables(self, latent_scale: float, scale_by_std: bool) -> None:
        for name, table in self.schedule.tables.items():  # for the checkpoint's sake
            self.register_buffer(name, table.clone())
        self.register_buffer("lvlb_weights", self.objective.bound_weights, persistent=False)
        self.scale_by_std = scale_by_std
        # 0 means not measured yet; kept in the checkpoint only where it is measured.
        factor = torch.tensor(0.0 if scale_by_std else float(latent_scale))
        self.register_buffer("latent_factor", factor, persistent=scale_by_std)

    def _measure_scale(self, z: Tensor) -> None:
        if not self.scale_by_std or self.latent_factor.is_nonzero():
            return
        self.latent_factor.copy_(1 / self.of_all_processes(z.float()).std())

    def of_all_processes(self, z: Float[Tensor, "b ..."]) -> Float[Tensor, "*p b ..."]:
        """Latents of this batch and of those that other processes hold of the same step."""
        return z

    def _data_loss(self, batch: Batch, z: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        notes = batch[self.note_key]
        valid = batch.get(self.valid_key)
        valid = torch.ones_like(notes[:, 0]) if valid is None else valid
        result: tuple[Tensor, dict[str, Tensor]] = self.model.first_stage_model.loss(  # type: ignore[operator]
            notes, self.decode(z), valid
        )
        return result

    def _check_recon(self) -> None:
        loss = getattr(self.model.first_stage_model, "loss", None)
        if self.parameterization.name == "recon" and (loss is None or type(loss) is nn.Identity):
            raise ConfigError(
                "model.parameterization_recon_needs_reconstruction_loss",
                remedy="remedy.set_lossconfig",
            )


def _build_networks(
    unet: Config, first_stage: Config, wave: Config | None, cond: Config | None
) -> Networks:
    audio_channels = (unet.get("params") or {}).get("audio_channels")
    return Networks(
        instantiate_from_config(unet),
        instantiate_from_config(first_stage),
        instantiate_from_config(wave),
        instantiate_from_config(cond),
        None if audio_channels is None else len(audio_channels),
    )


def _step_range(low: int, high: int | None, steps: int) -> tuple[int, int]:
    high = steps if high is None else high
    if not 0 <= low < high <= steps:
        raise ConfigError(
            "model.min_step_and_max_step_leave_no_time",
            value=(low, high),
            remedy=Message("remedy.choose_min_and_max_step", steps=steps),
        )
    return low, high


def _check_schedule(module: nn.Module, _result: Any) -> None:
    """After weights were loaded: their noise schedule must be the one that is used."""
    if not isinstance(module, LatentDiffusion):
        return
    expected = module.schedule.tables["betas"]
    loaded = module.get_buffer("betas").detach().to(expected.device, expected.dtype)
    if not torch.allclose(loaded, expected, rtol=1e-4, atol=1e-8):
        raise CheckpointError(
            "model.checkpoint_was_trained_with_another_noise",
            remedy="remedy.take_beta_schedule_linear_start_and_linear_end",
        )
