"""Names and versions of measurements, apart from the code that measures.

A run that finds nothing new compares versions and is done, without importing numerical packages.
"""

from __future__ import annotations

from dataclasses import dataclass

MEASUREMENTS_VERSION = "facts-1"
"""Raise it when a measurement is computed otherwise (mug.prepare.measurements)."""

FINGERPRINT_VERSION = "print-1"
"""Raise it when fingerprints change (mug.prepare.fingerprint)."""

ROW_TIMES = 33
"""Largest number of a chart's rows whose times are stored."""


@dataclass(frozen=True)
class Measurements:
    """A chart's row in the table `facts`.

    Args:
        path: as in the feature database.
        keys: columns.
        objects: hit objects.
        first_ms: start of the first object.
        last_ms: end of the last object.
        creator: who made it.
        version: name of the difficulty.
        notes_hash: equal for charts with the same notes up to a constant shift.
        rows_hash: equal for charts with the same notes up to their times.
        row_times: times of `ROW_TIMES` rows, evenly chosen: float64 ms, as bytes.
        odd_scroll: share of the playing time at which notes scroll more than twice as fast or
            slow as usual.
        disallowed: the chart says `robots: disallow`.
    """

    path: str
    keys: int
    objects: int
    first_ms: float
    last_ms: float
    creator: str
    version: str
    notes_hash: str
    rows_hash: str
    row_times: bytes
    odd_scroll: float
    disallowed: bool
