"""Samples of an MP3 file: all of its frames, where the game plays them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from jaxtyping import Float32

from mug.audio.blocks import Limits, Samples, read_blocks
from mug.audio.decoded import DecodedSound, joined, with_notices
from mug.audio.mp3_delay import InfoTag
from mug.audio.mp3_streams import Mp3Stream
from mug.messages.message import Message

_UNTAGGED = InfoTag(named=False, delay=0, padding=0)


def is_plain(streams: list[Mp3Stream], expected: int) -> bool:
    """Tell if libsndfile by itself reads all frames of a file.

    Args:
        streams: of the file.
        expected: samples that it expects.
    """
    if len(streams) != 1 or not streams[0].whole:
        return not streams
    only = streams[0]
    if only.tag is not None:
        return only.counted_well and not only.missing
    return (only.frames + only.cut) * only.header.samples <= expected


def read_plain(handle: Any, streams: list[Mp3Stream], limits: Limits) -> DecodedSound:
    """Return all samples of an open file that libsndfile reads by itself."""
    samples, rate = read_blocks(handle, limits), handle.samplerate
    if not streams:
        return DecodedSound(samples, rate)
    only = streams[0]
    # Without a tag the decoder's own expectation is a guess by the bit rate: it states nothing.
    stated = handle.frames if only.tag is not None else len(samples) + _missing(only)
    samples = _given_back(samples, only.tag)
    given = 0 if only.tag is None else only.tag.samples_to_give_back
    return with_notices(samples, rate, stated=stated + given, cut=_cut(only))


def length_of(streams: list[Mp3Stream]) -> tuple[int, int, tuple[Message, ...]] | None:
    """Frames, rate and notices of a file whose streams tell them; None for one to decode."""
    if len(streams) != 1 or not streams[0].whole or streams[0].missing or streams[0].cut:
        return None  # what is missing is known when it is decoded
    only, tag = streams[0], streams[0].tag
    cut = tag.delay + tag.padding if tag is not None and not tag.samples_to_give_back else 0
    return only.frames * only.header.samples - cut, only.header.rate, ()


def read_mp3_streams(data: bytes, streams: list[Mp3Stream], limits: Limits) -> DecodedSound:
    """Return the samples of streams one after another, damaged parts as silence.

    Raises:
        AudioError: when they exceed the limits or are no numbers.
        soundfile.SoundFileError: when nothing can be decoded.
    """
    import soundfile

    parts: list[tuple[np.ndarray, int]] = []
    silent = missing = frames = 0
    for stream in streams:
        with soundfile.SoundFile(io.BytesIO(stream.file(data))) as handle:
            own, rate, expected = read_blocks(handle, limits), handle.samplerate, handle.frames
        stopped = expected - stream.cut * stream.header.samples - len(own)
        own = _given_back(own, stream.tag or _UNTAGGED)
        parts.append((own, rate))
        scale = parts[0][1] / rate
        frames += round(len(own) * scale)
        limits.check(parts[0][1], own.shape[1], frames)
        silent += round(stream.silent * stream.header.samples * scale)
        missing += round((_missing(stream) if stream.missing else max(0, stopped)) * scale)
    samples, rate = joined(parts)
    stated = len(samples) + missing
    return with_notices(samples, rate, stated=stated, silent=silent, cut=_cut(streams[-1]))


def _missing(stream: Mp3Stream) -> int:
    """Samples that a stream states and that are not there; padding at its end is none."""
    padding = stream.tag.padding if stream.tag is not None and stream.missing else 0
    return max(0, stream.missing * stream.header.samples - padding)


def _given_back(
    samples: Samples, tag: InfoTag | None
) -> Float32[np.ndarray, "frames_again channels"]:
    """Return samples with the silence before them that libsndfile cuts and the game does not."""
    back = tag.samples_to_give_back if tag is not None and len(samples) else 0
    return np.pad(samples, ((back, 0), (0, 0)))


def _cut(stream: Mp3Stream) -> Message | None:
    """Notice on a stream that ends early and does not state its length."""
    early = stream.cut and stream.stated is None
    return Message("audio.ends_within_frame") if early else None
