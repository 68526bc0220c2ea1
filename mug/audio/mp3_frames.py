"""Frames of an MP3 file without an Info tag: how many there are, and a tag that says so.

libsndfile reads only as many samples as it expects, and without a tag it expects what the first
frame's bit rate gives for the file's size: a song of variable bit rate would lose its end.
"""

from __future__ import annotations

from dataclasses import dataclass

# Layer III, kbit/s by the header's index, and Hz of MPEG 1 (halved in MPEG 2, again in 2.5).
_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = (44100, 48000, 32000)


@dataclass(frozen=True, slots=True)
class Header:
    """The four bytes that begin a frame.

    Args:
        mpeg_1: whether it is MPEG 1, whose frames are twice as long.
        mono: one channel.
        size: bytes to the next frame.
        samples: samples a channel in the frame.
    """

    mpeg_1: bool
    mono: bool
    size: int
    samples: int

    @property
    def side_info_bytes(self) -> int:
        """Bytes between the header and a tag."""
        return {(True, True): 17, (True, False): 32, (False, True): 9, (False, False): 17}[
            self.mpeg_1, self.mono
        ]


def read_header(data: bytes, place: int) -> Header | None:
    """The layer III frame header at a place; None where there is none."""
    head = data[place : place + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, index, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate == 3 or index in (0, 15):
        return None
    mpeg_1 = version == 3
    bits = 1000 * (_KBITS_1 if mpeg_1 else _KBITS_2)[index]
    hz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    samples = 1152 if mpeg_1 else 576
    size = samples // 8 * bits // hz + (head[2] >> 1 & 1)
    return Header(mpeg_1, head[3] >> 6 == 3, size, samples)


def first_frame(data: bytes, place: int = 0) -> int | None:
    """Position of the first header that another one follows, or the end of the data."""
    while (place := data.find(b"\xff", place)) >= 0:
        header = read_header(data, place)
        if header is not None:
            after = place + header.size
            if after >= len(data) or read_header(data, after) is not None:
                return place
        place += 1
    return None


def count_samples(data: bytes, place: int) -> int:
    """Samples a channel in the unbroken run of frames from a place on."""
    samples = 0
    while (header := read_header(data, place)) is not None:
        samples += header.samples
        place += header.size
    return samples


def with_tag(data: bytes, first: int) -> bytes:
    """The frames from a place on behind an Info frame that states their number."""
    header = read_header(data, first)
    if header is None:
        raise ValueError("no frame starts here")
    count = count_samples(data, first) // header.samples
    head = bytearray(data[first : first + 4])
    head[1] |= 1  # no checksum follows
    for index in range(1, 15):  # the least bit rate whose frame can hold the tag
        head[2] = index << 4 | head[2] & 0x0D
        fitting = read_header(bytes(head), 0)
        if fitting is not None and fitting.size >= 4 + header.side_info_bytes + 160:
            break
    else:
        raise ValueError("no frame is large enough")
    frame = bytes(head) + bytes(header.side_info_bytes)
    frame += b"Info" + (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    return frame.ljust(fitting.size, b"\0") + data[first:]
