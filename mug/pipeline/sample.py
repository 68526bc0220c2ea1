"""Between songs, notes and latents: encode a song once, sample latents for it, read them as notes.

Nothing here keeps state. Tests for `should_stop` stand before every call of the network, so a
request ends within one step of being given up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mug.audio.mel import MelParams, log_mel
from mug.beatmap.hit_objects import HitObject
from mug.diffusion.guidance import guide
from mug.diffusion.samplers.base import Constraint, begin
from mug.diffusion.samplers.registry import make_sampler
from mug.diffusion.unet_prepared import UNetPlan
from mug.diffusion.windows import Windows, windowed
from mug.encoding.convertor import Encoded, ManiaConvertor
from mug.errors import Cancelled, ConfigError
from mug.pipeline.defaults import WINDOW_S
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.request import GenerationRequest
from mug.protocols import Condition, Denoiser, Progress
from mug.timing.estimate import TimingEstimate, estimate_timing
from mug.util import nearest

ShouldStop = Callable[[], bool]
"""Asked before every network step; True gives the request up with `Cancelled`."""


@dataclass(frozen=True)
class EncodedSong:
    """An encoded song, the condition of the denoiser.

    Args:
        wave: mono samples.
        sample_rate: of the wave, in Hz.
        levels: the audio encoder's levels, with a batch of one.
        latent_frames: length of a latent of this song.
    """

    wave: np.ndarray
    sample_rate: int
    levels: tuple[Tensor, ...]
    latent_frames: int

    @property
    def duration_ms(self) -> float:
        """Length of the song."""
        return 1000.0 * len(self.wave) / self.sample_rate

    @cached_property
    def timing(self) -> TimingEstimate:
        """Tempo and offset, estimated from the sound when first asked for."""
        return estimate_timing(self.wave, self.sample_rate)


@dataclass(frozen=True)
class ChartRequest:
    """One chart to sample.

    Args:
        prompt: feature name to value.
        negative_prompt: what to steer away from.
        seed: of its own noise; the chart depends on no other.
    """

    prompt: Mapping[str, Any]
    negative_prompt: Mapping[str, Any]
    seed: int


@dataclass(frozen=True)
class KnownRegion:
    """A latent to stay near: parts that remain, and how far the others may go.

    Args:
        latent: `[c, t]`, clean.
        keep: True for the latent frames that remain as they are.
        strength: 0 leaves the others too, 1 ignores what they were.
    """

    latent: Float[Tensor, "c t"]
    keep: Bool[Tensor, " t"]
    strength: float = 1.0


def encode_song(model: LoadedModel, wave: np.ndarray, window_s: float = WINDOW_S) -> EncodedSong:
    """The audio encoder's view of a mono waveform at the model's sample rate.

    Args:
        model: from `load_model`.
        wave: samples.
        window_s: a longer song is encoded in overlapping windows of so many seconds, which bounds
            the memory; see `mug.diffusion.windows`.
    """
    audio = song_tensor(model, wave)
    ratio = model.clock.audio_per_note * model.clock.notes_per_latent
    frames = audio.shape[-1] // ratio
    windows = windows_of(model, frames, window_s)
    with model.in_memory("wave_model"), torch.inference_mode():
        parts = [_encode_audio(model, audio[..., part]) for part in windows.slices(ratio)]
        levels = tuple(windows.blend(level) for level in zip(*parts, strict=True))
    return EncodedSong(wave, model.clock.sample_rate, levels, frames)


def _encode_audio(model: LoadedModel, audio: Tensor) -> list[Tensor]:
    """The audio's levels, encoded in the precision of the encoder's weights."""
    encoder = model.ddpm.model.wave_model
    weights = [] if encoder is None else list(encoder.parameters())
    precision = weights[0].dtype if weights else audio.dtype
    return [
        level.float() for level in model.ddpm.generation.conditions(audio.to(precision), None).audio
    ]


def windows_of(model: LoadedModel, frames: int, window_s: float) -> Windows:
    """The windows of a latent: one where it is no longer than `window_s`.

    Neighbours share an eighth of a window or more.
    """
    multiple = model.latent_multiple
    size = max(multiple, int(1000 * window_s / model.clock.latent_frame_ms))
    return Windows.over(frames, size, size // 8, multiple)


def song_tensor(model: LoadedModel, wave: np.ndarray) -> Tensor:
    """Log-mel input `[1, n_mels, t]` of a waveform, padded with silence to whole latent blocks."""
    params = MelParams(model.clock.sample_rate, model.clock.n_fft, model.n_mels)
    mel = log_mel(wave, params).astype(np.float32)
    block = model.clock.audio_per_note * model.clock.notes_per_latent * model.latent_multiple
    frames = max(block, -(-mel.shape[1] // block) * block)
    padded = np.zeros((mel.shape[0], frames), dtype=np.float32)
    padded[:, : mel.shape[1]] = mel
    return torch.from_numpy(padded)[None].to(_device(model))


def prompt_ids(model: LoadedModel, prompt: Mapping[str, Any]) -> list[int]:
    """Embedding ids of a prompt.

    Raises:
        ConfigError: for an unknown feature or a value that it cannot have.
    """
    for name in prompt:
        if name not in model.schema.names:
            raise ConfigError(
                "pipeline.prompt_names_no_such_feature",
                value=name,
                remedy=nearest(name, model.schema.names),
            )
    return model.schema.ids(prompt)


def chart_seed(seed: int, index: int) -> int:
    """Seed of one chart of a request: the same whatever the others are."""
    return int(np.random.SeedSequence([seed % 2**64, index]).generate_state(1, np.uint64)[0] >> 1)


def sample_latents(
    model: LoadedModel,
    song: EncodedSong,
    chart_requests: Sequence[ChartRequest],
    request: GenerationRequest,
    *,
    known: KnownRegion | None = None,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> list[Tensor]:
    """Latents `[c, t]`, one for each of `chart_requests`; each depends on its own seed alone.

    Args:
        model: a model from `load_model`.
        song: from `encode_song` with the same model.
        chart_requests: what to sample.
        request: sampler, steps, guidance and batch size; its prompt and seed are not read.
        known: a latent that all of them stay near.
        progress: called as `progress(done, total)` after every network step.
        should_stop: see `ShouldStop`.

    Raises:
        Cancelled: when `should_stop` said so.
        ConfigError: when a prompt names an unknown feature or value.
        GenerationError: for an unknown sampler or a number of steps that it cannot take.
    """
    ids = [
        (prompt_ids(model, one.prompt), prompt_ids(model, one.negative_prompt))
        for one in chart_requests
    ]
    batches = range(0, len(chart_requests), request.batch_size)
    latents: list[Tensor] = []
    windows = windows_of(model, song.latent_frames, request.window_s)
    with model.in_memory("unet_model"), torch.inference_mode():
        plan = model.ddpm.generation.plan(windows.size)
        for part, first in enumerate(batches):
            chosen = slice(first, first + request.batch_size)
            denoise = _denoiser(model, song, ids[chosen], request, windows, plan)
            latents += _sample_batch(
                model,
                song,
                [one.seed for one in chart_requests[chosen]],
                request,
                denoise if should_stop is None else _watched(denoise, should_stop),
                known,
                None if progress is None else part_of(progress, part, len(batches)),
            )
    return latents


def _sample_batch(
    model: LoadedModel,
    song: EncodedSong,
    seeds: Sequence[int],
    request: GenerationRequest,
    denoise: Denoiser,
    known: KnownRegion | None,
    progress: Progress | None,
) -> list[Tensor]:
    sampler, schedule, device = make_sampler(request.sampler), model.ddpm.schedule, _device(model)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    shape = (model.z_channels, song.latent_frames)
    noise = torch.stack([torch.randn(shape, generator=g) for g in generators]).to(device)
    x, skip, constraint = noise, 0, None
    if known is not None:
        clean = known.latent.to(device).expand(len(seeds), *shape)
        x, skip = begin(
            sampler, clean, noise, schedule, steps=request.steps, strength=known.strength
        )
        constraint = Constraint(known.keep.to(device), clean, noise)
    found = sampler.sample(
        denoise,
        x,
        schedule,
        steps=request.steps,
        generator=generators,
        constraint=constraint,
        progress=progress,
        skip=skip,
    )
    return list(found)


def _denoiser(
    model: LoadedModel,
    song: EncodedSong,
    ids: Sequence[tuple[Sequence[int], Sequence[int]]],
    request: GenerationRequest,
    windows: Windows,
    plan: UNetPlan | None,
) -> Denoiser:
    """The guided denoiser of a batch; the song, encoded once, serves every chart as it is."""
    asked, negative = (
        model.ddpm.generation.context(torch.tensor(rows, dtype=torch.long, device=_device(model)))
        for rows in ([list(a) for a, _ in ids], [list(b) for _, b in ids])
    )
    make = partial(model.ddpm.generation.denoiser, plan=plan)
    interval = _steps_of(request.guidance_interval, model.ddpm.schedule.steps)
    denoisers = []
    for window in windows.slices():
        levels = [_part(level, window, song.latent_frames) for level in song.levels]
        denoisers.append(
            guide(
                make,
                Condition(asked, levels),
                Condition(negative, levels),
                request.guidance_scale,
                interval,
            )
        )
    return windowed(denoisers, windows)


def _part(level: Tensor, window: slice, frames: int) -> Tensor:
    """A window of one level of the audio, which is as fine as the latent or coarser."""
    if window == slice(0, frames):
        return level
    length = level.shape[-1]
    return level[..., window.start * length // frames : window.stop * length // frames]


def _steps_of(interval: tuple[float, float] | None, steps: int) -> tuple[int, int] | None:
    """Shares of the noise range as time steps."""
    if interval is None:
        return None
    low, high = interval
    return round(low * (steps - 1)), round(high * (steps - 1))


def _watched(denoise: Denoiser, should_stop: ShouldStop) -> Denoiser:
    def watched(x_t: Tensor, step: Tensor) -> Any:
        if should_stop():
            raise Cancelled("pipeline.generation_was_stopped")
        return denoise(x_t, step)

    return watched


def part_of(progress: Progress, part: int, parts: int) -> Progress:
    """Return what reports the progress of one of several equal parts as progress of the whole."""

    def report(done: int, total: int) -> None:
        progress(part * total + done, parts * total)

    return report


def convertor_for(model: LoadedModel, song: EncodedSong) -> ManiaConvertor:
    """The convertor between notes and this model's note tensors, for a song's length."""
    return ManiaConvertor(
        model.clock,
        model.keys,
        song.latent_frames * model.clock.notes_per_latent,
        reference=model.published,
    )


def decode_latent(model: LoadedModel, song: EncodedSong, z: Tensor) -> tuple[HitObject, ...]:
    """The notes that a latent `[c, t]` stands for, by time, then column."""
    windows = windows_of(model, song.latent_frames, WINDOW_S)
    with torch.inference_mode():
        logits = windows.map(model.ddpm.generation.decode, z[None])[0].float().cpu().numpy()
    return tuple(convertor_for(model, song).decode(logits, from_logits=True))


def encode_notes(
    model: LoadedModel, song: EncodedSong, notes: Sequence[HitObject]
) -> tuple[Tensor, Encoded]:
    """The latent `[c, t]` of notes, and what the note grid could not hold of them."""
    encoded = convertor_for(model, song).encode(notes)
    with torch.inference_mode():
        tensor = torch.from_numpy(encoded.note)[None].to(_device(model))
        posterior = model.ddpm.model.first_stage_model.encode(tensor)  # type: ignore[operator]
        latent: Tensor = posterior.mode()[0] * model.ddpm.generation.latents.factor
    return latent, encoded


def _device(model: LoadedModel) -> torch.device:
    return (
        model.ddpm.generation.latents.factor.device
    )  # always there, unlike weights that wait for their turn
