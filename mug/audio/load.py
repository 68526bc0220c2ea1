"""Sound files to waveforms: decode, mix to mono, resample."""

from __future__ import annotations

import hashlib
import io
import logging
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from mug.audio.blocks import BLOCK_FRAMES, UNKNOWN_FRAMES, Limits, Samples, read_blocks
from mug.audio.mp3_delay import InfoTag, after_id3, read_info_tag
from mug.audio.mp3_frames import count_samples, first_frame, with_tag
from mug.audio.ogg import LogicalStream, is_ogg, sound_streams
from mug.audio.ogg_sound import read_streams
from mug.errors import AudioError
from mug.messages.message import Message

log = logging.getLogger(__name__)

Wave = Float32[np.ndarray, " samples"]

REMEDY = "remedy.convert_with_another_program"

_TOLERATED_MS = 20.0  # what may be missing without a word
_MP3 = ("MP3", "MPEG")


class DecodedSound(NamedTuple):
    """A decoded sound file.

    Args:
        samples: float32, `[frames, channels]`.
        rate: in Hz.
        notices: on what the file says of itself and could not be read.
    """

    samples: Samples
    rate: int
    notices: tuple[Message, ...] = ()


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
    sound = read_sound(path, max_ms=max_ms)
    return sound.samples, sound.rate


def read_sound(
    path: str | Path, *, max_ms: float | None = None, mono: bool = False
) -> DecodedSound:
    """Decode a sound file, and say what of it could not be read.

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
        except _NotDecodedError as reason:
            causes.append(f"{name}: {reason}")
    else:
        log.debug("%s: %s", path, "; ".join(causes))
        raise AudioError("audio.no_sound_file", file=path, remedy=REMEDY)
    if not len(sound.samples):
        raise AudioError("audio.no_sound", file=path, remedy="remedy.choose_another_file")
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
    sound = read_sound(path, max_ms=max_ms, mono=True)
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
    if info is not None and info.format in _MP3:
        stated = read_info_tag(path) is not None
    else:
        stated = _odd_ogg(path) is None
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


def _decode_soundfile(limits: Limits) -> DecodedSound:
    import soundfile

    path = limits.path
    try:
        if (streams := _odd_ogg(path)) is not None:
            return _read_ogg(streams, limits)
        with soundfile.SoundFile(str(path)) as handle:
            if handle.format not in _MP3:
                samples, rate, stated = (
                    read_blocks(handle, limits),
                    handle.samplerate,
                    handle.frames,
                )
                stream = _ogg_stream(path) if handle.format == "OGG" else None
                if stream is not None:
                    stated += stream.turned_back(rate)
                return _compared(samples, rate, stated, stream)
            tag, expected = read_info_tag(path), handle.frames
            rate = handle.samplerate
            if tag is None and (counted := _counted(path, expected)) is not None:
                with soundfile.SoundFile(io.BytesIO(counted)) as whole:
                    samples = read_blocks(whole, limits)
                tag = InfoTag(named=False, delay=0, padding=0)
            else:
                samples = read_blocks(handle, limits)
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        raise _NotDecodedError(str(error)) from error
    missing = tag.samples_to_give_back if tag is not None and len(samples) else 0
    stated = expected if tag is not None else 0  # a guess by the bit rate states nothing
    notices = _compared(samples, rate, stated).notices
    return DecodedSound(np.pad(samples, ((missing, 0), (0, 0))), rate, notices)


def _compared(
    samples: Samples, rate: int, stated: int, stream: LogicalStream | None = None
) -> DecodedSound:
    """Return a sound with a notice where its file states more frames than it gave."""
    notices: tuple[Message, ...] = ()
    if stated < UNKNOWN_FRAMES and 1000 * (stated - len(samples)) > _TOLERATED_MS * rate:
        states, read = round(stated / rate, 3), round(len(samples) / rate, 3)
        notices = (Message("audio.shorter_than_stated", stated=states, read=read),)
    elif stream is not None and not stream.ended:
        notices = (Message("audio.end_mark_is_missing"),)
    return DecodedSound(samples, rate, notices)


def _ogg_stream(path: Path) -> LogicalStream | None:
    """The stream of a whole Ogg file; None where its coding is unknown."""
    streams, _ = sound_streams(path.read_bytes())
    return streams[-1] if streams else None


def _odd_ogg(path: Path) -> list[LogicalStream] | None:
    """Logical streams of an Ogg file that a decoder would not read whole; None for any other."""
    with path.open("rb") as handle:
        if not is_ogg(handle.read(4)):
            return None
        handle.seek(0)
        streams, simple = sound_streams(handle.read())
    return None if simple or not streams else streams


def _read_ogg(streams: list[LogicalStream], limits: Limits) -> DecodedSound:
    samples, rate, silent, missing = read_streams(streams, limits)
    notices = list(_compared(samples, rate, len(samples) + missing, streams[-1]).notices)
    if 1000 * silent > _TOLERATED_MS * rate:
        notices.append(Message("audio.damaged_parts_are_silent", seconds=round(silent / rate, 3)))
    return DecodedSound(samples, rate, tuple(notices))


def _counted(path: Path, expected: int) -> bytes | None:
    """An MP3 file of more samples than expected, with a tag that says so; None for others."""
    with path.open("rb") as handle:
        handle.seek(after_id3(handle))
        data = handle.read()
    first = first_frame(data)
    if first is None or count_samples(data, first) <= expected:
        return None
    return with_tag(data, first)


def _decode_miniaudio(limits: Limits) -> DecodedSound:
    try:
        import miniaudio
    except ImportError as error:
        raise _NotDecodedError("not installed") from error
    try:
        data = limits.path.read_bytes()
        info: Any = miniaudio.get_file_info(str(limits.path))
        limits.check(info.sample_rate, info.nchannels, info.num_frames)
        sound: Any = miniaudio.decode(
            data, miniaudio.SampleFormat.FLOAT32, info.nchannels, info.sample_rate
        )
    except miniaudio.MiniaudioError as error:
        raise _NotDecodedError(str(error)) from error
    samples = np.array(sound.samples, np.float32).reshape(-1, info.nchannels)
    limits.check_numbers(samples, 0)
    return DecodedSound(limits.mixed(samples), info.sample_rate)
