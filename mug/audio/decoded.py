"""Samples of a sound file, and what the file says of itself that could not be read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from mug.audio.blocks import UNKNOWN_FRAMES, Samples
from mug.messages.message import Message

TOLERATED_MS = 20.0  # what may be missing without a word


class DecodedSound(NamedTuple):
    """A decoded sound file.

    Args:
        samples: float32, `[frames, channels]`.
        rate: in Hz.
        notices: on what the file says of itself and could not be read.
    """

    samples: Samples
    rate: int
    notices: tuple[Message, ...] = ()


class NotDecodedError(Exception):
    """Failure of one decoder; collected, and shown when all of them fail."""


def with_notices(
    samples: Samples, rate: int, *, stated: int, silent: int = 0, cut: Message | None = None
) -> DecodedSound:
    """Return a sound with notices on what its file states and could not be read.

    Args:
        samples: what was read.
        rate: in Hz.
        stated: frames that the file says it has.
        silent: frames of those read that are damaged.
        cut: what shows that the file ends early, where it does not state its length.
    """
    notices = list(shortage(stated, len(samples), rate))
    if not notices and cut is not None:
        notices.append(cut)
    if 1000 * silent > TOLERATED_MS * rate:
        notices.append(Message("audio.damaged_parts_are_silent", seconds=round(silent / rate, 3)))
    return DecodedSound(samples, rate, tuple(notices))


def shortage(stated: int, read: int, rate: int) -> tuple[Message, ...]:
    """Return a notice where a file states more frames than could be read; else none."""
    if stated >= UNKNOWN_FRAMES or 1000 * (stated - read) <= TOLERATED_MS * rate:
        return ()
    states, found = round(stated / rate, 3), round(read / rate, 3)
    return (Message("audio.shorter_than_stated", stated=states, read=found),)


def joined(
    parts: list[tuple[np.ndarray, int]],
) -> tuple[Float32[np.ndarray, "joined_frames joined_channels"], int]:
    """Return sounds one after another, at the rate and with the channels of the first one.

    Args:
        parts: samples `[frames, channels]`, each with its rate in Hz.
    """
    first, rate = parts[0]
    return np.concatenate([fitted(s, own, rate, first.shape[1]) for s, own in parts]), rate


def fitted(
    samples: Samples, own_rate: int, rate: int, channels: int
) -> Float32[np.ndarray, "fitted_frames fitted_channels"]:
    """Return samples at another rate and with so many channels."""
    if own_rate != rate:
        import soxr

        samples = soxr.resample(samples, own_rate, rate, quality="HQ")
    if samples.shape[1] != channels:
        samples = np.repeat(samples.mean(axis=1, dtype=np.float32)[:, None], channels, axis=1)
    return samples
