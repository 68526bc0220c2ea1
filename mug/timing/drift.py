"""Beats that follow a tempo that wanders or changes a little, and red lines through them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from mug.timing.grid import EvenGrid, Peaks, sharpen
from mug.timing.onsets import BAND_HOP, HARMONY_HOP, HOP, SAMPLE_RATE, Onsets

_WINDOW_MS, _STEP_MS = 8000.0, 1000.0
_TEMPI = np.arange(-40, 41) * 0.002  # share by which a window's tempo may differ from the main one
_PARTS = (1, 2, 4)
_MOVE = 0.03  # what a step of the tempo costs from window to window, in windows' shares
_MOVES = 4  # most steps: 0.8 % a second
_LOCKS_MS = (8000.0, 4000.0, 4000.0)  # windows in which the phase is corrected, one after another
_CORNER_MS = 2500.0  # how far from a change the smoothed beats may leave both tempi
_STEP_ERROR_MS = 25.0  # of smoothed beats against constant tempi, at most
_AS_WELL = 0.99  # share of the followed onsets' recurrence that constant tempi must reach
_LEAST_BEATS = 4
_MOST_STEPS = 3
_LINE_ERROR_MS = 4.0  # of a red line's beats, where the tempo wanders


@dataclass(frozen=True, eq=False)
class BeatCurve:
    """Beats of a song over time, fractions included.

    Args:
        times_ms: knots.
        beats: beats since the first knot; rising.
        gain: how much more clearly the onsets recur in these beats than at one tempo; 1 as clearly.
        clarity: how much more clearly than onsets at random times would on the mean.
    """

    times_ms: Float64[np.ndarray, " knots"]
    beats: Float64[np.ndarray, " knots"]
    gain: float = 1.0
    clarity: float = 0.0

    def beat_at(self, times_ms: Float64[np.ndarray, " times"]) -> Float64[np.ndarray, " times"]:
        """Beats at some times; beyond the knots at the tempo of the nearest two."""
        return _through(self.times_ms, self.beats, times_ms)

    def time_of(self, beats: Float64[np.ndarray, " beats"]) -> Float64[np.ndarray, " beats"]:
        """Times of some beats."""
        return _through(self.beats, self.times_ms, beats)

    @property
    def bpm(self) -> float:
        """Mean tempo."""
        span = float(self.times_ms[-1] - self.times_ms[0])
        return 60000.0 * float(self.beats[-1] - self.beats[0]) / span


def follow(peaks: Peaks, bpm: float, duration_ms: float) -> BeatCurve | None:
    """Beats that follow the onsets within 8 % of a tempo; None for a song too short for that.

    Windows say roughly how fast the music is, a cheapest path joins them, and its beats are then
    moved to where the onsets recur: their phase in each window, as a phase-locked loop has it.

    Args:
        peaks: the song's onsets.
        bpm: a tempo that recurs, of any level.
        duration_ms: length of the song.
    """
    centres = np.arange(_WINDOW_MS / 2, duration_ms - _WINDOW_MS / 2 + 1, _STEP_MS)
    if len(centres) < 4 or len(peaks.times_ms) < 16:
        return None
    tempi = bpm * (1.0 + _TEMPI)
    turns = np.outer(tempi / 60000.0, peaks.times_ms)
    waves = _powers(np.exp(-2j * np.pi * turns)) * peaks.strength
    sums = np.concatenate([np.zeros((*waves.shape[:2], 1)), np.cumsum(waves, axis=2)], axis=2)
    mass = np.concatenate([[0.0], np.cumsum(peaks.strength)])
    first = np.searchsorted(peaks.times_ms, centres - _WINDOW_MS / 2)
    last = np.searchsorted(peaks.times_ms, centres + _WINDOW_MS / 2)
    shares = np.abs(sums[:, :, last] - sums[:, :, first]).mean(axis=0).T
    shares /= np.maximum(mass[last] - mass[first], 1.0)[:, None]
    speed = tempi[_cheapest(shares)]
    # A second on either side: beats are wanted before the first window's middle, too.
    knots = np.concatenate([[0.0], centres, [duration_ms]])
    speed = np.concatenate([speed[:1], speed, speed[-1:]])
    steps = np.diff(knots) * (speed[1:] + speed[:-1]) / 2 / 60000.0
    curve = BeatCurve(knots, np.concatenate([[0.0], np.cumsum(steps)]))
    for window_ms in _LOCKS_MS:
        curve = _locked(peaks, curve, window_ms)
    if (np.diff(curve.beats) <= 0).any():
        return None
    steady = np.max(
        [_recurring(peaks, peaks.times_ms * b / 60000.0) for b in (bpm, sharpen(peaks, bpm))],
        axis=0,
    )
    clear = _recurring(peaks, curve.beat_at(peaks.times_ms))
    walk = float(np.sqrt((peaks.strength**2).sum()))
    # Quarters tell most: where they gain nothing, the rhythm changed and not the tempo.
    gain = min(clear.mean() / max(steady.mean(), 1e-9), clear[-1] / max(steady[-1], 1e-9))
    return replace(curve, gain=float(gain), clarity=float(clear.mean()) / max(walk, 1e-9))


def straightened(onsets: Onsets, curve: BeatCurve) -> Onsets:
    """The song as it would be if its tempo were the curve's mean throughout.

    Args:
        onsets: of the song.
        curve: its beats; beat 0 stays where it is.
    """

    def even(rows: np.ndarray, hop: int) -> np.ndarray:
        frame_ms = 1000.0 * hop / SAMPLE_RATE
        at = curve.time_of(np.arange(rows.shape[-1]) * frame_ms * curve.bpm / 60000.0) / frame_ms
        frames = np.arange(rows.shape[-1])
        return np.array([np.interp(at, frames, row) for row in np.atleast_2d(rows)])

    return replace(
        onsets,
        envelope=even(onsets.envelope, HOP)[0],
        bands=even(onsets.bands, BAND_HOP),
        chroma=even(onsets.chroma, HARMONY_HOP),
    )


def steps_of(beats_ms: Float64[np.ndarray, " beats"], peaks: Peaks) -> list[int]:
    """Beats from which constant tempi explain the onsets as well; none where the tempo wanders.

    Args:
        beats_ms: times of all beats; smooth, so that they cut corners.
        peaks: the song's onsets.
    """
    index = np.arange(len(beats_ms), dtype=np.float64)
    cost = _line_costs(index, beats_ms)
    followed = _recurring(peaks, _through(beats_ms, index, peaks.times_ms)).mean()
    for count in range(1, _MOST_STEPS + 1):
        edges = [0, *_cheapest_cuts(cost, count), len(beats_ms)]
        parts = [_inner(beats_ms, a, b) for a, b in pairwise(edges)]
        if min(len(numbers) for numbers, _ in parts) < _LEAST_BEATS:
            continue
        lines = [np.polyfit(numbers, times, 1) for numbers, times in parts]
        errors = np.concatenate(
            [t - np.polyval(p, n) for (n, t), p in zip(parts, lines, strict=True)]
        )
        owner = np.searchsorted(beats_ms[edges[1:-1]], peaks.times_ms, side="right")
        slope, at = np.array(lines)[owner].T
        stepped = _recurring(peaks, (peaks.times_ms - at) / slope).mean()
        if np.abs(errors).max() < _STEP_ERROR_MS and stepped >= _AS_WELL * followed:
            return edges[:-1]
    return []


def line_through(beats_ms: Float64[np.ndarray, " beats"], first: int, last: int) -> EvenGrid:
    """The even grid through beats `first` ... `last - 1`, those near the borders left out."""
    index, times = _inner(beats_ms, first, last)
    slope, at = np.polyfit(index, times, 1)
    return EvenGrid(float(slope), float(at % slope))


def wandering_lines(beats_ms: Float64[np.ndarray, " beats"], meter: int, first: int) -> list[int]:
    """Beats at which red lines keep all beats near, as few as that takes, at bars' beginnings.

    Args:
        beats_ms: times of all beats.
        meter: beats a bar.
        first: the first beat that begins a bar.
    """
    bars = list(range(first, len(beats_ms), meter))
    lines = bars[:1]
    last = bars[0]
    for bar in bars[1:]:
        inner = np.arange(lines[-1], bar + 1)
        line = np.interp(inner, [lines[-1], bar], beats_ms[[lines[-1], bar]])
        if np.abs(line - beats_ms[inner]).max() > _LINE_ERROR_MS and last > lines[-1]:
            lines.append(last)
        last = bar
    return lines


def _through(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Linear interpolation that goes on beyond both ends."""
    found = np.interp(at, x, y)
    found += np.minimum(at - x[0], 0.0) * (y[1] - y[0]) / (x[1] - x[0])
    found += np.maximum(at - x[-1], 0.0) * (y[-1] - y[-2]) / (x[-1] - x[-2])
    moved: np.ndarray = found
    return moved


def _recurring(peaks: Peaks, beats: Float64[np.ndarray, " peaks"]) -> Float64[np.ndarray, " parts"]:
    """Onset strength that recurs in beats, their halves and their quarters."""
    sums: np.ndarray = np.abs(_powers(np.exp(-2j * np.pi * beats)) @ peaks.strength)
    return sums


def _powers(beat: np.ndarray) -> np.ndarray:
    """First, second and fourth power: the beat, its halves and its quarters."""
    double = beat * beat
    return np.stack([beat, double, double * double])


def _cheapest(clear: Float64[np.ndarray, "windows tempi"]) -> np.ndarray:
    """Tempo of each window on the clearest path whose tempo moves a little at a time."""
    count = clear.shape[1]
    moves = np.arange(-_MOVES, _MOVES + 1)
    total = clear[0].copy()
    back = np.zeros(clear.shape, dtype=np.int64)
    for index in range(1, len(clear)):
        padded = np.pad(total, _MOVES, constant_values=-np.inf)
        totals = np.stack([padded[_MOVES + m : _MOVES + m + count] - _MOVE * abs(m) for m in moves])
        best = np.argmax(totals, axis=0)
        back[index] = np.arange(count) + moves[best]
        total = totals[best, np.arange(count)] + clear[index]
    path = np.zeros(len(clear), dtype=np.int64)
    path[-1] = int(np.argmax(total))
    for index in range(len(clear) - 1, 0, -1):
        path[index - 1] = back[index, path[index]]
    return path


def _locked(peaks: Peaks, curve: BeatCurve, window_ms: float) -> BeatCurve:
    """The curve moved by the phase at which onsets recur around each knot."""
    knots = np.arange(0.0, curve.times_ms[-1] + _STEP_MS, _STEP_MS / 2)
    apart = (peaks.times_ms[None] - knots[:, None]) / (window_ms / 2)
    weight = np.maximum(1.0 - apart**2, 0.0) ** 2 * peaks.strength
    beat = np.exp(2j * np.pi * curve.beat_at(peaks.times_ms))
    sums = weight @ _powers(beat).T
    part = int(np.argmax(np.abs(sums).sum(axis=0)))
    found = sums[:, part]
    share = np.abs(found) / np.maximum(weight.sum(axis=1), 1e-9)
    # Rests say nothing: the phase goes straight on between the onsets on both sides.
    clear_knots = (share > 0.15) & (weight.sum(axis=1) > 2.0)
    if clear_knots.sum() < 2:
        return curve
    phase = np.unwrap(np.angle(found[clear_knots])) / (2 * np.pi * _PARTS[part])
    moved = curve.beat_at(knots) - np.interp(knots, knots[clear_knots], phase)
    return BeatCurve(knots, moved)


def _line_costs(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared error of the best line through beats a ... b - 1, for all a and b."""
    sums = [np.concatenate([[0.0], np.cumsum(v)]) for v in (x * 0 + 1, x, y, x * x, x * y, y * y)]
    n, sx, sy, sxx, sxy, syy = (s[None, :] - s[:, None] for s in sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        vx, vxy, vy = sxx - sx * sx / n, sxy - sx * sy / n, syy - sy * sy / n
        cost = vy - vxy * vxy / vx
    cost = np.where(n >= 4, np.maximum(cost, 0.0), np.inf)
    costs: np.ndarray = cost
    return costs


def _cheapest_cuts(cost: np.ndarray, count: int) -> list[int]:
    """Beginnings of so many lines, but for the first."""
    size = cost.shape[0] - 1
    best = cost[0]
    backs = []
    for _ in range(count - 1):
        totals = best[:, None] + cost
        backs.append(np.argmin(totals, axis=0))
        best = np.min(totals, axis=0)
    cuts: list[int] = []
    end = size
    for back in reversed(backs):
        end = int(back[end])
        cuts.append(end)
    return cuts[::-1]


def _inner(beats_ms: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and times of a part's beats, those near its borders left out."""
    index, times = np.arange(first, last), beats_ms[first:last]
    inner = (times > times[0] + _CORNER_MS) & (times < times[-1] - _CORNER_MS)
    return index[inner], times[inner]
