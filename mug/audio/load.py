"""Sound files to waveforms: decode, mix to mono, resample."""

from __future__ import annotations

import hashlib
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from mug.audio.blocks import BLOCK_FRAMES, Limits, Samples
from mug.audio.decode_file import decode_file, known_length
from mug.audio.decoded import DecodedSound, NotDecodedError
from mug.errors import AudioError
from mug.messages.message import Message

log = logging.getLogger(__name__)

Wave = Float32[np.ndarray, " samples"]

REMEDY = "remedy.convert_with_another_program"


def decode(path: str | Path, *, max_ms: float | None = None) -> tuple[Samples, int]:
    """All samples of a sound file, and its sample rate in Hz.

    The content decides the format, not the name's ending. libsndfile decodes; where it cannot,
    miniaudio does if it is installed. The start of an MP3 lies where the game plays it. The streams
    of a chained Ogg follow each other; damaged pages are silence.

    Args:
        path: the file.
        max_ms: refuse what is longer.

    Raises:
        AudioError: missing, no sound, empty, longer than `max_ms`, of more samples than
            `blocks.MOST_SAMPLES`, or with samples that are not numbers.
    """
    sound = _logged(path, read_sound(path, max_ms=max_ms))
    return sound.samples, sound.rate


def read_sound(
    path: str | Path, *, max_ms: float | None = None, mono: bool = False
) -> DecodedSound:
    """Decode a sound file, and say what of it could not be read.

    `decode` and `load_audio` log what is said here; whoever calls this tells it.

    Args:
        path: the file.
        max_ms: refuse what is longer.
        mono: mix to one channel while reading.

    Raises:
        AudioError: as for `decode`.
    """
    path = Path(path)
    _check_file(path)
    limits = Limits(path, max_ms, mono)
    causes = []
    for name, decoder in (("libsndfile", _decode_soundfile), ("miniaudio", _decode_miniaudio)):
        try:
            sound = decoder(limits)
            break
        except NotDecodedError as reason:
            causes.append(f"{name}: {reason}")
    else:
        log.debug("%s: %s", path, "; ".join(causes))
        raise AudioError("audio.no_sound_file", file=path, remedy=REMEDY)
    if not len(sound.samples):
        raise AudioError("audio.no_sound", file=path, remedy="remedy.choose_another_file")
    return sound


def _logged(path: str | Path, sound: DecodedSound) -> DecodedSound:
    """Log the notices of a sound whose caller does not get them."""
    for notice in sound.notices:
        log.warning("%s: %s", path, notice)
    return sound


def load_audio(path: str | Path, sample_rate: int = 22050, *, max_ms: float | None = None) -> Wave:
    """Waveform for the models: mono, at one sample rate.

    Source: the original's `librosa.load`: mean of the channels, then soxr's high quality,
    `ceil(frames · sample_rate / rate)` samples.

    Args:
        path: the sound file.
        sample_rate: of the result, in Hz.
        max_ms: refuse what is longer.

    Raises:
        AudioError: as for `decode`.
    """
    sound = _logged(path, read_sound(path, max_ms=max_ms, mono=True))
    return resample(sound.samples[:, 0], sound.rate, sample_rate)


def load_song(
    path: str | Path, sample_rate: int, *, max_ms: float | None = None
) -> tuple[Wave, tuple[Message, ...]]:
    """Return what `load_audio` does, and notices on what could not be read.

    Raises:
        AudioError: as for `decode`.
    """
    sound = read_sound(path, max_ms=max_ms, mono=True)
    return resample(sound.samples[:, 0], sound.rate, sample_rate), sound.notices


def resample(wave: Wave, rate: int, to_rate: int) -> Float32[np.ndarray, " resampled"]:
    """The same sound at another sample rate (Hz)."""
    if rate == to_rate:
        return wave
    import soxr

    wanted = math.ceil(len(wave) * to_rate / rate)
    result = np.zeros(wanted, dtype=np.float32)
    resampled = soxr.resample(wave, rate, to_rate, quality="HQ")[:wanted]
    result[: len(resampled)] = resampled
    return result


def audio_hash(path: str | Path) -> str:
    """Name the sound itself: equal for files that differ in their title or cover picture alone.

    SHA-256 over rate, channels and samples of 16 bits, so that rounding of different machines'
    decoders seldom shows.

    Raises:
        AudioError: as for `decode`.
    """
    return hash_samples(*decode(path))


def hash_samples(samples: Samples, rate: int) -> str:
    """`audio_hash` of a sound that is decoded already."""
    digest = hashlib.sha256(f"{rate} {samples.shape[1]} ".encode())
    for first in range(0, len(samples), BLOCK_FRAMES):
        block = samples[first : first + BLOCK_FRAMES]
        digest.update(np.rint(np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())
    return digest.hexdigest()


def duration_ms(path: str | Path) -> float:
    """Duration of a file in ms, from its header where that suffices; see `sound_length`.

    Raises:
        AudioError: as for `decode`.
    """
    return sound_length(path)[0]


def sound_length(path: str | Path) -> tuple[float, tuple[Message, ...]]:
    """Duration of a file in ms and the notices of `read_sound`; decoded only where that is needed.

    Raises:
        AudioError: as for `decode`.
    """
    path = Path(path)
    _check_file(path)
    found = known_length(path)
    if found is None:
        sound = read_sound(path, mono=True)
        found = len(sound.samples), sound.rate, sound.notices
    frames, rate, notices = found
    return 1000.0 * frames / rate, notices


def _check_file(path: Path) -> None:
    try:
        if not path.exists():
            raise AudioError("common.no_such_file", file=path, remedy="remedy.check_path")
        if not path.is_file():
            raise AudioError("audio.not_a_file", file=path, remedy="remedy.name_one_sound_file")
        with path.open("rb") as handle:
            empty = not handle.read(1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise AudioError(
            "audio.file_cannot_be_opened", file=path, value=str(error), remedy="remedy.check_path"
        ) from error
    if empty:
        raise AudioError("audio.file_is_empty", file=path, remedy="remedy.copy_or_download_again")


def _decode_soundfile(limits: Limits) -> DecodedSound:
    import soundfile

    try:
        return decode_file(limits)
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        raise NotDecodedError(str(error)) from error


def _decode_miniaudio(limits: Limits) -> DecodedSound:
    try:
        import miniaudio
    except ImportError as error:
        raise NotDecodedError("not installed") from error
    try:
        data = limits.path.read_bytes()
        info: Any = miniaudio.get_file_info(str(limits.path))
        limits.check(info.sample_rate, info.nchannels, info.num_frames)
        sound: Any = miniaudio.decode(
            data, miniaudio.SampleFormat.FLOAT32, info.nchannels, info.sample_rate
        )
    except miniaudio.MiniaudioError as error:
        raise NotDecodedError(str(error)) from error
    samples = np.array(sound.samples, np.float32).reshape(-1, info.nchannels)
    limits.check_numbers(samples, 0)
    return DecodedSound(limits.mixed(samples), info.sample_rate)
