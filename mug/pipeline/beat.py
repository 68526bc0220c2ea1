"""Beat of a song for a model with `beat_condition: true`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from mug.beatmap.timing_points import TimingPoint
from mug.encoding.beat_condition import beat_channels
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.sample import EncodedSong
from mug.timing.estimate import NO_BEAT


def song_with_beat(model: LoadedModel, song: EncodedSong, finish: FinishOptions) -> EncodedSong:
    """The song with the given or estimated beat; unchanged for a model without beat condition.

    Args:
        model: from `load_model`.
        song: from `encode_song` with the same model.
        finish: whose timing counts; `NO_BEAT` is no timing.

    Raises:
        GenerationError: when there is no such reading as `timing_candidate`.
    """
    if model.ddpm.model.beat_model is None:
        return song
    if finish.red_lines:
        return song_with_lines(model, song, finish.red_lines)
    timing = finish.timing_for(lambda: song.timing)
    lines = () if timing == NO_BEAT else timing.tempo_map.red_lines
    return song_with_lines(model, song, lines)


def song_with_lines(
    model: LoadedModel, song: EncodedSong, lines: Sequence[TimingPoint]
) -> EncodedSong:
    """The song with the beat of red lines; unchanged without any, or without beat condition."""
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
