"""Samples of an Ogg file that is chained or damaged, each where its pages say it lies."""

from __future__ import annotations

import io
import logging

import numpy as np

from mug.audio.blocks import Limits, Samples, read_blocks
from mug.audio.decoded import fitted
from mug.audio.ogg import LogicalStream, end_of

log = logging.getLogger(__name__)

_MOST_LOST_AT_START_S = 30  # beyond that a recording joined a broadcast that was on its way


def read_streams(streams: list[LogicalStream], limits: Limits) -> tuple[Samples, int, int, int]:
    """Return samples of logical streams one after another, rate, silent frames, frames cut off.

    What is missing is silence, so that everything behind it stays in place. Rate and channels are
    those of the first stream; others are brought to them.

    Raises:
        AudioError: when they exceed the limits or are no numbers.
        soundfile.SoundFileError: when nothing can be decoded.
    """
    parts: list[Samples] = []
    rate = channels = silent = lost = 0
    for number, stream in enumerate(streams):
        samples, own_rate, missing, lost = _read_stream(stream, limits, number + 1 == len(streams))
        if not own_rate:
            continue
        rate, channels = rate or own_rate, channels or samples.shape[1]
        silent += round(missing * rate / own_rate)
        parts.append(fitted(samples, own_rate, rate, channels))
        limits.check(rate, channels, sum(map(len, parts)))
    if not parts:
        raise ValueError("none of its pages can be decoded")
    return np.concatenate(parts), rate, silent, lost


def _read_stream(
    stream: LogicalStream, limits: Limits, last: bool
) -> tuple[Samples, int, int, int]:
    """Return a stream's samples, rate (0: nothing is decoded), silent frames, frames cut off."""
    import soundfile

    placed: list[tuple[int, Samples]] = []
    rate = channels = 0
    base: int | None = None if stream.from_start else 0
    opus, scale = stream.kind.startswith(b"OpusHead"), 1.0
    for run in stream.runs:
        try:
            with soundfile.SoundFile(io.BytesIO(stream.run_bytes(run))) as handle:
                if opus:  # without it libsndfile gives pre-skip as sound in a run that begins late
                    handle.seek(0)
                samples = read_blocks(handle, limits)
                rate, channels = handle.samplerate, handle.channels
        except (soundfile.SoundFileError, TypeError, ValueError) as error:
            log.info("%s: a part of the stream cannot be decoded: %s", limits.path, error)
            base = base or 0
            continue
        scale = rate / (stream.granule_rate or rate)
        end = round(end_of(run) * scale)
        if not placed and base is not None and opus:  # the decoder leaves out as much
            base = round(int.from_bytes(stream.kind[10:12], "little") * scale)
        if base is None or (not placed and end - len(samples) > _MOST_LOST_AT_START_S * rate):
            base = max(0, end - len(samples))  # a stream may begin to count anywhere
            end = base + len(samples)
        placed.append((max(0, end - base - len(samples)), samples))
    if not placed:
        return np.zeros((0, 1), np.float32), 0, 0, 0
    decoded = max(first + len(samples) for first, samples in placed)
    stated = round(stream.end * scale) - (base or 0)
    frames = decoded if last else max(decoded, stated)  # silence at the very end tells nothing
    limits.check(rate, channels, frames)
    whole = np.zeros((frames, placed[0][1].shape[1]), np.float32)
    for first, samples in placed:
        whole[first : first + len(samples)] = samples
    silent = max(0, frames - sum(len(samples) for _, samples in placed))
    return whole, rate, silent, max(0, stated - frames)
