"""Beats to milliseconds and back over red lines, and the timing that a user brings along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from mug.beatmap.beat_lines import BeatLines, Times
from mug.beatmap.formats.registry import read_any
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError, DataError
from mug.messages.message import Message


@dataclass(frozen=True)
class TempoMap:
    """Beats of a song as red lines, each of which begins a bar.

    Beats are counted from the first red line on, through all later ones; a line that comes in the
    middle of a beat adds that part of one. Times before the first line have negative beats, times
    after the last go on at its tempo.

    Args:
        red_lines: at least one, each later than the one before.
    """

    red_lines: tuple[TimingPoint, ...]

    def __post_init__(self) -> None:
        if not self.red_lines:
            raise DataError("timing.tempo_map_needs_red_line", remedy="remedy.give_tempo_of_song")
        for line in self.red_lines:
            if not (math.isfinite(line.time_ms) and math.isfinite(line.beat_ms)):
                raise DataError("timing.red_line_is_not_number", value=line)
            if line.beat_ms <= 0 or line.meter < 1:
                raise DataError("timing.beat_lasts_longer_than_0", value=line)
        times = [line.time_ms for line in self.red_lines]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise DataError("timing.red_lines_must_be_in_order", value=times)

    @classmethod
    def of_bpm(cls, bpm: float, offset_ms: float, meter: int = 4) -> TempoMap:
        """One tempo for the whole song.

        Args:
            bpm: beats a minute, 10 ... 1000.
            offset_ms: when a bar begins.
            meter: beats a bar.

        Raises:
            DataError: for a tempo outside the range.
        """
        if not (10 <= bpm <= 1000 and math.isfinite(offset_ms)):
            raise DataError(
                "timing.tempo_or_offset_out_of_range",
                value={"bpm": bpm, "offset_ms": offset_ms},
            )
        return cls((TimingPoint(time_ms=offset_ms, beat_ms=60000.0 / bpm, meter=meter),))

    @classmethod
    def of_points(cls, points: Sequence[TimingPoint]) -> TempoMap:
        """From a chart's red lines in any order; of several at one time the last one rules."""
        latest = {line.time_ms: line for line in points}
        return cls(tuple(latest[time] for time in sorted(latest)))

    @cached_property
    def _lines(self) -> BeatLines:
        return BeatLines(self.red_lines)

    @property
    def bpm(self) -> float:
        """Tempo of the first red line."""
        return self.red_lines[0].bpm

    def line_at(self, time_ms: float) -> TimingPoint:
        """The red line that rules at a time; before the first one, the first."""
        return self.red_lines[int(self._lines.section(_one(time_ms))[0])]

    def beat_at(self, time_ms: float) -> float:
        """Beats from the first red line to a time."""
        return float(self._lines.beats(_one(time_ms))[0])

    def time_of_beat(self, beat: float) -> float:
        """Time, in ms, of a beat counted from the first red line."""
        return float(self._lines.times_of(_one(beat))[0])

    def shifted(self, by_ms: float) -> TempoMap:
        """The same beats, later by so much."""
        return TempoMap(tuple(replace(p, time_ms=p.time_ms + by_ms) for p in self.red_lines))

    def scaled(self, factor: float) -> TempoMap:
        """So many times as many beats a minute; the red lines stay where they are.

        Args:
            factor: above 0, e.g. 2 or 1/2.

        Raises:
            DataError: for a factor that is not above 0.
        """
        if not (math.isfinite(factor) and factor > 0):
            raise DataError("timing.tempo_is_scaled_by_factor_above", value=factor)
        return TempoMap(tuple(replace(p, beat_ms=p.beat_ms / factor) for p in self.red_lines))


def _one(value: float) -> Times:
    return np.array([value], dtype=np.float64)


def timing_from_file(path: str | Path, *, chart: int = 0) -> TempoMap:
    """The timing points of a chart of any format that `mug.beatmap.formats.registry` reads.

    Args:
        path: `.osu`, `.sm`, `.ssc`, `.qua`, `.mc`, or a package of them.
        chart: which one, where the file holds several; they may differ in `.ssc` and packages.

    Raises:
        BeatmapError: for a file that cannot be read, has no such chart or no timing points.
    """
    path = Path(path)
    beatmaps = read_any(path)
    if not 0 <= chart < len(beatmaps):
        raise BeatmapError(
            "timing.file_has_no_such_chart",
            file=path,
            value=chart,
            remedy=Message("remedy.counted_from_0", count=len(beatmaps)),
        )
    lines = beatmaps[chart].red_lines
    if not lines:
        raise BeatmapError(
            "timing.chart_has_no_timing_points",
            file=path,
            remedy="remedy.give_tempo_and_offset_instead",
        )
    try:
        return TempoMap.of_points(lines)
    except DataError as error:
        raise BeatmapError("timing.timing_points_make_no_tempo_map", file=path) from error
