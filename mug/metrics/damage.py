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


def drop_notes(notes: Sequence[HitObject], keep: float, rng: np.random.Generator) -> Notes:
    """A share of the rows kept."""
    rows = _rows(notes)
    kept = rng.permutation(len(rows)) < round(keep * len(rows))
    return [note for row, stays in zip(rows, kept, strict=True) if stays for note in row]


def bursts(notes: Sequence[HitObject], share: float, rng: np.random.Generator) -> Notes:
    """After a share of the rows, a tap more in the middle of the gap, in a random column."""
    rows = _rows(notes)
    # The columns that the chart uses; the number of keys is not passed in.
    keys = 1 + max((note.column for note in notes), default=0)
    # The exact share, not one coin a row: damage of one strength must not vary by chance.
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


def double(notes: Sequence[HitObject], share: float, rng: np.random.Generator) -> Notes:
    """A share of the notes written twice."""
    return [copy for note in notes for copy in [note] * (1 + (rng.random() < share))]


def beside_holds(
    notes: Sequence[HitObject],
    share: float,
    rng: np.random.Generator,
    *,
    before_ms: float | None = None,
    after_ms: float | None = None,
) -> Notes:
    """A tap in the column of a share of the long notes: within, before or after them.

    Args:
        notes: of a chart.
        share: of the long notes, 0 ... 1.
        rng: source of the choice.
        before_ms: the tap comes so long before the start.
        after_ms: the tap comes so long after the end; without either it lies in the middle.
    """
    made: Notes = list(notes)
    for note in notes:
        if isinstance(note, LongNote) and rng.random() < share:
            at = (note.start_ms + note.end_ms) / 2
            if before_ms is not None:
                at = note.start_ms - before_ms
            elif after_ms is not None:
                at = note.end_ms + after_ms
            made.append(Rice(note.column, at))
    return sorted(made, key=lambda note: (note.start_ms, note.column))


def shorten_holds(
    notes: Sequence[HitObject], share: float, to_ms: float, rng: np.random.Generator
) -> Notes:
    """A share of the long notes held for so many ms only."""
    return [
        replace(n, end_ms=n.start_ms + to_ms)
        if isinstance(n, LongNote) and rng.random() < share
        else n
        for n in notes
    ]


def replace_bars(
    notes: Sequence[HitObject],
    edges_ms: np.ndarray,
    bars: Sequence[int],
    pattern: Sequence[Sequence[int]],
    gap_ms: float,
) -> Notes:
    """Bars in which a pattern of rows is played over and over instead of what they had.

    Args:
        notes: of a chart.
        edges_ms: starts of the bars.
        bars: which, by number.
        pattern: the columns of each row in turn; none at all leaves the bars empty.
        gap_ms: from row to row.
    """
    spans = [(float(edges_ms[bar]), float(edges_ms[bar + 1])) for bar in bars]
    made: Notes = [
        note
        for note in notes
        if not any(note.start_ms < end and note.last_ms >= start for start, end in spans)
    ]
    for start, end in spans if pattern else ():
        for index, time in enumerate(np.arange(start, end - gap_ms, gap_ms)):
            made += [Rice(column, float(time)) for column in pattern[index % len(pattern)]]
    return sorted(made, key=lambda note: (note.start_ms, note.column))


def without_columns(notes: Sequence[HitObject], columns: int) -> Notes:
    """The notes of the first so many columns left out."""
    return [note for note in notes if note.column >= columns]


def reverse(notes: Sequence[HitObject]) -> Notes:
    """The chart from its end to its beginning; it begins and ends when it did."""
    if not notes:
        return []
    first = min(float(note.start_ms) for note in notes)
    last = max(float(note.last_ms) for note in notes)
    made: Notes = []
    for note in notes:
        start = first + last - float(note.last_ms)
        if isinstance(note, LongNote):
            made.append(replace(note, start_ms=start, end_ms=first + last - float(note.start_ms)))
        else:
            made.append(replace(note, start_ms=start))
    return sorted(made, key=lambda note: (note.start_ms, note.column))


def fill_lines(
    notes: Sequence[HitObject],
    lines_ms: np.ndarray,
    keys: int,
    share: float,
    rng: np.random.Generator,
) -> Notes:
    """A tap in a random column on a share of the lines that have no note within 5 ms.

    Args:
        notes: of a chart.
        lines_ms: rising.
        keys: columns.
        share: 0 ... 1.
        rng: source of the choice and the columns.
    """
    taken = np.unique(np.array([note.start_ms for note in notes], np.float64))
    empty = [t for t in lines_ms.tolist() if not (np.abs(taken - t) <= ROW_MS).any()]
    hit = rng.permutation(len(empty)) < round(share * len(empty))
    added = [
        Rice(int(rng.integers(keys)), float(round(t)))
        for t, chosen in zip(empty, hit, strict=True)
        if chosen
    ]
    return sorted([*notes, *added], key=lambda note: (note.start_ms, note.column))
