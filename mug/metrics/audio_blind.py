"""Audio-blind charts: rows by the metre, or by the star rating, and nothing of the sound.

F1 rewards metre and density: only what a chart reaches above these comes from the sound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from mug.beatmap.timing_points import TimingPoint
from mug.metrics.grid import Grid
from mug.metrics.matched_rows import DRAWS, TOLERANCE_MS, Times, rows_f1, within
from mug.metrics.statistics import summarise
from mug.tiers import Tier

DIVISOR = 12
"""Lines of a beat that rows are chosen from."""

METRE, STARS = "metre only", "stars only"

BAR, BEAT, HALF, QUARTER, THIRD, SIXTH, TWELFTH = range(7)
"""Levels of lines: the less, the more stress. A line has the least level that it belongs to."""

_STEPS = ((BEAT, 12), (HALF, 6), (QUARTER, 3), (THIRD, 4), (SIXTH, 2), (TWELFTH, 1))


@dataclass(frozen=True)
class MetreLines:
    """Lines of a song, twelve a beat, each with its level.

    Args:
        time_ms: rising.
        level: `BAR` ... `TWELFTH`.
    """

    time_ms: Float64[np.ndarray, " lines"]
    level: Int64[np.ndarray, " lines"]

    def between(self, reference_ms: Times) -> MetreLines:
        """The lines from the first to the last of the reference rows."""
        inside = within(self.time_ms, reference_ms)
        return MetreLines(self.time_ms[inside], self.level[inside])


def metre_lines(red_lines: Sequence[TimingPoint], first_ms: float, last_ms: float) -> MetreLines:
    """Lines of a tempo map from a time to another, both included.

    Args:
        red_lines: of the human chart; each begins a bar.
        first_ms: lines before the first red line follow its tempo.
        last_ms: the last that counts.

    Raises:
        DataError: without a red line, and for times or beats that are no tempo.
    """
    grid = Grid(red_lines)
    times = grid.lines(first_ms, last_ms, DIVISOR)
    section = grid.section(times)
    since = (times - grid.start_ms[section]) / grid.beat_ms[section]
    number = np.rint(since * DIVISOR).astype(np.int64)
    level = np.full(len(times), TWELFTH, np.int64)
    for name, step in reversed(_STEPS):
        level[number % step == 0] = name
    level[number % (DIVISOR * grid.meter[section]) == 0] = BAR
    return MetreLines(times, level)


def finest_level(stars: float) -> int:
    """Level down to which a chart of a star rating is filled by `stars_only`.

    Beats below the game's Normal, halves below its Insane, quarters from there on.
    """
    if stars < Tier.EASY.below:
        return BEAT
    return HALF if stars < Tier.HARD.below else QUARTER


def metre_only(lines: MetreLines, count: int, rng: np.random.Generator) -> Times:
    """So many rows by stress: bars, then beats, halves, quarters, and what is finer.

    Args:
        lines: those to choose from.
        count: rows; all lines where there are fewer.
        rng: draws among lines of one level.
    """
    return _first_of(lines.time_ms, lines.level, count, rng)


def stars_only(lines: MetreLines, stars: float, count: int, rng: np.random.Generator) -> Times:
    """So many rows on the beats, halves or quarters that a star rating stands for.

    Lines of these are drawn evenly; where there are too few, finer ones follow by stress.

    Args:
        lines: those to choose from.
        stars: star rating.
        count: rows; all lines where there are fewer.
        rng: source of the draw.
    """
    return _first_of(lines.time_ms, np.maximum(lines.level, finest_level(stars)), count, rng)


def blind_f1(
    kind: str,
    lines: MetreLines,
    reference_ms: Times,
    *,
    stars: float,
    count: int,
    rng: np.random.Generator,
    tolerance_ms: float = TOLERANCE_MS,
) -> float:
    """F1 of an audio-blind chart of so many rows against a human one; the mean over seeded draws.

    Args:
        kind: `METRE` or `STARS`.
        lines: of the song.
        reference_ms: rows of the human chart, rising; its rows lie between its first and last.
        stars: star rating of the human chart.
        count: rows of the audio-blind chart.
        rng: source of the draws.
        tolerance_ms: how far apart two rows of a pair may be.
    """
    inside = lines.between(reference_ms)
    makes: dict[str, Callable[[], Times]] = {
        METRE: lambda: metre_only(inside, count, rng),
        STARS: lambda: stars_only(inside, stars, count, rng),
    }
    made = makes[kind]
    return float(np.mean([rows_f1(made(), reference_ms, tolerance_ms) for _ in range(DRAWS)]))


def better_kind(
    blind: Mapping[str, Sequence[float]], songs: Sequence[str], charts: Sequence[int] = ()
) -> str:
    """The audio-blind kind with the higher mean: by chart, then by song.

    Args:
        blind: F1 of each kind, one a chart.
        songs: the song of each chart.
        charts: number of the human chart that each is held against; all apart by default.
    """
    return max(blind, key=lambda kind: summarise(blind[kind], songs, charts=charts).mean)


def _first_of(
    times_ms: Float64[np.ndarray, " lines"],
    rank: Int64[np.ndarray, " lines"],
    count: int,
    rng: np.random.Generator,
) -> Times:
    """The times of the least ranks, rising; equal ranks by the draw."""
    order = np.lexsort((rng.random(len(times_ms)), rank))
    chosen: Times = np.sort(times_ms[order[: max(count, 0)]])
    return chosen
