"""Frame headers of an MP3 file, and frames without sound that are put before or between others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

# Layer III, kbit/s by the header's index, and Hz of MPEG 1 (halved in MPEG 2, again in 2.5).
_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = (44100, 48000, 32000)
_TAG_BYTES = 160  # of an Info tag with the encoder's extension


@dataclass(frozen=True, slots=True)
class Header:
    """The four bytes that begin a frame.

    Args:
        mpeg_1: whether it is MPEG 1, whose frames are twice as long.
        mono: one channel.
        size: bytes to the next frame.
        samples: samples a channel in the frame.
        rate: in Hz.
    """

    mpeg_1: bool
    mono: bool
    size: int
    samples: int
    rate: int

    @property
    def side_info_bytes(self) -> int:
        """Bytes between the header and a tag."""
        return {(True, True): 17, (True, False): 32, (False, True): 9, (False, False): 17}[
            self.mpeg_1, self.mono
        ]

    @property
    def kind(self) -> tuple[int, bool]:
        """Rate and channels, which all frames of a stream share."""
        return self.rate, self.mono


def read_header(data: bytes, place: int) -> Header | None:
    """The layer III frame header at a place; None where there is none."""
    return _header(bytes(data[place : place + 4]))


@lru_cache(maxsize=4096)
def _header(head: bytes) -> Header | None:
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
    return Header(mpeg_1, head[3] >> 6 == 3, size, samples, hz)


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


def info_frame(like: bytes, count: int) -> bytes:
    """Return an Info frame that states how many frames follow.

    Args:
        like: the header of one of them.
        count: their number.
    """
    head, header = _shortest(like, _TAG_BYTES)
    frame = head + bytes(header.side_info_bytes)
    frame += b"Info" + (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    return frame.ljust(header.size, b"\0")


def silent_frame(like: bytes) -> bytes:
    """Return a frame without sound that may stand among frames with a header like this."""
    head, header = _shortest(like, 0)
    return head.ljust(header.size, b"\0")


def _shortest(like: bytes, room: int) -> tuple[bytes, Header]:
    """The least bit rate whose frame has room for bytes behind its side information."""
    head = bytearray(like[:4])
    head[1] |= 1  # no checksum follows
    for index in range(1, 15):
        head[2] = index << 4 | head[2] & 0x0D
        header = read_header(bytes(head), 0)
        if header is not None and header.size >= 4 + header.side_info_bytes + room:
            return bytes(head), header
    raise ValueError("no frame is large enough")
