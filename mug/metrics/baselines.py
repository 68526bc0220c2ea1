"""Charts that know next to nothing, to hold others against."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, Rice
from mug.errors import DataError
from mug.metrics.grid import Grid
from mug.metrics.rows import rows_of

GRID_DIVISOR = 4


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


def _in_random_columns(
    times_ms: np.ndarray, sizes: np.ndarray, keys: int, rng: np.random.Generator
) -> list[HitObject]:
    notes: list[HitObject] = []
    for time in times_ms:
        size = int(rng.choice(sizes))
        columns = np.sort(rng.choice(keys, size=size, replace=False))
        notes += [Rice(int(column), float(round(time))) for column in columns]
    return notes
