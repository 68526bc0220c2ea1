"""Sound files to waveforms: decode, mix to mono, resample."""

from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from mug.audio.mp3_delay import InfoTag, after_id3, read_info_tag
from mug.audio.mp3_frames import count_samples, first_frame, with_tag
from mug.errors import AudioError

Samples = Float32[np.ndarray, "frames channels"]
Wave = Float32[np.ndarray, " samples"]

REMEDY = "remedy.convert_with_another_program"

_BLOCK_FRAMES = 1 << 18  # read piecewise: a header may lie about the length
_RATES = (1_000, 768_000)  # Hz; beyond these a header is wrong rather than the sound unusual
_MAX_CHANNELS = 64
_MP3 = ("MP3", "MPEG")


def decode(path: str | Path, *, max_ms: float | None = None) -> tuple[Samples, int]:
    """All samples of a sound file, and its sample rate in Hz.

    The content decides the format, not the name's ending. libsndfile decodes; where it cannot,
    miniaudio does if it is installed. The start of an MP3 lies where the game plays it.

    Args:
        path: the file.
        max_ms: refuse what is longer.

    Raises:
        AudioError: missing, unreadable, empty, longer than `max_ms`, or with samples that are
            not numbers; names every decoder's reason.
    """
    path = Path(path)
    _check_file(path)
    causes = []
    for name, decoder in (("libsndfile", _decode_soundfile), ("miniaudio", _decode_miniaudio)):
        try:
            samples, rate = decoder(path, max_ms)
            break
        except _NotDecodedError as reason:
            causes.append(f"{name}: {reason}")
    else:
        raise AudioError("audio.no_decoder_can_read_it", file=path, value=causes, remedy=REMEDY)
    _check_samples(path, samples)
    return samples, rate


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
    samples, rate = decode(path, max_ms=max_ms)
    return resample(samples.mean(axis=1, dtype=np.float32), rate, sample_rate)


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
    for first in range(0, len(samples), _BLOCK_FRAMES):
        block = samples[first : first + _BLOCK_FRAMES]
        digest.update(np.rint(np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())
    return digest.hexdigest()


def duration_ms(path: str | Path) -> float:
    """Duration of a file in ms, from its header; decoded where the header has none.

    Raises:
        AudioError: as for `decode`.
    """
    import soundfile

    path = Path(path)
    _check_file(path)
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, TypeError):
        info = None
    stated = info is not None and (info.format not in _MP3 or read_info_tag(path) is not None)
    if info is not None and stated and info.samplerate > 0 and 0 < info.frames < 1 << 48:
        return float(1000.0 * info.frames / info.samplerate)
    samples, rate = decode(path)
    return 1000.0 * len(samples) / rate


class _NotDecodedError(Exception):
    """Failure of one decoder; collected, and shown when all of them fail."""


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


def _check_samples(path: Path, samples: Samples) -> None:
    if not len(samples):
        raise AudioError("audio.no_sound", file=path, remedy="remedy.choose_another_file")
    if not np.isfinite(samples).all():
        first = int(np.argmin(np.isfinite(samples).all(axis=1)))
        raise AudioError(
            "common.sample_is_not_number",
            file=path,
            value=f"frame {first}",
            remedy="remedy.export_song_again",
        )


def _check_shape(path: Path, rate: int, channels: int) -> None:
    if not (_RATES[0] <= rate <= _RATES[1] and 1 <= channels <= _MAX_CHANNELS):
        raise AudioError(
            "audio.header_makes_no_sense",
            file=path,
            value=f"{rate} Hz, {channels} channels",
            remedy=REMEDY,
        )


def _check_length(path: Path, frames: int, rate: int, max_ms: float | None) -> None:
    if max_ms is not None and 1000.0 * frames > max_ms * rate:
        raise AudioError(
            "audio.longer_than", seconds=max_ms / 1000, file=path, remedy="remedy.shorten_it"
        )


def _decode_soundfile(path: Path, max_ms: float | None) -> tuple[Samples, int]:
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as handle:
            if handle.format not in _MP3:
                return _read_blocks(path, handle, max_ms)
            tag, expected = read_info_tag(path), handle.frames
            if tag is None and (counted := _counted(path, expected)) is not None:
                with soundfile.SoundFile(io.BytesIO(counted)) as whole:
                    samples, rate = _read_blocks(path, whole, max_ms)
                tag = InfoTag(named=False, delay=0, padding=0)
            else:
                samples, rate = _read_blocks(path, handle, max_ms)
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        raise _NotDecodedError(str(error)) from error
    missing = tag.samples_to_give_back if tag is not None and len(samples) else 0
    return np.pad(samples, ((missing, 0), (0, 0))), rate


def _counted(path: Path, expected: int) -> bytes | None:
    """An MP3 file of more samples than expected, with a tag that says so; None for others."""
    with path.open("rb") as handle:
        handle.seek(after_id3(handle))
        data = handle.read()
    first = first_frame(data)
    if first is None or count_samples(data, first) <= expected:
        return None
    return with_tag(data, first)


def _read_blocks(path: Path, handle: Any, max_ms: float | None) -> tuple[Samples, int]:
    rate, channels = handle.samplerate, handle.channels
    _check_shape(path, rate, channels)
    blocks, frames = [np.zeros((0, channels), np.float32)], 0
    while len(block := handle.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        blocks.append(block)
        frames += len(block)
        _check_length(path, frames, rate, max_ms)
    return np.concatenate(blocks), rate


def _decode_miniaudio(path: Path, max_ms: float | None) -> tuple[Samples, int]:
    try:
        import miniaudio
    except ImportError as error:
        raise _NotDecodedError("not installed") from error
    try:
        data = path.read_bytes()
        info: Any = miniaudio.get_file_info(str(path))
        _check_shape(path, info.sample_rate, info.nchannels)
        _check_length(path, info.num_frames, info.sample_rate, max_ms)
        sound: Any = miniaudio.decode(
            data, miniaudio.SampleFormat.FLOAT32, info.nchannels, info.sample_rate
        )
    except miniaudio.MiniaudioError as error:
        raise _NotDecodedError(str(error)) from error
    return np.array(sound.samples, np.float32).reshape(-1, info.nchannels), info.sample_rate
