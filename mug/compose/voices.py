"""Single sounds: percussion and pitched notes as short waveforms, each beginning at sample 0."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from mug.compose.score import Timbre

_TABLE = 4096


def _decay(samples: int, decay_ms: float, sample_rate: int) -> np.ndarray:
    """An exponential that falls to 1/e in `decay_ms`."""
    return np.exp(-np.arange(samples) / (decay_ms * 1e-3 * sample_rate))


def _fade_out(wave: np.ndarray, samples: int) -> np.ndarray:
    """The wave with its last samples brought to zero, so that it ends without a click."""
    count = min(samples, len(wave))
    wave[len(wave) - count :] *= np.linspace(1.0, 0.0, count)
    return wave


def _high_noise(rng: np.random.Generator, samples: int, order: int) -> np.ndarray:
    """Noise without low frequencies: white noise, differenced `order` times, at unit level."""
    noise = np.diff(rng.standard_normal(samples + order), n=order)
    return noise / np.std(noise)


def _body(samples: int, start_hz: float, end_hz: float, glide_ms: float, rate: int) -> np.ndarray:
    """A falling tone; a cosine, so that its first sample already is its loudest."""
    glide = _decay(samples, glide_ms, rate)
    frequency = end_hz + (start_hz - end_hz) * glide
    return np.cos(2 * np.pi * np.cumsum(frequency) / rate)


def percussion(
    instrument: str, timbre: Timbre, sample_rate: int, rng: np.random.Generator
) -> Float32[np.ndarray, " samples"]:
    """One stroke of a drum or cymbal with the song's timbre, at full velocity.

    Raises:
        KeyError: for an instrument without a stroke.
    """
    decay_ms, level = {
        "kick": (timbre.kick_decay_ms, 0.95),
        "snare": (timbre.snare_decay_ms, 0.9),
        "hat": (timbre.hat_decay_ms, 0.22),
        "open_hat": (timbre.hat_decay_ms * 5, 0.22),
        "tom": (timbre.kick_decay_ms * 0.9, 0.7),
        "crash": (420.0, 0.3),
    }[instrument]
    samples = int(decay_ms * 4.5e-3 * sample_rate)
    fall = _decay(samples, decay_ms, sample_rate)
    if instrument in ("kick", "tom"):
        low = timbre.kick_hz * (1.0 if instrument == "kick" else 2.2)
        click = _high_noise(rng, samples, 1) * _decay(samples, 3.0, sample_rate) * 0.35
        wave = _body(samples, low * 4, low, 18.0, sample_rate) * fall + click
    elif instrument == "snare":
        tone = _body(samples, 330.0, 185.0, 10.0, sample_rate)
        noise = _high_noise(rng, samples, 1) * 0.5
        wave = (timbre.snare_tone * tone + (1 - timbre.snare_tone) * noise) * fall
    else:
        wave = _high_noise(rng, samples, 3 if "hat" in instrument else 2) * fall
    return _fade_out(wave * level, samples // 8).astype(np.float32)


def wavetable(
    frequency: float, brightness: float, odd: float, sample_rate: int
) -> Float32[np.ndarray, " table"]:
    """One period of a tone whose overtones stay below half the sample rate.

    Args:
        frequency: of the fundamental in Hz.
        brightness: 0 dull ... 1 bright.
        odd: how much even overtones are held back, 0 ... 1.
        sample_rate: in Hz.
    """
    count = int(max(1, min(16, 0.45 * sample_rate / frequency)))
    order = np.arange(1, count + 1)
    level = order ** -(3.0 - 2.0 * brightness)
    level = np.where(order % 2 == 0, level * (1 - odd), level)
    # Cosines: the period begins at its peak, so that a struck note starts on its first sample.
    phase = 2 * np.pi * np.arange(_TABLE) / _TABLE
    wave = (level[:, None] * np.cos(order[:, None] * phase)).sum(axis=0)
    unit: np.ndarray = (wave / np.sqrt(np.mean(wave**2))).astype(np.float32)
    return unit


def tone(
    table: np.ndarray, frequency: float, samples: int, sample_rate: int
) -> Float32[np.ndarray, " samples"]:
    """Read a period of a tone at a pitch for so many samples."""
    place = np.arange(samples, dtype=np.float64) * (frequency * _TABLE / sample_rate)
    found: np.ndarray = table[place.astype(np.int64) & (_TABLE - 1)]
    return found


def envelope(
    samples: int, attack: int, release: int, decay: float, sample_rate: int
) -> Float32[np.ndarray, " samples"]:
    """Attack, fading while held, and release.

    Args:
        samples: whole length.
        attack: samples until full level; 1 begins at once.
        release: samples at the end that fall to zero.
        decay: 0 holds the level, 1 falls to 1/e within 150 ms.
        sample_rate: in Hz.
    """
    shape = np.ones(samples)
    if decay > 0:
        shape = _decay(samples, 150.0 / decay**2, sample_rate)
    rise = min(max(attack, 1), samples)
    shape[:rise] *= np.arange(1, rise + 1) / rise
    return _fade_out(shape, release).astype(np.float32)
