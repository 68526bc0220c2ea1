"""Samples of a sound file by what its container says: Ogg, MP3, FLAC, WAV, AIFF, and the rest.

libsndfile decodes. Where a file is cut, damaged, joined, or states a wrong length, its parts are
sorted out first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mug.audio import flac, mp3_streams
from mug.audio.blocks import UNKNOWN_FRAMES, Limits, open_straight, read_blocks
from mug.audio.decoded import DecodedSound, shortage, with_notices
from mug.audio.flac_sound import read_flac_streams
from mug.audio.mp3_delay import after_id3
from mug.audio.mp3_frames import read_header
from mug.audio.mp3_sound import is_plain, length_of, read_mp3_streams, read_plain
from mug.audio.ogg import MARK as OGG_MARK
from mug.audio.ogg import LogicalStream, is_ogg, sound_streams
from mug.audio.ogg_sound import read_streams
from mug.audio.riff import SoundChunk, sound_chunk
from mug.messages.message import Message

_MP3 = ("MP3", "MPEG")
_SEARCH = 1 << 20  # bytes that may stand before an Ogg file

Length = tuple[int, int, tuple[Message, ...]]


def decode_file(limits: Limits) -> DecodedSound:
    """Decode a file.

    Raises:
        AudioError: when its sound exceeds the limits, or has samples that are no numbers.
        soundfile.SoundFileError: when it cannot be decoded.
        ValueError: when nothing of it is sound.
    """
    import soundfile

    if (sound := _decode_odd(limits)) is not None:
        return sound
    try:
        with soundfile.SoundFile(str(limits.path)) as handle:
            return _decode_open(handle, _chunk(limits.path), limits)
    except soundfile.SoundFileError:
        return _decode_by_parts(limits.path, limits)


def _decode_odd(limits: Limits) -> DecodedSound | None:
    """Decode a file that libsndfile would not read whole; None for others."""
    path = limits.path
    if (streams := _odd_ogg(path)) is not None:
        return _read_ogg(streams, limits)
    if _is_odd_flac(path):
        return _read_flac(path.read_bytes(), limits)
    chunk = _chunk(path)
    if chunk is not None and chunk.mpeg:
        data = path.read_bytes()[chunk.begin : chunk.begin + chunk.there]
        return _read_mp3(data, mp3_streams.read_streams(data), limits)
    if chunk is not None and chunk.hidden:
        with open_straight(chunk.with_size(path.read_bytes())) as handle:
            return DecodedSound(read_blocks(handle, limits), handle.samplerate)
    if (tagged := _odd_tagged_mp3(path)) is not None:
        return _read_mp3(*tagged, limits)
    return None


def known_length(path: Path) -> Length | None:
    """Frames, rate and notices of a file that need not be decoded for them; None for others."""
    import soundfile

    if _odd_ogg(path) is not None or _flac_place(path) is not None:
        return None  # damage within a FLAC file shows when it is decoded
    chunk = _chunk(path)
    if (streams := _begun_as_mp3(path)[1]) and chunk is None:
        return length_of(streams)
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, TypeError):
        return None
    frames, rate = info.frames, info.samplerate
    odd = info.format in _MP3 or (chunk is not None and (chunk.mpeg or chunk.hidden))
    if odd or not 0 < frames < UNKNOWN_FRAMES or rate <= 0:
        return None
    if info.format == "OGG" and (stream := _ogg_stream(path)) is not None:
        whole = stream.ended and not stream.turned_back(rate)
        return (frames, rate, ()) if whole else None
    return frames, rate, shortage(chunk.frames(frames) if chunk else frames, frames, rate)


def is_whole(path: Path) -> bool:
    """Tell if players read an MP3 or Ogg file as it is read here: one stream without damage.

    What they make of others differs: some pass over damaged parts, and all that follows is early.
    """
    streams = _begun_as_mp3(path)[1]
    return _odd_ogg(path) is None and (not streams or (len(streams) == 1 and streams[0].whole))


def _decode_open(handle: Any, chunk: SoundChunk | None, limits: Limits) -> DecodedSound:
    """Decode a file that libsndfile has opened."""
    rate, stated = handle.samplerate, handle.frames
    if handle.format in _MP3:
        data = limits.path.read_bytes()
        streams = mp3_streams.read_streams(data)
        if is_plain(streams, handle.frames):
            return read_plain(handle, streams, limits)
        return _read_mp3(data, streams, limits)
    samples = read_blocks(handle, limits)
    if handle.format == "OGG" and (stream := _ogg_stream(limits.path)) is not None:
        stated += stream.turned_back(rate)
        return with_notices(samples, rate, stated=stated, cut=_end_mark_missing(stream))
    if chunk is not None:
        stated = chunk.frames(stated)
    return with_notices(samples, rate, stated=stated)


def _decode_by_parts(path: Path, limits: Limits) -> DecodedSound:
    """Decode what libsndfile gives up on: damaged files, and those that begin with other bytes."""
    data = path.read_bytes()
    if (chunk := _chunk(path)) is not None and chunk.begin + chunk.there < len(data):
        with open_straight(chunk.with_size(data[: chunk.begin + chunk.there])) as handle:
            return DecodedSound(read_blocks(handle, limits), handle.samplerate)
    if is_ogg(data[data.find(OGG_MARK, 0, _SEARCH) :][:4]):
        return _read_ogg(sound_streams(data)[0], limits)
    if data.find(flac.MARK, 0, 1 << 16) >= 0 and (found := flac.read_streams(data)):
        return read_flac_streams(data, found, limits)
    streams = mp3_streams.read_streams(data)
    if not mp3_streams.plausible(streams):
        raise ValueError("no frames of sound are in it")
    return read_mp3_streams(data, streams, limits)


def _begun_as_mp3(path: Path) -> tuple[bytes, list[mp3_streams.Mp3Stream]]:
    """Content and streams of a file that begins with an MP3 frame, tags aside; none of others."""
    with path.open("rb") as handle:
        place = after_id3(handle)
        handle.seek(place)
        if read_header(handle.read(4), 0) is None:
            return b"", []
        handle.seek(0)
        data = handle.read()
    return data, mp3_streams.read_streams(data)


def _odd_tagged_mp3(path: Path) -> tuple[bytes, list[mp3_streams.Mp3Stream]] | None:
    """An MP3 file that is not as its tag says: the decoder would complain on the terminal."""
    data, streams = _begun_as_mp3(path)
    if not streams or streams[0].tag is None:
        return None
    sizes = [part.stop - part.start for part in streams[0].parts if isinstance(part, slice)]
    plain = is_plain(streams, 0) and len(data) - sum(sizes) < sum(sizes) // 200
    return None if plain else (data, streams)


def _read_mp3(data: bytes, streams: list[mp3_streams.Mp3Stream], limits: Limits) -> DecodedSound:
    if not streams:
        raise ValueError("no frames of sound are in it")
    return read_mp3_streams(data, streams, limits)


def _read_flac(data: bytes, limits: Limits) -> DecodedSound:
    streams = flac.read_streams(data)
    if not streams:
        raise ValueError("none of its frames is whole")
    return read_flac_streams(data, streams, limits)


def _is_odd_flac(path: Path) -> bool:
    """A FLAC file whose last frame does not end where its header says the sound ends."""
    place = _flac_place(path)
    return place is not None and not flac.ends_as_stated(path.read_bytes()[place:])


def _flac_place(path: Path) -> int | None:
    """Beginning of a FLAC file behind tags; None for other files."""
    with path.open("rb") as handle:
        place = after_id3(handle)
        handle.seek(place)
        return place if handle.read(4) == flac.MARK else None


def _chunk(path: Path) -> SoundChunk | None:
    with path.open("rb") as handle:
        return sound_chunk(handle)


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
    stated, cut = len(samples) + missing, _end_mark_missing(streams[-1])
    return with_notices(samples, rate, stated=stated, silent=silent, cut=cut)


def _end_mark_missing(stream: LogicalStream) -> Message | None:
    return None if stream.ended else Message("audio.end_mark_is_missing")
