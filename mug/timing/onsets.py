"""Input of timing estimation: onset strength in three bands, and chroma, over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

SAMPLE_RATE = 22050  # Hz; what the detector's bias was measured at
HOP = 64  # samples between two values of the onset envelope: 2.9 ms
WINDOW = 256  # samples of a spectrum: 11.6 ms
BAND_HOP = 256  # samples between two values of the bands: 11.6 ms
HARMONY_HOP = 1024  # samples between two values of the harmony: 46 ms

# The envelope rises as soon as the window touches an onset, before its centre is there.
# Measured on clicks: 1.4 ms early for bursts of noise, 2.9 ms for short tones. Added to each time.
DETECTOR_BIAS_MS = 2.2

_LOW_WINDOW = 1024  # 46 ms: two periods of the lowest kick
_LOW_BINS = slice(1, 7)  # 22 ... 129 Hz
_SPLIT_BIN = 28  # of the short window: 2.4 kHz, between the middle and the high band
_HARMONY_WINDOW = 4096  # 186 ms: it resolves semitones from 200 Hz on
_HARMONY_HZ = (80.0, 2100.0)
_BLOCK = 4096  # spectra at a time
_COMPRESS = 100.0


@dataclass(frozen=True, eq=False)
class Onsets:
    """A song as its onsets and harmony over time; frame 0 of each lies at 0 ms.

    Args:
        envelope: strength of onsets over all frequencies, each `HOP` samples.
        bands: low (below 130 Hz), middle and high (above 2.4 kHz), each `BAND_HOP` samples.
        chroma: share of each of the 12 pitch classes, each `HARMONY_HOP` samples.
        begins: whether this is where the song begins, not a part from its middle.
    """

    envelope: Float64[np.ndarray, " frames"]
    bands: Float64[np.ndarray, "3 coarse"]
    chroma: Float64[np.ndarray, "12 slow"]
    begins: bool = True

    @property
    def duration_ms(self) -> float:
        """Length of the song."""
        return 1000.0 * HOP * len(self.envelope) / SAMPLE_RATE

    def between(self, start_ms: float, end_ms: float) -> tuple[Onsets, float]:
        """A part of the song, and when it begins (ms, at or just before `start_ms`)."""
        per_ms = SAMPLE_RATE / 1000.0 / HARMONY_HOP
        first = max(int(start_ms * per_ms), 0)
        last = max(int(end_ms * per_ms), first)
        fine, coarse = HARMONY_HOP // HOP, HARMONY_HOP // BAND_HOP
        part = Onsets(
            self.envelope[first * fine : last * fine],
            self.bands[:, first * coarse : last * coarse],
            self.chroma[:, first:last],
            self.begins and first == 0,
        )
        return part, first / per_ms


def detect_onsets(wave: Float32[np.ndarray, " samples"]) -> Onsets:
    """Onsets and harmony of a song.

    Args:
        wave: mono, at `SAMPLE_RATE`.
    """
    if len(wave) < WINDOW or not wave.any():
        return Onsets(np.zeros(0), np.zeros((3, 0)), np.zeros((12, 0)))
    level = wave / np.float32(np.abs(wave).max())
    low_mid, high = _short_flux(level)
    group = BAND_HOP // HOP
    low = _low_flux(level)
    bands = np.zeros((3, len(low)))
    bands[0] = low
    for row, flux in ((1, low_mid), (2, high)):
        # Centred on the coarse frame, so that the bands line up.
        shifted = np.pad(flux, (group // 2, 2 * group))[: len(low) * group]
        bands[row, : len(shifted) // group] = shifted.reshape(-1, group).sum(axis=1)
    return Onsets(low_mid + high, bands, _chroma(level))


def onset_envelope(wave: Float32[np.ndarray, " samples"]) -> Float64[np.ndarray, " frames"]:
    """Strength of onsets around each hop: how much the log spectrum rises (spectral flux)."""
    if len(wave) < WINDOW or not wave.any():
        return np.zeros(0)
    low_mid, high = _short_flux(wave / np.float32(np.abs(wave).max()))
    flux: np.ndarray = low_mid + high
    return flux


def _short_flux(
    level: Float32[np.ndarray, " samples"],
) -> tuple[Float64[np.ndarray, " frames"], Float64[np.ndarray, " frames"]]:
    """Spectral flux of short windows, below and above the split."""
    from scipy import fft

    window = np.hanning(WINDOW).astype(np.float32)
    padded = np.pad(level, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    below, above = np.zeros(len(frames)), np.zeros(len(frames))
    last = np.zeros((1, WINDOW // 2 + 1), np.float32)
    for first in range(0, len(frames), _BLOCK):
        block = np.abs(fft.rfft(frames[first : first + _BLOCK] * window))
        spectra = np.log1p(np.float32(_COMPRESS) * block)
        rises = np.maximum(np.diff(spectra, axis=0, prepend=last), 0.0)
        here = slice(first, first + len(spectra))
        below[here] = rises[:, :_SPLIT_BIN].sum(axis=1)
        above[here] = rises[:, _SPLIT_BIN:].sum(axis=1)
        last = spectra[-1:]
    below[0] = above[0] = 0.0  # the song's start is no onset
    return below, above


def _low_flux(level: Float32[np.ndarray, " samples"]) -> Float64[np.ndarray, " coarse"]:
    """Spectral flux of the lowest frequencies, from windows long enough for them."""
    from scipy import fft

    window = np.hanning(_LOW_WINDOW).astype(np.float32)
    padded = np.pad(level, _LOW_WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _LOW_WINDOW)[::BAND_HOP]
    spectra = np.zeros((len(frames), _LOW_BINS.stop - _LOW_BINS.start), np.float32)
    for first in range(0, len(frames), _BLOCK):
        block = np.abs(fft.rfft(frames[first : first + _BLOCK] * window)[:, _LOW_BINS])
        spectra[first : first + len(block)] = np.log1p(np.float32(_COMPRESS / 4) * block)
    rises = np.maximum(np.diff(spectra, axis=0, prepend=spectra[:1]), 0.0)
    flux: np.ndarray = rises.sum(axis=1).astype(np.float64)
    return flux


def _chroma(level: Float32[np.ndarray, " samples"]) -> Float64[np.ndarray, "12 slow"]:
    """Share of each pitch class."""
    from scipy import fft

    window = np.hanning(_HARMONY_WINDOW).astype(np.float32)
    padded = np.pad(level, _HARMONY_WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _HARMONY_WINDOW)[::HARMONY_HOP]
    hz = np.arange(_HARMONY_WINDOW // 2 + 1) * SAMPLE_RATE / _HARMONY_WINDOW
    in_range = np.flatnonzero((hz >= _HARMONY_HZ[0]) & (hz <= _HARMONY_HZ[1]))
    pitch = np.round(12 * np.log2(hz[in_range] / 440.0)).astype(np.int64) % 12
    classes = np.zeros((len(in_range), 12), np.float32)
    classes[np.arange(len(in_range)), pitch] = 1.0
    found = np.zeros((len(frames), 12))
    for first in range(0, len(frames), _BLOCK // 4):
        block = np.abs(fft.rfft(frames[first : first + _BLOCK // 4] * window)[:, in_range])
        found[first : first + len(block)] = np.sqrt(block) @ classes
    total = found.sum(axis=1, keepdims=True)
    shares: np.ndarray = (found / np.maximum(total, 1e-6)).T
    return shares
