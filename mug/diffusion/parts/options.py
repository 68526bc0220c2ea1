"""Groups of a diffusion model's parameters, as a config spells them out.

Each has its own name in the YAML file: `schedule:`, `objective:`, `latent:`, `optimizer:`,
`training:`, `batch_keys:`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mug.diffusion.schedule import NoiseSchedule, kind_from_config
from mug.errors import ConfigError
from mug.messages.message import Message

Config = Mapping[str, Any]


@dataclass(frozen=True)
class NetworkConfigs:
    """Target and params of a diffusion model's networks.

    Args:
        unet: the denoiser.
        first_stage: the autoencoder.
        cond: the feature encoder; none without features.
        wave: the audio encoder; none without audio.
        beat: condition the denoiser on the beat (see `mug.diffusion.beat`).
    """

    unet: Config
    first_stage: Config
    cond: Config | None = None
    wave: Config | None = None
    beat: bool = False


@dataclass(frozen=True)
class ScheduleOptions:
    """Noise levels.

    Args:
        timesteps: N, the number of time steps.
        beta_schedule: `scaled_linear`, `cosine`, `sqrt` or `ddpm_linear`; the original's `linear`
            means scaled_linear, and its `sqrt_linear` ddpm_linear.
        linear_start: first beta of the linear schedules.
        linear_end: last beta of the linear schedules.
        cosine_s: offset of the cosine schedule.
        given_betas: betas that replace those of the schedule.
        v_posterior: weight of beta in the posterior variance.
    """

    timesteps: int = 1000
    beta_schedule: str = "linear"
    linear_start: float = 1e-4
    linear_end: float = 2e-2
    cosine_s: float = 8e-3
    given_betas: Sequence[float] | None = None
    v_posterior: float = 0.0

    def build(self) -> NoiseSchedule:
        """Return the schedule.

        Raises:
            ConfigError: for an unknown name, or betas outside 0 ... 1.
        """
        return NoiseSchedule(
            kind_from_config(self.beta_schedule),
            self.timesteps,
            self.linear_start,
            self.linear_end,
            cosine_s=self.cosine_s,
            v_posterior=self.v_posterior,
            given_betas=self.given_betas,
        )


@dataclass(frozen=True)
class ObjectiveOptions:
    """Denoising loss.

    Args:
        parameterization: meaning of the network's output: eps, x0, v or recon.
        loss_type: l1, l2 or smooth_l1.
        l_simple_weight: weight of the plain loss.
        original_elbo_weight: weight of the loss in units of the variational bound.
        use_valid: let only the frames of the chart count; the reference lets all count.
        start_weight: weight of the decoded starts' cross-entropy, see
            `mug.diffusion.parts.start_loss`; 0 leaves it out.
        start_positive_weight: how much more a frame with a start counts there.
        min_step: lowest time step that is trained.
        max_step: one above the highest; N unless given.

    Raises:
        ConfigError: for a weight of starts below 0, or a positive one that is not above 0.
    """

    parameterization: str = "eps"
    loss_type: str = "l2"
    l_simple_weight: float = 1.0
    original_elbo_weight: float = 0.0
    use_valid: bool = False
    start_weight: float = 0.0
    start_positive_weight: float = 1.0
    min_step: int = 0
    max_step: int | None = None

    def __post_init__(self) -> None:
        for name, low in (("start_weight", 0.0), ("start_positive_weight", 1e-6)):
            value = getattr(self, name)
            if not low <= value < math.inf:
                raise ConfigError("model.weight_out_of_range", name=name, value=value)

    def step_range(self, steps: int) -> tuple[int, int]:
        """Return the lowest trained time step and one above the highest.

        Args:
            steps: N, the schedule's number of time steps.

        Raises:
            ConfigError: when no time step is left.
        """
        high = steps if self.max_step is None else self.max_step
        if not 0 <= self.min_step < high <= steps:
            raise ConfigError(
                "model.min_step_and_max_step_leave_no_time",
                value=(self.min_step, high),
                remedy=Message("remedy.choose_min_and_max_step", steps=steps),
            )
        return self.min_step, high


@dataclass(frozen=True)
class LatentOptions:
    """Latents that are diffused.

    Args:
        z_channels: channels of a latent; the denoiser's input channels unless given.
        z_length: latent frames in training, for the reader; any length can be sampled.
        scale: factor between the first stage's latents and the diffusion's.
        scale_by_std: measure that factor on the first batch, so that latents have unit variance.
        sample_posterior: train on samples of the posterior instead of its mode.
    """

    z_channels: int | None = None
    z_length: int | None = None
    scale: float = 1.0
    scale_by_std: bool = False
    sample_posterior: bool = False


@dataclass(frozen=True)
class OptimizerOptions:
    """AdamW and its learning rate.

    Args:
        learning_rate: the trainer sets it from `base_learning_rate`.
        scheduler_config: target and params of the learning-rate factors by step.
        weight_decay: of AdamW.
        weight_decay_all: decay S4's dynamics, norms and biases too, as the reference does.
        fused: AdamW as one operation; where the device has it unless given.
    """

    learning_rate: float | None = None
    scheduler_config: Config | None = None
    weight_decay: float = 0.01
    weight_decay_all: bool = False
    fused: bool | None = None


@dataclass(frozen=True)
class TrainingOptions:
    """Course of a training run.

    Args:
        seed: of noise and time steps.
        monitor: metric that decides about checkpoints.
        training_keys: names (below `model.`) that alone are trained; all but the first stage
            unless given.
        ignore_keys: names to leave out of `ckpt_path`, see `mug.model.weights.selects`.
        compile_backend: of torch.compile for the denoiser and the audio encoder; none unless given.
        allow_untrained_first_stage: do not refuse to train on random latents (debugging).
    """

    seed: int = 23
    monitor: str = "val/loss"
    training_keys: Sequence[str] = ()
    ignore_keys: Sequence[str] = ()
    compile_backend: str | None = None
    allow_untrained_first_stage: bool = False


@dataclass(frozen=True)
class BatchKeys:
    """Names in a batch.

    Args:
        note_key: the data.
        audio_key: the audio.
        feature_key: the feature ids.
        valid_key: the mask of the chart's frames.
    """

    note_key: str = "note"
    audio_key: str = "audio"
    feature_key: str = "feature"
    valid_key: str = "valid"
