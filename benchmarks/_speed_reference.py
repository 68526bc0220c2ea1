"""The original's way to sample, inside our code: what `benchmarks/speed.py` compares with.

As there, the audio is encoded once per chart, all its levels are kept and doubled at every step,
state-space kernels are made at every call, nothing of the prompt or the time step is kept, and
guidance doubles the batch whatever its scale. Source: reference facts, B2, B49 and section 8.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mug.audio.librosa_once import load_librosa
from mug.clock import FrameClock
from mug.config import load_config
from mug.diffusion.diffusion import DDPM
from mug.diffusion.parts.build import DiffusionModel
from mug.diffusion.samplers.ddim import DDIMSampler
from mug.diffusion.unet import UNetModel
from mug.features import FeatureSchema
from mug.model import s4, s4_kernel
from mug.model.s4 import NPLRKernel
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.model.names import CONFIG_NAME
from mug.pipeline.sample import song_tensor
from mug.protocols import Prediction
from mug.util import find_file, instantiate_from_config


def load_as_original(folder: Path) -> LoadedModel:
    """A model that is drawn at random, then read whole, then copied.

    It is the class that trains, with PyTorch Lightning, which the original's own generation loads.
    """
    config = load_config([folder / CONFIG_NAME], [])
    node = copy.deepcopy({key: config["model"][key] for key in ("target", "params")})
    block = node["params"]["unet_config"]["params"].setdefault("block", {})
    block.setdefault("s4_kernel_sum", "half")
    made: DDPM = instantiate_from_config(node)
    content = torch.load(folder / "model.ckpt", map_location="cpu", weights_only=True)
    made.load_state_dict(content["state_dict"])
    made.eval().requires_grad_(requires_grad=False)
    data = config["data"]["params"]["common_params"]
    schema = FeatureSchema.from_yaml(find_file(data["features"]["feature_yaml"]), clamp_top=False)
    notes_per_latent = 2 ** (len(_first_stage(config)["channel_mult"]) - 1)
    audio, ratio = data["audio"], data["window"]["audio_note_window_ratio"]
    clock = FrameClock(audio["sr"], audio["n_fft"], ratio, notes_per_latent)
    return LoadedModel(made, config, schema, clock, "", published=True)


def _first_stage(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = config["model"]["params"]["first_stage_config"]["params"]["ddconfig"]
    return found


def mel_as_original(model: LoadedModel, wave: np.ndarray) -> Tensor:
    """The spectrogram, of the whole song at once, by librosa; padded as ours."""
    clock = model.clock
    power = load_librosa().feature.melspectrogram(
        y=wave,
        sr=clock.sample_rate,
        n_fft=clock.n_fft,
        hop_length=clock.n_fft // 4,
        n_mels=model.n_mels,
    )
    mel = torch.from_numpy(np.log1p(power).astype(np.float32))
    ours = song_tensor(model, wave[:1])
    block = ours.shape[-1]
    frames = -(-mel.shape[1] // block) * block
    return torch.nn.functional.pad(mel, (0, frames - mel.shape[1]))[None]


@contextmanager
def _as_original() -> Iterator[None]:
    """State-space layers with the original's sum over states and its length of transforms."""
    ours = s4_kernel._cauchy, s4.fast_length
    s4_kernel._cauchy = _sum_of_all
    s4.fast_length = int  # type: ignore[assignment]
    try:
        yield
    finally:
        s4_kernel._cauchy, s4.fast_length = ours


def _sum_of_all(v: Tensor, poles: Tensor, s: Tensor, g: Tensor) -> Tensor:
    """Every quotient written out, then added: reference facts, section 2.6, step 4."""
    return (v[..., None] / (g - poles[:, None, None, :, None] * s)).sum(-2)


class Reference:
    """A model driven as the original drives it.

    Args:
        ddpm: the model.
        guidance_scale: of its page.
    """

    def __init__(self, ddpm: DiffusionModel, guidance_scale: float = 5.0) -> None:
        self.ddpm, self.guidance_scale = ddpm, guidance_scale
        self._kernels = [m for m in ddpm.model.unet_model.modules() if isinstance(m, NPLRKernel)]

    def bind(self, frames: int) -> None:
        """Prepare the kernels' weights for a length, as the original's first call does."""
        unet = self.ddpm.model.unet_model
        assert isinstance(unet, UNetModel)
        unet.bind_length(frames)

    def encode(self, audio: Tensor, count: int) -> list[Tensor]:
        """All levels of the audio, once for each chart."""
        encoder = self.ddpm.model.wave_model
        assert isinstance(encoder, nn.Module)
        levels: list[Tensor] = encoder(audio.expand(count, *audio.shape[1:]).contiguous())
        return levels

    def evaluate(
        self, x_t: Tensor, step: Tensor, context: Tensor, levels: Sequence[Tensor]
    ) -> Tensor:
        """One call of the network, with nothing kept from the call before."""
        for kernel in self._kernels:
            kernel._last = None
        with _as_original():
            output: Tensor = self.ddpm.model.unet_model(x_t, step, context, *levels)
        return output

    def sample(
        self, audio: Tensor, feature_ids: Tensor, nothing: Tensor, noise: Tensor, steps: int = 100
    ) -> Tensor:
        """Note logits of as many charts as `noise` has items, by the original's DDIM."""
        levels = self.encode(audio, len(noise))
        asked, away = (self.ddpm.generation.context(ids) for ids in (feature_ids, nothing))
        assert asked is not None
        assert away is not None

        def denoise(x_t: Tensor, step: Tensor) -> Prediction:
            doubled = [torch.cat([level, level]) for level in levels]
            both = self.evaluate(
                torch.cat([x_t, x_t]), torch.cat([step, step]), torch.cat([away, asked]), doubled
            )
            first, second = both.chunk(2)
            output = first + self.guidance_scale * (second - first)
            return self.ddpm.generation.parameterization.to_prediction(output, x_t, step)

        sampler = DDIMSampler("original")
        return self.ddpm.generation.decode(
            sampler.sample(denoise, noise, self.ddpm.schedule, steps=steps)
        )
