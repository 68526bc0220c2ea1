"""Charts that are read again and again: kept in memory, cut to a window of time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mug.beatmap import osu
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart with its objects by time.

    Args:
        beatmap: as read.
        by_time: its objects by start.
        starts_ms: their starts.
    """

    beatmap: Beatmap
    by_time: tuple[HitObject, ...]
    starts_ms: np.ndarray

    def between(self, first_ms: float, last_ms: float) -> tuple[HitObject, ...]:
        """Objects that start in `[first_ms, last_ms]`, by start."""
        first, last = np.searchsorted(self.starts_ms, (first_ms, np.nextafter(last_ms, np.inf)))
        return self.by_time[first:last]


@dataclass(eq=False)
class Charts:
    """Reads `.osu` files, the latest ones from memory while they have not changed on disk.

    Args:
        kept: how many charts to hold; one of 2,000 objects takes about half a megabyte.
    """

    kept: int = 128
    _charts: OrderedDict[tuple[Path, int, int], Chart] = field(default_factory=OrderedDict)

    def read(self, path: Path) -> Chart:
        """The chart at `path`.

        Raises:
            BeatmapError: as `osu.read`.
            OSError: the file cannot be read.
        """
        stat = path.stat()
        key = (path, stat.st_mtime_ns, stat.st_size)
        chart = self._charts.pop(key, None)
        if chart is None:
            beatmap = osu.read(path)
            by_time = tuple(sorted(beatmap.hit_objects, key=lambda one: one.start_ms))
            chart = Chart(beatmap, by_time, np.array([one.start_ms for one in by_time]))
        self._charts[key] = chart
        if len(self._charts) > self.kept:
            self._charts.popitem(last=False)
        return chart
