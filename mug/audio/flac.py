"""Frames of a FLAC file: which are whole, and where in the sound each lies.

libsndfile gives up at the first damaged byte, and reads files whose header states no length or a
wrong one not at all. Here whole frames are found by their checksums.

Source: RFC 9639, 8 (metadata) and 9 (frames).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

MARK = b"fLaC"
STREAMINFO_BYTES = 34
_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_BLOCKS = {1: 192, **{n: 144 << n for n in range(2, 6)}, **{n: 1 << n for n in range(8, 16)}}
_BITS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
_NO_LENGTH = (0, (1 << 32) - 1, (1 << 36) - 1)  # what programs write that do not know it
_MOST_DOUBTFUL = 1000  # frames of a stream
_BYTES_BESIDE = 1 << 22  # of frames whose checksums are worked out together


class Frame(NamedTuple):
    """Header of a frame.

    Args:
        place: where it begins in the file.
        first: its place in the sound, in samples.
        samples: how many it holds.
    """

    place: int
    first: int
    samples: int


@dataclass(slots=True)
class FrameRun:
    """Whole frames that follow each other: bytes of the file, and samples of the sound."""

    begin: int
    end: int
    first: int
    samples: int


@dataclass(slots=True)
class FlacStream:
    """A FLAC file, or one of several that were joined.

    Args:
        info: its STREAMINFO block.
        place: where its frames begin.
        runs: its whole frames, cut where some are damaged or missing.
        doubtful: frames whose checksum is wrong where the next one seems to begin; a decoder
            knows better where they end.
    """

    info: bytes
    place: int
    runs: list[FrameRun] = field(default_factory=list)
    doubtful: list[FrameRun] = field(default_factory=list)

    @property
    def fields(self) -> tuple[int, int, int, int]:
        """Rate in Hz, channels, bits, and samples a channel as stated."""
        packed = int.from_bytes(self.info[10:18], "big")
        return (
            packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1, packed & (1 << 36) - 1,
        )  # fmt: skip

    @property
    def stated(self) -> int:
        """Samples a channel as its header states; 0 where it does not say."""
        stated = self.fields[3]
        return 0 if stated in _NO_LENGTH else stated

    @property
    def most_frame_bytes(self) -> int:
        """More bytes than any frame has."""
        _, channels, bits, _ = self.fields
        block = max(int.from_bytes(self.info[2:4], "big"), 16)
        return 64 + channels * (16 + (block * (bits + 1) + 7) // 8)

    def file(self, data: bytes, run: FrameRun) -> bytes:
        """Return a run as a file of its own."""
        packed = int.from_bytes(self.info[10:18], "big") >> 36 << 36 | run.samples
        info = self.info[:10] + packed.to_bytes(8, "big") + bytes(16)  # no checksum of the sound
        head = MARK + (0x80 << 24 | STREAMINFO_BYTES).to_bytes(4, "big") + info
        return head + data[run.begin : run.end]


def read_streams(data: bytes) -> list[FlacStream]:
    """Return the streams of a file with their whole frames."""
    found = (_begin(data, mark.start()) for mark in re.finditer(MARK, data))
    begins = [stream for stream in found if stream is not None]
    for number, stream in enumerate(begins):
        last = number + 1 == len(begins)
        end = len(data) if last else data.rfind(MARK, stream.place, begins[number + 1].place)
        _find_runs(data, stream, _without_tag(data, end))
    return [stream for stream in begins if stream.runs or stream.doubtful]


def ends_as_stated(data: bytes) -> bool:
    """Tell if the last frame of a file is whole and ends where its header says the sound ends."""
    stream = _begin(data, data.find(MARK))
    if stream is None or not stream.stated:
        return False
    end = _without_tag(data, len(data))
    first = max(stream.place, end - stream.most_frame_bytes)
    return any(
        frame.first + frame.samples == stream.stated and not _crc16(data[frame.place : end])
        for frame in _headers(data, stream, first, end)
    )


def _without_tag(data: bytes, end: int) -> int:
    """The end of the data without an ID3v1 tag."""
    return end - 128 if end >= 128 and data[end - 128 : end - 125] == b"TAG" else end


def _begin(data: bytes, place: int) -> FlacStream | None:
    """The stream that begins at a place; None where its header is damaged."""
    if place < 0 or data[place + 4] & 0x7F or data[place + 5 : place + 8] != b"\0\0\x22":
        return None
    info = data[place + 8 : place + 8 + STREAMINFO_BYTES]
    last, at = data[place + 4] >> 7, place + 8 + STREAMINFO_BYTES
    while not last and at + 4 <= len(data) and not _SYNC.match(data, at):
        last = data[at] >> 7
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return FlacStream(info, at) if len(info) == STREAMINFO_BYTES else None


def _find_runs(data: bytes, stream: FlacStream, end: int) -> None:
    frames = list(_headers(data, stream, stream.place, end))
    ends = [*(frame.place for frame in frames[1:]), end]
    whole = _whole(data, frames, ends, stream.most_frame_bytes)
    for frame, stop, good in zip(frames, ends, whole, strict=True):
        if good:
            _add(stream, frame, stop)
        elif len(stream.doubtful) < _MOST_DOUBTFUL:
            last = min(frame.place + stream.most_frame_bytes, end)
            stream.doubtful.append(FrameRun(frame.place, last, frame.first, frame.samples))


def _add(stream: FlacStream, frame: Frame, end: int) -> None:
    last = stream.runs[-1] if stream.runs else None
    if last is not None and frame.first < last.first + last.samples:
        return  # it was there already
    if last is not None and last.end == frame.place and frame.first == last.first + last.samples:
        last.end, last.samples = end, last.samples + frame.samples
    else:
        stream.runs.append(FrameRun(frame.place, end, frame.first, frame.samples))


def _headers(data: bytes, stream: FlacStream, begin: int, end: int) -> Iterator[Frame]:
    """Yield the frame headers between two places, and what looks like some."""
    for found in _SYNC.finditer(data, begin, end):
        frame = _header(data, stream, found.start())
        if frame is not None:
            yield frame


def _header(data: bytes, stream: FlacStream, place: int) -> Frame | None:
    head = data[place : place + 16]
    if len(head) < 6 or head[3] & 1:
        return None
    _, channels, bits, _ = stream.fields
    coded, depth = head[3] >> 4, head[3] >> 1 & 7
    if (coded + 1 if coded < 8 else 2) != channels or coded > 10:
        return None
    if depth not in (0, next((code for code, b in _BITS.items() if b == bits), 0)):
        return None
    number, at = _number(head, 4)
    block, rate = head[2] >> 4, head[2] & 15
    extra = (block == 6) + 2 * (block == 7)
    size = 1 + int.from_bytes(head[at : at + extra], "big") if extra else _BLOCKS.get(block, 0)
    at += extra + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if number < 0 or not size or rate == 15 or at >= len(head) or _crc8(head[:at]) != head[at]:
        return None
    fixed = int.from_bytes(stream.info[2:4], "big")
    return Frame(place, number if head[1] & 1 else number * fixed, size)


def _number(head: bytes, at: int) -> tuple[int, int]:
    """A number coded as UTF-8 codes letters, and where it ends; -1 for none."""
    ones = next((n for n in range(8) if not head[at] << n & 0x80), 8)
    if ones in (1, 8) or at + max(ones, 1) > len(head):
        return -1, at
    value = head[at] & 0x7F >> ones
    for byte in head[at + 1 : at + ones]:
        if byte >> 6 != 2:
            return -1, at
        value = value << 6 | byte & 0x3F
    return value, at + max(ones, 1)


def _table(polynomial: int, bits: int) -> list[int]:
    table = []
    for value in range(256):
        crc = value << bits - 8
        for _ in range(8):
            crc = crc << 1 ^ (polynomial if crc >> bits - 1 else 0)
            crc &= (1 << bits) - 1
        table.append(crc)
    return table


_TABLE_8, _TABLE_16 = _table(0x07, 8), _table(0x8005, 16)
_ROWS_16 = np.array(_TABLE_16, np.uint16)


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _TABLE_8[crc ^ byte]
    return crc


def _crc16(data: bytes) -> int:
    """The checksum of a frame with its own at the end: 0 where it is whole."""
    crc = 0
    for byte in data:
        crc = crc << 8 & 0xFFFF ^ _TABLE_16[crc >> 8 ^ byte]
    return crc


def _whole(data: bytes, frames: list[Frame], ends: list[int], most: int) -> list[bool]:
    """Tell of each frame if its checksum is right, of many side by side.

    Zeros before a frame change nothing in its checksum, so that frames of all lengths end together.
    Two neighbouring blocks have the first one's checksum, shifted by the second one's length, and
    the second one's.
    """
    sizes = [end - frame.place for frame, end in zip(frames, ends, strict=True)]
    good = [False] * len(frames)
    order = sorted((n for n, size in enumerate(sizes) if size <= most), key=sizes.__getitem__)
    while order:
        longest = 1 << (sizes[order[-1]] - 1).bit_length()
        some = order[-max(1, _BYTES_BESIDE // longest) :]
        del order[-len(some) :]
        rows = np.zeros((len(some), longest), np.uint8)
        for row, n in zip(rows, some, strict=True):
            row[longest - sizes[n] :] = np.frombuffer(data, np.uint8, sizes[n], frames[n].place)
        crc, shifted = _ROWS_16[rows], _shift_by_byte()
        while crc.shape[1] > 1:
            crc = shifted[crc[:, ::2]] ^ crc[:, 1::2]
            shifted = shifted[shifted]
        for n, rest in zip(some, crc[:, 0], strict=True):
            good[n] = not rest
    return good


def _shift_by_byte() -> np.ndarray:
    """Each checksum as it becomes when a zero byte follows."""
    every = np.arange(1 << 16, dtype=np.uint16)
    shifted: np.ndarray = every << 8 ^ _ROWS_16[every >> 8]
    return shifted
