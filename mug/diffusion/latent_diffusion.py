"""The diffusion model without a trainer, for whoever samples or judges it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mug.diffusion.networks import Networks
from mug.diffusion.parts.build import build_parts
from mug.diffusion.parts.options import (
    BatchKeys,
    LatentOptions,
    NetworkConfigs,
    ObjectiveOptions,
    ScheduleOptions,
)

Config = Mapping[str, Any]


class LatentDiffusion(nn.Module):
    """Denoising diffusion in the latent space of a frozen first stage.

    Args:
        unet_config: target and params of the denoiser.
        first_stage_config: of the autoencoder.
        cond_stage_config: of the feature encoder; none without features.
        wave_stage_config: of the audio encoder; none without audio.
        schedule: noise levels.
        objective: loss.
        latent: latents that are diffused.
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

    def __init__(  # noqa: PLR0913 (its arguments are the keys of the YAML file)
        self,
        unet_config: Config,
        first_stage_config: Config,
        cond_stage_config: Config | None = None,
        wave_stage_config: Config | None = None,
        *,
        schedule: ScheduleOptions | None = None,
        objective: ObjectiveOptions | None = None,
        latent: LatentOptions | None = None,
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
