"""Pitched sounds of varied songs: keys, strings, plucks, guitars, bells, chips, voices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from mug.compose.sound import frequency_hz

Note = Float32[np.ndarray, " samples"]

_TABLE = 2048
_FORMANTS = (
    (700, 1200, 2600),
    (400, 2100, 2800),
    (300, 2300, 3000),
    (450, 800, 2600),
    (350, 700, 2500),
)


@dataclass(frozen=True)
class VoiceSound:
    """Sound of a pitched voice.

    Args:
        spectrum: saw, square, soft, organ, bell, formant.
        attack_ms: time until full level.
        decay_ms: time in which the level falls to 1/e, 0 holds it.
        darken_ms: time in which the overtones fall to 1/e, 0 keeps them.
        release_ms: fading after the end.
        detune: widest difference of three voices in parts of the frequency, 0 for one voice.
        vibrato: depth in parts of the frequency.
        drive: distortion, 0 for none.
        breath: share of noise at the attack.
        formant: vowel of a formant spectrum, by number.
        gain: level.
    """

    spectrum: str
    attack_ms: float = 2.0
    decay_ms: float = 0.0
    darken_ms: float = 0.0
    release_ms: float = 40.0
    detune: float = 0.0
    vibrato: float = 0.0
    drive: float = 0.0
    breath: float = 0.0
    formant: int = 0
    gain: float = 0.3


def _draw_lead(rng: np.random.Generator, voice: str) -> VoiceSound:
    kind = int(rng.integers(7))
    gain = float(rng.uniform(0.22, 0.42)) * (1.0 if voice == "lead" else 0.7)
    return (
        VoiceSound("saw", 2.0, darken_ms=300.0, detune=0.006, gain=gain),
        VoiceSound("square", 1.0, gain=0.8 * gain),
        VoiceSound("soft", 8.0, vibrato=0.004, gain=gain),
        VoiceSound("saw", 2.0, decay_ms=260.0, darken_ms=90.0, gain=1.2 * gain),
        VoiceSound("bell", 1.0, decay_ms=350.0, darken_ms=150.0, gain=gain),
        VoiceSound("saw", 4.0, drive=4.0, vibrato=0.003, gain=0.7 * gain),
        VoiceSound("soft", 1.5, decay_ms=450.0, darken_ms=120.0, gain=1.2 * gain),
    )[kind]


def _draw_chord(rng: np.random.Generator) -> VoiceSound:
    kind, gain = int(rng.integers(6)), float(rng.uniform(0.08, 0.17))
    return (
        VoiceSound("soft", 1.5, decay_ms=600.0, darken_ms=200.0, gain=1.3 * gain),
        VoiceSound("saw", 2.0, drive=5.0, gain=0.6 * gain),
        VoiceSound("saw", 2.0, decay_ms=250.0, darken_ms=80.0, detune=0.004, gain=gain),
        VoiceSound("organ", 3.0, gain=gain),
        VoiceSound("saw", 3.0, detune=0.01, gain=0.8 * gain),
        VoiceSound("bell", 1.0, decay_ms=400.0, darken_ms=200.0, gain=gain),
    )[kind]


def _draw_bass(rng: np.random.Generator) -> VoiceSound:
    kind, gain = int(rng.integers(5)), float(rng.uniform(0.3, 0.55))
    return (
        VoiceSound("soft", 3.0, release_ms=25.0, gain=gain),
        VoiceSound("saw", 2.0, darken_ms=120.0, release_ms=25.0, gain=0.8 * gain),
        VoiceSound("square", 2.0, release_ms=20.0, gain=0.6 * gain),
        VoiceSound("saw", 2.0, drive=3.0, release_ms=25.0, gain=0.6 * gain),
        VoiceSound("soft", 2.0, decay_ms=300.0, darken_ms=60.0, release_ms=30.0, gain=1.1 * gain),
    )[kind]


def draw_voice(seed: int, voice: str) -> VoiceSound:
    """The sound that a pitched voice has in a song."""
    rng = np.random.default_rng([seed, 81, len(voice), ord(voice[0])])
    if voice == "bass":
        return _draw_bass(rng)
    if voice == "chord":
        return _draw_chord(rng)
    if voice == "pad":
        gain = float(rng.uniform(0.05, 0.13))
        spectrum = str(rng.choice(["saw", "soft", "organ", "formant"]))
        attack = float(np.exp(rng.uniform(np.log(8), np.log(250))))
        return VoiceSound(spectrum, attack, release_ms=120.0, detune=0.008, gain=gain)
    if voice == "vocal":
        return VoiceSound(
            "formant",
            attack_ms=float(np.exp(rng.uniform(np.log(6), np.log(45)))),
            release_ms=70.0,
            vibrato=float(rng.uniform(0.002, 0.012)),
            breath=float(rng.uniform(0.0, 0.5)),
            formant=int(rng.integers(len(_FORMANTS))),
            gain=float(rng.uniform(0.25, 0.45)),
        )
    return _draw_lead(rng, voice)


def _levels(sound: VoiceSound, frequency: float, count: int) -> np.ndarray:
    """Levels of the overtones, the fundamental first."""
    order = np.arange(1, count + 1, dtype=np.float64)
    if sound.spectrum == "saw":
        return 1 / order
    if sound.spectrum == "square":
        return (order % 2) / order
    if sound.spectrum == "organ":
        return np.isin(order, (1, 2, 3, 4, 6, 8)) / np.sqrt(order)
    if sound.spectrum == "bell":
        return np.isin(order, (1, 3, 4, 7, 9, 11)) / order**0.8
    if sound.spectrum == "formant":
        level = 0.25 / order
        for centre in _FORMANTS[sound.formant]:
            level += np.exp(-(((order * frequency - centre) / (0.12 * centre + 60)) ** 2))
        return level / order**0.3
    return order**-2.4


class VoiceMaker:
    """Notes of one pitched voice.

    Args:
        sound: of the voice.
        rate: samples a second.
        seed: of the song, for the noise of breath.
    """

    def __init__(self, sound: VoiceSound, rate: int, seed: int) -> None:
        self.sound, self.rate = sound, rate
        self._rng = np.random.default_rng([seed, 82])
        self._tables: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._noise = self._rng.standard_normal(1 << 14).astype(np.float32)

    def _table(self, pitch: int) -> tuple[np.ndarray, np.ndarray]:
        """A period with all overtones, and one with the lowest alone; both at unit level."""
        if pitch not in self._tables:
            frequency = frequency_hz(pitch)
            count = int(max(1, min(32, 0.45 * self.rate / frequency)))
            spectrum = np.zeros(_TABLE // 2 + 1)
            spectrum[1 : count + 1] = _levels(self.sound, frequency, count)
            dull = spectrum * np.exp(-0.8 * np.arange(len(spectrum)))
            pair = [np.fft.irfft(s) for s in (spectrum, dull)]
            bright, dark = (w / max(1e-9, float(np.sqrt(np.mean(w**2)))) for w in pair)
            self._tables[pitch] = (bright.astype(np.float32), 0.7 * dark.astype(np.float32))
        return self._tables[pitch]

    def _phase(self, frequency: float, samples: int, ratio: float) -> np.ndarray:
        """Places in the table, as whole numbers."""
        place = np.arange(samples, dtype=np.float64) * (frequency * ratio * _TABLE / self.rate)
        if self.sound.vibrato:
            wave_hz = 5.5
            seconds = np.arange(samples) / self.rate
            depth = frequency * _TABLE * self.sound.vibrato / (2 * np.pi * wave_hz)
            place += depth * np.minimum(1, seconds / 0.25) * np.sin(2 * np.pi * wave_hz * seconds)
        found: np.ndarray = place.astype(np.int64) & (_TABLE - 1)
        return found

    def note(self, pitch: int, samples: int) -> Note:
        """A note held for so many samples, and its release after them."""
        sound, rate, frequency = self.sound, self.rate, frequency_hz(pitch)
        release = int(sound.release_ms * 1e-3 * rate)
        total = samples + release
        bright, dark = self._table(pitch)
        ratios = (1.0, 1 - sound.detune, 1 + sound.detune) if sound.detune else (1.0,)
        wave = np.zeros(total, dtype=np.float32)
        for ratio in ratios:
            place = self._phase(frequency, total, ratio)
            part = bright[place]
            if sound.darken_ms:
                fade = np.exp(-np.arange(total) / (sound.darken_ms * 1e-3 * rate))
                part = dark[place] + (part - dark[place]) * fade.astype(np.float32)
            wave += part
        wave /= np.float32(len(ratios) ** 0.5)
        if sound.breath:
            count = min(total, int(0.05 * rate), len(self._noise))
            wave[:count] += (
                sound.breath * self._noise[:count] * np.linspace(1, 0, count, dtype="f4")
            )
        if sound.drive:
            wave = np.tanh(wave * np.float32(sound.drive))
        made: Note = (wave * self._shape(samples, release)).astype(np.float32)
        return made

    def _shape(self, samples: int, release: int) -> np.ndarray:
        sound, rate = self.sound, self.rate
        shape = np.ones(samples + release, dtype=np.float32)
        if sound.decay_ms:
            shape *= np.exp(-np.arange(len(shape)) / (sound.decay_ms * 1e-3 * rate))
        rise = min(max(1, int(sound.attack_ms * 1e-3 * rate)), samples)
        shape[:rise] *= np.arange(1, rise + 1) / rise
        shape[samples:] *= np.linspace(1, 0, release, dtype=np.float32)
        shape *= np.float32(sound.gain)
        return shape
