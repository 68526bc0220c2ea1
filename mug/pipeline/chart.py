"""From a song and a prompt to charts: the main job, step by step."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mug.audio.load import load_audio
from mug.audio.mel import MelParams, log_mel
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.data.convertor import ManiaConvertor
from mug.diffusion.guidance import guide
from mug.diffusion.samplers import make_sampler
from mug.errors import ConfigError, GenerationError
from mug.notes import NoteLayout
from mug.pipeline.checkpoint import LoadedModel
from mug.pipeline.finish import FinishOptions, finish_chart
from mug.postprocess.timing import TimingEstimate, estimate_timing
from mug.protocols import Condition, Progress
from mug.util import nearest

log = logging.getLogger(__name__)

MAX_COUNT = 64


@dataclass(frozen=True)
class GenerationRequest:
    """What is asked for.

    Args:
        audio: the song.
        prompt: feature name to value; a feature that is absent or None is left to the model.
        negative_prompt: what guidance steers away from; empty is the unconditional model.
        count: charts to make, 1 ... 64.
        steps: sampler steps.
        sampler: `ddim`, `dpm_solver`, `plms` or `ancestral`.
        guidance_scale: how strongly the prompt is followed; 1 is off.
        seed: same seed and request, same charts.
        batch_size: charts made at once; less needs less memory.
        finish: timing, snapping and clean-up.
    """

    audio: Path
    prompt: Mapping[str, Any] = field(default_factory=dict)
    negative_prompt: Mapping[str, Any] = field(default_factory=dict)
    count: int = 1
    steps: int = 50
    sampler: str = "ddim"
    guidance_scale: float = 5.0
    seed: int = 0
    batch_size: int = 4
    finish: FinishOptions = field(default_factory=FinishOptions)

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MAX_COUNT:
            raise GenerationError(
                f"the number of charts must be 1 to {MAX_COUNT}", value=self.count
            )
        if not 0 <= self.guidance_scale <= 100:
            raise GenerationError("the guidance scale must be 0 to 100", value=self.guidance_scale)
        if self.batch_size < 1:
            raise GenerationError("the batch size must be positive", value=self.batch_size)
        if not -(2**63) <= self.seed < 2**63:
            raise GenerationError("the seed must fit in 64 bits", value=self.seed)


@dataclass(frozen=True)
class GenerationResult:
    """What came out.

    Args:
        beatmaps: the finished charts.
        raw: the notes as the network wrote them, one tuple a chart.
        timing: the tempo that the charts were snapped to.
        changes: counts of what clean-up changed, one entry a chart.
    """

    beatmaps: tuple[Beatmap, ...]
    raw: tuple[tuple[HitObject, ...], ...]
    timing: TimingEstimate
    changes: tuple[dict[str, int], ...]


def generate_charts(
    model: LoadedModel, request: GenerationRequest, progress: Progress | None = None
) -> GenerationResult:
    """Makes charts for a song.

    Args:
        model: a model from `load_model`.
        request: what is asked for.
        progress: called as `progress(done, total)` after every network step.

    Raises:
        AudioError: when the song cannot be read.
        ConfigError: when the prompt names an unknown feature or value.
    """
    ids = _prompt_ids(model, request.prompt)
    negative_ids = _prompt_ids(model, request.negative_prompt)
    wave = load_audio(request.audio, model.clock.sample_rate)
    duration_ms = 1000.0 * len(wave) / model.clock.sample_rate
    audio = song_tensor(model, wave)
    with torch.inference_mode():
        latents = _sample(model, request, audio, (ids, negative_ids), progress)
        arrays = [_decode(model, z) for z in latents]
    timing = request.finish.timing or estimate_timing(wave, model.clock.sample_rate)
    convertor = ManiaConvertor(
        model.clock,
        NoteLayout.from_channels(arrays[0].shape[0]).keys,
        arrays[0].shape[1],
        reference=model.published,
    )
    raw = [tuple(convertor.decode(array, from_logits=True)) for array in arrays]
    finished = [
        finish_chart(
            notes,
            request.finish,
            keys=convertor.layout.keys,
            index=index,
            timing=timing,
            duration_ms=duration_ms,
        )
        for index, notes in enumerate(raw)
    ]
    return GenerationResult(
        beatmaps=tuple(chart for chart, _ in finished),
        raw=tuple(raw),
        timing=timing,
        changes=tuple(changes for _, changes in finished),
    )


def _prompt_ids(model: LoadedModel, prompt: Mapping[str, Any]) -> list[int]:
    for name in prompt:
        if name not in model.schema.names:
            raise ConfigError(
                "the prompt names no such feature",
                value=name,
                remedy=nearest(name, model.schema.names),
            )
    return model.schema.ids(prompt)


def song_tensor(model: LoadedModel, wave: np.ndarray) -> Tensor:
    """Log-mel input `[1, n_mels, t]` of a waveform, padded with silence to whole latent blocks."""
    params = MelParams(model.clock.sample_rate, model.clock.n_fft, model.n_mels)
    mel = log_mel(wave, params).astype(np.float32)
    block = model.clock.audio_per_note * model.clock.notes_per_latent * model.latent_multiple
    frames = max(block, -(-mel.shape[1] // block) * block)
    padded = np.zeros((mel.shape[0], frames), dtype=np.float32)
    padded[:, : mel.shape[1]] = mel
    device = next(model.ddpm.parameters()).device
    return torch.from_numpy(padded)[None].to(device)


def _sample(
    model: LoadedModel,
    request: GenerationRequest,
    audio: Tensor,
    ids: tuple[Sequence[int], Sequence[int]],
    progress: Progress | None,
) -> list[Tensor]:
    """Latents `[c, t]`, one a chart; each depends on its own seed alone."""
    sampler = make_sampler(request.sampler)
    latent_frames = audio.shape[-1] // (model.clock.audio_per_note * model.clock.notes_per_latent)
    shape = (model.z_channels, latent_frames)
    starts = range(0, request.count, request.batch_size)
    condition = model.ddpm.conditions(audio, _id_tensor(ids[0], audio))
    negative = Condition(model.ddpm.context(_id_tensor(ids[1], audio)), condition.audio)
    latents: list[Tensor] = []
    for part, first in enumerate(starts):
        chosen = range(first, min(first + request.batch_size, request.count))
        generators = [torch.Generator().manual_seed(_chart_seed(request.seed, i)) for i in chosen]
        noise = torch.stack([torch.randn(shape, generator=g) for g in generators]).to(audio.device)
        denoise = guide(
            model.ddpm.denoiser,
            _for_batch(condition, len(chosen)),
            _for_batch(negative, len(chosen)),
            request.guidance_scale,
        )
        report = None
        if progress is not None:
            total = request.steps * len(starts)
            report = _shifted(progress, part * request.steps, total)
        z = sampler.sample(
            denoise,
            noise,
            model.ddpm.schedule,
            steps=request.steps,
            generator=generators,
            progress=report,
        )
        latents.extend(z)
    return latents


def _for_batch(condition: Condition, count: int) -> Condition:
    """One prompt for `count` charts; the song, encoded once, serves them all as it is."""
    context = condition.context
    if context is not None:
        context = context.expand(count, *context.shape[1:])
    return Condition(context, condition.audio)


def _shifted(progress: Progress, done_before: int, total: int) -> Progress:
    def report(done: int, _total: int) -> None:
        progress(done_before + done, total)

    return report


def _chart_seed(seed: int, index: int) -> int:
    """Seed of one chart of a request: the same whatever the others are."""
    return int(np.random.SeedSequence([seed % 2**64, index]).generate_state(1, np.uint64)[0] >> 1)


def _id_tensor(ids: Sequence[int], like: Tensor) -> Tensor:
    return torch.tensor([list(ids)], dtype=torch.long, device=like.device)


def _decode(model: LoadedModel, z: Tensor) -> np.ndarray:
    """Note logits `[4 * keys, note_frames]` of one latent."""
    logits = model.ddpm.decode(z[None])[0]
    return logits.float().cpu().numpy()
