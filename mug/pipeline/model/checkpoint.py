"""Checkpoints in, models out: three formats, none of which can run code while it is read.

1. Our inference format: a folder with `model.safetensors` and `model.yaml`.
2. A training checkpoint of ours: `*.ckpt`, plain containers, the resolved config inside.
3. The original's published pair: `model.ckpt` with `model.yaml` beside it.

Source: the reference's facts, sections 7 and 17 (P5, B1, B3, B45).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mug.audio.mel import MelParams
from mug.clock import FrameClock
from mug.config import naming
from mug.diffusion.latent_diffusion import LatentDiffusion
from mug.diffusion.parts.build import DiffusionModel
from mug.errors import CheckpointError
from mug.features import FeatureSchema
from mug.messages.message import Message
from mug.model.memory.malloc import keep_blocks, return_large_blocks, trim
from mug.model.memory.offload import OffloadedNetworks
from mug.model.memory.skip_init import SkipInit
from mug.model.speed.precision import dtype_of, lowered_names, precision_for
from mug.model.speed.thread_count import SMALL
from mug.model.weights import hash_weights
from mug.pipeline.model.config_limits import MOST_WEIGHTS
from mug.pipeline.model.files import (
    check_hash,
    config_errors,
    features_params,
    no_diffusion_model,
    open_checkpoint,
    read_checkpoint,
    save_inference,
)
from mug.pipeline.model.inference_classes import for_inference
from mug.pipeline.model.names import SCORER_NAME
from mug.pipeline.model.reached import STARS, ReachedStars, read_reached
from mug.pipeline.model.release import Release, columns_of
from mug.pipeline.model.weights_file import WeightsFile
from mug.rhythm.scorer import RhythmScorer, load_scorer
from mug.util import find_file, instantiate_from_config

__all__ = [
    "LoadedModel",
    "build_model",
    "hash_weights",
    "load_model",
    "read_checkpoint",
    "save_inference",
]

_SMALL_SURPLUS = 1_000_000
"""Weights that a config may describe beyond those of its file; what is missing is named."""

LONG_NOTES = "ln_ratio"

OFFLOADED = ("wave_model", "unet_model")
"""Networks of which one runs at a time: the song is encoded, then charts are denoised."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to generate.

    Args:
        ddpm: the diffusion model in evaluation mode.
        config: its resolved config, plain containers.
        schema: feature names and embedding ids as this checkpoint was trained with.
        clock: time base of its audio, notes and latents.
        weights_hash: SHA-256 over names, shapes and values of the weights.
        published: whether it is a checkpoint of the original.
        precision: of the weights in memory, see `load_model`.
        offload: what is not in memory all the time.
        reached: stars that its charts have for stars that it is given, where that was measured.
        scorer: draws the rows of its charts; None where it has none beside its weights.
    """

    ddpm: DiffusionModel
    config: dict[str, Any]
    schema: FeatureSchema
    clock: FrameClock
    weights_hash: str
    published: bool
    precision: str = "fp32"
    offload: OffloadedNetworks = field(default_factory=lambda: OffloadedNetworks({}, lambda _: {}))
    reached: ReachedStars | None = None
    scorer: RhythmScorer | None = None

    def in_memory(self, network: str) -> AbstractContextManager[None]:
        """Hold the weights of one of `OFFLOADED` in memory inside the block."""
        return self.offload.in_memory(network)

    def given(self, prompt: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a prompt as the model gets it.

        It has stars by which the model reaches those asked for, and no larger share of long notes
        than the model has seen: of those it makes no sense.
        """
        given = dict(prompt)
        if self.reached is not None and prompt.get(STARS) is not None:
            given[STARS] = self.reached.to_give(float(prompt[STARS]))
        if prompt.get(LONG_NOTES) is not None and LONG_NOTES in self.release.trained:
            given[LONG_NOTES] = min(prompt[LONG_NOTES], self.release.trained[LONG_NOTES][1])
        return given

    def given_instead(self, prompt: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the model is given in place of entries of a prompt."""
        return {name: value for name, value in self.given(prompt).items() if value != prompt[name]}

    @property
    def size(self) -> int:
        """Number of weights of all networks but the scorer."""
        return count_weights(self.ddpm)

    @property
    def n_mels(self) -> int:
        """Mel bands that the audio encoder expects."""
        return int(_common(self.config, "audio").get("n_mels", 128))

    @property
    def mel_params(self) -> MelParams:
        """Spectrogram that the audio encoder expects."""
        scale = float(_common(self.config, "audio").get("mel_scale", 1.0))
        return MelParams(self.clock.sample_rate, self.clock.n_fft, self.n_mels, scale)

    @property
    def in_beats(self) -> bool:
        """Its time is counted in beats (`mug.encoding.beat_axis`)."""
        return _common(self.config, "window").get("time_axis") == "beat"

    @property
    def reads_lines(self) -> bool:
        """Line channels stand for the sound (`mug.encoding.line_tensor`), not a spectrogram."""
        return (self.config["model"]["params"].get("batch_keys") or {}).get("audio_key") == "lines"

    @property
    def row_hints(self) -> bool:
        """Rows come with hints of how likely one is elsewhere (`mug.encoding.bound_rows`)."""
        stage = self.config["model"]["params"].get("wave_stage_config") or {}
        return bool((stage.get("params") or {}).get("row_hints", False))

    @property
    def learned_without_rows(self) -> bool:
        """Some training items had no rows, so that sampling may leave them out."""
        lines = _common(self.config, "lines") | _training(self.config, "lines")
        return float(lines.get("own_rows_p", 0)) + float(lines.get("drawn_rows_p", 0)) < 1

    @property
    def keys(self) -> int:
        """Columns of the charts that it makes."""
        return columns_of(self.config)

    @property
    def release(self) -> Release:
        """Statements of a packed model about itself."""
        return Release.of(self.config)

    @property
    def z_channels(self) -> int:
        """Channels of a latent."""
        params = self.config["model"]["params"]
        named = (params.get("latent") or {}).get("z_channels")
        return int(named or params["unet_config"]["params"]["in_channels"])

    @property
    def latent_multiple(self) -> int:
        """Latent frames come in multiples of this, so that every network halves them evenly."""
        params = self.config["model"]["params"]
        unet_levels = len(list(params["unet_config"]["params"].get("channel_mult", [1])))
        wave = (params.get("wave_stage_config") or {}).get("params") or {}
        wave_levels = len(list(wave.get("channel_mult", [1])))
        frames = self.clock.audio_per_note * self.clock.notes_per_latent
        return max(1 << (unet_levels - 1), (1 << (wave_levels - 1)) // frames, 1)


def load_model(
    path: str | Path,
    device: str | torch.device = "cpu",
    precision: str = "fp32",
    *,
    offload: bool = False,
) -> LoadedModel:
    """Read a checkpoint of any of the three formats.

    Args:
        path: a folder of our inference format or its weights file, or a `.ckpt` file.
        device: where the model goes.
        precision: one of `mug.model.speed.precision.PRECISIONS`, of the audio encoder and of the
            denoiser's convolutions and linear layers, see `lowered` there; or `auto`, see
            `precision_for`.
        offload: hold the audio encoder and the denoiser in memory one after the other, each
            inside `LoadedModel.in_memory` alone. Only on the processor and from our inference
            format, of which one network can be read without the others; elsewhere all is held.

    Raises:
        ConfigError: for another precision.
        CheckpointError: when the file is missing, damaged, needs code to be read, or does not fit
            its config.
    """
    kind = torch.device(device).type
    precision_for(precision, kind, 0)  # refuses an unknown name before anything is read
    config, weights, published = open_checkpoint(path)
    offloading = offload and isinstance(weights, WeightsFile) and kind == "cpu"
    ddpm = _build_for(weights, config, published, Path(path))
    weights_hash = hash_weights(weights)
    check_hash(weights, weights_hash)
    size = count_weights(ddpm)
    if offloading:
        _choose_memory(size)
    precision = precision_for(precision, kind, size)
    dtype = dtype_of(precision)
    offloaded = _load_weights(ddpm, weights, Path(path), dtype, OFFLOADED if offloading else ())
    ddpm.eval().requires_grad_(requires_grad=False)
    if not offloading:
        ddpm.to(device)
    if offloading:
        trim()
    audio, window = _common(config, "audio"), _common(config, "window")
    return LoadedModel(
        ddpm=ddpm,
        config=config,
        schema=FeatureSchema.from_yaml(features_file(config), clamp_top=not published),
        clock=FrameClock(
            sample_rate=int(audio.get("sr", 22050)),
            n_fft=int(audio.get("n_fft", 512)),
            audio_per_note=int(window.get("audio_note_window_ratio", 8)),
            notes_per_latent=_notes_per_latent(config),
        ),
        weights_hash=weights_hash,
        published=published,
        precision=precision,
        offload=offloaded,
        reached=read_reached(Path(path)),
        scorer=_scorer_beside(Path(path)),
    )


def _build_for(
    weights: Mapping[str, Tensor], config: Mapping[str, Any], published: bool, path: Path
) -> LatentDiffusion:
    """A model whose weights are neither drawn nor held twice.

    A config that describes much more than the file holds is refused before it takes memory.
    """
    held = sum(_shape(weights, key).numel() for key in weights)
    with naming(path), SkipInit(min(MOST_WEIGHTS, 2 * held + _SMALL_SURPLUS)):
        return build_model(config, published=published)


def _choose_memory(size: int) -> None:
    """Have freed blocks stay where a model is small, and go back where it is large."""
    if size <= SMALL:  # its blocks are tens of MiB
        keep_blocks()
    else:
        return_large_blocks()


def count_weights(ddpm: DiffusionModel) -> int:
    """Number of weights of all networks of a model."""
    return sum(weights.numel() for weights in ddpm.model.parameters())


def _scorer_beside(path: Path) -> RhythmScorer | None:
    """The rhythm scorer in a model's folder, or beside its file."""
    file = (path if path.is_dir() else path.parent) / SCORER_NAME
    return load_scorer(file) if file.is_file() else None


def build_model(config: Mapping[str, Any], *, published: bool) -> LatentDiffusion:
    """An untrained model from a config, with whatever only training needs left out.

    That includes the trainer: other classes stand in for those that train, see
    `mug.pipeline.model.inference_classes`.

    Args:
        config: resolved config with a `model` node.
        published: build what the original's weights need: its half kernel sum (B1).
    """
    params = copy.deepcopy(dict(config["model"].get("params") or {}))
    node = {"target": config["model"]["target"], "params": params}
    if published:
        block = params["unet_config"]["params"].setdefault("block", {})
        block.setdefault("s4_kernel_sum", "half")
    with config_errors():
        model = instantiate_from_config(for_inference(node))
    if not isinstance(model, LatentDiffusion):
        raise no_diffusion_model(node.get("target"))
    return model


def _load_weights(
    model: LatentDiffusion,
    weights: Mapping[str, Tensor],
    path: Path,
    dtype: torch.dtype,
    later: Sequence[str],
) -> OffloadedNetworks:
    """Put weights into a model, one after the other.

    Args:
        model: built under `SkipInit`.
        weights: a file's.
        path: of the file, for messages.
        dtype: as for `mug.model.speed.precision`.
        later: names of networks that stay empty until it is their turn.
    """
    own = model.state_dict()
    types = _types(model, own, dtype)
    networks = {name: getattr(model.model, name) for name in later}
    networks = {name: network for name, network in networks.items() if network is not None}
    waiting = tuple(f"model.{name}." for name in networks)
    missing, surplus = sorted(own.keys() - weights.keys()), sorted(weights.keys() - own.keys())
    unequal = [key for key in own if key in weights and _shape(weights, key) != own[key].shape]
    if missing or surplus or unequal:
        raise CheckpointError(
            "pipeline.weights_and_config_do_not_fit",
            file=path,
            value={
                "missing": missing[:3],
                "unexpected": surplus[:3],
                "other shape": sorted(unequal)[:3],
            },
            remedy=Message(
                "remedy.is_this_the_config_of_training",
                missing=len(missing),
                surplus=len(surplus),
                unequal=len(unequal),
            ),
        )
    reader = _reader(weights)
    at_once = {key: kind for key, kind in types.items() if not key.startswith(waiting)}
    model.load_state_dict(own | reader(at_once), strict=True, assign=True)

    def read(name: str) -> dict[str, Tensor]:
        start = f"model.{name}."
        inside = {key: kind for key, kind in types.items() if key.startswith(start)}
        return {key.removeprefix(start): x for key, x in reader(inside).items()}

    return OffloadedNetworks(networks, read)


def _shape(weights: Mapping[str, Tensor], key: str) -> torch.Size:
    return weights.shape(key) if isinstance(weights, WeightsFile) else weights[key].shape


def _reader(
    weights: Mapping[str, Tensor],
) -> Callable[[Mapping[str, torch.dtype]], dict[str, Tensor]]:
    """Take the types of some weights, give these weights."""
    if isinstance(weights, WeightsFile):
        return weights.read
    return lambda types: {key: weights[key].to(kind) for key, kind in types.items()}


def _types(
    model: LatentDiffusion, own: Mapping[str, Tensor], dtype: torch.dtype
) -> dict[str, torch.dtype]:
    """The type of each weight in memory."""
    low = {f"model.unet_model.{name}" for name in lowered_names(model.model.unet_model)}
    low |= {key for key in own if key.startswith("model.wave_model.")}
    return {key: dtype if key in low else value.dtype for key, value in own.items()}


def _common(config: Mapping[str, Any], group: str) -> dict[str, Any]:
    """A group of the parameters that all datasets have in common."""
    params = (config.get("data") or {}).get("params") or {}
    return dict((params.get("common_params") or {}).get(group) or {})


def _training(config: Mapping[str, Any], group: str) -> dict[str, Any]:
    """A group of the parameters that training data has for itself."""
    params = (config.get("data") or {}).get("params") or {}
    train = (params.get("train") or {}).get("params") or {}
    return dict(train.get(group) or {})


def features_file(config: Mapping[str, Any]) -> Path:
    """Return the features file of a model."""
    named = features_params(config).get("path_to_yaml", "configs/mug/mania_beatmap_features.yaml")
    return find_file(named)


def _notes_per_latent(config: Mapping[str, Any]) -> int:
    network = config["model"]["params"]["first_stage_config"]["params"]["ddconfig"]
    return int(2 ** (len(network["channel_mult"]) - 1)) * int(network.get("patch", 1))
