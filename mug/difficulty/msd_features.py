"""Features of one hand in each half second of a 4K chart, counted from exact times.

Everything is counted per hand, the outer finger (columns 0 and 3) apart from the inner one, so that
a mirrored chart gives the same numbers with the hands exchanged. Speeds are in units of 10 Hz.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from mug.difficulty.names import MSD_KEYS

INTERVAL = 0.5
"""Seconds of one interval."""

KEYS = MSD_KEYS
_SHORTEST = 0.01  # seconds added to every gap: notes closer than this are one stroke to a player

NOTE_CHANNELS = (
    "notes", "outer", "same", "same^2", "same^4", "pair", "pair^2", "pair^4", "triple", "triple^2",
    "six", "jack", "jack_speed", "jack_speed^2", "jack_pair^2", "skip", "skip_speed^2",
)  # fmt: skip
ROW_CHANNELS = (
    "rows", "jumps", "alternate", "repeat", "jump_jump", "jump_single", "single_jump",
    "alternate_speed", "alternate_speed^2", "repeat_speed", "repeat_speed^2", "trill",
    "trill_speed", "long_trill", "long_trill_speed", "trill_uneven", "double", "uneven",
    "speed", "speed^2",
    "size1", "size2", "size3", "size4", "same_hand", "other_hand", "both_hands", "row_speed",
    "row_speed^2", "flam", "row_uneven", "four_columns", "row_again", "disjoint_jumps", "row_kept",
    "others_between", "jump_speed^2",
)  # fmt: skip
CHANNELS = NOTE_CHANNELS + ROW_CHANNELS
"""Names of what is summed over each interval and hand."""


GAPS = 11
"""Columns of `note_gaps`."""
_SLOWER, _FASTER = 0.01, 2.34  # a gap so much longer, or so many times shorter, begins a new run
_FIRST = 4  # gaps of a run that its speed is taken from


def hand_sums(
    time: Float[np.ndarray, " n"], column: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "intervals hands=2 channels"]:
    """Sums of every channel over each half second, for the left and the right hand.

    Args:
        time: seconds, ascending, as played (the rate already applied), the first at 0 or later.
        column: 0 … 3.
    """
    intervals = int(time[-1] / INTERVAL) + 1
    row_time, row_of = np.unique(time, return_inverse=True)
    mask = np.bincount(row_of, weights=1 << column).astype(np.int64)
    notes = _note_channels(time, column, row_of)
    rows = _row_channels(row_time, mask)
    both = np.concatenate([_sum_up(*notes, intervals), _sum_up(*rows, intervals)], axis=1)
    return both.reshape(intervals, 2, len(CHANNELS))


def note_gaps(
    time: Float[np.ndarray, " n"], column: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "n gaps"]:
    """Seconds between each note and what came before it, infinite where nothing did.

    The last six gaps in the note's own column, the time since the other finger of the hand struck,
    the time since the row before, the mean of the first four gaps of the column's run, how long
    the run lasts, and a tenth of its gaps' number; notes by column, then time. A run ends where a
    gap is over 10 ms longer than the one before, or 2.34 times shorter. What it does after four
    gaps doesn't change its speed: a long jack that follows a slower pattern stays as slow.

    Args:
        time: seconds, ascending, as played.
        column: 0 … 3.

    Source: found in the recorded values, see docs/msd.md.
    """
    order = np.argsort(column, kind="stable")
    t, c = time[order], column[order]
    start = _starts(c)
    gap = t - _back(t, 1, start, -np.inf)
    other = np.full(len(t), -np.inf)
    for own in range(KEYS):
        mine, theirs = c == own, t[c == (own ^ 1)]
        before = np.searchsorted(theirs, t[mine]) - 1
        other[mine] = np.concatenate([theirs, [-np.inf]])[before]
    rows = np.concatenate([np.unique(t), [-np.inf]])
    row = rows[np.searchsorted(rows[:-1], t) - 1]
    back = [_back(gap, k, start, np.inf) for k in range(6)]
    return np.stack([*back, t - other, t - row, *_runs(t, gap, start)], axis=1)


def _runs(
    t: Float[np.ndarray, " n"], gap: Float[np.ndarray, " n"], start: Bool[np.ndarray, " n"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of the first gaps of each note's run, how long it has lasted, a tenth of its gaps."""
    before = _back(gap, 1, start, np.inf)
    # A column's second note begins a run too: its gap is less than the infinite one before.
    first = start | (gap > before + _SLOWER) | (gap * _FASTER < before)
    index = np.arange(len(t))
    began = np.maximum.accumulate(np.where(first, index, 0))
    since = (t - gap)[began]
    count = index - began + 1
    fixed = np.minimum(count, _FIRST)
    return (t[began + fixed - 1] - since) / fixed, t - since, count / 10


def hand_rows(
    time: Float[np.ndarray, " n"], column: Int[np.ndarray, " n"]
) -> Int[np.ndarray, "rows columns=2"]:
    """The latest note of each of the hand's columns, for every row that a hand strikes.

    Args:
        time: seconds, ascending.
        column: 0 … 3.

    Returns:
        Places among the notes by column, then time; n where the column has had no note yet.
    """
    ends = np.append(0, np.cumsum(np.bincount(column, minlength=KEYS)))
    t = time[np.argsort(column, kind="stable")]
    hands = []
    for left in range(0, KEYS, 2):
        rows = np.unique(t[ends[left] : ends[left + 2]])
        latest = []
        for c in (left, left + 1):
            place = ends[c] + np.searchsorted(t[ends[c] : ends[c + 1]], rows, side="right") - 1
            latest.append(np.where(place < ends[c], len(t), place))
        hands.append(np.stack(latest, axis=1))
    return np.concatenate(hands)


def log_speeds(gaps: Float[np.ndarray, "n gaps"]) -> Float[np.ndarray, "n gaps"]:
    """Features of jackspeed: logarithms of the speeds, in 10 Hz, of `note_gaps`."""
    return np.asarray(np.log(0.1 / (gaps + _SHORTEST) + 0.02), dtype=np.float32)


def unready(
    time: Float[np.ndarray, " n"], column: Int[np.ndarray, " n"]
) -> Bool[np.ndarray, "views=2 n"]:
    """Notes that MinaCalc's jackspeed overlooks, in the chart as it is and in its mirror image.

    A hand's right column counts only from the first note of its left column on; until then the hand
    has no value there. In a mirror image it is the left column that waits for the right one.

    Args:
        time: seconds, ascending.
        column: 0 … 3.

    Source: found in the recorded values, see docs/msd.md.
    """
    first = np.array([time[column == c].min(initial=np.inf) for c in range(KEYS)])
    lone = time < first[column ^ 1]
    right = column % 2 == 1
    return np.stack([lone & right, lone & ~right])


def shares(
    time: Float[np.ndarray, " n"],
    column: Int[np.ndarray, " n"],
    chosen: Bool[np.ndarray, "views n"],
    intervals: int,
) -> Float[np.ndarray, "views intervals hands=2"]:
    """Share of the notes of each half second and hand that are not `chosen`; 1 where none are."""
    cell = (time / INTERVAL).astype(np.int64) * 2 + (column >= KEYS // 2)
    size = 2 * intervals
    notes = np.maximum(np.bincount(cell, minlength=size), 1)
    parts = [1 - np.bincount(cell, weights=view, minlength=size) / notes for view in chosen]
    return np.stack(parts).reshape(len(chosen), intervals, 2)


def _starts(group: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    start = np.empty(len(group), dtype=bool)
    start[0] = True
    np.not_equal(group[1:], group[:-1], out=start[1:])
    return start


def _sum_up(
    time: Float[np.ndarray, " n"],
    hand: Int[np.ndarray, " n"],
    channels: list[Float[np.ndarray, " n"]],
    intervals: int,
) -> Float[np.ndarray, "cells channels"]:
    cell = (time / INTERVAL).astype(np.int64) * 2 + hand
    width = len(channels)
    index = cell + np.arange(width)[:, None] * (2 * intervals)
    total = np.bincount(
        index.ravel(), weights=np.concatenate(channels), minlength=width * 2 * intervals
    )
    return total.reshape(width, 2 * intervals).T


def _speed(gap: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return 0.1 / (gap + _SHORTEST)


def _back(x: np.ndarray, k: int, start: Bool[np.ndarray, " n"], fill: float) -> np.ndarray:
    """The value `k` places earlier in the same group; `start` marks where groups begin."""
    if k == 0:
        return x
    y = np.empty_like(x)
    y[k:] = x[:-k]
    y[:k] = fill
    for first in np.flatnonzero(start):
        y[first : first + k] = fill
    return y


def _note_channels(
    time: Float[np.ndarray, " n"], column: Int[np.ndarray, " n"], row_of: Int[np.ndarray, " n"]
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Each note against the ones before it in its column."""
    order = np.argsort(column, kind="stable")
    t, c, r = time[order], column[order], row_of[order]
    start = _starts(c)
    v = _speed(t - _back(t, 1, start, -np.inf))
    pair = np.minimum(v, _back(v, 1, start, 0.0))
    triple = np.minimum(pair, _back(v, 2, start, 0.0))
    six = np.minimum(triple, _back(triple, 3, start, 0.0))
    apart = r - _back(r, 1, start, -9)
    jack = (apart == 1).astype(float)
    skip = (apart == 2).astype(float)
    outer = ((c == 0) | (c == KEYS - 1)).astype(float)
    v2, p2, j = v * v, pair * pair, jack * v
    jack_pair = np.minimum(j, _back(j, 1, start, 0.0))
    hand = (c >= KEYS // 2).astype(np.int64)
    return t, hand, [
        np.ones(len(t)), outer, v, v2, v2 * v2, pair, p2, p2 * p2, triple, triple * triple,
        six, jack, j, j * v, jack_pair * jack_pair, skip, skip * v2,
    ]  # fmt: skip


def _row_channels(
    row_time: Float[np.ndarray, " r"], mask: Int[np.ndarray, " r"]
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Each row of a hand against the hand's rows before it, and against the whole rows."""
    left, right = mask & 3, ((mask >> 3) & 1) | ((mask >> 1) & 2)  # bit 0: outer, bit 1: inner
    li, ri = np.flatnonzero(left), np.flatnonzero(right)
    row = np.concatenate([li, ri])
    finger = np.concatenate([left[li], right[ri]])
    hand = np.repeat(np.array([0, 1]), [len(li), len(ri)])
    start = np.zeros(len(row), dtype=bool)
    start[0] = True
    if 0 < len(li) < len(row):
        start[len(li)] = True
    t = row_time[row]
    return t, hand, _own_rows(t, finger, row, start) + _whole_rows(row_time, mask, row, hand)


def _own_rows(
    t: Float[np.ndarray, " m"],
    finger: Int[np.ndarray, " m"],
    row: Int[np.ndarray, " m"],
    start: Bool[np.ndarray, " m"],
) -> list[np.ndarray]:
    before, before2, before3 = (_back(finger, k, start, 0) for k in (1, 2, 3))
    gap = t - _back(t, 1, start, -np.inf)
    v = _speed(gap)
    v1 = _back(v, 1, start, 0.0)
    single, jump = finger < 3, finger == 3
    alternate = (finger + before == 3) & single & (before > 0)
    repeat = (finger == before) & single
    trill = alternate & (finger == before2)
    long_trill = trill & (before == before3)
    double = alternate & (before == before2)
    uneven = np.abs(np.log((v + 0.01) / (v1 + 0.01)))
    v2 = v * v
    tv = np.minimum(v, v1)
    jump_jump = jump & (before == 3)
    flags = [
        np.ones(len(t)), jump, alternate, repeat, jump_jump,
        single & (before == 3), jump & (before > 0) & (before < 3),
        alternate * v, alternate * v2, repeat * v, repeat * v2, trill, trill * tv,
        long_trill, long_trill * tv, trill * uneven, double, uneven, v, v2,
    ]  # fmt: skip
    return [np.asarray(x, dtype=float) for x in flags]


def _whole_rows(
    row_time: Float[np.ndarray, " r"],
    mask: Int[np.ndarray, " r"],
    row: Int[np.ndarray, " m"],
    hand: Int[np.ndarray, " m"],
) -> list[np.ndarray]:
    start = np.zeros(len(mask), dtype=bool)
    start[0] = True
    m1, m2, m3 = (_back(mask, k, start, 0) for k in (1, 2, 3))
    size = np.array([bin(i).count("1") for i in range(16)])
    gap = row_time - _back(row_time, 1, start, -np.inf)
    v = _speed(gap)
    uneven = np.abs(np.log((v + 0.01) / (_back(v, 1, start, 0.0) + 0.01)))
    n = size[mask]
    four = ((mask | m1 | m2 | m3) == 15) & (n + size[m1] + size[m2] + size[m3] == 4)
    again = (mask == m2) & (mask != m1)
    disjoint = (n == 2) & (size[m1] == 2) & ((mask & m1) == 0)
    whole = [
        n == 1, n == 2, n == 3, n == 4,
        v, v * v, np.exp(-((gap / 0.03) ** 2)), uneven, four, again, disjoint,
        mask == m1, (n >= 2) * v * v,
    ]  # fmt: skip
    picked = np.asarray(whole, dtype=float)[:, row]
    own = np.where(hand == 0, 3, 12)
    previous = m1[row]
    mine, other = (previous & own) > 0, (previous & (15 - own)) > 0
    between = np.minimum(np.diff(row, prepend=row[:1]) - 1, 4)
    between[np.flatnonzero(np.diff(hand)) + 1] = 0
    touches = [mine & ~other, other & ~mine, mine & other]
    return [
        *picked[:4], *np.asarray(touches, dtype=float),
        *picked[4:12], np.maximum(between, 0).astype(float), picked[12],
    ]  # fmt: skip
