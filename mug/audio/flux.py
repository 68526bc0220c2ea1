"""Onset strength and loudness by frequency, each 2.9 ms: what line channels are read from.

Superflux of 40 mel bands between 30 Hz and 10 kHz in eight groups, each over its mean in the song,
and the groups' levels minus their means. The song is first brought to one loudness, so that a gain
changes nothing.

Source: Böck and Widmer 2013, Maximum filter vibrato suppression for onset detection (superflux).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float16, Float32

from mug.audio.cache import SoundCache
from mug.audio.load import load_audio
from mug.audio.mel_filters import mel_filters

# Part of every cached file's name: raise it when `flux_curves` gives other numbers.
VERSION = 1

SAMPLE_RATE = 22050
HOP = 64
HOP_MS = 1000.0 * HOP / SAMPLE_RATE

EDGES = (0, 3, 6, 10, 15, 20, 26, 33, 40)
"""First band of each group, and the end of the last."""

GROUPS = len(EDGES) - 1
FLUX = slice(0, GROUPS)
LEVEL = slice(GROUPS, 2 * GROUPS)
BROAD = 2 * GROUPS
CURVES = 2 * GROUPS + 1
"""Values a frame: flux of each group, level of each group, flux of all bands."""

_BANDS = EDGES[-1]
_RANGE_HZ = (30.0, 10_000.0)
_LOW_BANDS, _LOW_WINDOW, _HIGH_WINDOW = 10, 1024, 400
# A long window meets an onset before its centre does: clicks peak 2 to 4 hops early.
_LOW_DELAY_HOPS = 3
_LAG_HOPS = 4
_COMPRESS = 1000.0
_LOUDNESS = 0.1  # root mean square that each song is brought to
_BLOCK = 2048  # spectra at a time

Curves = Float16[np.ndarray, "frames 17"]
Wave = Float32[np.ndarray, " samples"]


def flux_curves(wave: Wave) -> Curves:
    """The curves of a song, `1 + samples // HOP` frames; frame k lies at `k * HOP_MS`.

    Args:
        wave: mono, at `SAMPLE_RATE`.
    """
    bands = _log_bands(_at_one_loudness(wave))
    flux = _superflux(bands)
    curves = np.empty((len(bands), CURVES), np.float32)
    starts = list(EDGES[:-1])
    sizes = np.diff(EDGES).astype(np.float32)
    curves[:, FLUX] = np.add.reduceat(flux, starts, axis=1) / sizes
    curves[:, LEVEL] = np.add.reduceat(bands, starts, axis=1) / sizes
    curves[:, BROAD] = flux.mean(axis=1)
    mean = curves.mean(axis=0, dtype=np.float64).astype(np.float32)
    curves[:, LEVEL] -= mean[LEVEL]
    for column in (*range(GROUPS), BROAD):
        curves[:, column] /= mean[column] or 1.0
    return curves.astype(np.float16)


class FluxCache(SoundCache):
    """The curves of sound files, computed once."""

    def path_of(self, audio_path: str | Path) -> Path:
        """Path of the cached curves of a sound file.

        Raises:
            AudioError: when the sound file cannot be read.
        """
        return self.named(audio_path, ["flux", VERSION], [SAMPLE_RATE, HOP])

    def get(self, audio_path: str | Path) -> Curves:
        """The curves of a sound file, read-only; computed when they are not there yet.

        Raises:
            AudioError: when the sound file cannot be decoded.
        """

        def compute() -> Curves:
            return flux_curves(load_audio(audio_path, SAMPLE_RATE))

        return self.kept(self.path_of(audio_path), CURVES, compute)


def _at_one_loudness(wave: Wave) -> Wave:
    power = float(np.square(wave, dtype=np.float32).mean(dtype=np.float64)) if len(wave) else 0.0
    return wave * np.float32(_LOUDNESS / np.sqrt(power)) if power > 0 else wave


def _log_bands(wave: Wave) -> Float32[np.ndarray, "frames 40"]:
    """Compressed mean amplitude of each mel band: low ones by the long window."""
    bands = np.empty((1 + len(wave) // HOP, _BANDS), np.float32)
    late = np.concatenate([np.zeros(_LOW_DELAY_HOPS * HOP, np.float32), wave])[: len(wave)]
    _fill(bands[:, :_LOW_BANDS], late, _LOW_WINDOW, slice(0, _LOW_BANDS))
    _fill(bands[:, _LOW_BANDS:], wave, _HIGH_WINDOW, slice(_LOW_BANDS, _BANDS))
    return bands


def _fill(bands: np.ndarray, wave: Wave, window: int, which: slice) -> None:
    """Write bands from spectra of one window, frames centred, zeros beyond the ends."""
    from scipy import fft

    filters = mel_filters(SAMPLE_RATE, window, _BANDS, *_RANGE_HZ)[which]
    used = slice(0, 1 + int(np.flatnonzero(filters.any(axis=0))[-1]))
    # A filter sums to about 1 over its bins, a sine of amplitude 1 has 1 in its own bin.
    weights = (filters[:, used] * np.float32(SAMPLE_RATE / window)).T
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    shape *= np.float32(2.0 / shape.sum())
    padded = np.pad(wave, (window // 2, window // 2 + HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::HOP]
    for first in range(0, len(bands), _BLOCK):
        block = frames[first : min(first + _BLOCK, len(bands))]
        amplitude = np.abs(fft.rfft(block * shape)[:, used])
        bands[first : first + len(block)] = np.log1p(np.float32(_COMPRESS) * (amplitude @ weights))


def _superflux(bands: Float32[np.ndarray, "frames 40"]) -> Float32[np.ndarray, "frames 40"]:
    """Rise over the greatest of the neighbouring bands a moment earlier; silence before the song.

    The maximum over neighbours keeps a gliding tone from counting as onsets.
    """
    before = bands.copy()
    np.maximum(before[:, 1:], bands[:, :-1], out=before[:, 1:])
    np.maximum(before[:, :-1], bands[:, 1:], out=before[:, :-1])
    flux = bands.copy()
    flux[_LAG_HOPS:] -= before[:-_LAG_HOPS]
    rise: np.ndarray = np.maximum(flux, 0.0, out=flux)
    return rise
