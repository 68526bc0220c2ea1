"""A chart as about thirty numbers, for distances between sets of charts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.metrics.grid import Grid
from mug.metrics.patterns import hand_imbalance, pattern_counts, row_information
from mug.metrics.rows import ChartRows, rows_of

WINDOW_BEATS = 4.0
"""Notes are counted in windows of so many beats."""

SAME_GAP_BEATS = 1 / 16
"""Distances between rows that differ by less are the same."""

_LEAST = 1e-3


def chart_features(
    notes: Sequence[HitObject], keys: int, red_lines: Sequence[TimingPoint]
) -> dict[str, float]:
    """About thirty numbers that say what a chart is like; `docs/benchmark.md` lists them.

    A mirrored chart has the same numbers, and so has one that is moved together with its red
    lines by whole bars. Shares lie between 0 and 1; rates and lengths are base-2 logarithms.

    Args:
        notes: of a chart, in any order.
        keys: columns.
        red_lines: the human tempo.

    Returns:
        The numbers by name; empty for a chart of less than two rows.
    """
    rows = rows_of(notes, keys)
    if len(rows.time_ms) < 2:
        return {}
    beats = _in_beats(rows.time_ms, red_lines)
    return {
        **_density(notes, rows, beats),
        **_rhythm(notes, keys, red_lines, beats),
        **_chords(rows),
        **_columns(notes, rows),
        **_motion(rows),
        "bits_a_row": row_information(notes, keys),
        **_holds(notes, rows, red_lines),
    }


def _in_beats(
    time_ms: Float64[np.ndarray, " n"], red_lines: Sequence[TimingPoint]
) -> Float64[np.ndarray, " gaps"]:
    """Distances between times in beats of the earlier one."""
    # In beats: a rhythm is the same at any tempo.
    gaps: np.ndarray = np.diff(time_ms) / Grid(red_lines).beat_at(time_ms[:-1])
    return gaps


def _log(value: float) -> float:
    # Rates and lengths differ by factors; in logarithms twice and half are equally far.
    return math.log2(max(value, _LEAST))


def _density(
    notes: Sequence[HitObject], rows: ChartRows, gaps: Float64[np.ndarray, " gaps"]
) -> dict[str, float]:
    seconds = max((rows.time_ms[-1] - rows.time_ms[0]) / 1000, _LEAST)
    # Time in beats since the first row, through all tempo changes.
    at = np.concatenate([[0.0], np.cumsum(gaps)])
    windows = np.bincount((at // WINDOW_BEATS).astype(np.int64), weights=rows.sizes)
    mean = float(windows.mean())
    return {
        "log_notes_a_second": _log(len(notes) / seconds),
        "log_rows_a_second": _log(len(rows.time_ms) / seconds),
        # The 90th percentile, not the maximum: one burst says little about a chart.
        "log_busiest_windows": _log(float(np.percentile(windows, 90))),
        "window_variation": float(windows.std()) / mean,
        "empty_windows": float((windows == 0).mean()),
        "log_longest_gap_beats": _log(float(gaps.max())),
    }


def _rhythm(
    notes: Sequence[HitObject],
    keys: int,
    red_lines: Sequence[TimingPoint],
    gaps: Float64[np.ndarray, " gaps"],
) -> dict[str, float]:
    snaps = _shares(pattern_counts(notes, keys, red_lines)["snap"])
    return {
        "snap_1": snaps.get(1, 0.0),
        "snap_2": snaps.get(2, 0.0),
        # Thirds and sixths together: both are triplets.
        "snap_3": snaps.get(3, 0.0) + snaps.get(6, 0.0),
        "snap_4": snaps.get(4, 0.0),
        "snap_8": snaps.get(8, 0.0),
        "snap_none": snaps.get(0, 0.0),
        "log_usual_gap_beats": _log(float(np.median(gaps))),
        "same_gap": _mean(np.abs(np.diff(gaps)) < SAME_GAP_BEATS),
    }


def _chords(rows: ChartRows) -> dict[str, float]:
    sizes = rows.sizes
    return {
        "single": _mean(sizes == 1),
        "double": _mean(sizes == 2),
        "triple": _mean(sizes == 3),
        "larger": _mean(sizes > 3),
        "mean_chord_share": float(sizes.mean()) / rows.keys,
    }


def _columns(notes: Sequence[HitObject], rows: ChartRows) -> dict[str, float]:
    columns = Counter(note.column for note in notes)
    gaps = [
        later - earlier
        for column in range(rows.keys)
        for earlier, later in pairwise(
            sorted(note.start_ms for note in notes if note.column == column)
        )
    ]
    # Left and right together, here and below: a mirrored chart must have the same numbers.
    outer = sum(n for c, n in columns.items() if c in (0, rows.keys - 1)) / len(notes)
    return {
        "outer_columns": outer,
        # 1 where all columns have the same number of notes, for any number of keys.
        "column_evenness": _entropy(columns) / math.log2(max(rows.keys, 2)),
        "hand_imbalance": hand_imbalance(notes, rows.keys),
        "log_usual_column_gap_ms": _log(float(np.median(gaps))) if gaps else 0.0,
        # ms here: how fast a finger repeats is a matter of time, not of beats.
        "log_least_column_gap_ms": _log(float(np.percentile(gaps, 5))) if gaps else 0.0,
    }


def _motion(rows: ChartRows) -> dict[str, float]:
    masks = rows.masks
    half = rows.keys // 2
    # The middle column of an odd number belongs to neither hand.
    left = (masks & ((1 << half) - 1)) > 0
    right = (masks >> (rows.keys - half)) > 0
    # Rows for one hand alone; those for both say nothing about alternation.
    one = left ^ right
    both = one[1:] & one[:-1]
    return {
        "jacks": _mean((masks[1:] & masks[:-1]) > 0),
        "same_row": _mean(masks[1:] == masks[:-1]),
        "back_and_forth": _mean((masks[2:] == masks[:-2]) & (masks[2:] != masks[1:-1])),
        "hands_in_turn": _mean(both & (left[1:] != left[:-1])),
        "one_hand": _mean(both & (left[1:] == left[:-1])),
    }


def _holds(
    notes: Sequence[HitObject], rows: ChartRows, red_lines: Sequence[TimingPoint]
) -> dict[str, float]:
    holds = [note for note in notes if isinstance(note, LongNote)]
    if not holds:
        return {"holds": 0.0, "log_usual_hold_beats": 0.0, "held_columns": 0.0}
    starts = np.array([note.start_ms for note in holds], np.float64)
    ends = np.array([note.end_ms for note in holds], np.float64)
    beats = (ends - starts) / Grid(red_lines).beat_at(starts)
    at = rows.time_ms[:, None]
    # Held while the row is struck; starts and ends at the row itself do not count.
    held = ((starts < at) & (at < ends)).sum(axis=1)
    return {
        "holds": len(holds) / len(notes),
        "log_usual_hold_beats": _log(float(np.median(beats))),
        "held_columns": float(held.mean()) / rows.keys,
    }


def _shares(counts: Counter[Hashable]) -> dict[Hashable, float]:
    total = sum(counts.values())
    return {key: count / total for key, count in counts.items()}


def _entropy(counts: Counter[int]) -> float:
    total = sum(counts.values())
    return -sum(n / total * math.log2(n / total) for n in counts.values())


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0
