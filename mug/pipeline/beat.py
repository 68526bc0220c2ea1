"""Beat of a song for a model with `beat_condition: true`, and the axis of one in beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from mug.beatmap.timing_points import TimingPoint
from mug.encoding.beat_axis import BeatAxis
from mug.encoding.beat_condition import beat_channels
from mug.encoding.line_channels import line_channels
from mug.encoding.line_tensor import song_lines
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.model.song import EncodedSong
from mug.pipeline.sample import encode_audio, song_tensor
from mug.timing.estimate import NO_BEAT

_AXES_KEPT = 2  # of a song, e.g. given and estimated timing


def needs_timing(model: LoadedModel) -> bool:
    """Return whether the timing of a song decides about what the model makes."""
    return model.in_beats or model.ddpm.model.beat_model is not None


def on_axis(model: LoadedModel, song: EncodedSong, axis: BeatAxis) -> EncodedSong:
    """The song as a model in beats reads it: encoded along an axis, silence behind its end."""
    known = song.placed
    if axis.key not in known:
        while len(known) >= _AXES_KEPT:
            known.pop(next(iter(known)), None)
        known[axis.key] = _placed(model, song, axis)
    return known[axis.key]


def _placed(model: LoadedModel, song: EncodedSong, axis: BeatAxis) -> EncodedSong:
    if not model.reads_lines:
        levels, frames = encode_audio(model, song_tensor(model, song.wave, axis))
        return replace(song, levels=levels, latent_frames=frames, axis=axis)
    multiple = model.latent_multiple
    beats = -(-axis.count_beats(song.duration_ms) // multiple) * multiple
    sound = line_channels(song.curves, axis, 0, beats)
    device = model.ddpm.generation.latents.factor.device
    lines = torch.from_numpy(song_lines(sound, axis, 0))[None].to(device)
    return replace(song, latent_frames=beats, axis=axis, lines=lines, row_logits={}, alike={})


def song_with_beat(model: LoadedModel, song: EncodedSong, finish: FinishOptions) -> EncodedSong:
    """The song with the given or estimated beat; unchanged for a model that asks for none.

    Args:
        model: from `load_model`.
        song: from `encode_song` with the same model.
        finish: whose timing counts; `NO_BEAT` is no timing.

    Raises:
        GenerationError: when there is no such reading as `timing_candidate`.
    """
    if not needs_timing(model):
        return song
    if finish.red_lines:
        return song_with_lines(model, song, finish.red_lines)
    timing = finish.timing_for(lambda: song.timing)
    lines = () if timing == NO_BEAT else timing.tempo_map.red_lines
    return song_with_lines(model, song, lines)


def song_with_lines(
    model: LoadedModel, song: EncodedSong, lines: Sequence[TimingPoint]
) -> EncodedSong:
    """The song with the beat of red lines; unchanged without beat condition.

    Without any line a model in beats gets a grid of `PSEUDO_BEAT_MS`.
    """
    if model.in_beats:
        return on_axis(model, song, BeatAxis.of(lines))
    if model.ddpm.model.beat_model is None or not lines:
        return song
    clock = model.clock
    frames = song.latent_frames * clock.notes_per_latent
    end_ms = clock.audio_frames(len(song.wave)) * clock.audio_frame_ms
    channels = torch.from_numpy(beat_channels(lines, clock, frames, end_ms=end_ms))
    with torch.inference_mode():
        beat = channels[None].to(song.levels[0])
        levels = tuple(model.ddpm.model.with_beat(song.levels, beat))
    return replace(song, levels=levels)
