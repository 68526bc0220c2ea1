"""Drums and effects of a varied song: waveforms of single strokes, other ones for each song."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

Stroke = Float32[np.ndarray, " samples"]


def decay(samples: int, decay_ms: float, rate: int) -> np.ndarray:
    """An exponential that falls to 1/e in `decay_ms`."""
    return np.exp(-np.arange(samples) / (decay_ms * 1e-3 * rate))


def finished(wave: np.ndarray, peak: float) -> Stroke:
    """A wave at a peak level whose last eighth falls to zero, so that it ends without a click."""
    count = max(2, len(wave) // 8)
    wave[len(wave) - count :] *= np.linspace(1.0, 0.0, count)
    made: Stroke = (wave * (peak / max(1e-9, float(np.abs(wave).max())))).astype(np.float32)
    return made


def coloured_noise(
    rng: np.random.Generator, samples: int, low_hz: float, high_hz: float, rate: int
) -> np.ndarray:
    """Noise between two frequencies at unit level, with slopes of an octave."""
    size = 1 << int(samples - 1).bit_length()
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequency = np.fft.rfftfreq(size, 1 / rate) + 1.0
    slope = 1 / (1 + (low_hz / frequency) ** 4) / (1 + (frequency / high_hz) ** 4)
    noise = np.fft.irfft(spectrum * slope)[:samples]
    shaped: np.ndarray = noise / max(1e-9, float(np.std(noise)))
    return shaped


def _falling(
    samples: int, start_hz: float, end_hz: float, glide_ms: float, rate: int
) -> np.ndarray:
    """A falling tone; a cosine, so that it begins with its peak."""
    frequency = end_hz + (start_hz - end_hz) * decay(samples, glide_ms, rate)
    tone: np.ndarray = np.cos(2 * np.pi * np.cumsum(frequency) / rate)
    return tone


@dataclass(frozen=True)
class DrumKit:
    """Maker of a song's strokes.

    Args:
        seed: of the song.
        rate: samples a second.
    """

    seed: int
    rate: int

    def stroke(self, voice: str) -> Stroke:
        """The stroke of a drum, cymbal or impact at full velocity."""
        makers = {
            "kick": self._kick,
            "tom": self._tom,
            "snare": self._snare,
            "clap": self._clap,
            "hat": self._hat,
            "open_hat": self._open_hat,
            "ride": self._ride,
            "crash": self._crash,
            "perc": self._perc,
            "impact": self._impact,
        }
        index = list(makers).index(voice)
        return makers[voice](np.random.default_rng([self.seed, 80, index]))

    def _samples(self, decay_ms: float) -> int:
        return int(decay_ms * 4.5e-3 * self.rate)

    def _kick(self, rng: np.random.Generator) -> Stroke:
        length_ms = float(rng.choice([60, 100, 160, 260])) * rng.uniform(0.8, 1.2)
        samples, low = self._samples(length_ms), rng.uniform(38, 70)
        wave = _falling(samples, low * rng.uniform(2.5, 8), low, rng.uniform(8, 35), self.rate)
        wave *= decay(samples, length_ms, self.rate)
        click = coloured_noise(rng, samples, rng.uniform(500, 3000), 9000, self.rate)
        wave += click * decay(samples, rng.uniform(1.5, 6), self.rate) * rng.uniform(0, 0.4)
        if rng.random() < 0.3:
            wave = np.tanh(wave * rng.uniform(2, 8))  # as hard styles have it
        return finished(wave, rng.uniform(0.75, 1.0))

    def _tom(self, rng: np.random.Generator) -> Stroke:
        length_ms, low = rng.uniform(80, 200), rng.uniform(80, 160)
        samples = self._samples(length_ms)
        wave = _falling(samples, low * 2, low, 25.0, self.rate) * decay(
            samples, length_ms, self.rate
        )
        wave += (
            0.2
            * coloured_noise(rng, samples, 800, 6000, self.rate)
            * decay(samples, 5.0, self.rate)
        )
        return finished(wave, rng.uniform(0.55, 0.8))

    def _snare(self, rng: np.random.Generator) -> Stroke:
        length_ms = float(rng.choice([50, 90, 150, 240])) * rng.uniform(0.8, 1.2)
        samples = self._samples(length_ms)
        body = _falling(samples, rng.uniform(260, 420), rng.uniform(150, 240), 12.0, self.rate)
        body *= decay(samples, length_ms * rng.uniform(0.4, 0.9), self.rate)
        noise = coloured_noise(rng, samples, rng.uniform(800, 3000), 10000, self.rate)
        tone = rng.uniform(0.1, 0.7)
        wave = tone * body + 0.5 * (1 - tone) * noise * decay(samples, length_ms, self.rate)
        return finished(wave, rng.uniform(0.6, 0.95))

    def _clap(self, rng: np.random.Generator) -> Stroke:
        length_ms = rng.uniform(60, 160)
        samples = self._samples(length_ms)
        wave = coloured_noise(rng, samples, 900, rng.uniform(4000, 9000), self.rate)
        shape = decay(samples, length_ms, self.rate) * 0.8
        for late_ms in (0.0, rng.uniform(6, 10), rng.uniform(12, 22)):
            late = int(late_ms * 1e-3 * self.rate)
            shape[late:] += decay(samples - late, 4.0, self.rate)
        return finished(wave * shape, rng.uniform(0.5, 0.8))

    def _metal(self, rng: np.random.Generator, length_ms: float, share: float) -> np.ndarray:
        """Noise above some kHz with a cluster of tones that are in no harmonic relation."""
        samples = self._samples(length_ms)
        wave = coloured_noise(rng, samples, rng.uniform(4000, 8000), 12000, self.rate)
        place = np.arange(samples) / self.rate
        for hertz in rng.uniform(2500, 9500, 5):
            wave += share * np.sign(np.cos(2 * np.pi * hertz * place))
        shaped: np.ndarray = wave * decay(samples, length_ms, self.rate)
        return shaped

    def _hat(self, rng: np.random.Generator) -> Stroke:
        return finished(self._metal(rng, rng.uniform(10, 45), rng.uniform(0, 0.6)), 0.35)

    def _open_hat(self, rng: np.random.Generator) -> Stroke:
        return finished(self._metal(rng, rng.uniform(80, 220), rng.uniform(0, 0.6)), 0.32)

    def _ride(self, rng: np.random.Generator) -> Stroke:
        wave = self._metal(rng, rng.uniform(120, 300), rng.uniform(0.4, 1.0))
        wave += 0.8 * decay(len(wave), 3.0, self.rate)
        return finished(wave, 0.25)

    def _crash(self, rng: np.random.Generator) -> Stroke:
        length_ms = rng.uniform(250, 600)
        samples = self._samples(length_ms)
        wave = coloured_noise(rng, samples, rng.uniform(1500, 4000), 11000, self.rate)
        return finished(wave * decay(samples, length_ms, self.rate), rng.uniform(0.35, 0.6))

    def _perc(self, rng: np.random.Generator) -> Stroke:
        length_ms, kind = rng.uniform(12, 70), rng.random()
        samples = self._samples(length_ms)
        if kind < 0.4:  # shaker: it swells for some milliseconds
            wave = coloured_noise(rng, samples, 5000, 11000, self.rate)
            rise = int(0.008 * self.rate)
            wave[:rise] *= np.linspace(0.1, 1, rise)
        elif kind < 0.7:  # wood or rim
            wave = _falling(samples, rng.uniform(900, 2500), rng.uniform(700, 1800), 4.0, self.rate)
        else:  # bell
            place = np.arange(samples) / self.rate
            wave = np.cos(2 * np.pi * 562 * place) + np.cos(2 * np.pi * 845 * place)
        return finished(wave * decay(samples, length_ms, self.rate), rng.uniform(0.25, 0.45))

    def _impact(self, rng: np.random.Generator) -> Stroke:
        samples = self._samples(450.0)
        wave = coloured_noise(rng, samples, 60, 2500, self.rate) * decay(samples, 300, self.rate)
        wave += 2 * _falling(samples, 120, 32, 120, self.rate) * decay(samples, 450, self.rate)
        return finished(wave, 0.7)

    def riser(self, samples: int) -> Stroke:
        """Noise that grows louder and brighter."""
        rng = np.random.default_rng([self.seed, 80, 99])
        dark = coloured_noise(rng, samples, 300, 1500, self.rate)
        bright = coloured_noise(rng, samples, 3000, 9000, self.rate)
        share = np.linspace(0.0, 1.0, samples)
        wave = (dark * (1 - share) + bright * share) * share**2
        made: Stroke = (0.12 * wave).astype(np.float32)
        return made
