"""Turn a song into sound: every event begins on the sample nearest to its time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from mug.audio.vorbis import encode_vorbis
from mug.compose.score import INSTRUMENTS, PERCUSSION, NoteEvent, Song
from mug.compose.voices import envelope, percussion, tone, wavetable
from mug.errors import AudioError
from mug.files import atomic_write

SAMPLE_RATE = 22050

Wave = Float32[np.ndarray, " frames"]

_FORMATS = {
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "flac": ("FLAC", "PCM_16"),
    "wav": ("WAV", "PCM_16"),
}
_BLOCK = 1 << 16
_RELEASE_MS = {"bass": 25.0, "chord": 60.0, "melody": 40.0}
_KNEE = 0.5
_CEILING = 0.75


def frequency_hz(pitch: int) -> float:
    """Equal temperament, A4 (69) at 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


class _Voices:
    """The sounds of one song, made once each."""

    def __init__(self, song: Song, sample_rate: int) -> None:
        self.song, self.rate = song, sample_rate
        self._strokes = {
            name: percussion(
                name, song.timbre, sample_rate, np.random.default_rng([song.seed, 2, index])
            )
            for index, name in enumerate(PERCUSSION)
        }
        self._tables: dict[tuple[str, int], np.ndarray] = {}
        self._notes: dict[tuple[str, int, int], np.ndarray] = {}

    def sound(self, event: NoteEvent) -> np.ndarray:
        """Waveform of an event at full velocity."""
        if event.instrument in self._strokes:
            return self._strokes[event.instrument]
        release = int(_RELEASE_MS[event.instrument] * 1e-3 * self.rate)
        samples = max(release + 2, round(event.duration_ms * 1e-3 * self.rate))
        key = (event.instrument, event.pitch, samples)
        if key not in self._notes:
            self._notes[key] = self._note(event.instrument, event.pitch, samples, release)
        return self._notes[key]

    def _note(self, instrument: str, pitch: int, samples: int, release: int) -> np.ndarray:
        timbre, frequency = self.song.timbre, frequency_hz(pitch)
        brightness, attack_ms, decay = {
            "bass": (0.3 + 0.4 * timbre.brightness, 2.5, 0.35),
            "chord": (0.5 * timbre.brightness, timbre.pad_attack_ms, 0.15),
            "melody": (timbre.brightness, 2.5, timbre.lead_decay),
        }[instrument]
        if (instrument, pitch) not in self._tables:
            odd = timbre.odd if instrument == "melody" else 0.0
            self._tables[instrument, pitch] = wavetable(frequency, brightness, odd, self.rate)
        wave = tone(self._tables[instrument, pitch], frequency, samples, self.rate)
        shape = envelope(samples, int(attack_ms * 1e-3 * self.rate), release, decay, self.rate)
        note: np.ndarray = wave * shape
        return note


def _gain(song: Song, instrument: str) -> float:
    timbre = song.timbre
    return {
        "bass": 0.4 * timbre.bass_gain,
        "chord": 0.25 * timbre.chord_gain,
        "melody": 0.35 * timbre.melody_gain,
    }.get(instrument, timbre.drums_gain)


def render_stem(
    song: Song, instruments: Iterable[str] = INSTRUMENTS, sample_rate: int = SAMPLE_RATE
) -> Wave:
    """Some instruments of a song, dry and before the level is set.

    The first sample of an event is `round(time_ms / 1000 * sample_rate)`, and it is not zero.
    """
    voices = _Voices(song, sample_rate)
    frames = round(song.duration_ms * 1e-3 * sample_rate)
    mix = np.zeros(frames, dtype=np.float32)
    for event in song.of(instruments):
        start = round(event.time_ms * 1e-3 * sample_rate)
        sound = voices.sound(event)[: frames - start]
        mix[start : start + len(sound)] += sound * np.float32(
            event.velocity * _gain(song, event.instrument)
        )
    return mix


def _room(song: Song, dry: Wave, sample_rate: int) -> Wave:
    """Add the reverberation of a small room: noise that fades within 0.3 s, 12 ms late."""
    if song.timbre.room <= 0:
        return dry
    rng = np.random.default_rng([song.seed, 3])
    length, late = int(0.3 * sample_rate), int(0.012 * sample_rate)
    tail = rng.standard_normal(length) * np.exp(-np.arange(length) / (0.07 * sample_rate))
    tail[:late] = 0.0
    tail *= 0.5 * song.timbre.room / np.sqrt((tail**2).sum())
    size = 1 << int(len(dry) + length - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(tail, size), size)[: len(dry)]
    # The transform leaves rounding noise where there was silence; that is not sound.
    wet[np.abs(wet) < 1e-7] = 0.0
    return (dry + wet).astype(np.float32)


def _set_level(mix: Wave, loudness_db: float) -> Wave:
    """Bring the mix to its level; peaks above the knee are bent, none reaches the ceiling."""
    rms = float(np.sqrt(np.mean(mix.astype(np.float64) ** 2)))
    if rms == 0:
        return mix
    level = mix * np.float32(10 ** (loudness_db / 20) / rms)
    size = np.abs(level)
    bent = _KNEE + (_CEILING - _KNEE) * np.tanh((size - _KNEE) / (_CEILING - _KNEE))
    return np.where(size > _KNEE, np.sign(level) * bent, level).astype(np.float32)


def render(song: Song, sample_rate: int = SAMPLE_RATE) -> Wave:
    """The finished mix of a song: mono, at its loudness, within -0.75 ... 0.75.

    The room to 1 is for lossy coders, whose peaks overshoot.
    """
    dry = render_stem(song, INSTRUMENTS, sample_rate)
    return _set_level(_room(song, dry, sample_rate), song.loudness_db)


def write_audio(path: Path, wave: Wave, sample_rate: int = SAMPLE_RATE) -> None:
    """Write a sound file; the suffix chooses ogg (Vorbis), mp3, flac or wav (16 bit).

    Raises:
        AudioError: for another suffix.
    """
    kind = _FORMATS.get(path.suffix[1:].lower())
    if kind is None:
        raise AudioError(
            "compose.songs_are_written_as_ogg_flac", file=path, remedy="remedy.choose_one_of_these"
        )
    if kind[0] == "OGG":
        with atomic_write(path) as handle:
            handle.write(encode_vorbis(wave[:, np.newaxis], sample_rate))
        return
    import soundfile

    form, coding = kind
    arguments: dict[str, Any] = {"format": form, "subtype": coding}
    with (
        atomic_write(path) as handle,
        soundfile.SoundFile(handle, "w", sample_rate, 1, **arguments) as sound,
    ):
        for start in range(0, len(wave), _BLOCK):
            sound.write(wave[start : start + _BLOCK])
