"""Pages of an Ogg file: which are whole, which logical stream they belong to, what is missing.

Source: RFC 3533. libsndfile ends at the first logical stream, and what it reads after a damaged
page lies too early; here the pages are sorted first.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MARK = b"OggS"
_HEAD = 27  # bytes before the table of segments
_OPUS_RATE = 48000  # Hz; Opus counts granules at this rate whatever the decoder gives
_FIRST, _LAST = 2, 4  # flags
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_HEADER_PACKETS = {b"\x01vorbis": 3, b"OpusHead": 2, b"Speex   ": 2}
_MOST_SAMPLES = 255 * 8192  # of a page: packets times a packet's longest block


@dataclass(frozen=True, slots=True)
class Page:
    """A page of an Ogg file.

    Args:
        data: its bytes, or those that are left of it.
        whole: all of it is there and its checksum is right.
    """

    data: bytes
    whole: bool

    @property
    def first(self) -> bool:
        """The page begins a logical stream."""
        return bool(self.data[5] & _FIRST)

    @property
    def last(self) -> bool:
        """The page ends a logical stream."""
        return bool(self.data[5] & _LAST)

    @property
    def granule(self) -> int:
        """Samples a channel up to the last packet that ends on the page; -1 where none ends."""
        return int.from_bytes(self.data[6:14], "little", signed=True)

    @property
    def serial(self) -> int:
        """Number of the logical stream."""
        return int.from_bytes(self.data[14:18], "little")

    @property
    def sequence(self) -> int:
        """Number of the page in its logical stream."""
        return int.from_bytes(self.data[18:22], "little")

    @property
    def packets(self) -> int:
        """Packets that end on the page."""
        return sum(size < 255 for size in self.data[_HEAD : _HEAD + self.data[26]])

    @property
    def body(self) -> bytes:
        """Bytes behind the head, which packets are made of."""
        return self.data[_HEAD + self.data[26] :]

    def numbered(self, sequence: int) -> bytes:
        """Return the page's bytes with another number, and the checksum that fits."""
        return self._with_head(self.data[:18] + sequence.to_bytes(4, "little"))

    def with_serial(self, serial: int) -> bytes:
        """Return the page's bytes as one of another logical stream, with its checksum."""
        return self._with_head(self.data[:14] + serial.to_bytes(4, "little") + self.data[18:22])

    def _with_head(self, head: bytes) -> bytes:
        rest = self.data[26:]
        return head + _checksum(head + bytes(4) + rest).to_bytes(4, "little") + rest


@dataclass(slots=True)
class LogicalStream:
    """A logical stream of sound.

    Args:
        headers: pages before its sound.
        runs: pages of sound, cut wherever some are missing or damaged.
        end: the latest granule position that its pages state, those of damaged ones too.
        ended: its last page is there.
    """

    headers: list[Page]
    runs: list[list[Page]] = field(default_factory=list)
    end: int = 0
    ended: bool = False

    @property
    def begun(self) -> bool:
        """Something stands behind the first page."""
        return len(self.headers) > 1 or bool(self.runs)

    @property
    def from_start(self) -> bool:
        """The page that follows the headers is there."""
        return self.runs[0][0].sequence == self.headers[-1].sequence + 1

    @property
    def kind(self) -> bytes:
        """First bytes of the stream, which name its coding."""
        return self.headers[0].body

    @property
    def granule_rate(self) -> int | None:
        """Granules a second where the coding fixes them; None where they are samples."""
        return _OPUS_RATE if self.kind.startswith(b"OpusHead") else None

    def turned_back(self, rate: int) -> int:
        """Return the frames at a rate by which the last page lies before the latest one."""
        return round((self.end - end_of(self.runs[-1])) * rate / (self.granule_rate or rate))

    def add(self, page: Page) -> None:
        """Add the next whole page."""
        needed = header_packets(self.headers[0])
        if not self.runs and sum(one.packets for one in self.headers) < needed:
            self.headers.append(page)
            return
        if not self.runs or page.sequence != self.runs[-1][-1].sequence + 1:
            self.runs.append([])
        self.runs[-1].append(page)
        self.end = max(self.end, page.granule)
        self.ended = page.last

    def suppose(self, page: Page) -> None:
        """Believe the end that a damaged page states, as far as a page can reach."""
        if self.end < page.granule <= self.end + _MOST_SAMPLES:
            self.end = page.granule

    def run_bytes(self, run: Iterable[Page]) -> bytes:
        """Return a file with the headers and one run alone."""
        pages = [*self.headers, *run]
        return b"".join(page.numbered(number) for number, page in enumerate(pages))


def end_of(run: list[Page]) -> int:
    """Return the granule position at the end of a run."""
    return next((page.granule for page in reversed(run) if page.granule >= 0), 0)


def is_ogg(data: bytes) -> bool:
    """Tell an Ogg file by how it begins."""
    return data[:4] == MARK


def read_pages(data: bytes) -> Iterator[Page]:
    """Yield the pages of a file in order; bytes between pages are passed over."""
    place = 0
    while (place := data.find(MARK, place)) >= 0:
        head = data[place : place + _HEAD]
        table = data[place + _HEAD : place + _HEAD + head[26]] if len(head) == _HEAD else b""
        if len(head) < _HEAD or head[4] != 0 or len(table) < head[26]:
            place += len(MARK)
            continue
        size = _HEAD + len(table) + sum(table)
        page = data[place : place + size]
        stated = int.from_bytes(page[22:26], "little")
        whole = len(page) == size and _checksum(page[:22] + bytes(4) + page[26:]) == stated
        yield Page(page, whole)
        place += size if whole else len(MARK)


def sound_streams(data: bytes) -> tuple[list[LogicalStream], bool]:
    """Return the logical streams of sound one after another, and whether any decoder reads them.

    Of streams that run side by side the first with sound is taken. A decoder that knows nothing of
    chains and damage reads a file of one stream without a gap.
    """
    streams: list[LogicalStream] = []
    serial: int | None = None  # of the stream that goes on
    simple = True
    for page in read_pages(data):
        if not page.whole:
            simple = False
            if serial == page.serial:
                streams[-1].suppose(page)
        elif page.first and header_packets(page) and (serial is None or streams[-1].begun):
            streams.append(LogicalStream([page]))
            serial = page.serial
        elif serial == page.serial and not page.first:
            streams[-1].add(page)
            serial = None if page.last else serial
        else:
            simple = False
    streams = [stream for stream in streams if stream.runs]
    simple = simple and len(streams) == 1 and len(streams[0].runs) == 1 and streams[0].from_start
    return streams, simple


def header_packets(page: Page) -> int:
    """Return how many packets come before the sound, by a stream's first page; 0 for no sound."""
    body = page.body
    if body.startswith(b"\x7fFLAC"):
        return 1 + int.from_bytes(body[7:9], "big")
    return next((count for mark, count in _HEADER_PACKETS.items() if body.startswith(mark)), 0)


def _checksum(data: bytes) -> int:
    """Return the CRC of a page: zlib's polynomial, the bits the other way round, no inversions."""
    found = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{found:032b}"[::-1], 2)
