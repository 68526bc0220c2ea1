"""Samples read piece by piece, within limits that are checked before memory is taken."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from mug.errors import AudioError

Samples = Float32[np.ndarray, "frames channels"]

BLOCK_FRAMES = 1 << 18  # read piecewise: a header may lie about the length
MOST_SAMPLES = 1 << 29  # frames times channels: 101 minutes of stereo at 44.1 kHz, 2 GiB
UNKNOWN_FRAMES = 1 << 48  # what libsndfile says where a header states no length is above this
_RATES = (1_000, 768_000)  # Hz; beyond these a header is wrong rather than the sound unusual
_MAX_CHANNELS = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that a sound must keep, whatever its file claims.

    Args:
        path: the file, for errors.
        max_ms: of its length; None for no bound but that of memory.
        mono: mix each block to one channel.
    """

    path: Path
    max_ms: float | None = None
    mono: bool = False

    def check(self, rate: int, channels: int, frames: int) -> None:
        """Raise AudioError for a shape without sense, and for more frames than are allowed."""
        if not (_RATES[0] <= rate <= _RATES[1] and 1 <= channels <= _MAX_CHANNELS):
            raise AudioError(
                "audio.header_makes_no_sense",
                file=self.path,
                value=f"{rate} Hz, {channels} channels",
                remedy="remedy.convert_with_another_program",
            )
        if self.max_ms is not None and 1000.0 * frames > self.max_ms * rate:
            raise AudioError(
                "audio.longer_than",
                seconds=self.max_ms / 1000,
                file=self.path,
                remedy="remedy.shorten_it",
            )
        if frames * channels > MOST_SAMPLES:
            raise AudioError(
                "audio.more_samples_than",
                most=MOST_SAMPLES,
                file=self.path,
                value=f"{frames} x {channels}",
                remedy="remedy.shorten_it",
            )

    def mixed(self, samples: Samples) -> Float32[np.ndarray, "frames mixed"]:
        """Return samples as they are, or their mean over the channels."""
        return samples.mean(axis=1, dtype=np.float32)[:, None] if self.mono else samples

    def check_numbers(self, samples: Samples, first: int) -> None:
        """Raise AudioError for samples that are no numbers.

        Args:
            samples: of a block.
            first: its place in the sound, in frames.
        """
        good = np.isfinite(samples).all(axis=1)
        if not good.all():
            raise AudioError(
                "common.sample_is_not_number",
                file=self.path,
                value=f"frame {first + int(np.argmin(good))}",
                remedy="remedy.export_song_again",
            )


def open_straight(data: bytes) -> Any:
    """Open a sound to be read from its beginning to its end.

    `soundfile.SoundFile` seeks after each read, which fails where frames are numbered otherwise
    than they lie, or where the header states another length than there is.
    """
    import soundfile

    handle: Any = soundfile.SoundFile(io.BytesIO(data))
    handle.seekable = lambda: False
    return handle


def read_blocks(handle: Any, limits: Limits, most: int | None = None) -> Samples:
    """Read all samples of an open `soundfile.SoundFile`, or so many frames.

    Raises:
        AudioError: when they exceed the limits or are no numbers.
    """
    rate, channels = handle.samplerate, handle.channels
    limits.check(rate, channels, handle.frames if handle.frames < UNKNOWN_FRAMES else 0)
    read: Callable[..., Any] = handle.read
    blocks = [np.zeros((0, 1 if limits.mono else channels), np.float32)]
    frames = 0
    while most is None or frames < most:
        wanted = BLOCK_FRAMES if most is None else min(BLOCK_FRAMES, most - frames)
        block = read(wanted, dtype="float32", always_2d=True)
        if not len(block):
            break
        limits.check(rate, channels, frames + len(block))
        limits.check_numbers(block, frames)
        blocks.append(limits.mixed(block))
        frames += len(block)
    return np.concatenate(blocks)
