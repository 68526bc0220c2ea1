"""Charts made easier by leaving notes out: what crowds the beat goes first, what carries it last.

The order in which notes go depends on the chart alone, so a chart of which more is dropped is
a part of the same chart of which less is dropped.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence

import numpy as np

from mug.beatmap.hit_objects import HitObject
from mug.beatmap.timing_points import TimingPoint
from mug.snapping.lines import BeatLines, Indices, Times

Accents = Callable[[Times], Times]
"""Strength of the sound's onset at some times, 0 none ... 1 the strongest."""

_GAPS = (0.45, 0.95, 1.95, 3.95)
"""Least beats between rows, one pass each: 1/2, 1, 2 and 4 beats, less what rounding takes."""

_CHORDS_AFTER = 1
"""After so many passes over rows, chords are reduced to single notes."""

_DIVISORS = (1, 2, 3, 4)
_ON_LINE_MS = 3.0
_CROWD_BEATS = 2.0
_CROWD_STEP = 4  # rows; a smaller difference does not matter
_BAR_PLACES = 12  # in a beat
_ACCENT_STEPS = 0.9  # of the metre, that the strongest onset counts for
_GOLDEN = (5**0.5 - 1) / 2


def drop_notes(
    notes: Sequence[HitObject],
    red_lines: Sequence[TimingPoint],
    enough: Callable[[Sequence[HitObject]], bool],
    accents: Accents | None = None,
) -> tuple[HitObject, ...]:
    """Notes of a chart, as few left out as are needed for it to be easy enough.

    Args:
        notes: of a whole chart.
        red_lines: the beat, which says what carries a rhythm.
        enough: whether these notes are easy enough. Found by halving: where fewer notes are not
            always easier, a few more than needed may go.
        accents: as for `dropping_order`.

    Returns:
        The notes that stay, by time, then column. Where nothing is enough, one row in four beats.
    """
    order = dropping_order(notes, red_lines, accents)
    if enough(notes):
        return tuple(_without(notes, ()))
    few, many = 0, len(order)  # too few leave with the first; the second is enough, or all there is
    while many - few > 1:
        middle = (few + many) // 2
        if enough(_without(notes, order[:middle])):
            many = middle
        else:
            few = middle
    return tuple(_without(notes, order[:many]))


def dropping_order(
    notes: Sequence[HitObject],
    red_lines: Sequence[TimingPoint],
    accents: Accents | None = None,
) -> tuple[HitObject, ...]:
    """Notes that may be left out, the first to go first.

    Passes with growing gaps: rows on weaker parts of the beat go that stand too close to rows on
    stronger ones. In each pass the most crowded go first, of those the ones that the sound does
    not stress, and of those the same places of all bars. In between, chords become single notes.

    Args:
        notes: of a whole chart.
        red_lines: the beat.
        accents: how strong the sound's onset is at some times, 0 ... 1. A strong onset counts for
            nearly one step of the metre, a missing one against; without them the metre decides.
    """
    rows: dict[float, list[HitObject]] = {}
    for note in sorted(notes, key=lambda n: (n.start_ms, n.column)):
        rows.setdefault(note.start_ms, []).append(note)
    lines = BeatLines(red_lines)
    times = np.array(list(rows), np.float64)
    weak = weakness(times, lines)
    if accents is not None:
        weak = weak + _ACCENT_STEPS * (1 - 2 * accents(times))
    ranks = dict(zip(times.tolist(), weak.tolist(), strict=True))
    gone: list[HitObject] = []
    for done, gap in enumerate(_GAPS):
        if done == _CHORDS_AFTER:
            gone += _chord_notes(rows, ranks)
        for time in _crowded(rows, lines, ranks, gap):
            gone += rows.pop(time)
    return tuple(gone)


def _crowded(
    rows: dict[float, list[HitObject]], lines: BeatLines, ranks: dict[float, float], gap: float
) -> list[float]:
    """Times of rows that stand within so many beats of a stronger one, most crowded first."""
    times = np.array(sorted(rows), np.float64)
    if not len(times):
        return []
    beat_ms = lines.beat_ms[lines.section(times)]
    weak = np.array([ranks[time] for time in times.tolist()])
    kept: list[float] = []
    losers: list[int] = []
    for index in np.lexsort((times, weak)).tolist():
        time = float(times[index])
        place = bisect.bisect_left(kept, time)
        if any(
            abs(near - time) < gap * beat_ms[index] for near in kept[max(place - 1, 0) : place + 1]
        ):
            losers.append(index)
        else:
            kept.insert(place, time)
    around = _CROWD_BEATS * beat_ms
    crowd = np.searchsorted(times, times + around) - np.searchsorted(times, times - around)
    place_in_bar = turn(times, lines)
    order = sorted(
        losers,
        key=lambda i: (
            -(crowd[i] // _CROWD_STEP),
            -round(float(weak[i])),
            place_in_bar[i],
            times[i],
        ),
    )
    return [float(times[i]) for i in order]


def turn(times: Times, lines: BeatLines) -> Times:
    """Order of the places of a bar, 0 first.

    The same place in all bars at once, so that bars that were alike stay alike; places that have
    their turn one after the other lie far apart.
    """
    section = lines.section(times)
    beats = (times - lines.start_ms[section]) / lines.beat_ms[section]
    place = np.rint((beats % lines.meter[section]) * _BAR_PLACES)
    when: Times = np.round(place * _GOLDEN % 1.0, 6)
    return when


def weakness(times: Times, lines: BeatLines) -> Indices:
    """0 at the begin of a bar, 1 on a beat, then by the divisor of the beat; 9 off the grid."""
    found = np.full(len(times), 9)
    for divisor in reversed(_DIVISORS):
        found[np.abs(lines.nearest(times, divisor)[1]) <= _ON_LINE_MS] = divisor
    section = lines.section(times)
    bar_ms = lines.beat_ms[section] * lines.meter[section]
    into = (times - lines.start_ms[section] + _ON_LINE_MS) % bar_ms
    found[into <= 2 * _ON_LINE_MS] = 0
    return found


def _chord_notes(rows: dict[float, list[HitObject]], ranks: dict[float, float]) -> list[HitObject]:
    """All but one note of each row, those of weaker rows first; takes them out of the rows.

    The note that stays is in the column that has rested longest.
    """
    gone: dict[float, list[HitObject]] = {}
    last: dict[int, float] = {}
    for time, row in rows.items():
        stays = min(row, key=lambda note: (last.get(note.column, -1e12), note.column))
        last |= {note.column: time for note in row}
        gone[time] = [note for note in row if note is not stays]
        rows[time] = [stays]
    times = np.array(list(rows), np.float64)
    order = np.lexsort((times, np.array([-ranks[time] for time in times.tolist()])))
    return [note for i in order.tolist() for note in gone[float(times[i])]]


def _without(notes: Sequence[HitObject], gone: Sequence[HitObject]) -> list[HitObject]:
    left = set(gone)
    stay = [note for note in notes if note not in left]
    return sorted(stay, key=lambda note: (note.start_ms, note.column))
