"""Augmentation of spectrograms on their way into an item; numpy only.

All take `[..., bands, frames]` with the frames last: log-mel `[bands, frames]` as well as the real
and imaginary parts of a short-time Fourier transform `[2, bins, frames]`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64

Spectrogram = Float32[np.ndarray, "*b t"]
Stretched = Float32[np.ndarray, "*b s"]
"""The same with another number of frames."""


def stretched_frames(frames: int, rate: float) -> int:
    """Frames of a song of so many frames at another speed."""
    return max(1, round(frames / rate))


def stretch(
    spectrogram: Spectrogram, rate: float, *, first: int = 0, count: int | None = None
) -> Stretched:
    """The spectrogram of the song at another speed, by linear interpolation between frames.

    The pitch stays. Source: the original's `cv2.resize` (bilinear, pixel centres at half a pixel).

    Args:
        spectrogram: all frames of the song.
        rate: speed multiplier, above 1 is faster.
        first: first frame of the result that is wanted.
        count: how many frames are wanted; all that are left when None.
    """
    frames = spectrogram.shape[-1]
    total = stretched_frames(frames, rate)
    last = total if count is None else min(total, first + count)
    if total == frames:
        return spectrogram[..., first:last]
    left, right, weight = neighbours(frames, total, first, last)
    stretched: np.ndarray = spectrogram[..., left] * (1 - weight) + spectrogram[..., right] * weight
    return stretched


def neighbours(
    frames: int, total: int, first: int, last: int
) -> tuple[Int64[np.ndarray, " s"], Int64[np.ndarray, " s"], Float32[np.ndarray, " s"]]:
    """Between which frames of a song the frames of its stretched version lie.

    Args:
        frames: of the song.
        total: of the stretched version.
        first: first frame of it that is wanted.
        last: one beyond the last.

    Returns:
        Frames to the left and right, and the weight of the right ones, 0 ... 1.
    """
    place = (np.arange(first, last) + 0.5) * (frames / total) - 0.5
    left = np.floor(place).astype(np.int64)
    weight = (place - left).astype(np.float32)
    weight[left < 0] = 0
    left = np.clip(left, 0, frames - 1)
    return left, np.minimum(left + 1, frames - 1), weight


def draw_band(bands: int, largest: int, rng: np.random.Generator) -> tuple[int, int]:
    """First row and width of a random band of fewer than `largest` of so many rows."""
    width = min(int(rng.uniform(0, largest)), bands)
    return int(rng.integers(0, bands - width + 1)), width
