"""Pattern distributions of a chart, and distances between those of two charts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.metrics.grid import Grid
from mug.metrics.rows import ChartRows, mirrored_mask, rows_of

SNAPS = (1, 2, 3, 4, 6, 8)
SNAP_MS = 3.0
LONGEST_JACK = 6

Counts = Counter[Hashable]


def pattern_counts(
    notes: Sequence[HitObject], keys: int, red_lines: Sequence[TimingPoint]
) -> dict[str, Counts]:
    """Count of each kind of pattern, by measure; a mirrored chart has the same counts.

    Measures: `snap` (coarsest part of a beat within 3 ms, 0 for none), `interval` (between rows,
    in half octaves), `chord`, `column`, `jack` (rows in a row that share a column),
    `hold` (length in half octaves, or tap) and `transition` (from row to row).

    Args:
        notes: of a chart.
        keys: columns.
        red_lines: the human tempo.
    """
    rows = rows_of(notes, keys)
    gaps = np.diff(rows.time_ms)
    return {
        "snap": _snaps(rows, red_lines),
        "interval": Counter(_half_octave(float(gap)) for gap in gaps),
        "chord": Counter(int(size) for size in rows.sizes),
        # Folded: a column and its mirror image are one kind.
        "column": Counter(min(note.column, keys - 1 - note.column) for note in notes),
        "jack": _jacks(rows),
        "hold": Counter(
            _half_octave(note.end_ms - note.start_ms) if isinstance(note, LongNote) else "tap"
            for note in notes
        ),
        "transition": _transitions(rows),
    }


def pooled_counts(charts: Iterable[Mapping[str, Counts]]) -> dict[str, Counts]:
    """Counts of several charts together."""
    total: dict[str, Counts] = {}
    for chart in charts:
        for name, counts in chart.items():
            total.setdefault(name, Counter()).update(counts)
    return total


def jensen_shannon(first: Counts, second: Counts) -> float:
    """Jensen–Shannon divergence in bits: 0 for equal distributions, 1 for disjoint ones.

    An empty one is disjoint from all but an empty one. Source: Lin 1991, equation 4.1.
    """
    a, b = sum(first.values()), sum(second.values())
    if not a or not b:
        return float(a != b)
    total = 0.0
    for key in {*first, *second}:
        p, q = first[key] / a, second[key] / b
        middle = (p + q) / 2
        # 0 log 0 is 0.
        total += sum(0.5 * x * math.log2(x / middle) for x in (p, q) if x > 0)
    # Rounding may leave the range by a hair.
    return min(1.0, max(0.0, total))


def divergences(first: Mapping[str, Counts], second: Mapping[str, Counts]) -> dict[str, float]:
    """Jensen–Shannon divergence by measure."""
    return {name: jensen_shannon(first[name], second[name]) for name in first}


def row_information(notes: Sequence[HitObject], keys: int) -> float:
    """Bits that a row tells, given the row before it: low where a chart repeats itself.

    It is to be held against the range of human charts: more and less are both worse.
    """
    masks = [int(mask) for mask in rows_of(notes, keys).masks]
    pairs, firsts = Counter(pairwise(masks)), Counter(masks[:-1])
    total = sum(pairs.values())
    # Conditional entropy: each pair weighs what its second row tells after the first.
    return sum(
        -count / total * math.log2(count / firsts[first]) for (first, _), count in pairs.items()
    )


def beyond_band(bits: float, of_people: Sequence[float]) -> float:
    """Distance of bits a row from the p10–p90 band of human charts: both sides are worse.

    Args:
        bits: of the chart that is judged, from `row_information`.
        of_people: of human charts, at least one.
    """
    # Percentiles: a single odd human chart must not widen the band.
    low, high = np.percentile(of_people, [10, 90])
    return float(max(low - bits, bits - high, 0.0))


def hand_imbalance(notes: Sequence[HitObject], keys: int) -> float:
    """|left − right| / (left + right), 0 ... 1; the middle column counts for neither hand."""
    left = sum(2 * note.column + 1 < keys for note in notes)
    right = sum(2 * note.column + 1 > keys for note in notes)
    return abs(left - right) / (left + right) if left + right else 0.0


def _half_octave(ms: float) -> int:
    # A quarter of a half octave aside: common intervals must not lie on the border of two bins.
    return math.floor(2 * math.log2(max(ms, 1.0)) + 0.25)


def _snaps(rows: ChartRows, red_lines: Sequence[TimingPoint]) -> Counts:
    grid = Grid(red_lines)
    found = np.zeros(len(rows.time_ms), np.int64)
    # The finest first, so that the coarsest divisor that fits is what remains.
    for divisor in reversed(SNAPS):
        found[np.abs(grid.error(rows.time_ms, (divisor,))) <= SNAP_MS] = divisor
    return Counter(found.tolist())


def _jacks(rows: ChartRows) -> Counts:
    counts: Counts = Counter()
    for column in range(rows.keys):
        run = 0
        for struck in [*(int(mask) >> column & 1 for mask in rows.masks), 0]:
            if struck:
                run += 1
            elif run:
                # Longer ones are one kind: too rare to be compared one by one.
                counts[min(run, LONGEST_JACK)] += 1
                run = 0
    return counts


def _transitions(rows: ChartRows) -> Counts:
    masks = [int(mask) for mask in rows.masks]
    mirrored = [mirrored_mask(mask, rows.keys) for mask in masks]
    # Both, so that a chart and its mirror have the same counts.
    return Counter([*pairwise(masks), *pairwise(mirrored)])
