"""Does a chart follow the shape of its song? Bar by bar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64

from mug.beatmap.hit_objects import HitObject
from mug.beatmap.timing_points import TimingPoint
from mug.metrics.grid import Grid
from mug.metrics.statistics import spearman

LEAST_BARS = 4


def bar_energy(
    wave: Float32[np.ndarray, " samples"], sample_rate: int, red_lines: Sequence[TimingPoint]
) -> tuple[Float64[np.ndarray, " edges"], Float64[np.ndarray, " bars"]]:
    """Edges of the bars of a song in ms, and the root mean square of the sound in each.

    Args:
        wave: mono.
        sample_rate: in Hz.
        red_lines: the human tempo; the music before the first one is left out.
    """
    duration = 1000.0 * len(wave) / sample_rate
    edges = Grid(red_lines).bars(duration)
    edges = edges[edges >= 0]
    # In float64: sums over minutes of samples would lose the quiet bars in float32.
    sums = np.concatenate([[0.0], np.cumsum(wave.astype(np.float64) ** 2)])
    at = np.clip(np.rint(edges * sample_rate / 1000).astype(np.int64), 0, len(wave))
    # Bars behind the song's end have no sample.
    power = np.diff(sums[at]) / np.maximum(np.diff(at), 1)
    return edges, np.sqrt(np.maximum(power, 0.0))


def density_energy(
    notes: Sequence[HitObject],
    edges_ms: Float64[np.ndarray, " edges"],
    energy: Float64[np.ndarray, " bars"],
) -> float:
    """Spearman correlation of notes a bar with the sound's energy, over bars.

    0 for a chart with equally many notes in all bars: it follows nothing. Not a number for less
    than four bars, and where all bars of the sound are alike.
    """
    if len(energy) < LEAST_BARS:
        return float("nan")
    starts = np.array([note.start_ms for note in notes], np.float64)
    # A note written a rounding before the bar line belongs to the bar.
    counts, _ = np.histogram(starts + 2.0, edges_ms)
    if np.ptp(counts) == 0 and np.ptp(energy) > 0:
        return 0.0
    return spearman(counts.astype(np.float64), energy)
