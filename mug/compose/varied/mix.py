"""The mix of a varied song: voices on buses, side-chain, echo, room, noise, compression, level."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float32

from mug.compose.plan import between
from mug.compose.score import NoteEvent
from mug.compose.sound import SAMPLE_RATE
from mug.compose.varied.kit import DrumKit, coloured_noise
from mug.compose.varied.song import DRUMS, TONAL, VariedSong
from mug.compose.varied.voices import VoiceMaker, draw_voice

Wave = Float32[np.ndarray, " frames"]

_BUSES = MappingProxyType(
    dict.fromkeys((*DRUMS, "impact", "riser"), "drums")
    | {"bass": "low", "chord": "back", "pad": "back", "arp": "back", "lead": "front"}
    | {"vocal": "front"}
)
# Mean levels over songs, by voice: gain of the sound times level of the bus.
_USUAL = MappingProxyType(
    dict.fromkeys((*DRUMS, "impact", "riser"), 0.78)
    | {"bass": 0.28, "chord": 0.12, "pad": 0.095, "arp": 0.3, "lead": 0.31, "vocal": 0.35}
)
_HOP = 64
_CEILING = 0.89


@dataclass(frozen=True)
class MixSettings:
    """Production of a song; levels are parts of full scale unless a unit is named.

    Args:
        drums: level of the drums.
        low: level of the bass.
        back: level of chords, pads and arpeggios.
        front: level of the tunes.
        duck: how far kicks push pads and bass down, 0 ... 1.
        echo: level of the tunes' echo.
        room: level of the reverberation.
        room_ms: time in which it falls to 1/e.
        noise_db: level of the noise below the mix.
        squeeze: compression of lows, middles and highs, 0 ... 1.
        low_tilt_db: of the spectrum below 200 Hz.
        high_tilt_db: of the spectrum above 4 kHz.
    """

    drums: float
    low: float
    back: float
    front: float
    duck: float
    echo: float
    room: float
    room_ms: float
    noise_db: float
    squeeze: float
    low_tilt_db: float
    high_tilt_db: float


def draw_mix(seed: int) -> MixSettings:
    """The production of a song."""
    rng = np.random.default_rng([seed, 83])
    return MixSettings(
        drums=between(rng, (0.35, 1.2)),
        low=between(rng, (0.5, 1.1)),
        back=between(rng, (0.5, 1.6)),
        front=between(rng, (0.5, 1.5)),
        duck=float(rng.choice([0.0, rng.uniform(0.3, 0.9)], p=[0.55, 0.45])),
        echo=float(rng.choice([0.0, rng.uniform(0.1, 0.45)], p=[0.5, 0.5])),
        room=between(rng, (0.0, 0.8)),
        room_ms=float(np.exp(rng.uniform(np.log(40), np.log(450)))),
        noise_db=between(rng, (-65.0, -16.0)),
        squeeze=float(rng.uniform(0.0, 1.0) ** 0.6),
        low_tilt_db=between(rng, (-6.0, 4.0)),
        high_tilt_db=between(rng, (-9.0, 4.0)),
    )


def prominence(seed: int) -> dict[str, float]:
    """Level of each voice in a song's mix against its usual level: 1 is usual."""
    mix = draw_mix(seed)
    found = {}
    for voice, usual in _USUAL.items():
        gain = draw_voice(seed, voice).gain if voice in TONAL else 1.0
        found[voice] = gain * float(getattr(mix, _BUSES[voice])) / usual
    return found


def _sample(time_ms: float, rate: int) -> int:
    return round(time_ms * 1e-3 * rate)


class _Sounds:
    """The sounds of one song, made once each."""

    def __init__(self, seed: int, rate: int) -> None:
        self.rate, self.kit = rate, DrumKit(seed, rate)
        self._makers = {name: VoiceMaker(draw_voice(seed, name), rate, seed) for name in TONAL}
        self._made: dict[tuple[str, int, int], np.ndarray] = {}

    def of(self, event: NoteEvent) -> np.ndarray:
        """Waveform of an event at full velocity."""
        pitched = event.instrument in self._makers
        # Lengths within a fiftieth of a second share a waveform.
        step = self.rate // 50
        held = max(2, round(event.duration_ms * 1e-3 * self.rate / step)) * step
        key = (event.instrument, event.pitch, held if pitched else 0)
        if event.instrument == "riser":
            return self.kit.riser(max(step, _sample(event.duration_ms, self.rate)))
        if key not in self._made:
            if pitched:
                self._made[key] = self._makers[event.instrument].note(event.pitch, held)
            else:
                self._made[key] = self.kit.stroke(event.instrument)
        return self._made[key]


def render_buses(song: VariedSong, rate: int = SAMPLE_RATE) -> dict[str, Wave]:
    """Dry sums of the voices by bus; events begin on the sample nearest to their time."""
    sounds = _Sounds(song.seed, rate)
    frames = _sample(song.duration_ms, rate)
    buses = {name: np.zeros(frames, dtype=np.float32) for name in ("drums", "low", "back", "front")}
    for event in song.events:
        start = _sample(event.time_ms, rate)
        sound = sounds.of(event)[: max(0, frames - start)]
        buses[_BUSES[event.instrument]][start : start + len(sound)] += sound * np.float32(
            event.velocity
        )
    return buses


def _ducking(song: VariedSong, frames: int, depth: float, rate: int) -> np.ndarray:
    """Gain that falls at each kick and rises again within 200 ms."""
    recovery = int(0.2 * rate)
    dip = (1 - depth * (1 - np.linspace(0, 1, recovery) ** 1.5)).astype(np.float32)
    gain = np.ones(frames, dtype=np.float32)
    for event in song.of(["kick"]):
        start = _sample(event.time_ms, rate)
        part = gain[start : start + recovery]
        np.minimum(part, dip[: len(part)], out=part)
    return gain


def _echoed(song: VariedSong, wave: Wave, level: float, rate: int) -> Wave:
    """Three echoes three quarters of a beat apart."""
    late = _sample(0.75 * song.tempo.segments[0].beat_ms, rate)
    wet = wave.copy()
    for index in (1, 2, 3):
        if index * late < len(wave):
            wet[index * late :] += wave[: -index * late] * np.float32(level**index)
    return wet


def _impulse(seed: int, mix: MixSettings, rate: int) -> np.ndarray:
    """Reverberation and tilt of the spectrum as one impulse response that begins at once."""
    rng = np.random.default_rng([seed, 84])
    length = int(min(1.2, 4 * mix.room_ms * 1e-3 + 0.05) * rate)
    tail = rng.standard_normal(length) * np.exp(-np.arange(length) / (mix.room_ms * 1e-3 * rate))
    late = int(0.012 * rate)
    tail[:late] = 0.0
    tail *= mix.room / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    # Tilt by minimum phase: the cepstrum of the gain, folded, so that nothing comes early.
    size = 4096
    frequency = np.fft.rfftfreq(size, 1 / rate) + 1.0
    tilt_db = mix.low_tilt_db / (1 + (frequency / 200) ** 2)
    tilt_db += mix.high_tilt_db / (1 + (4000 / frequency) ** 2)
    cepstrum = np.fft.irfft(tilt_db * np.log(10) / 20)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    filtering = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))[:512]
    shaped: np.ndarray = np.convolve(tail, filtering).astype(np.float32)
    return shaped


def _bands(wave: Wave, rate: int) -> list[Wave]:
    """Lows, middles and highs; they add up to the wave, and nothing comes early."""
    from scipy.signal import butter, lfilter

    low = lfilter(*butter(1, 220.0, fs=rate), wave).astype(np.float32)
    upper = wave - low
    middle = lfilter(*butter(1, 3200.0, fs=rate), upper).astype(np.float32)
    return [low, middle, upper - middle]


def _squeezed(wave: Wave, amount: float, rate: int) -> Wave:
    """Loud passages brought down and quiet ones up: a compressor with 60 ms of release."""
    from scipy.signal import lfilter

    blocks = len(wave) // _HOP + 1
    padded = np.zeros(blocks * _HOP, dtype=np.float32)
    padded[: len(wave)] = np.abs(wave)
    level = padded.reshape(blocks, _HOP).max(axis=1)
    share = 1 - np.exp(-_HOP / (0.06 * rate))
    smooth = np.maximum(level * 0.5, lfilter([share], [1, share - 1], level))
    usual = float(np.mean(smooth)) + 1e-9
    gain = (np.maximum(smooth, 0.15 * usual) / usual) ** (-0.85 * amount)
    places = np.arange(len(wave), dtype=np.float32) / _HOP
    even: Wave = (wave * np.interp(places, np.arange(blocks) + 0.5, gain)).astype(np.float32)
    return even


def _levelled(wave: Wave, loudness_db: float) -> Wave:
    """The wave at its level; what is beyond the ceiling is bent, as loud masters are."""
    rms = float(np.sqrt(np.mean(wave.astype(np.float64) ** 2)))
    if rms == 0:
        return wave
    level = wave * np.float32(10 ** (loudness_db / 20) / rms)
    bent: Wave = (_CEILING * np.tanh(level / _CEILING)).astype(np.float32)
    return bent


def render_varied(song: VariedSong, rate: int = SAMPLE_RATE) -> Wave:
    """The finished mix of a varied song: mono, at its loudness."""
    from scipy.signal import oaconvolve

    mix, buses = draw_mix(song.seed), render_buses(song, rate)
    if mix.echo:
        buses["front"] = _echoed(song, buses["front"], mix.echo, rate)
    if mix.duck:
        gain = _ducking(song, len(buses["back"]), mix.duck, rate)
        buses["back"] *= gain
        buses["low"] *= 1 - 0.7 * (1 - gain)
    dry = np.zeros_like(buses["drums"])
    for name, wave in buses.items():
        dry += np.float32(getattr(mix, name)) * wave
    wet = oaconvolve(dry, _impulse(song.seed, mix, rate))[: len(dry)].astype(np.float32)
    squeezed = np.zeros_like(wet)
    rng = np.random.default_rng([song.seed, 85])
    for band in _bands(wet, rate):
        squeezed += _squeezed(band, mix.squeeze * float(rng.uniform(0.6, 1.0)), rate)
    noise = coloured_noise(rng, 1 << 16, 40.0, float(rng.uniform(800, 9000)), rate)
    level = float(np.sqrt(np.mean(squeezed**2))) * 10 ** (mix.noise_db / 20)
    squeezed += np.resize((noise * level).astype(np.float32), len(squeezed))
    return _levelled(squeezed, song.loudness_db)
