"""Pulse that is counted as the beat in each part of a song with several tempi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from mug.timing.choice import GridChoice, beat_odds, choose_beat
from mug.timing.features import TimingFeatures
from mug.timing.grid import BPM_RANGE, EvenGrid, phases
from mug.timing.onsets import Onsets
from mug.timing.path import likeliest_path

_SAME = 0.006  # readings whose tempi differ by less are one level
_RETURNS = 0.003  # parts whose tempi differ by less have one tempo
_MOST = 5  # levels of a tempo that are compared with those of the others
_SHARE = 1e-3  # least probability of a level: one part alone forbids nothing
_JUMP = 1.0  # nats that a change of one octave costs
_WINDOW_MS, _STEP_MS = 12000.0, 3000.0  # in which tempi that share beats are compared
_CHANGE = 1.75  # nats that a change of the level must gain
_LEAST_WINDOWS = 2
_FACTORS = (1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0)  # tempi that share beats or their parts
_WINDOW_PHASES = 2
_LEAST_PEAKS = 12


class PartLevel(NamedTuple):
    """The beat of a part, in the song's time.

    Args:
        grids: phases of the chosen tempo with their odds, likeliest first.
        probability: of the tempo (octave included), 0 ... 1.
        readings: other tempi and phases with their probabilities, likeliest first.
    """

    grids: tuple[GridChoice, ...]
    probability: float
    readings: tuple[GridChoice, ...] = ()


@dataclass(frozen=True)
class _Reading:
    """A tempo that a part may be counted at, its odds, and its phases with theirs."""

    bpm: float
    odds: float
    grids: tuple[GridChoice, ...]


def part_levels(
    onsets: Onsets, parts: Sequence[tuple[float, float, float]], *, margin_ms: float = 1000.0
) -> list[PartLevel]:
    """The beat of each part by the score of a whole song; none where a part has no beat.

    Parts of one tempo (A, B, A) share their level. Where a part's own odds leave it open, the level
    nearest to the neighbours' is taken.

    Args:
        onsets: of the song.
        parts: start, end (ms) and a tempo that recurs in each.
        margin_ms: what is left out at borders between parts, as they are not known exactly.
    """
    found: list[list[_Reading]] = []
    sure: list[float] = []
    for index, (start_ms, end_ms, _) in enumerate(parts):
        begin = start_ms + (margin_ms if index else 0.0)
        end = end_ms - (margin_ms if index + 1 < len(parts) else 0.0)
        piece, begin_ms = onsets.between(begin, end)
        choices = choose_beat(piece, TimingFeatures.of(piece))
        if not choices:
            return []
        found.append(_readings(choices, begin_ms))
        sure.append(sum(choice.probability for choice in choices))
    groups = _groups([bpm for _, _, bpm in parts])
    chosen, odds = _together(found, groups)
    levels = []
    for index, group in enumerate(groups):
        reading = _nearest(found[index], chosen[group])
        others = tuple(
            GridChoice(grid, odds_of * one.odds * sure[index])
            for one in found[index]
            for grid, odds_of in one.grids[:1]
        )
        levels.append(PartLevel(reading.grids, odds[group] * sure[index], others))
    return levels


def _readings(choices: Sequence[GridChoice], begin_ms: float) -> list[_Reading]:
    """Tempi of a part's grids, likeliest first, each with its likeliest phase."""
    total = sum(choice.probability for choice in choices) or 1.0
    levels: list[list[GridChoice]] = []
    for choice in choices:
        known = (one for one in levels if abs(choice.grid.bpm / one[0].grid.bpm - 1) < _SAME)
        level = next(known, None)
        if level is None:
            levels.append([choice])
        else:
            level.append(choice)
    found = []
    for level in levels:
        share = sum(one.probability for one in level)
        grids = tuple(
            GridChoice(
                EvenGrid(grid.beat_ms, (grid.offset_ms + begin_ms) % grid.beat_ms),
                probability / max(share, 1e-12),
            )
            for grid, probability in level
        )
        found.append(_Reading(level[0].grid.bpm, share / total, grids))
    return sorted(found, key=lambda one: -one.odds)


def _groups(tempi: Sequence[float]) -> list[int]:
    """Number of each part's tempo: parts that return to a tempo share one."""
    firsts: list[float] = []
    groups = []
    for bpm in tempi:
        known = [i for i, other in enumerate(firsts) if abs(bpm / other - 1) < _RETURNS]
        if not known:
            firsts.append(bpm)
        groups.append(known[0] if known else len(firsts) - 1)
    return groups


def _together(
    found: Sequence[list[_Reading]], groups: Sequence[int]
) -> tuple[list[float], list[float]]:
    """Tempo of each group and its odds: own evidence, and neighbours that stay near."""
    count = max(groups) + 1
    tempi: list[list[float]] = []
    scores: list[list[float]] = []
    for group in range(count):
        members = [found[i] for i, other in enumerate(groups) if other == group]
        longest = max(members, key=lambda one: one[0].odds)
        tempi.append([reading.bpm for reading in longest[:_MOST]])
        scores.append([sum(_log_odds(one, bpm) for one in members) for bpm in tempi[group]])
    combos = list(product(*(range(len(one)) for one in tempi)))
    total = np.zeros(len(combos))
    for number, combo in enumerate(combos):
        total[number] = sum(scores[group][place] for group, place in enumerate(combo))
        for one, other in pairwise(groups):
            ratio = tempi[one][combo[one]] / tempi[other][combo[other]]
            total[number] -= _JUMP * abs(float(np.log2(ratio)))
    odds = np.exp(total - total.max())
    odds /= odds.sum()
    best = combos[int(np.argmax(odds))]
    shares = [
        float(sum(p for p, combo in zip(odds, combos, strict=True) if combo[group] == place))
        for group, place in enumerate(best)
    ]
    return [tempi[group][place] for group, place in enumerate(best)], shares


def _log_odds(readings: Sequence[_Reading], bpm: float) -> float:
    return float(np.log(_SHARE + max((r.odds for r in readings if _is(r, bpm)), default=0.0)))


def _nearest(readings: Sequence[_Reading], bpm: float) -> _Reading:
    return min(readings, key=lambda one: abs(np.log(one.bpm / bpm)))


def _is(reading: _Reading, bpm: float) -> bool:
    return abs(reading.bpm / bpm - 1) < _SAME


def shared_parts(
    onsets: Onsets, grid: EvenGrid, start_ms: float, end_ms: float
) -> list[tuple[float, float, float]]:
    """Parts of a range whose tempi are simple ratios of one: start, end (ms) and tempo.

    Half the beats, all of them and every third half lie on one grid: onsets recur alike before and
    after such a change, so that only the score of the beat tells it.

    Args:
        onsets: of the song.
        grid: its beat, if it had one tempo.
        start_ms: where the range begins.
        end_ms: where it ends.
    """
    whole = [(start_ms, end_ms, grid.bpm)]
    starts = np.arange(start_ms, end_ms - _WINDOW_MS + 1, _STEP_MS)
    low, high = BPM_RANGE
    factors = [f for f in _FACTORS if low <= grid.bpm * f <= high]
    if len(starts) < 2 * _LEAST_WINDOWS or len(factors) < 2:
        return whole
    scores = np.array([_window_odds(onsets, grid.bpm, float(at), factors) for at in starts])
    path = likeliest_path(scores, _CHANGE)
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    if min(b - a for a, b in pairwise(edges)) < _LEAST_WINDOWS:
        return whole
    parts = []
    for first, last in pairwise(edges):
        # A window that straddles a change belongs to the side that has more of it.
        start = start_ms if first == 0 else float(starts[first]) + (_WINDOW_MS - _STEP_MS) / 2
        end = float(starts[last - 1]) + (_WINDOW_MS + _STEP_MS) / 2
        end = end_ms if last == len(path) else end
        parts.append((start, end, grid.bpm * factors[path[first]]))
    return parts


def _window_odds(
    onsets: Onsets, bpm: float, start_ms: float, factors: Sequence[float]
) -> Float64[np.ndarray, " factors"]:
    """Log odds of each level in a window, a step's share of them, as windows overlap."""
    piece, _ = onsets.between(start_ms, start_ms + _WINDOW_MS)
    evidence = TimingFeatures.of(piece)
    if len(evidence.peaks.times_ms) < _LEAST_PEAKS:
        return np.zeros(len(factors))
    grids, owners = [], []
    for place, factor in enumerate(factors):
        beat_ms = 60000.0 / (bpm * factor)
        for offset_ms in phases(evidence.peaks, beat_ms, _WINDOW_PHASES):
            grids.append(EvenGrid(beat_ms, offset_ms))
            owners.append(place)
    odds = beat_odds(evidence, grids)
    shares = np.bincount(owners, weights=odds, minlength=len(factors))
    logs: np.ndarray = np.log(shares + _SHARE) * _STEP_MS / _WINDOW_MS
    return logs
