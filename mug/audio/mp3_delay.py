"""Silence that an MP3 decoder cuts off the start of a file, and the game does not.

An encoder delays the sound, writes by how much into a first frame without sound ("Xing" or "Info"
tag with a LAME extension), and a decoder adds a delay of its own. The game (BASS with its old
gap handling) and libsndfile (mpg123) agree on what they cut where the tag names an encoder and a
delay, and where there is no tag. In two rare cases the game cuts nothing and libsndfile does.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from mug.audio.mp3_frames import first_frame, read_header

DECODER_DELAY = 529  # samples that every layer III decoder lags; mpg123 cuts them with the rest

_SEARCH_BYTES = 1 << 16
_LAME_NAME_BYTES = 9
_DELAY_AT = 21  # of the LAME extension: 12 bits delay, 12 bits padding


@dataclass(frozen=True, slots=True)
class InfoTag:
    """Encoder information in the first frame of an MP3 file.

    Args:
        named: whether the encoder gives its name.
        delay: samples the encoder put before the sound.
        padding: samples it put after it.
        frames: how many follow; None where it does not say.
    """

    named: bool
    delay: int
    padding: int
    frames: int | None = None

    @property
    def samples_to_give_back(self) -> int:
        """Samples that libsndfile cut off the start and the game would not.

        Source: the game's rule as others measured it on BASS 2.4.17; libsndfile's by patching
        tags (`tests/audio/test_mp3_delay.py`).
        """
        if not self.named or self.delay == self.padding == 0:
            return DECODER_DELAY
        return 0


def read_info_tag(path: Path) -> InfoTag | None:
    """The tag in the first frame of an MP3 file; None where there is none."""
    with path.open("rb") as handle:
        handle.seek(after_id3(handle))
        data = handle.read(_SEARCH_BYTES)
    first = first_frame(data)
    return None if first is None else info_tag_at(data, first)


def info_tag_at(data: bytes, place: int) -> InfoTag | None:
    """The tag in the frame at a place; None where there is none."""
    header = read_header(data, place)
    if header is None:
        return None
    tag = place + 4 + header.side_info_bytes
    if data[tag : tag + 4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(data[tag + 4 : tag + 8], "big")
    extension = (
        tag + 8 + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit)
    )
    name = data[extension : extension + _LAME_NAME_BYTES]
    packed = data[extension + _DELAY_AT : extension + _DELAY_AT + 3]
    if len(packed) < 3:
        return None
    both = int.from_bytes(packed, "big")
    frames = int.from_bytes(data[tag + 8 : tag + 12], "big") if flags & 1 else None
    return InfoTag(name[0] != 0, both >> 12, both & 0xFFF, frames)


def after_id3(handle: BufferedReader) -> int:
    """Position after the ID3v2 tags of a file."""
    place = 0
    while True:
        handle.seek(place)
        head = handle.read(10)
        if len(head) < 10 or head[:3] != b"ID3":
            return place
        size = 0
        for byte in head[6:10]:  # four bytes of seven bits
            size = size << 7 | byte & 0x7F
        place += 10 + size + (10 if head[5] & 0x10 else 0)
