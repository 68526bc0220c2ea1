"""Charts that know next to nothing, to hold others against."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, Rice
from mug.errors import DataError
from mug.metrics.audio_blind import BAR, BEAT, HALF, QUARTER, MetreLines
from mug.metrics.grid import Grid
from mug.metrics.matched_rows import LineScores
from mug.metrics.rows import rows_of
from mug.timing.onsets import DETECTOR_BIAS_MS, HOP, SAMPLE_RATE, onset_envelope

GRID_DIVISOR = 4

_ONSET_MS = 15.0
# Bars and beats, halves, quarters, all others: each as much as the one before halved. Chosen by
# rule, fitted on nothing.
_METRE_WEIGHTS = {BAR: 1.0, BEAT: 1.0, HALF: 1 / 2, QUARTER: 1 / 4}
_FINER_WEIGHT = 1 / 8


def grid_chart(reference: Beatmap, count: int, rng: np.random.Generator) -> Beatmap:
    """Density-matched chance on the grid: rows at random quarters of a beat, in random columns.

    Rows lie between the first and the last note of the reference, on its red lines' grid; their
    sizes are drawn from the reference's.

    Args:
        reference: a human chart.
        count: rows; as many as there are lines at most.
        rng: source of times and columns.
    """
    rows = rows_of(reference.hit_objects, reference.keys)
    if not len(rows.time_ms):
        raise DataError("evaluation.random_chart_needs_reference_with_notes", file=reference.path)
    grid = Grid(reference.red_lines)
    lines = grid.lines(float(rows.time_ms[0]) - 1.0, float(rows.time_ms[-1]) + 1.0, GRID_DIVISOR)
    # Without replacement: two rows cannot share a line.
    times = np.sort(rng.choice(lines, size=min(count, len(lines)), replace=False))
    return reference.with_objects(_in_random_columns(times, rows.sizes, reference.keys, rng))


def onset_chart(
    reference: Beatmap, onsets_ms: Float64[np.ndarray, " n"], rng: np.random.Generator
) -> Beatmap:
    """Notes at onsets detected in the sound, in random columns; row sizes as the reference's.

    Args:
        reference: a human chart; of it columns, tempo and row sizes are taken, not times.
        onsets_ms: rising.
        rng: source of columns.
    """
    sizes = rows_of(reference.hit_objects, reference.keys).sizes
    if not len(sizes):
        raise DataError("evaluation.random_chart_needs_reference_with_notes", file=reference.path)
    return reference.with_objects(_in_random_columns(onsets_ms, sizes, reference.keys, rng))


def onset_scores(wave: Float32[np.ndarray, " samples"], lines: MetreLines) -> LineScores:
    """Scores of lines: the strongest onset within 15 ms, weighted by the line's place in the metre.

    It listens, and has learned nothing.

    Args:
        wave: mono, at `mug.timing.onsets.SAMPLE_RATE`.
        lines: of the song.
    """
    from scipy.ndimage import maximum_filter1d

    envelope = onset_envelope(wave)
    weight = np.array([_METRE_WEIGHTS.get(level, _FINER_WEIGHT) for level in lines.level.tolist()])
    if not len(envelope):
        return LineScores(lines.time_ms, np.zeros(len(lines.time_ms)))
    hop_ms = 1000.0 * HOP / SAMPLE_RATE
    strongest = maximum_filter1d(envelope, 2 * round(_ONSET_MS / hop_ms) + 1)
    at = np.rint((lines.time_ms - DETECTOR_BIAS_MS) / hop_ms).astype(np.int64)
    inside = (at >= 0) & (at < len(envelope))  # a chart may go on behind the sound
    strength = np.where(inside, strongest[np.clip(at, 0, len(envelope) - 1)], 0.0)
    return LineScores(lines.time_ms, strength * weight)


def _in_random_columns(
    times_ms: np.ndarray, sizes: np.ndarray, keys: int, rng: np.random.Generator
) -> list[HitObject]:
    notes: list[HitObject] = []
    for time in times_ms:
        size = int(rng.choice(sizes))
        columns = np.sort(rng.choice(keys, size=size, replace=False))
        notes += [Rice(int(column), float(round(time))) for column in columns]
    return notes
