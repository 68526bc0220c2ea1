"""Name how a song sounds, so that a copy in another encoding is known for the same song.

32 bits each tenth of a second: whether the energy difference of two neighbouring bands rises or
falls. Encoders change few of these bits; different songs agree in half of them, as coins do.

Source: Haitsma, Kalker: A highly robust audio fingerprinting system, ISMIR 2002, equation 1, with
frames further apart.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, UInt32

from mug.audio.blocks import Samples
from mug.audio.load import resample

SAME = 0.35
"""Songs with fewer different bits than this are the same (the paper's threshold)."""

Print = UInt32[np.ndarray, "_"]  # two of them may differ in length

_RATE = 5512  # Hz
_WINDOW, _HOP = 2048, 551  # samples: 0.37 s, so that a shift by half a hop matters little; 0.1 s
_BANDS_HZ = (300.0, 2000.0)
_MOST, _FEWEST = 512, 32  # words: the middle 51 s; less than 3.2 s name nothing
_QUIET = 1e-3  # energy of a band: 90 dB below full scale
_SHIFTS = 5  # words to either side: encoders add silence of up to a tenth of a second or two


def fingerprint(samples: Samples, rate: int) -> Print:
    """The fingerprint of the middle of a song; empty for one that is too short or has no melody.

    Args:
        samples: the decoded sound.
        rate: in Hz.
    """
    needed = int((_WINDOW + (_MOST + 1) * _HOP) * rate / _RATE)
    first = max(0, (len(samples) - needed) // 2)
    middle = samples[first : first + needed].mean(axis=1, dtype=np.float32)
    energies = _band_energies(resample(middle, rate, _RATE))
    slopes = np.diff(energies, axis=1)
    bits = np.diff(slopes, axis=0) > 0
    if len(bits) < _FEWEST or energies.max() < _QUIET or not 0.2 < bits.mean() < 0.8:
        return np.zeros(0, np.uint32)  # silence, or one unchanging sound
    return _words(bits[:_MOST])


def bit_error(one: Print, other: Print) -> float:
    """Share of different bits at the best alignment, 0 ... 1; 1 where either is empty."""
    best = 1.0
    for shift in range(-_SHIFTS, _SHIFTS + 1):
        here, there = one[max(0, shift) :], other[max(0, -shift) :]
        length = min(len(here), len(there))
        if length < _FEWEST - _SHIFTS:
            continue
        different = np.bitwise_count(here[:length] ^ there[:length]).sum(dtype=np.int64)
        best = min(best, float(different) / (32 * length))
    return best


def _band_energies(wave: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, "frames bands"]:
    if len(wave) < _WINDOW:
        return np.zeros((0, 33), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(wave, _WINDOW)[::_HOP]
    window = np.hanning(_WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    edges_hz = np.geomspace(*_BANDS_HZ, 34)
    edges = np.round(edges_hz * _WINDOW / _RATE).astype(int)
    return np.add.reduceat(power, edges, axis=1)[:, :33].astype(np.float32)


def _words(bits: Bool[np.ndarray, "words 32"]) -> Print:
    return np.packbits(bits, axis=1).view(">u4")[:, 0].astype(np.uint32)
