"""Charts that are there twice: the same notes, the same notes faster, the same song.

All comparisons run in the database or over a window, so that they need no more memory for many
charts than for few.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jaxtyping import Float64

from mug.prepare.cleaning import rate_in_name
from mug.prepare.fingerprint import SAME, Print, bit_error

_SAME_LENGTH_MS = 500.0  # copies in other encodings differ by some tenths of a second at most
_ROUNDING_MS = 3.0  # times in files are whole milliseconds
_LEAST_ROWS = 8  # fewer fit onto anything
_SAME_RATE = 0.004
_PROBE = 96  # words of the fingerprints' middles that are compared before the rest


@dataclass(frozen=True)
class Duplicate:
    """A chart that is a copy of another one.

    Args:
        path: the copy.
        rule: `duplicate_notes` or `rate_edit`.
        detail: of which chart, and how.
    """

    path: str
    rule: str
    detail: str


@dataclass(frozen=True)
class DuplicateCandidate:
    """A chart as one of several with the same rows.

    Args:
        path: the chart.
        version: name of its difficulty.
        times: of chosen rows, ms.
        kept_before: an earlier run kept it.
    """

    path: str
    version: str
    times: Float64[np.ndarray, " rows"]
    kept_before: bool = False

    @property
    def rank(self) -> tuple[bool, bool, str]:
        """Smallest for what should stay: what stayed before, then what claims no other rate."""
        return (not self.kept_before, rate_in_name(self.version) is not None, self.path)


def duplicates_by_notes(connection: sqlite3.Connection) -> Iterator[Duplicate]:
    """Charts with the notes of another one up to a constant shift; one of each stays.

    Args:
        connection: with `good` (path, version, kept_before) and the table `facts`.
    """
    rows = connection.execute(
        """SELECT f.keys || ' ' || f.notes_hash AS same, path, g.version, g.kept_before
        FROM good g JOIN facts f USING (path)
        WHERE (f.keys, f.notes_hash) IN (
            SELECT f.keys, f.notes_hash FROM good JOIN facts f USING (path)
            GROUP BY 1, 2 HAVING COUNT(*) > 1)
        ORDER BY same"""
    )
    for _, group in groupby(rows, key=lambda row: row[0]):
        empty = np.zeros(0)
        charts = [
            DuplicateCandidate(path, version, empty, bool(kept)) for _, path, version, kept in group
        ]
        first, *others = sorted(charts, key=lambda chart: chart.rank)
        for chart in others:
            yield Duplicate(chart.path, "duplicate_notes", f"the notes of {first.path}")


def rate_edits(connection: sqlite3.Connection) -> Iterator[Duplicate]:
    """Charts that are another one at another speed, or that one but for rounded times.

    Args:
        connection: as for `duplicates_by_notes`.
    """
    rows = connection.execute(
        """SELECT f.keys || ' ' || f.rows_hash AS same, path, g.version, f.row_times, g.kept_before
        FROM good g JOIN facts f USING (path)
        WHERE (f.keys, f.rows_hash) IN (
            SELECT f.keys, f.rows_hash FROM good JOIN facts f USING (path)
            GROUP BY 1, 2 HAVING COUNT(*) > 1)
        ORDER BY same"""
    )
    for _, group in groupby(rows, key=lambda row: row[0]):
        yield from edits_among(
            [
                DuplicateCandidate(path, version, np.frombuffer(times), bool(kept))
                for _, path, version, times, kept in group
            ]
        )


def edits_among(charts: Sequence[DuplicateCandidate]) -> Iterator[Duplicate]:
    """Those of charts with the same rows that are copies of others of them."""
    originals: list[DuplicateCandidate] = []
    for chart in sorted(charts, key=lambda chart: chart.rank):
        for original in originals:
            rate = rate_between(original.times, chart.times)
            if rate is None:
                continue
            if abs(rate - 1) < _SAME_RATE:
                yield Duplicate(
                    chart.path,
                    "duplicate_notes",
                    f"the notes of {original.path} but for rounded times",
                )
            else:
                yield Duplicate(
                    chart.path, "rate_edit", f"{original.path}, {rate:.3f} times as fast"
                )
            break
        else:
            originals.append(chart)


def rate_between(
    original: Float64[np.ndarray, " rows"], edit: Float64[np.ndarray, " other_rows"]
) -> float | None:
    """Ratio of the speeds of `edit` and the other; None where it is not the other scaled in time.

    Args:
        original: times of rows in ms.
        edit: times of the same rows.
    """
    if len(original) != len(edit) or len(original) < _LEAST_ROWS or original[-1] <= original[0]:
        return None
    slope, start = np.polyfit(original - original[0], edit, 1)
    error = np.abs(slope * (original - original[0]) + start - edit).max()
    return float(1 / slope) if slope > 0 and error <= _ROUNDING_MS else None


def same_songs(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Pairs of audio hashes that are the same song in other encodings.

    Args:
        connection: with the table `audio`.
    """
    rows = connection.execute(
        "SELECT hash, duration_ms, fingerprint FROM audio WHERE fingerprint IS NOT NULL"
        " GROUP BY hash ORDER BY duration_ms, hash"
    )
    window: deque[tuple[str, float, Print]] = deque()
    for name, duration_ms, data in rows:
        here: Print = np.frombuffer(data, np.uint32)
        if not len(here):
            continue
        while window and window[0][1] < duration_ms - _SAME_LENGTH_MS:
            window.popleft()
        likely = _likely([there for _, _, there in window], here)
        for (other, _, there), worth in zip(window, likely, strict=True):
            if worth and bit_error(there, here) < SAME:
                yield other, name
        window.append((name, duration_ms, here))


def _likely(window: Sequence[Print], here: Print) -> list[bool]:
    """Fingerprints that are worth comparing whole: their middles differ in fewer bits."""
    probe = _middle(here, _PROBE)
    if probe is None:
        return [True] * len(window)
    wide = _PROBE + 10
    middles = [_middle(there, wide) for there in window]
    known = [middle for middle in middles if middle is not None]
    if not known:
        return [True] * len(window)
    stacked = np.stack(known)
    errors = np.ones(len(known))
    for shift in range(wide - _PROBE + 1):
        different = np.bitwise_count(stacked[:, shift : shift + _PROBE] ^ probe).sum(axis=1)
        errors = np.minimum(errors, different / (32 * _PROBE))
    # A little more than the threshold: a part may be noisier than the whole.
    worth = iter(errors < SAME + 0.05)
    return [True if middle is None else bool(next(worth)) for middle in middles]


def _middle(words: Print, count: int) -> Print | None:
    first = (len(words) - count) // 2
    return words[first : first + count] if first >= 0 else None
