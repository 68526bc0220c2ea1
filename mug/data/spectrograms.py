"""Sources of an item's spectrogram."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mug.audio.cache import MelCache
from mug.audio.load import load_audio
from mug.audio.mel import MelParams, log_mel, stft
from mug.beatmap.sound_file import find_audio as find_audio
from mug.errors import ConfigError
from mug.util import nearest

KINDS = ("mel", "stft")


@dataclass(frozen=True)
class Spectrograms:
    """Reads spectrograms of songs, time first.

    Args:
        kind: `mel` (log-mel, `[frames, n_mels]`) or `stft` (`[frames, 2, n_fft / 2 + 1]`).
        params: parameters of the short-time Fourier transform.
        cache_dir: where log-mels are kept; computed again each time when None.
    """

    kind: str
    params: MelParams
    cache_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(
                "data.unknown_kind_of_spectrogram",
                value=self.kind,
                remedy=nearest(self.kind, KINDS),
            )

    def read(self, audio: Path) -> Float[np.ndarray, "t *b"]:
        """The whole song, float16 or float32; possibly read-only."""
        if self.kind == "stft":
            transform = stft(load_audio(audio, self.params.sample_rate), self.params)
            return np.moveaxis(transform, -1, 0)
        if self.cache_dir is not None:
            return _cache(self.cache_dir).get(audio, self.params)
        return log_mel(load_audio(audio, self.params.sample_rate), self.params).T


@lru_cache
def _cache(folder: Path) -> MelCache:
    """The cache in a folder; it remembers what it has checked, and sees what changes afterwards."""
    return MelCache(folder)
