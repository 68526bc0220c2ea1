"""Sounds that the audio tests make for themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

BLOCK = 1 << 16  # libsndfile's Vorbis encoder overflows its stack on larger writes


def clicks(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """Short bursts at 1, 2, 3 ... s, faint noise between them."""
    rng = np.random.default_rng(7)
    wave = 1e-4 * rng.standard_normal(int(seconds * rate))
    burst = 0.9 * np.exp(-np.arange(int(0.01 * rate)) / (0.001 * rate))
    for second in range(1, int(np.ceil(seconds))):
        first = second * rate
        room = min(len(burst), len(wave) - first)
        wave[first : first + room] += burst[:room]
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def write_sound(path: Path, wave: np.ndarray, rate: int, kind: str | None = None) -> Path:
    """Writes in blocks, in the format of the name's ending unless `kind` says another."""
    kind = kind or path.suffix[1:].upper()
    with soundfile.SoundFile(path, "w", rate, wave.shape[1], format=kind) as handle:
        for first in range(0, len(wave), BLOCK):
            handle.write(wave[first : first + BLOCK])
    return path


def attack_times(wave: np.ndarray, rate: int) -> np.ndarray:
    """Seconds at which each burst is loudest; bursts lie at least half a second apart."""
    loud, times, first = np.abs(wave), [], 0
    height = loud.max() / 3
    while first < len(loud):
        above = np.flatnonzero(loud[first:] > height)
        if not len(above):
            break
        start = first + above[0]
        end = start + rate // 100
        times.append((start + int(np.argmax(loud[start:end]))) / rate)
        first = end + rate // 2
    return np.array(times)
