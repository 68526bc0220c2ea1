"""Spectrograms: what the audio encoders read."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float16, Float32

from mug.audio.librosa_once import load_librosa
from mug.audio.mel_filters import mel_filters, power_blocks
from mug.errors import ConfigError


@dataclass(frozen=True, slots=True)
class MelParams:
    """Parameters of the mel spectrogram; the hop is a quarter of the window.

    Args:
        sample_rate: of the waveform, in Hz.
        n_fft: window in samples.
        n_mels: rows of the mel spectrogram.
        mel_scale: factor of the mel power before its logarithm. At 1, the original's, most of what
            lies above the bass is too quiet to be seen; 1000 shows it.
    """

    sample_rate: int = 22050
    n_fft: int = 512
    n_mels: int = 128
    mel_scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("sample_rate", "n_fft", "n_mels"):
            if getattr(self, name) < 1:
                raise ConfigError("audio.must_be_positive", name=name, value=getattr(self, name))
        if not 0 < self.mel_scale < math.inf:
            raise ConfigError("audio.must_be_positive", name="mel_scale", value=self.mel_scale)
        if self.n_fft % 4:
            raise ConfigError("audio.n_fft_must_be_multiple_of_4", value=self.n_fft)

    @property
    def hop(self) -> int:
        """Samples between two frames."""
        return self.n_fft // 4

    @property
    def key(self) -> dict[str, float]:
        """Plain values that name a spectrogram; a scale of 1 is left out, as before it existed."""
        found = asdict(self)
        if self.mel_scale == 1:
            del found["mel_scale"]
        return found


def log_mel(
    wave: Float32[np.ndarray, " samples"], params: MelParams
) -> Float16[np.ndarray, "n_mels frames"]:
    """Logarithm of one plus the scaled mel power spectrogram, `1 + samples // hop` frames.

    Source: the original's `log1p(librosa.feature.melspectrogram)`: power 2, Hann window, Slaney
    mel filters, frames centred, zeros beyond the ends; not normalised.
    """
    filters = mel_filters(params.sample_rate, params.n_fft, params.n_mels)
    if params.mel_scale != 1:
        filters = filters * np.float32(params.mel_scale)
    mel = np.empty((params.n_mels, 1 + len(wave) // params.hop), np.float16)
    first = 0
    for power in power_blocks(wave, params.n_fft, params.hop):
        mel[:, first : first + len(power)] = np.log1p(filters @ power.T)
        first += len(power)
    return mel


def stft(
    wave: Float32[np.ndarray, " samples"], params: MelParams
) -> Float32[np.ndarray, "2 bins frames"]:
    """Real and imaginary part of the spectrum, `n_fft / 2 + 1` rows each, frames as `log_mel`."""
    spectrum: np.ndarray = load_librosa().stft(
        _long_enough(wave, params), n_fft=params.n_fft, hop_length=params.hop, pad_mode="constant"
    )[:, : 1 + len(wave) // params.hop]
    return np.stack([spectrum.real, spectrum.imag]).astype(np.float32)


def _long_enough(
    wave: Float32[np.ndarray, " samples"], params: MelParams
) -> Float32[np.ndarray, " padded"]:
    """The waveform, with zeros up to one window: librosa refuses or warns about shorter ones."""
    missing = params.n_fft - len(wave)
    return np.pad(wave, (0, missing)) if missing > 0 else wave
