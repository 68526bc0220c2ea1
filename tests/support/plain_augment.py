"""Augmentation of whole spectrograms, step by step: what the loader does at once."""

from __future__ import annotations

import numpy as np

from mug.data.augment import Spectrogram, Stretched, draw_band


def fit_frames(spectrogram: Spectrogram, frames: int) -> Stretched:
    """Exactly so many frames: the rest is cut, or zeros are added."""
    missing = frames - spectrogram.shape[-1]
    if missing <= 0:
        return spectrogram[..., :frames]
    return np.pad(spectrogram, [(0, 0)] * (spectrogram.ndim - 1) + [(0, missing)])


def mask_frequencies(
    spectrogram: Spectrogram, largest: int, rng: np.random.Generator
) -> Spectrogram:
    """Silences a random band of fewer than `largest` neighbouring rows (SpecAugment)."""
    start, width = draw_band(spectrogram.shape[-2], largest, rng)
    masked = spectrogram.copy()
    masked[..., start : start + width, :] = 0
    return masked


def shift_pitch(spectrogram: Spectrogram, steps: int) -> Spectrogram:
    """Moves the rows up by `steps` (down when negative); silence comes in."""
    shifted = np.zeros_like(spectrogram)
    bands = spectrogram.shape[-2]
    if abs(steps) >= bands:
        return shifted
    low, high = max(steps, 0), bands + min(steps, 0)
    shifted[..., low:high, :] = spectrogram[..., low - steps : high - steps, :]
    return shifted
