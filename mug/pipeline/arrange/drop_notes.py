"""Charts made easier by leaving notes out: what crowds the beat goes first, what carries it last.

The order in which notes go depends on the chart alone, so a chart of which more is dropped is
a part of the same chart of which less is dropped.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from functools import cache

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
_BEYOND = 16  # part of what is left to search that is stepped beyond the end of a line
_SHRUNK = 4  # two looks that leave more than this part are followed by halving


def drop_notes(
    notes: Sequence[HitObject],
    red_lines: Sequence[TimingPoint],
    excess: Callable[[Sequence[HitObject]], float],
    accents: Accents | None = None,
    guess: int | None = None,
    estimate: Callable[[Sequence[HitObject]], Callable[[int], float]] | None = None,
) -> tuple[HitObject, ...]:
    """Notes of a chart, as few left out as are needed for it to be easy enough.

    Args:
        notes: of a whole chart.
        red_lines: the beat, which says what carries a rhythm.
        excess: how much too hard these notes are; at 0 and below they are easy enough. Where
            fewer notes are not always easier, a few more than needed may go.
        accents: as for `dropping_order`.
        guess: how many may have to go.
        estimate: of the order in which notes go makes a function of how many are gone, nearly as
            `excess`, in less time: the search goes where it leads.

    Returns:
        The notes that stay, by time, then column. Where nothing is enough, one row in four beats.
    """
    order = dropping_order(notes, red_lines, accents)
    if excess(notes) <= 0:
        return tuple(_without(notes, ()))
    if estimate is not None:
        guess = crossing(len(order), estimate(order), guess)
    few = crossing(len(order), lambda n: excess(_without(notes, order[:n])), guess)
    return tuple(_without(notes, order[: few + 1]))


def crossing(count: int, excess: Callable[[int], float], guess: int | None = None) -> int:
    """Return the last number before a value comes to the other side of zero, `count` at most.

    Where it does so more than once, this is one of the places. Zero counts as negative. From the
    guess the search goes on in steps that double, then between two places on different sides by
    interpolation, and by halving where that does not bring them together.

    Args:
        count: the largest number; the smallest is 0.
        excess: the value of a number.
        guess: a number near the crossing; by default by interpolation between both ends.
    """
    values = cache(excess)
    began = values(0) <= 0
    low, high, doubled = 0, count + 1, guess is not None  # beyond the end all is on the other side
    if guess is None:
        ends = count > 0 and (values(count) <= 0) != began
        high = count if ends else high
        guess = _interpolated(low, high, values) if ends else count
    at, step, turn, width = guess, 1, 0, high - low
    onward: bool | None = None
    while high - low > 1:
        at = min(max(at, low + 1), high - 1)
        same = (values(at) <= 0) == began
        low, high = (at, high) if same else (low, at)
        onward = same if onward is None else onward
        doubled = doubled and same == onward
        if doubled:
            at, step = (at + step if same else at - step), 2 * step
        elif turn == 1:  # the line ends close to the crossing: rather look just beyond it
            beyond = max((high - low) // _BEYOND, 1)
            at, turn = (at + beyond if same else at - beyond), 2
        elif high > count or (turn == 2 and high - low > width // _SHRUNK):
            at, turn, width = (low + high) // 2, 0, high - low
        else:
            at, turn, width = _interpolated(low, high, values), 1, high - low
    return low


def _interpolated(low: int, high: int, values: Callable[[int], float]) -> int:
    """Return where a line through the values of two numbers is zero."""
    first, last = values(low), values(high)
    share = first / (first - last) if first != last else 0.5
    return low + round(share * (high - low))


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
