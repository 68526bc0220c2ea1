"""Spectrograms and notes on the axis of beats, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32

from mug.beatmap.hit_objects import HitObject, LongNote
from mug.clock import FrameClock
from mug.encoding.beat_axis import BeatAxis

_SAME_TEMPO = 0.05  # a larger change is another reading of the beat, half or double or two thirds


def warped_spectrogram(
    song: Float[np.ndarray, "n *b"],
    axis: BeatAxis,
    clock: FrameClock,
    first_beat: int,
    beats: int,
) -> Float32[np.ndarray, "t *b"]:
    """A song's spectrogram, time first, read where the axis' audio frames lie; silence beyond it.

    Args:
        song: frames in ms time.
        axis: of the song.
        clock: of the model.
        first_beat: with which the result begins.
        beats: of the result; each has `audio_per_note * notes_per_latent` frames.
    """
    frames = beats * clock.audio_per_note * clock.notes_per_latent
    axis_ms = first_beat * clock.latent_frame_ms + np.arange(frames) * clock.audio_frame_ms
    place = axis.to_real_ms(axis_ms, clock) / clock.audio_frame_ms
    left = np.floor(place).astype(np.int64)
    weight = (place - left).astype(np.float32).reshape(-1, *[1] * (song.ndim - 1))
    inside = (left >= 0) & (left < len(song))
    left = np.clip(left, 0, len(song) - 1)
    right = np.minimum(left + 1, len(song) - 1)
    warped = song[left].astype(np.float32) * (1 - weight) + song[right] * weight
    warped[~inside] = 0
    return warped.astype(np.float32)


def to_axis(notes: Sequence[HitObject], axis: BeatAxis, clock: FrameClock) -> list[HitObject]:
    """Hit objects with their times in ms of the axis."""
    start = axis.to_axis_ms(np.array([note.start_ms for note in notes], np.float64), clock)
    end = axis.to_axis_ms(np.array([note.last_ms for note in notes], np.float64), clock)
    return _timed(notes, start, end)


def to_song(notes: Sequence[HitObject], axis: BeatAxis, clock: FrameClock) -> list[HitObject]:
    """Hit objects whose times are in ms of the axis with those of the song; the inverse."""
    start = axis.to_real_ms(np.array([note.start_ms for note in notes], np.float64), clock)
    end = axis.to_real_ms(np.array([note.last_ms for note in notes], np.float64), clock)
    return _timed(notes, start, end)


def moved_with_lines(
    notes: Sequence[HitObject], before: BeatAxis, after: BeatAxis, clock: FrameClock
) -> list[HitObject]:
    """Hit objects at the same beats of another axis; unchanged where its beats are others.

    Args:
        notes: of the song with the first axis.
        before: the axis that they were made on.
        after: another of the same song, e.g. with a better offset.
        clock: of the model.
    """
    if not same_beats(before, after):
        return list(notes)
    # The same beat of the song, even where one axis begins a bar earlier.
    shift = np.rint(float(before.beats(after.knots_ms[:1])[0])) * clock.latent_frame_ms
    warped = to_axis(notes, before, clock)
    start = np.array([note.start_ms for note in warped]) - shift
    end = np.array([note.last_ms for note in warped]) - shift
    return to_song(_timed(notes, start, end), after, clock)


def same_beats(one: BeatAxis, other: BeatAxis) -> bool:
    """Return whether two axes of a song count the same beats, up to offset and a slight tempo."""
    if len(one.sections) != len(other.sections):
        return False
    first, second = (np.diff(axis.knots_ms) / np.diff(axis.knots) for axis in (one, other))
    return len(first) == len(second) and bool((np.abs(first / second - 1) < _SAME_TEMPO).all())


def _timed(notes: Sequence[HitObject], start: np.ndarray, end: np.ndarray) -> list[HitObject]:
    return [
        replace(note, start_ms=first, end_ms=last)
        if isinstance(note, LongNote)
        else replace(note, start_ms=first)
        for note, first, last in zip(notes, start.tolist(), end.tolist(), strict=True)
    ]
