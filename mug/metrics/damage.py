"""Deliberate damage: what a metric must react to before it may be believed.

Each function takes notes and a dose and gives new notes; a dose of 0 changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.metrics.rows import ROW_MS

Notes = list[HitObject]


def moved(note: HitObject, by_ms: float) -> HitObject:
    """The note at another time."""
    if isinstance(note, LongNote):
        return replace(note, start_ms=note.start_ms + by_ms, end_ms=note.end_ms + by_ms)
    return replace(note, start_ms=note.start_ms + by_ms)


def shift(notes: Sequence[HitObject], by_ms: float) -> Notes:
    """All notes later by so many ms."""
    return [moved(note, by_ms) for note in notes]


def mirror(notes: Sequence[HitObject], keys: int) -> Notes:
    """Left and right swapped."""
    return [replace(note, column=keys - 1 - note.column) for note in notes]


def jitter(notes: Sequence[HitObject], sigma_ms: float, rng: np.random.Generator) -> Notes:
    """Each row moved by a normal random time."""
    rows = _rows(notes)
    offsets = rng.normal(0.0, 1.0, len(rows)) * sigma_ms
    return [moved(n, float(by)) for row, by in zip(rows, offsets, strict=True) for n in row]


def outliers(
    notes: Sequence[HitObject], share: float, by_ms: float, rng: np.random.Generator
) -> Notes:
    """A share of the rows moved by so much, early or late."""
    rows = _rows(notes)
    hit = rng.permutation(len(rows)) < round(share * len(rows))
    sign = rng.choice([-1.0, 1.0], len(rows))
    return [
        moved(note, by_ms * float(s) if h else 0.0)
        for row, h, s in zip(rows, hit, sign, strict=True)
        for note in row
    ]


def shuffle_columns(
    notes: Sequence[HitObject], keys: int, share: float, rng: np.random.Generator
) -> Notes:
    """A share of the rows in random columns, as many notes as before."""
    rows = _rows(notes)
    hit = rng.permutation(len(rows)) < round(share * len(rows))
    made: Notes = []
    for row, chosen in zip(rows, hit, strict=True):
        columns = rng.permutation(keys)
        made += [
            replace(note, column=int(columns[i % keys])) if chosen else note
            for i, note in enumerate(row)
        ]
    return made


def commonest_row(notes: Sequence[HitObject], share: float, rng: np.random.Generator) -> Notes:
    """A share of the rows replaced by the row that is most frequent."""
    rows = _rows(notes)
    (common, _), *_ = Counter(tuple(n.column for n in row) for row in rows).most_common(1)
    hit = rng.permutation(len(rows)) < round(share * len(rows))
    made: Notes = []
    for row, chosen in zip(rows, hit, strict=True):
        made += [Rice(c, row[0].start_ms) for c in common] if chosen else row
    return made


def thin(notes: Sequence[HitObject], keep: float, rng: np.random.Generator) -> Notes:
    """A share of the rows kept."""
    rows = _rows(notes)
    kept = rng.permutation(len(rows)) < round(keep * len(rows))
    return [note for row, stays in zip(rows, kept, strict=True) if stays for note in row]


def bursts(notes: Sequence[HitObject], share: float, rng: np.random.Generator) -> Notes:
    """After a share of the rows, a tap more in the middle of the gap, in a random column."""
    rows = _rows(notes)
    keys = 1 + max((note.column for note in notes), default=0)
    hit = rng.permutation(len(rows) - 1) < round(share * (len(rows) - 1))
    made: Notes = list(notes)
    for index in np.flatnonzero(hit):
        middle = (rows[index][0].start_ms + rows[index + 1][0].start_ms) / 2
        made.append(Rice(int(rng.integers(keys)), middle))
    return sorted(made, key=lambda note: (note.start_ms, note.column))


def shuffle_bars(
    notes: Sequence[HitObject], edges_ms: np.ndarray, share: float, rng: np.random.Generator
) -> Notes:
    """A share of the bars exchanged among each other.

    Args:
        notes: of a chart.
        edges_ms: starts of the bars; notes before the first stay.
        share: 0 ... 1.
        rng: source of the choice.
    """
    chosen = np.sort(rng.permutation(len(edges_ms))[: round(share * len(edges_ms))])
    target = dict(zip(chosen.tolist(), rng.permutation(chosen).tolist(), strict=True))
    made: Notes = []
    for note in notes:
        bar = int(np.searchsorted(edges_ms, note.start_ms + 2.0, side="right")) - 1
        to = target.get(bar, bar)
        made.append(note if bar < 0 else moved(note, float(edges_ms[to] - edges_ms[bar])))
    return sorted(made, key=lambda note: (note.start_ms, note.column))


def loop_bar(notes: Sequence[HitObject], edges_ms: np.ndarray, bar: int, share: float) -> Notes:
    """The first so many bars replaced by copies of one bar."""

    def bar_of(note: HitObject) -> int:
        return int(np.searchsorted(edges_ms, note.start_ms + 2.0, side="right")) - 1

    count = round(share * len(edges_ms))
    pattern = [note for note in notes if bar_of(note) == bar]
    made = [note for note in notes if bar_of(note) >= count]
    for index in range(count):
        made += [moved(note, float(edges_ms[index] - edges_ms[bar])) for note in pattern]
    return sorted(made, key=lambda note: (note.start_ms, note.column))


def jitter_tails(notes: Sequence[HitObject], sigma_ms: float, rng: np.random.Generator) -> Notes:
    """Ends of long notes moved by a normal random time, not before their start."""
    return [
        replace(n, end_ms=max(n.start_ms + 1.0, n.end_ms + float(rng.normal()) * sigma_ms))
        if isinstance(n, LongNote)
        else n
        for n in notes
    ]


def cut_holds(notes: Sequence[HitObject], share: float, rng: np.random.Generator) -> Notes:
    """A share of the long notes cut to taps."""
    return [
        Rice(n.column, n.start_ms) if isinstance(n, LongNote) and rng.random() < share else n
        for n in notes
    ]


def favour_hand(
    notes: Sequence[HitObject], keys: int, share: float, rng: np.random.Generator
) -> Notes:
    """A share of the right hand's notes given to the left."""
    return [
        replace(n, column=keys - 1 - n.column)
        if 2 * n.column + 1 > keys and rng.random() < share
        else n
        for n in notes
    ]


def inject_jacks(
    notes: Sequence[HitObject], share: float, gap_ms: float, rng: np.random.Generator
) -> Notes:
    """After a share of the taps, another one in the same column so many ms later."""
    made: Notes = []
    for note in notes:
        made.append(note)
        if rng.random() < share and isinstance(note, Rice):
            made.append(Rice(note.column, note.start_ms + gap_ms))
    return sorted(made, key=lambda note: (note.start_ms, note.column))


def _rows(notes: Sequence[HitObject]) -> list[Notes]:
    rows: list[Notes] = []
    for note in sorted(notes, key=lambda n: (n.start_ms, n.column)):
        if rows and note.start_ms - rows[-1][0].start_ms <= ROW_MS:
            rows[-1].append(note)
        else:
            rows.append([note])
    return rows
