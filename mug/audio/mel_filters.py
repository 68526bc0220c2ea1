"""Mel filters and power spectrograms in blocks: no more memory than the result and one block."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from jaxtyping import Float32

_BLOCK = 2048  # frames transformed at once


@cache
def mel_filters(
    sample_rate: int,
    n_fft: int,
    n_mels: int,
    low_hz: float = 0.0,
    high_hz: float | None = None,
) -> Float32[np.ndarray, "n_mels bins"]:
    """Triangles evenly spaced in mels, each of unit area in Hz.

    Source: Slaney 1998, Auditory Toolbox: linear below 1000 Hz, logarithmic above.

    Args:
        sample_rate: of the waveform, in Hz.
        n_fft: window in samples.
        n_mels: triangles.
        low_hz: where the lowest begins.
        high_hz: where the highest ends; half the sample rate unless given.
    """
    low, high = _mel(np.array([low_hz, high_hz or sample_rate / 2])).tolist()
    edges = _hertz(np.linspace(low, high, n_mels + 2))
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    filters: np.ndarray = np.maximum(0, np.minimum(rise, fall)) * area[:, None]
    return filters.astype(np.float32)


def power_blocks(
    wave: Float32[np.ndarray, " samples"], n_fft: int, hop: int
) -> Iterator[Float32[np.ndarray, "frames bins"]]:
    """Power spectra of frames centred on multiples of `hop`, zeros beyond the ends, Hann window."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    half = n_fft // 2
    count = 1 + len(wave) // hop
    for first in range(0, count, _BLOCK):
        frames = min(_BLOCK, count - first)
        begin, end = first * hop - half, (first + frames - 1) * hop + half
        part = np.pad(wave[max(begin, 0) : end], (max(-begin, 0), max(end - len(wave), 0)))
        windows = np.lib.stride_tricks.sliding_window_view(part, n_fft)[::hop]
        spectrum = np.fft.rfft(windows * window)
        yield spectrum.real**2 + spectrum.imag**2


def _mel(hertz: np.ndarray) -> np.ndarray:
    above = 15 + np.log(np.maximum(hertz, 1000) / 1000) / (np.log(6.4) / 27)
    mel: np.ndarray = np.where(hertz < 1000, hertz * 3 / 200, above)
    return mel


def _hertz(mel: np.ndarray) -> np.ndarray:
    above = 1000 * np.exp((np.maximum(mel, 15) - 15) * (np.log(6.4) / 27))
    hertz: np.ndarray = np.where(mel < 15, mel * 200 / 3, above)
    return hertz
