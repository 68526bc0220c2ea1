"""From songs to latents: encode a song once, sample latents for it.

Nothing here keeps state. Tests for `should_stop` stand before every call of the network, so a
request ends within one step of being given up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mug.audio.mel import log_mel
from mug.diffusion.guidance import guide
from mug.diffusion.samplers.base import Constraint, begin
from mug.diffusion.samplers.registry import make_sampler
from mug.diffusion.unet_prepared import UNetPlan
from mug.diffusion.windows import Windows, windowed
from mug.encoding.beat_axis import BeatAxis
from mug.encoding.bound_rows import RowTable
from mug.encoding.line_tensor import row_lines
from mug.encoding.warp import warped_spectrogram
from mug.errors import Cancelled, ConfigError
from mug.pipeline.defaults import WINDOW_S
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.model.release import without_msd
from mug.pipeline.model.song import EncodedSong
from mug.pipeline.request import GenerationRequest
from mug.protocols import Condition, Denoiser, Progress
from mug.timing.analysis import SongAnalysis
from mug.util import nearest

_Row = Sequence[float] | Sequence[int]

ShouldStop = Callable[[], bool]
"""Asked before every network step; True gives the request up with `Cancelled`."""


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
        rows: those of the latent, for a model in beats.
    """

    latent: Float[Tensor, "c t"]
    keep: Bool[Tensor, " t"]
    strength: float = 1.0
    rows: RowTable | None = None


def encode_song(model: LoadedModel, wave: np.ndarray, window_s: float = WINDOW_S) -> EncodedSong:
    """The audio encoder's view of a mono waveform at the model's sample rate.

    Args:
        model: from `load_model`.
        wave: samples.
        window_s: a longer song is encoded in overlapping windows of so many seconds, which bounds
            the memory; see `mug.diffusion.windows`.
    """
    return encode_sound(model, SongAnalysis(wave, model.clock.sample_rate), window_s)


def encode_sound(
    model: LoadedModel, sound: SongAnalysis, window_s: float = WINDOW_S
) -> EncodedSong:
    """As `encode_song`, for a song of which more than the samples may be known."""
    if model.in_beats:
        return EncodedSong(sound, (), 0)
    levels, frames = encode_audio(model, song_tensor(model, sound.wave), window_s)
    return EncodedSong(sound, levels, frames)


def encode_audio(
    model: LoadedModel, audio: Tensor, window_s: float = WINDOW_S
) -> tuple[tuple[Tensor, ...], int]:
    """The audio encoder's levels of a spectrogram `[1, n_mels, t]`, and its latent frames."""
    ratio = model.clock.audio_per_note * model.clock.notes_per_latent
    frames = audio.shape[-1] // ratio
    windows = windows_of(model, frames, window_s)
    with model.in_memory("wave_model"), torch.inference_mode():
        parts = [_encode_audio(model, audio[..., part]) for part in windows.slices(ratio)]
        levels = tuple(windows.blend(level) for level in zip(*parts, strict=True))
    return levels, frames


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


def song_tensor(model: LoadedModel, wave: np.ndarray, axis: BeatAxis | None = None) -> Tensor:
    """Log-mel input `[1, n_mels, t]` of a waveform, padded with silence to whole latent blocks.

    Args:
        model: from `load_model`.
        wave: mono samples.
        axis: of the song, for a model in beats.
    """
    mel = log_mel(wave, model.mel_params).astype(np.float32)
    if axis is not None:
        beats = axis.count_beats(1000.0 * len(wave) / model.clock.sample_rate)
        mel = warped_spectrogram(mel.T, axis, model.clock, 0, beats).T
    block = model.clock.audio_per_note * model.clock.notes_per_latent * model.latent_multiple
    frames = max(block, -(-mel.shape[1] // block) * block)
    padded = np.zeros((mel.shape[0], frames), dtype=np.float32)
    padded[:, : mel.shape[1]] = mel
    return torch.from_numpy(padded)[None].to(device_of(model))


def prompt_ids(model: LoadedModel, prompt: Mapping[str, Any]) -> list[float] | list[int]:
    """Embedding ids of a prompt, and its continuous values where the model takes them.

    Etterna's numbers are left out where charts of the model's columns have none: in training they
    were unknown, and their embeddings are noise.

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
    return model.schema.row(without_msd(prompt, model.keys))


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
    rows: Sequence[RowTable | None] = (),
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
        rows: where each chart is to have rows, for a model that reads lines; none where not given.
        progress: called as `progress(done, total)` after every network step.
        should_stop: see `ShouldStop`.

    Raises:
        Cancelled: when `should_stop` said so.
        ConfigError: when a prompt names an unknown feature or value.
        GenerationError: for an unknown sampler or a number of steps that it cannot take.
    """
    ids = [
        (prompt_ids(model, model.given(one.prompt)), prompt_ids(model, one.negative_prompt))
        for one in chart_requests
    ]
    batches = range(0, len(chart_requests), request.batch_size)
    latents: list[Tensor] = []
    windows = windows_of(model, song.latent_frames, request.window_s)
    with model.in_memory("unet_model"), torch.inference_mode():
        plan = model.ddpm.generation.plan(windows.size)
        for part, first in enumerate(batches):
            chosen = slice(first, first + request.batch_size)
            sound = _sound_for(model, song, rows[chosen] or [None] * len(ids[chosen]))
            denoise = _denoiser(model, sound, song, ids[chosen], request, windows, plan)
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
    sampler, schedule, device = make_sampler(request.sampler), model.ddpm.schedule, device_of(model)
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


def levels_for(
    model: LoadedModel, song: EncodedSong, rows: Sequence[RowTable | None]
) -> tuple[Tensor, ...]:
    """Audio levels for a batch of charts: the song's, or, with lines, one for each chart's rows."""
    if song.lines is None:
        return song.levels
    given = torch.from_numpy(np.stack([row_lines(one, song.latent_frames) for one in rows]))
    song_part = song.lines.expand(len(rows), -1, -1)
    lines = torch.cat([song_part, given.to(song_part)], dim=1)
    with model.in_memory("wave_model"), torch.inference_mode():
        return tuple(_encode_audio(model, lines))


_Levels = Sequence[Tensor]


def _sound_for(
    model: LoadedModel, song: EncodedSong, rows: Sequence[RowTable | None]
) -> tuple[_Levels, _Levels]:
    """Audio levels of what is asked for, and of what guidance moves away from.

    The latter has no rows, so that charts follow theirs as they follow their prompt.
    """
    levels = levels_for(model, song, rows)
    if not model.learned_without_rows or all(one is None for one in rows):
        return levels, levels
    return levels, levels_for(model, song, [None] * len(rows))


def _denoiser(
    model: LoadedModel,
    sound: tuple[_Levels, _Levels],
    song: EncodedSong,
    ids: Sequence[tuple[_Row, _Row]],
    request: GenerationRequest,
    windows: Windows,
    plan: UNetPlan | None,
) -> Denoiser:
    """The guided denoiser of a batch; the song, encoded once, serves every chart as it is."""
    asked, negative = (
        model.ddpm.generation.context(torch.tensor(rows, device=device_of(model)))
        for rows in ([list(a) for a, _ in ids], [list(b) for _, b in ids])
    )
    make = partial(model.ddpm.generation.denoiser, plan=plan)
    interval = _steps_of(request.guidance_interval, model.ddpm.schedule.steps)
    denoisers = []
    for window in windows.slices():
        near, away = (
            [_part(level, window, song.latent_frames) for level in levels] for levels in sound
        )
        denoisers.append(
            guide(
                make,
                Condition(asked, near),
                Condition(negative, away),
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


def device_of(model: LoadedModel) -> torch.device:
    """Device of a model, whichever networks are in memory."""
    return (
        model.ddpm.generation.latents.factor.device
    )  # always there, unlike weights that wait for their turn
