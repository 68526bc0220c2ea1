"""Spectrograms and notes on the axis of beats, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32

from mug.beatmap.beat_lines import BeatLines, sorted_red_lines
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
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
    notes: Sequence[HitObject], before: Sequence[TimingPoint], after: Sequence[TimingPoint]
) -> list[HitObject]:
    """Hit objects at the same places of the beat of other red lines; unchanged for other beats.

    Each red line carries the notes that it rules, to the nearest of its beats where its offset
    moves by more than one.

    Args:
        notes: of a song with the first red lines.
        before: those that the notes were made on.
        after: others of the same song, e.g. with a better offset.
    """
    if not same_beats(before, after):
        return list(notes)
    old, new = BeatLines(before), BeatLines(after)
    shift = np.rint((new.start_ms - old.start_ms) / old.beat_ms)

    def moved(times_ms: np.ndarray, section: np.ndarray) -> np.ndarray:
        place = (times_ms - old.start_ms[section]) / old.beat_ms[section] - shift[section]
        times: np.ndarray = new.start_ms[section] + place * new.beat_ms[section]
        return times

    start = np.array([note.start_ms for note in notes], np.float64)
    end = np.array([note.last_ms for note in notes], np.float64)
    return _timed(notes, moved(start, old.section(start)), moved(end, old.section(end)))


def same_beats(one: Sequence[TimingPoint], other: Sequence[TimingPoint]) -> bool:
    """Return whether red lines of a song count the same beats, up to offset and a slight tempo."""
    if len(one) != len(other):
        return False
    first, second = (np.array([line.beat_ms for line in sorted_red_lines(x)]) for x in (one, other))
    return bool((np.abs(first / second - 1) < _SAME_TEMPO).all())


def _timed(notes: Sequence[HitObject], start: np.ndarray, end: np.ndarray) -> list[HitObject]:
    return [
        replace(note, start_ms=first, end_ms=last)
        if isinstance(note, LongNote)
        else replace(note, start_ms=first)
        for note, first, last in zip(notes, start.tolist(), end.tolist(), strict=True)
    ]
