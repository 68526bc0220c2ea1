"""Samples of a FLAC file that is cut, damaged, joined, or whose header states no length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mug.audio.blocks import Limits, Samples, open_straight, read_blocks
from mug.audio.decoded import DecodedSound, joined, with_notices
from mug.audio.flac import FlacStream, FrameRun
from mug.messages.message import Message


def read_flac_streams(data: bytes, streams: list[FlacStream], limits: Limits) -> DecodedSound:
    """Return the samples of streams one after another; what is missing between frames is silence.

    Raises:
        AudioError: when they exceed the limits or are no numbers.
        ValueError: when nothing can be decoded.
    """
    parts: list[tuple[np.ndarray, int]] = []
    silent = frames = missing = 0
    cut = False
    for stream in streams:
        runs = sorted([*stream.runs, *_sound_ones(data, stream)], key=lambda run: run.first)
        if not runs:
            continue
        samples, own_silent = _read_runs(data, stream, runs, limits)
        rate = stream.fields[0]
        parts.append((samples, rate))
        scale = parts[0][1] / rate
        frames += round(len(samples) * scale)
        limits.check(parts[0][1], samples.shape[1], frames)
        silent += round(own_silent * scale)
        missing += round(max(0, stream.stated - len(samples)) * scale)
        cut = any(one.begin > runs[-1].begin for one in stream.doubtful)
    if not parts:
        raise ValueError("none of its frames is whole")
    samples, rate = joined(parts)
    end = Message("audio.ends_within_frame") if cut else None
    return with_notices(samples, rate, stated=len(samples) + missing, silent=silent, cut=end)


def _sound_ones(data: bytes, stream: FlacStream) -> Iterator[FrameRun]:
    """Those of the doubtful frames that can be decoded, and that no whole frame stands for."""
    import soundfile

    taken = [(run.first, run.first + run.samples) for run in stream.runs]
    for run in stream.doubtful:
        if any(first < run.first + run.samples and run.first < end for first, end in taken):
            continue
        try:
            with open_straight(stream.file(data, run)) as handle:
                good = len(handle.read(run.samples)) == run.samples
        except soundfile.SoundFileError:
            good = False
        if good:
            taken.append((run.first, run.first + run.samples))
            yield run


def _read_runs(
    data: bytes, stream: FlacStream, runs: list[FrameRun], limits: Limits
) -> tuple[Samples, int]:
    """Return a stream's samples, and how many of them are silent because they are missing."""
    rate, channels, _, _ = stream.fields
    began_late = runs[0].begin == stream.place  # a recording that joined a broadcast
    base = runs[0].first if began_late else 0
    frames = runs[-1].first + runs[-1].samples - base
    limits.check(rate, channels, max(frames, stream.stated))
    whole: Samples = np.zeros((frames, 1 if limits.mono else channels), np.float32)
    silent = frames
    for run in runs:
        with open_straight(stream.file(data, run)) as handle:
            samples = read_blocks(handle, limits, run.samples)
        whole[run.first - base : run.first - base + len(samples)] = samples
        silent -= len(samples)
    return whole, silent
