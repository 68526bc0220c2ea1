"""Songs with charts as a scorer sees them: curves of the sound, beats, lines of the rows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64

from mug.audio.flux import HOP_MS, Curves, FluxCache
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.sound_file import find_audio
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.stars import star_rating
from mug.encoding.beat_axis import LINES, BeatAxis
from mug.errors import DataError, ModeError
from mug.util import files_below

log = logging.getLogger(__name__)

_LEAST_ROWS = 8


@dataclass(frozen=True, eq=False)
class ChartRowLines:
    """Rows of a chart as lines of its song.

    Args:
        name: of the difficulty.
        stars: star rating.
        red_lines: of the chart.
        axis: beats of these.
        times_ms: starts of the rows as written, ascending and distinct.
        lines: the nearest line to each, ascending and distinct.
    """

    name: str
    stars: float
    red_lines: tuple[TimingPoint, ...]
    axis: BeatAxis
    times_ms: Float64[np.ndarray, " rows"]
    lines: Int64[np.ndarray, " lines"]

    @property
    def rows_a_second(self) -> float:
        """Rows a second between the first and the last."""
        return 1000.0 * (len(self.times_ms) - 1) / float(self.times_ms[-1] - self.times_ms[0])

    @property
    def stretch(self) -> slice:
        """Lines from the first row to the last."""
        return slice(int(self.lines[0]), int(self.lines[-1]) + 1)

    def presence(self, lines: int) -> Bool[np.ndarray, " lines"]:
        """True at each line that has a row."""
        rows = np.zeros(lines, np.bool_)
        rows[self.lines[self.lines < lines]] = True
        return rows


@dataclass(frozen=True, eq=False)
class SongLines:
    """A song and its charts.

    Args:
        name: of its folder.
        curves: of its sound, often memory-mapped.
        charts: their rows.
    """

    name: str
    curves: Curves
    charts: tuple[ChartRowLines, ...]

    def beats(self, chart: ChartRowLines) -> int:
        """Beats of a chart that cover the sound."""
        return chart.axis.count_beats(len(self.curves) * HOP_MS)


def row_lines(
    times_ms: Float64[np.ndarray, " rows"], axis: BeatAxis
) -> Int64[np.ndarray, " lines"]:
    """The lines nearest to rows, ascending; two rows nearest to the same line give it once."""
    lines = np.rint(axis.beats(times_ms) * LINES).astype(np.int64)
    return np.unique(lines[lines >= 0])


def read_song(folder: Path, cache: FluxCache, keys: int | None = None) -> SongLines | None:
    """The song of a beatmapset's folder; None without a mania chart that has rows.

    Charts of another sound file than the first one's are left out.

    Args:
        folder: of the charts, with their sound beside them.
        cache: of curves.
        keys: columns of charts that count; any unless given.

    Raises:
        AudioError: when the sound cannot be read.
        BeatmapError: for a chart that cannot be read.
        DataError: for a chart without a sound file beside it.
    """
    read = [chart for path in sorted(folder.glob("*.osu")) if (chart := _mania(path))]
    fit = [
        chart for chart in read if keys in (None, chart.keys) and len(_times(chart)) >= _LEAST_ROWS
    ]
    charts = [chart for chart in fit if chart.audio_filename == fit[0].audio_filename]
    if not charts:
        return None
    if len(charts) < len(fit):
        log.info("%s: %d charts of another sound left out", folder, len(fit) - len(charts))
    axes = {chart.red_lines: BeatAxis.of(chart.red_lines) for chart in charts}
    rows = tuple(_row_lines(chart, axes[chart.red_lines]) for chart in charts)
    return SongLines(folder.name, cache.get(find_audio(charts[0])), rows)


def song_folders(folder: Path) -> list[Path]:
    """Folders with charts at or below a folder, in order of their names.

    Raises:
        DataError: without one.
    """
    found = sorted({path.parent for path in files_below(folder) if path.suffix == ".osu"})
    if not found:
        raise DataError("rhythm.no_charts_in_folder", file=folder, remedy="remedy.check_path")
    return found


def held_out(folders: Sequence[Path], share: float) -> tuple[list[Path], list[Path]]:
    """Songs to train on, and those held out: every so many of the folders, at least one.

    A folder is a song, so no song is in both.

    Raises:
        DataError: for fewer than two folders.
    """
    if len(folders) < 2:
        raise DataError("rhythm.training_needs_two_songs", value=len(folders))
    step = min(max(2, round(1 / share)), len(folders)) if share > 0 else len(folders)
    out = list(folders[step - 1 :: step])
    return [folder for folder in folders if folder not in set(out)], out


def _row_lines(chart: Beatmap, axis: BeatAxis) -> ChartRowLines:
    times = _times(chart)
    lines = row_lines(times, axis)
    return ChartRowLines(chart.version, star_rating(chart), chart.red_lines, axis, times, lines)


def _mania(path: Path) -> Beatmap | None:
    try:
        return osu.read(path)
    except ModeError:
        return None


def _times(chart: Beatmap) -> Float64[np.ndarray, " rows"]:
    return np.unique(np.array([note.start_ms for note in chart.hit_objects], np.float64))
