"""Packages of which a few members change: all others keep their bytes, names and order."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mug.beatmap.formats.limits import MAX_BYTES
from mug.beatmap.formats.osu import package as osz
from mug.beatmap.formats.registry import CHARTS
from mug.errors import BeatmapError

_CENTRAL, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"
_RECORD = struct.Struct("<4s6H3L5H2L")
_HEADER = struct.Struct("<4s5H3L2H")
_WIDE, _DESCRIPTOR = 0xFFFFFFFF, 0x8
_ZIP64 = 0x0001


@dataclass(frozen=True)
class Archive:
    """A package.

    Args:
        data: its bytes.
        members: place of each chart's entry in the archive, by its name.
        path: where it lies, for messages.
    """

    data: bytes
    members: Mapping[str, int]
    path: Path

    @classmethod
    def of(cls, data: bytes, path: Path) -> tuple[Archive, dict[str, bytes]]:
        """Open a package, and return its charts by name, too.

        Raises:
            BeatmapError: see `package.extract`; also for one without a chart.
        """
        members: dict[str, int] = {}
        charts: dict[str, bytes] = {}
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                places = {id(info): place for place, info in enumerate(archive.infolist())}
                for info, target in osz.plan_of(path, archive, osz.DEFAULT_LIMITS):
                    if target.suffix.lower() not in CHARTS:
                        continue
                    with archive.open(info) as source:
                        charts[str(target)] = source.read(MAX_BYTES + 1)
                    members[str(target)] = places[id(info)]
        except osz.DAMAGED as error:
            raise BeatmapError("chart.archive_is_damaged", file=path, value=str(error)) from error
        except (NotImplementedError, RuntimeError) as error:  # other packing methods, passwords
            raise BeatmapError(
                "chart.archive_cannot_be_unpacked", file=path, value=str(error)
            ) from error
        if not charts:
            raise BeatmapError("chart.no_chart_is_in_package", file=path)
        return cls(data, members, path), charts

    def with_members(self, contents: Mapping[str, bytes]) -> bytes:
        """Return the bytes of the package with other contents of some members.

        Raises:
            BeatmapError: for an archive of the 64-bit kind, whose tables this does not write.
        """
        if not contents:
            return self.data
        new = {self.members[name]: content for name, content in contents.items()}
        with zipfile.ZipFile(io.BytesIO(self.data)) as archive:
            offsets = [info.header_offset for info in archive.infolist()]
            begin = archive.start_dir
        records, end = self._records(begin, len(offsets))
        out = bytearray(self.data[: min(offsets, default=begin)])
        for index, (start, stop) in self._regions(offsets, begin):
            moved = len(out) - start
            record = records[index]
            if index in new:
                local, record = self._packed(start, record, new[index])
                out += local
            else:
                out += self.data[start:stop]
            records[index] = _at(record, moved)
        return bytes(out) + self._directory(records, begin, end, len(out) - begin)

    def _records(self, begin: int, count: int) -> tuple[list[bytes], int]:
        """The records of the central directory, and where it ends."""
        records = []
        for _ in range(count):
            fields = _RECORD.unpack_from(self.data, begin)
            end = begin + _RECORD.size + sum(fields[10:13])
            if fields[0] != _CENTRAL or _WIDE in (fields[8], fields[9], fields[16]):
                raise self._unwritable()
            records.append(self.data[begin:end])
            begin = end
        if self.data[begin : begin + 4] != b"PK\x05\x06":
            raise self._unwritable()
        return records, begin

    def _unwritable(self) -> BeatmapError:
        return BeatmapError("chart.archive_cannot_be_edited", file=self.path)

    def _regions(self, offsets: list[int], begin: int) -> list[tuple[int, tuple[int, int]]]:
        """The bytes of each entry, with what follows it, in the order of the file."""
        order = sorted(range(len(offsets)), key=lambda index: offsets[index])
        stops = [*(offsets[index] for index in order[1:]), begin]
        return [(i, (offsets[i], stop)) for i, stop in zip(order, stops, strict=True)]

    def _packed(self, start: int, record: bytes, content: bytes) -> tuple[bytes, bytes]:
        """Return an entry with another content, and its record."""
        fields = list(_RECORD.unpack_from(record))
        names = record[_RECORD.size :]
        name, extra = names[: fields[10]], names[fields[10] : fields[10] + fields[11]]
        old = _HEADER.unpack_from(self.data, start)
        at = start + _HEADER.size + old[9]
        own_extra = _without_zip64(self.data[at : at + old[10]])
        method = fields[4] if fields[4] in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) else 8
        packed = content if method == zipfile.ZIP_STORED else _deflated(content)
        fields[3] &= ~_DESCRIPTOR
        fields[4] = method
        fields[7:10] = [zlib.crc32(content), len(packed), len(content)]
        kept = _without_zip64(extra)
        fields[11] = len(kept)
        header = (_LOCAL, fields[2], *fields[3:10], len(name), len(own_extra))
        local = _HEADER.pack(*header) + name + own_extra + packed
        comment = names[len(name) + len(extra) :]
        return local, _RECORD.pack(*fields) + name + kept + comment

    def _directory(self, records: list[bytes], begin: int, end: int, moved: int) -> bytes:
        """Return the central directory and what comes after it."""
        central = b"".join(records)
        tail = bytearray(self.data[end:])
        size, offset = struct.unpack_from("<2L", tail, 12)
        struct.pack_into("<2L", tail, 12, size + len(central) - (end - begin), offset + moved)
        return central + bytes(tail)


def _at(record: bytes, moved: int) -> bytes:
    """Return a record of an entry that lies elsewhere."""
    fields = list(_RECORD.unpack_from(record))
    fields[16] += moved
    return _RECORD.pack(*fields) + record[_RECORD.size :]


def _deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def _without_zip64(extra: bytes) -> bytes:
    """Return extra fields without the sizes of 64 bits, which no chart needs."""
    kept, at = b"", 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind != _ZIP64:
            kept += extra[at : at + 4 + size]
        at += 4 + size
    return kept + extra[at:]
