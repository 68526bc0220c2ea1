"""Charts that are read again and again: as arrays, kept in memory and on disk.

Reading a `.osu` file takes ten times as long as making a training item of it. So what items are
made of is kept beside the spectrograms: notes as arrays, the few texts that items name, the text
that star ratings are computed from, and a table of the skill sets by rate.
"""

from __future__ import annotations

import hashlib
import json
import logging
import struct
import zlib
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.msd import MsdTable, estimate_msd
from mug.difficulty.msd_features import KEYS
from mug.difficulty.names import MSD_VERSION, Value
from mug.difficulty.skill_values import features_of
from mug.difficulty.stars import rated_text, rating_of
from mug.encoding.note_arrays import NoteArrays
from mug.files import atomic_write

log = logging.getLogger(__name__)

# Part of every file's name: raise it when `TrainingChart` or the reader of charts change.
VERSION = 2

_HEAD = struct.Struct("<8sII")  # magic, checksum of the rest, bytes of its JSON part
_MAGIC = b"mugchart"
_NOTE = np.dtype(
    [
        ("start_ms", "<f8"),
        ("end_ms", "<f8"),
        ("column", "<i2"),
        ("hold", "?"),
        ("new_combo", "<i2"),
    ]
)
_TEXTS = ("title", "artist", "creator", "version", "audio_filename")
_Key = tuple[Path, int, int]


@dataclass(frozen=True, eq=False)
class TrainingChart:
    """Chart as training items need it.

    Args:
        path: its file.
        keys: number of columns.
        notes: its objects in file order.
        texts: title, artist, creator, version and audio_filename.
        rated: the text that its star rating is computed from.
        msd: its skill sets over a range of rates; None where that is not wanted.
        red_lines: its tempo changes: time, beat and meter.
    """

    path: Path | None
    keys: int
    notes: NoteArrays
    texts: dict[str, str]
    rated: str
    msd: MsdTable | None = None
    red_lines: tuple[TimingPoint, ...] = ()

    @classmethod
    def of(cls, beatmap: Beatmap, rates: tuple[float, float] | None = None) -> TrainingChart:
        """A beatmap's chart.

        Args:
            beatmap: as read.
            rates: lowest and highest rate of the table of skill sets; none without.
        """
        notes = NoteArrays.of(beatmap.hit_objects)
        table = None
        if rates is not None and beatmap.keys == KEYS:
            table = MsdTable.of(notes.start_ms, notes.column, *rates)
        texts = {name: str(getattr(beatmap, name)) for name in _TEXTS}
        lines = tuple(
            TimingPoint(float(line.time_ms), float(line.beat_ms), line.meter)
            for line in beatmap.red_lines
        )
        return cls(beatmap.path, beatmap.keys, notes, texts, rated_text(beatmap), table, lines)

    @property
    def last_ms(self) -> float:
        """End of the last object, 0 for an empty chart."""
        return float(self.notes.end_ms.max(initial=0.0))

    def between(self, first_ms: float, last_ms: float) -> NoteArrays:
        """Objects that start in `[first_ms, last_ms]`, by start."""
        notes = self.notes.by_time
        ends = (first_ms, np.nextafter(last_ms, np.inf))
        first, last = np.searchsorted(notes.start_ms, ends)
        return notes.take(slice(first, last))

    def star_rating(self, rate: float) -> float:
        """As `mug.difficulty.stars.star_rating` of the beatmap."""
        return rating_of(self.rated, self.keys, len(self.notes), rate, self.path)

    def skills(self, rate: float) -> dict[str, Value]:
        """As `mug.difficulty.skill_values.skill_values` of the beatmap, by our own estimator."""
        if self.keys != KEYS:
            return {}
        msd = None if self.msd is None else self.msd.at(rate)
        return features_of(msd or estimate_msd(self.notes.start_ms, self.notes.column, rate))


@dataclass(eq=False)
class Charts:
    """Reads charts: the latest ones from memory, others from a folder of prepared ones.

    A chart whose file has changed is read again.

    Args:
        kept: how many charts to hold; one of 2,000 objects takes about a tenth of a megabyte.
        folder: where prepared charts are kept; nowhere when None.
        rates: lowest and highest rate at which skill sets are asked for; see `TrainingChart.of`.
    """

    kept: int = 512
    folder: Path | None = None
    rates: tuple[float, float] | None = None
    _charts: OrderedDict[_Key, TrainingChart] = field(default_factory=OrderedDict)

    def read(self, path: Path) -> TrainingChart:
        """The chart at `path`.

        Raises:
            BeatmapError: as `osu.read`.
            OSError: the file cannot be read.
        """
        stat = path.stat()
        key = (path, stat.st_mtime_ns, stat.st_size)
        chart = self._charts.pop(key, None)
        if chart is None:
            chart = self._prepared(key)
        self._charts[key] = chart
        if len(self._charts) > self.kept:
            self._charts.popitem(last=False)
        return chart

    def _prepared(self, key: _Key) -> TrainingChart:
        path = key[0]
        if self.folder is None:
            return TrainingChart.of(osu.read(path), self.rates)
        name = json.dumps([VERSION, MSD_VERSION, str(path.absolute()), key[1:], self.rates])
        file = self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:40]}.chart"
        if file.exists():
            try:
                return _unpacked(file.read_bytes(), path)
            except (ValueError, KeyError, TypeError, struct.error) as error:
                log.warning("%s is damaged and is made again: %s", file, error)
        chart = TrainingChart.of(osu.read(path), self.rates)
        with atomic_write(file) as handle:
            handle.write(_packed(chart))
        return chart


def _packed(chart: TrainingChart) -> bytes:
    notes = np.empty(len(chart.notes), _NOTE)
    for name in _NOTE.fields or ():
        notes[name] = getattr(chart.notes, name)
    table = None if chart.msd is None else [chart.msd.rates, chart.msd.values]
    rated = chart.rated.encode()
    said: dict[str, Any] = {
        "keys": chart.keys,
        "notes": len(notes),
        "texts": chart.texts,
        "msd": table,
        "red_lines": [(line.time_ms, line.beat_ms, line.meter) for line in chart.red_lines],
    }
    described = json.dumps(said).encode()
    rest = described + notes.tobytes() + rated
    return _HEAD.pack(_MAGIC, zlib.crc32(rest), len(described)) + rest


def _unpacked(data: bytes, path: Path) -> TrainingChart:
    """Raise ValueError for anything that is not what was written."""
    magic, checksum, described = _HEAD.unpack_from(data)
    rest = memoryview(data)[_HEAD.size :]
    if magic != _MAGIC or zlib.crc32(rest) != checksum:
        raise ValueError("its checksum is wrong")
    said = json.loads(bytes(rest[:described]))
    end = described + said["notes"] * _NOTE.itemsize
    stored = np.frombuffer(rest[described:end], _NOTE)
    notes = NoteArrays(
        np.ascontiguousarray(stored["start_ms"]),
        np.ascontiguousarray(stored["end_ms"]),
        stored["column"].astype(np.int64),
        np.ascontiguousarray(stored["hold"]),
        stored["new_combo"].astype(np.int64),
    )
    table = None
    if said["msd"] is not None:
        rates, values = said["msd"]
        table = MsdTable(tuple(rates), tuple(tuple(row) for row in values))
    text = str(rest[end:], "utf-8")
    lines = tuple(TimingPoint(*line) for line in said["red_lines"])
    return TrainingChart(path, said["keys"], notes, said["texts"], text, table, lines)
