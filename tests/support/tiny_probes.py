"""The debug diffusion model around small networks, and charts whose notes can be heard."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mug.config import load_config
from mug.diffusion.diffusion import DDPM
from mug.diffusion.probe import Probe, ProbeOptions, latent_centre, probe_batch, swap_songs
from mug.features import FeatureSchema
from mug.util import instantiate_from_config

FEATURES = "configs/mug/mania_beatmap_features.yaml"
NOTE_FRAMES, MELS = 64, 16


def debug_model(network: nn.Module | None = None, **params: Any) -> DDPM:
    """The model of configs/debug/diffusion.yaml; with another denoiser, one layer hears for it."""
    changes = {"allow_untrained_first_stage": True, **params}
    overrides = [f"model.params.{name}={value}" for name, value in changes.items()]
    config = load_config(["configs/debug/diffusion.yaml"], overrides)
    torch.manual_seed(0)
    model: DDPM = instantiate_from_config(
        {key: config["model"][key] for key in ("target", "params")}
    )
    if network is not None:
        model.model.unet_model = network
        model.model.wave_model = nn.Conv1d(MELS, 32, 64, stride=64)
    return model.eval()


def audible_batch(seed: int, items: int = 4) -> dict[str, Any]:
    """Items of different songs: each note is a burst in the spectrogram at the same time."""
    generator = torch.Generator().manual_seed(seed)
    starts = (torch.rand(items, 4, NOTE_FRAMES, generator=generator) < 0.15).float()
    note = torch.zeros(items, 16, NOTE_FRAMES)
    note[:, :4] = starts
    audio = torch.zeros(items, MELS, NOTE_FRAMES * 8)
    audio[:, :4, ::8] = 3 * starts
    ids = torch.tensor(FeatureSchema.from_yaml(FEATURES).ids({"sr": 3.0}))
    return {
        "note": note,
        "audio": audio,
        "feature": ids.expand(items, -1).clone(),
        "valid": torch.ones(items, NOTE_FRAMES),
        "meta": {"audio_path": [f"song {seed} {index}" for index in range(items)]},
    }


class Scaled(nn.Module):
    """Answers a multiple of its noisy input and hears nothing."""

    def forward(self, x: Tensor, step: Tensor, context: Tensor, *audio: Tensor) -> Tensor:
        return 0.3 * x


def probed(model: DDPM, batch: dict[str, Any], **options: Any) -> Probe:
    """A probe of one batch."""
    found = Probe()
    (other,) = swap_songs([batch["audio"]], [batch["meta"]["audio_path"]])
    probe_batch(
        model,
        batch,
        found,
        ProbeOptions(**options),
        nothing=FeatureSchema.from_yaml(FEATURES).missing_row(),
        centre=latent_centre(model, [batch]),
        other_sound=other,
    )
    return found
