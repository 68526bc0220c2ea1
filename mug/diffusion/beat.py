"""Telling the denoiser where the beat is: `beat_condition: true`.

A small encoder of its own turns the beat's phase, note frame by note frame, into something that is
added to the finest audio level. The U-Net, guidance and samplers need not know of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mug.diffusion.networks import Networks
from mug.errors import ConfigError
from mug.util import instantiate_from_config

BEAT_KEY = "beat"
"""Name of the beat channels in a batch."""

_ENCODER = "mug.cond.beat.BeatEncoder"


def add_beat_model(networks: Networks, unet_config: Mapping[str, Any]) -> None:
    """Give the networks an encoder of the beat that fits their audio levels and first stage.

    Raises:
        ConfigError: for a model without audio on its latents' own grid.
    """
    channels = list((unet_config.get("params") or {}).get("audio_channels") or ())
    if networks.wave_model is None or not channels or not channels[0]:
        raise ConfigError(
            "model.beat_condition_needs_audio_at_unet_finest",
            value=channels,
            remedy="remedy.set_to_false_or_give_wave_stage_config",
        )
    downsampling = int(getattr(networks.first_stage_model, "downsampling", 1))
    params = {"out_channels": channels[0], "downsampling": downsampling}
    networks.beat_model = instantiate_from_config({"target": _ENCODER, "params": params})


def beat_of(networks: Networks, batch: Mapping[str, Any]) -> Tensor | None:
    """The beat channels of a batch; None for networks without beat condition.

    Raises:
        ConfigError: where the dataset does not give them.
    """
    if networks.beat_model is None:
        return None
    if BEAT_KEY not in batch:
        raise ConfigError(
            "model.beat_condition_is_true_but_dataset_tells",
            remedy="remedy.set_beat_condition",
        )
    beat: Tensor = batch[BEAT_KEY]
    return beat
