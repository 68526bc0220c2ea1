"""Music-like sound: chords and noise that change twice a second."""

import numpy as np


def music(seed, seconds=20.0, rate=22050):
    """Chords and noise that change twice a second."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(rate / 2)) / rate
    parts = []
    for _ in range(int(seconds * 2)):
        hz = 220 * 2 ** (rng.integers(0, 36, 4) / 12)
        tone = np.sin(2 * np.pi * np.outer(hz, time)).sum(0) * np.exp(-3 * time)
        parts.append(tone + 0.05 * rng.normal(size=len(time)))
    wave = np.concatenate(parts).astype(np.float32)
    return (0.2 * wave)[:, None], rate
