"""Lengths that WAV and AIFF files state, and what is there of them.

libsndfile takes a file that was cut for a shorter one, and a recording whose header was never
finished, with a length of 0, for an empty one.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BufferedReader
from typing import Literal

_WAV, _WAV_64, _AIFF = (b"RIFF", b"RIFX"), b"RF64", b"FORM"
_FIRST = 12  # bytes before the first chunk
_MPEG_CODES = (0x50, 0x55)
# Programs that write to a pipe state 2^31 or 2^32, less what the header takes.
_ENDLESS = ((1 << 31) - (1 << 12), (1 << 32) - (1 << 12))
_MOST_CHUNKS = 1000


@dataclass(frozen=True, slots=True)
class SoundChunk:
    """The chunk of a file that holds the sound.

    Args:
        size_at: where its size stands, 4 bytes.
        begin: where the sound begins.
        stated: its size in bytes as written; 0 where the file does not say it.
        there: bytes that there are of it.
        big_endian: how numbers are written.
        mpeg: the sound is an MP3.
        hidden: the size is written as 0, and there is sound.
        block: bytes that are coded together.
    """

    size_at: int
    begin: int
    stated: int
    there: int
    big_endian: bool = False
    mpeg: bool = False
    hidden: bool = False
    block: int = 1

    def frames(self, read: int) -> int:
        """Frames that the whole chunk holds, by those that can be read of it."""
        if self.stated <= self.there:
            return read
        blocks = -(-self.there // self.block)
        return round(read * -(-self.stated // self.block) / max(1, blocks))

    def with_size(self, data: bytes) -> bytes:
        """Return the file with the size of the sound that is there."""
        size = self.there.to_bytes(4, "big" if self.big_endian else "little")
        return data[: self.size_at] + size + data[self.size_at + 4 :]


def sound_chunk(handle: BufferedReader) -> SoundChunk | None:
    """Return the chunk with the sound of a WAV or AIFF file; None where there is none."""
    end = handle.seek(0, 2)
    handle.seek(0)
    head = handle.read(_FIRST)
    form, big = head[:4], head[:4] in (b"RIFX", _AIFF)
    order: Literal["big", "little"] = "big" if big else "little"
    if form not in (*_WAV, _WAV_64, _AIFF):
        return None
    wide, mpeg, block, place = 0, False, 1, _FIRST
    for _ in range(_MOST_CHUNKS):
        handle.seek(place)
        chunk = handle.read(8 + 24)
        if len(chunk) < 8:
            return None
        size = int.from_bytes(chunk[4:8], order)
        name = chunk[:4]
        if name == b"ds64":
            wide = int.from_bytes(chunk[16:24], "little")
        elif name == b"fmt ":
            mpeg = int.from_bytes(chunk[8:10], order) in _MPEG_CODES
            block = max(1, int.from_bytes(chunk[20:22], order))
        elif name in (b"data", b"SSND"):
            stated = wide if form == _WAV_64 and size >= _ENDLESS[1] else size
            endless = any(first <= stated <= first + (1 << 13) for first in _ENDLESS)
            there = end - place - 8
            if stated == 0 and _chunks_follow(handle, place + 8, end, big):
                there = 0
            hidden = stated == 0 and there > 0
            if endless or hidden:
                return SoundChunk(place + 4, place + 8, 0, there, big, mpeg, hidden)
            return SoundChunk(
                place + 4, place + 8, stated, min(there, stated), big, mpeg, block=block
            )
        place += 8 + size + size % 2
    return None


def _chunks_follow(handle: BufferedReader, place: int, end: int, big: bool) -> bool:
    """Tell if whole chunks, or nothing, fill a file from a place to its end."""
    for _ in range(_MOST_CHUNKS):
        if place >= end:
            return True
        handle.seek(place)
        head = handle.read(8)
        size = int.from_bytes(head[4:8], "big" if big else "little")
        if len(head) < 8 or not head[:4].strip().isalnum():
            return False
        place += 8 + size + size % 2
        if place > end + 1:
            return False
    return False
