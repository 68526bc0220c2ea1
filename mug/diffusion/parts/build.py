"""Assembly of a diffusion model: networks, noise levels, generation, denoising."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from mug.diffusion.beat import add_beat_model
from mug.diffusion.networks import Networks
from mug.diffusion.parameterization import Parameterization
from mug.diffusion.parts.denoising import Denoising
from mug.diffusion.parts.generation import Generation
from mug.diffusion.parts.latent_scale import LatentScale
from mug.diffusion.parts.options import (
    BatchKeys,
    LatentOptions,
    NetworkConfigs,
    ObjectiveOptions,
    ScheduleOptions,
)
from mug.diffusion.schedule import NoiseSchedule
from mug.errors import CheckpointError, ConfigError
from mug.messages.message import Message
from mug.model.memory.skip_init import NetworkSizeError
from mug.util import instantiate_from_config

Config = Mapping[str, Any]


@runtime_checkable
class DiffusionModel(Protocol):
    """A diffusion model, in training or without a trainer.

    Attributes:
        model: the four networks.
        schedule: the noise levels.
        generation: what samplers need.
        denoising: loss of a batch.
        training: whether it is in training mode.
    """

    training: bool
    model: Networks
    schedule: NoiseSchedule
    generation: Generation
    denoising: Denoising

    def train(self, mode: bool = True) -> Any:
        """Training or evaluation mode."""


@dataclass(frozen=True)
class DiffusionParts:
    """Networks, noise levels, what samplers need of both, and the loss.

    Args:
        networks: the four networks.
        schedule: the noise levels.
        generation: conditions, denoiser and decoding.
        denoising: loss of a batch.
    """

    networks: Networks
    schedule: NoiseSchedule
    generation: Generation
    denoising: Denoising

    def register(self, module: nn.Module) -> None:
        """Make the networks `model` of a module, and tables and factor buffers beside it.

        These are the names of the original's checkpoints, which hold the noise schedule too.
        Weights that are loaded later must have been trained with the same one.
        """
        for name, table in self.schedule.tables.items():
            module.register_buffer(name, table.clone())
        weights = self.denoising.objective.bound_weights
        module.register_buffer("lvlb_weights", weights, persistent=False)
        self.generation.latents.register(module)
        module.add_module("model", self.networks)
        module.register_load_state_dict_post_hook(self._check_schedule)  # type: ignore[no-untyped-call]

    def _check_schedule(self, module: nn.Module, _result: Any) -> None:
        expected = self.schedule.tables["betas"]
        loaded = module.get_buffer("betas").detach().to(expected.device, expected.dtype)
        if not torch.allclose(loaded, expected, rtol=1e-4, atol=1e-8):
            raise CheckpointError(
                "model.checkpoint_was_trained_with_another_noise",
                remedy="remedy.take_beta_schedule_linear_start_and_linear_end",
            )


def build_parts(
    configs: NetworkConfigs,
    schedule: ScheduleOptions | None = None,
    objective: ObjectiveOptions | None = None,
    latent: LatentOptions | None = None,
    batch_keys: BatchKeys | None = None,
) -> DiffusionParts:
    """Build a diffusion model from its groups; defaults for those that are not given.

    Raises:
        ConfigError: for a group that does not fit the others.
    """
    objective, latent = objective or ObjectiveOptions(), latent or LatentOptions()
    levels = (schedule or ScheduleOptions()).build()
    parameterization = Parameterization(objective.parameterization, levels)
    networks = _build_networks(configs)
    if configs.beat:
        add_beat_model(networks, configs.unet)
    _check_recon(objective, networks)
    channels = latent.z_channels or (configs.unet.get("params") or {}).get("in_channels")
    generation = Generation(networks, parameterization, LatentScale(latent), channels)
    denoising = Denoising(generation, objective, latent, batch_keys or BatchKeys())
    return DiffusionParts(networks, levels, generation, denoising)


def _build_networks(configs: NetworkConfigs) -> Networks:
    audio_channels = (configs.unet.get("params") or {}).get("audio_channels")
    return Networks(
        _built("unet_config", configs.unet),
        _built("first_stage_config", configs.first_stage),
        _built("wave_stage_config", configs.wave),
        _built("cond_stage_config", configs.cond),
        None if audio_channels is None else len(audio_channels),
    )


def _built(key: str, config: Config | None) -> Any:
    """A network; an error about its size names its key."""
    try:
        return instantiate_from_config(config)
    except NetworkSizeError as error:
        what = Message("config.at_key", what=error.what, key=f"model.params.{key}")
        raise NetworkSizeError(what, value=error.value, remedy=error.remedy) from error


def _check_recon(objective: ObjectiveOptions, networks: Networks) -> None:
    loss = getattr(networks.first_stage_model, "loss", None)
    if objective.parameterization == "recon" and (loss is None or type(loss) is nn.Identity):
        raise ConfigError(
            "model.parameterization_recon_needs_reconstruction_loss",
            remedy="remedy.set_lossconfig",
        )
