"""Streams of an MP3 file: its frames by the tags that begin them, without what stands between.

libsndfile reads as many samples as it expects: what an Info tag states, else what the first frame's
bit rate gives for the file's size. A song of variable bit rate would lose its end, a joined file
all but its first stream. Here the frames are counted, and each stream gets a tag that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from mug.audio.mp3_delay import InfoTag, info_tag_at
from mug.audio.mp3_frames import Header, info_frame, read_header, silent_frame

_BEGINS = re.compile(rb"\xff[\xe2-\xff]|ID3|TAG|APETAGEX|LYRICSBEGIN")
_IN_A_ROW = 3  # headers that fit each other where a stream begins
_LEAST_FRAMES = 8  # of a file that no decoder takes for an MP3
_VBRI_UNSURE = 2  # frames: encoders differ in whether the first one counts
_LYRICS_END = (b"LYRICS200", b"LYRICSEND")
_MOST_LYRICS = 1 << 20  # bytes


@dataclass(slots=True)
class Mp3Stream:
    """Frames that one encoder wrote.

    Args:
        header: of its first frame.
        tag: Info tag of its first frame, which holds no sound.
        stated: how many frames it says it has; None where it does not say.
        parts: where its frames lie in the file, the tag's too; numbers are silent frames for
            damaged bytes between them.
        frames: how many there are, without the tag and the silent ones.
        silent: how many silent frames there are.
        cut: the file ends within its last frame.
    """

    header: Header
    tag: InfoTag | None = None
    stated: int | None = None
    parts: list[slice | int] = field(default_factory=list)
    frames: int = 0
    silent: int = 0
    cut: bool = False

    @property
    def all_frames(self) -> int:
        """Frames with the silent ones."""
        return self.frames + self.silent

    @property
    def missing(self) -> int:
        """Frames that it states and that are not there."""
        return max(0, (self.stated or 0) - self.all_frames)

    @property
    def counted_well(self) -> bool:
        """Its tag states at least as many frames as there are, so that a decoder reads all."""
        return self.tag is not None and (self.tag.frames or 0) >= self.all_frames

    @property
    def whole(self) -> bool:
        """Nothing between its frames is damaged."""
        return len(self.parts) == 1

    def add(self, piece: FilePiece, header: Header) -> None:
        """Add a frame, behind damaged bytes that were added already."""
        last = self.parts[-1] if self.parts else None
        if isinstance(last, slice) and last.stop == piece.first:
            self.parts[-1] = slice(last.start, piece.end)
        else:
            self.parts.append(slice(piece.first, piece.end))
        self.cut = piece.end - piece.first < header.size
        self.frames += not self.cut

    def add_damage(self, size: int) -> None:
        """Put silence where bytes are no frames, as long as frames of their size."""
        held = sum(part.stop - part.start for part in self.parts if isinstance(part, slice))
        silent = round(size * self.frames / held) if held else 0
        if silent:
            self.parts.append(silent)
            self.silent += silent

    def file(self, data: bytes) -> bytes:
        """Return the stream as a file of its own, whose tag states the number of its frames."""
        first = next(part for part in self.parts if isinstance(part, slice)).start
        like = data[first : first + 4]
        quiet, count = silent_frame(like), self.all_frames
        whole = b"".join(data[p] if isinstance(p, slice) else p * quiet for p in self.parts)
        if self.tag is None:
            return info_frame(like, count + self.cut) + whole
        if self.tag.frames is None:
            return info_frame(like, count) + whole[self.header.size :]
        at = 4 + self.header.side_info_bytes + 8
        sizes = max(count, self.tag.frames).to_bytes(4, "big")
        if whole[at - 1] & 2:  # bytes of the stream, which the decoder compares
            sizes += len(whole).to_bytes(4, "big")
        return whole[:at] + sizes + whole[at + len(sizes) :]


class Kind(Enum):
    """Kinds of pieces of a file."""

    FRAME = 1
    TAG = 2
    DAMAGE = 3


class FilePiece(NamedTuple):
    """Bytes of a file that belong together, from the first to the end."""

    kind: Kind
    first: int
    end: int


def read_streams(data: bytes) -> list[Mp3Stream]:
    """Return the streams of a file, none where it has no frames of layer III."""
    streams: list[Mp3Stream] = []
    damage = 0
    for piece in read_pieces(data):
        if piece.kind is Kind.TAG:
            continue
        header = read_header(data, piece.first) if piece.kind is Kind.FRAME else None
        if header is None:
            damage += piece.end - piece.first
            continue
        tag = info_tag_at(data, piece.first)
        if not streams or tag is not None or header.kind != streams[-1].header.kind:
            stated = _stated_by_vbri(data, piece.first) if tag is None else tag.frames
            streams.append(Mp3Stream(header, tag, stated))
        elif damage:
            streams[-1].add_damage(damage)
        streams[-1].add(piece, header)
        if tag is not None:
            streams[-1].frames = 0  # the tag's own frame
        damage = 0
    return [stream for stream in streams if stream.frames]


def _stated_by_vbri(data: bytes, place: int) -> int | None:
    """Frames that a Fraunhofer encoder's first frame states, one or two less."""
    tag = data[place + 36 : place + 54]
    if tag[:4] != b"VBRI" or len(tag) < 18:
        return None
    return max(0, int.from_bytes(tag[14:18], "big") - _VBRI_UNSURE)


def plausible(streams: list[Mp3Stream]) -> bool:
    """Tell if a file that no decoder takes for an MP3 is one."""
    return sum(stream.frames for stream in streams) >= _LEAST_FRAMES


def read_pieces(data: bytes) -> Iterator[FilePiece]:
    """Yield the frames, tags and damaged parts of a file in order."""
    place = 0
    kind: tuple[int, bool] | None = None
    while place < len(data):
        header = read_header(data, place)
        if header is not None and _is_frame(data, place, header, kind):
            kind, end = header.kind, min(place + header.size, len(data))
            yield FilePiece(Kind.FRAME, place, end)
        elif (end := _tag_end(data, place)) > place:
            yield FilePiece(Kind.TAG, place, end)
        else:
            end = _next_begin(data, place + 1)
            yield FilePiece(Kind.DAMAGE, place, end)
        place = end


def _is_frame(data: bytes, place: int, header: Header, kind: tuple[int, bool] | None) -> bool:
    """Tell if a header begins a frame: another one or a tag follows it, or no more frames come.

    Args:
        data: the file.
        place: of the header.
        header: the header there.
        kind: of the frame that ends at the place; None where none does.
    """
    end = place + header.size
    if header.kind != kind:
        return _follow(data, place)
    after = read_header(data, end)
    if end >= len(data) or after is not None or _tag_end(data, end) > end:
        return True
    return _next_begin(data, end) >= len(data)


def _follow(data: bytes, place: int) -> bool:
    """Tell if frames like the one at a place follow it, or the file or a tag ends them."""
    first = read_header(data, place)
    header = first
    for _ in range(_IN_A_ROW - 1):
        if header is None or first is None or header.kind != first.kind:
            return False
        place += header.size
        if place == len(data) or (place < len(data) and _tag_end(data, place) > place):
            return True
        header = read_header(data, place)
    return header is not None and first is not None and header.kind == first.kind


def _next_begin(data: bytes, place: int) -> int:
    """Place at which the next frame or tag may begin; the end of the data where none does."""
    for found in _BEGINS.finditer(data, place):
        at = found.start()
        if _follow(data, at) if data[at] == 0xFF else _tag_end(data, at) > at:
            return at
    return len(data)


def _tag_end(data: bytes, place: int) -> int:
    """End of the tag that begins at a place; the place itself where there is none.

    Source: id3.org, ID3v2.4.0 3.1 and ID3v1; APEv2 specification; Lyrics3 v2.00.
    """
    head = data[place : place + 32]
    size = 0
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 128:
        for byte in head[6:10]:  # four bytes of seven bits
            size = size << 7 | byte
        size += 20 if head[5] & 0x10 else 10
    elif head[:4] == b"TAG+":
        size = 227
    elif head[:3] == b"TAG":
        size = 128
    elif head[:8] == b"APETAGEX" and len(head) == 32:
        follows = int.from_bytes(head[20:24], "little") >> 29 & 1  # this is its head, not its foot
        size = 32 + (int.from_bytes(head[12:16], "little") if follows else 0)
    elif head[:11] == b"LYRICSBEGIN":
        ends = [data.find(end, place, place + _MOST_LYRICS) for end in _LYRICS_END]
        size = min((end - place + 9 for end in ends if end >= 0), default=0)
    return place + size if place + size <= len(data) else place
