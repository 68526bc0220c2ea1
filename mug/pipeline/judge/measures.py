"""Measurements of a finished chart: features, snaps of its notes, density and balance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.names import LN_CLASSES
from mug.difficulty.registry import COMPUTATIONS
from mug.errors import MugError
from mug.features import FeatureValue
from mug.pipeline.prompt import measured_features
from mug.snapping.lines import BeatLines

DIVISORS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Parts of a beat that count as the grid."""

ON_GRID_MS = 2.0
"""Largest distance from its line of a time on the grid: files hold whole ms, rounded or cut off, of
notes and often of red lines, too."""

_MOST_BINS = 600
_ROUNDING_MS = 1e-6


@dataclass(frozen=True)
class Measured:
    """Features of a chart.

    Args:
        features: value by name, as measured.
        unknown: why, by name, of those that could be measured on other charts.
    """

    features: Mapping[str, FeatureValue]
    unknown: Mapping[str, str]


def measurable() -> tuple[str, ...]:
    """Names of the features that are measured on a chart's notes."""
    return tuple(name for computation in COMPUTATIONS for name in computation.names)


def measure(beatmap: Beatmap) -> Measured:
    """All features that can be measured on a chart; never raises for what cannot be."""
    features: dict[str, FeatureValue] = {}
    unknown: dict[str, str] = {}
    for computation in COMPUTATIONS:
        why = f"it is not defined for this chart of {beatmap.keys} keys"
        try:
            features |= measured_features(beatmap, computation.names)
        except MugError as error:
            why = str(error)
        unknown |= {name: why for name in computation.names if name not in features}
    truths = {name: bool(features[name]) for name in _flags() if name in features}
    return Measured({**features, **truths}, unknown)


def _flags() -> tuple[str, ...]:
    skills = tuple(n.removesuffix("_ett") for n in measurable() if n.endswith("_ett"))
    return (*LN_CLASSES, *skills)


def note_times(beatmap: Beatmap) -> Float64[np.ndarray, " n"]:
    """Starts of all notes and ends of all long notes, ms."""
    starts = [note.start_ms for note in beatmap.hit_objects]
    return np.array([*starts, *(note.end_ms for note in beatmap.long_notes)], np.float64)


def snaps(
    times_ms: Float64[np.ndarray, " n"], red_lines: Sequence[TimingPoint]
) -> Int64[np.ndarray, " n"]:
    """For each time the coarsest of `DIVISORS` that has a line there; 0 where none has.

    A red line rules from its time to the next one's, the first also before itself. Red lines
    without a usable tempo are passed over; without any other, all times are off the grid.

    Args:
        times_ms: times in ms.
        red_lines: in any order.
    """
    usable = [p for p in red_lines if math.isfinite(p.time_ms) and 0 < p.beat_ms < math.inf]
    found = np.zeros(len(times_ms), np.int64)
    if not usable:
        return found
    lines = BeatLines(usable)
    # A note written for a red line may lie up to the tolerance before it.
    following = np.append(lines.start_ms, math.inf)[
        np.searchsorted(lines.start_ms, times_ms, side="right")
    ]
    meant = np.where(following - times_ms <= ON_GRID_MS, following, times_ms)
    for divisor in reversed(DIVISORS):
        _, distance = lines.nearest(meant, divisor)
        found[np.abs(distance) <= ON_GRID_MS + _ROUNDING_MS] = divisor
    return found


def density(beatmap: Beatmap) -> tuple[float, float, list[float]]:
    """Notes a second over time: start of the first bin in s, width of a bin in s, value of each.

    Bins are one second wide; wider where the chart would have more than 600 of them.
    """
    starts = np.array([note.start_ms for note in beatmap.hit_objects], np.float64) / 1000
    if not len(starts):
        return 0.0, 1.0, []
    first = math.floor(starts.min())
    span = math.floor(starts.max()) - first + 1
    width = math.ceil(span / _MOST_BINS)
    counts = np.bincount(((starts - first) // width).astype(np.int64))
    return float(first), float(width), [float(count) / width for count in counts]


def hand_shares(beatmap: Beatmap) -> dict[str, float]:
    """Shares of the notes that lie on the left, in the middle column (odd keys) and right."""
    total, keys = len(beatmap.hit_objects), beatmap.keys
    sides = {"left": 0, "middle": 0, "right": 0}
    for note in beatmap.hit_objects:
        twice = 2 * note.column + 1
        sides["left" if twice < keys else "right" if twice > keys else "middle"] += 1
    return {side: count / total if total else 0.0 for side, count in sides.items()}
