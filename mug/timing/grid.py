"""Even grids through onsets: where the tempo may lie, and the exact period and phase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from mug.timing.onsets import DETECTOR_BIAS_MS, HOP, SAMPLE_RATE

BPM_RANGE = (48.0, 350.0)
_COMBS = ((1, 2, 4), (1, 2, 3, 4, 6))  # parts of a beat: straight alone, and with thirds
_COMB_PEAKS, _BASES = 4, 3
_RATIOS = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0, 3.0, 4.0)
_SAME = 0.004  # tempi closer than this share are one
_PEAK_FRAMES = 9  # 26 ms: least distance of two onsets
_PADDING = 8
_NEAR_MS = 22.0  # how far from a grid an onset still counts as on it
_ROUNDS = 6
_PHASES = 256
_KERNEL_MS = 6.0


@dataclass(frozen=True, eq=False)
class Peaks:
    """Single onsets.

    Args:
        times_ms: when, in order, the detector's bias taken out.
        strength: how clear; 1 is the mean.
    """

    times_ms: Float64[np.ndarray, " peaks"]
    strength: Float64[np.ndarray, " peaks"]

    def between(self, start_ms: float, end_ms: float) -> Peaks:
        """The onsets of a time range."""
        first, last = np.searchsorted(self.times_ms, [start_ms, end_ms])
        return Peaks(self.times_ms[first:last], self.strength[first:last])


@dataclass(frozen=True)
class EvenGrid:
    """Beats at equal distances.

    Args:
        beat_ms: distance.
        offset_ms: time of one of them, 0 ... one beat.
    """

    beat_ms: float
    offset_ms: float

    @property
    def bpm(self) -> float:
        """Beats a minute."""
        return 60000.0 / self.beat_ms


def onset_peaks(envelope: Float64[np.ndarray, " frames"]) -> Peaks:
    """Local maxima of an onset envelope that rise over the second around them."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    if len(envelope) < 3:
        return Peaks(np.zeros(0), np.zeros(0))
    smooth = uniform_filter1d(envelope, 3)
    level = uniform_filter1d(smooth, round(SAMPLE_RATE / HOP))
    top = (smooth == maximum_filter1d(smooth, _PEAK_FRAMES)) & (smooth > 1.3 * level)
    top[[0, -1]] = False
    at = np.flatnonzero(top & (smooth > 1e-3 * smooth.max()))
    below, here, above = smooth[at - 1], smooth[at], smooth[at + 1]
    bend = below - 2 * here + above
    shift = np.where(bend < 0, 0.5 * (below - above) / np.minimum(bend, -1e-12), 0.0)
    strength = np.sqrt(here - level[at])
    times = (at + shift) * 1000.0 * HOP / SAMPLE_RATE + DETECTOR_BIAS_MS
    return Peaks(times, strength / max(float(strength.mean()), 1e-12) if len(at) else strength)


def tempo_candidates(envelope: Float64[np.ndarray, " frames"], peaks: Peaks) -> list[float]:
    """Tempi (beats a minute) among which the song's is, each exact to its Fourier peak.

    Where onsets recur, the Fourier transform of their envelope is large; which of the recurring
    distances is the beat it cannot tell, so that simple multiples are candidates as well.
    """
    from scipy import fft

    level = np.sqrt(envelope)
    size = fft.next_fast_len(_PADDING * len(level), real=True)
    spectrum = np.abs(fft.rfft(level - level.mean(), size))
    step = 60.0 * SAMPLE_RATE / HOP / size
    bins = np.arange(int(BPM_RANGE[0] / step), int(BPM_RANGE[1] / step))
    found: list[tuple[float, float]] = []
    for parts in _COMBS:
        score = np.sum([spectrum[bins * part] for part in parts], axis=0)
        for _ in range(_COMB_PEAKS):
            top = int(np.argmax(score))
            found.append((float(score[top]), float(bins[top] * step)))
            score[np.abs(bins / bins[top] - 1) < 0.02] = 0.0
    bases: list[float] = []
    for _, bpm in sorted(found, reverse=True):
        if all(abs(bpm / base - 1) > _SAME for base in bases):
            bases.append(bpm)
    tempi: list[float] = []
    for index, base in enumerate(bases):
        exact = sharpen(peaks, base)
        for ratio in _RATIOS if index < _BASES else (0.5, 1.0, 2.0):
            bpm = exact * ratio
            known = any(abs(bpm / tempo - 1) < _SAME for tempo in tempi)
            if BPM_RANGE[0] <= bpm <= BPM_RANGE[1] and not known:
                tempi.append(bpm)
    return tempi


def sharpen(peaks: Peaks, bpm: float) -> float:
    """The tempo near one at which the onsets recur most clearly."""
    if len(peaks.times_ms) < 8:
        return bpm
    span_ms = float(peaks.times_ms[-1] - peaks.times_ms[0]) + 1.0
    width = 60000.0 / span_ms  # of a Fourier peak at the beat, in bpm
    for reach in (0.5, 0.04):
        trials = bpm + width * reach * np.linspace(-1, 1, 27)
        turns = np.outer(trials / 60000.0, peaks.times_ms)
        beat = np.exp(-2j * np.pi * turns)
        half = beat * beat  # products, as powers of complex numbers take ten times as long
        parts = (beat, half, half * beat, half * half)
        score = sum(np.abs(part @ peaks.strength) for part in parts)
        bpm = float(trials[int(np.argmax(score))])
    return bpm


def phases(peaks: Peaks, beat_ms: float, count: int = 4) -> list[float]:
    """Offsets (ms, 0 ... one beat) at which most onset strength recurs, strongest first."""
    curve = folded(peaks, beat_ms)
    step = beat_ms / _PHASES
    far = max(1, round(25.0 / step))
    found = []
    for _ in range(count):
        top = int(np.argmax(curve))
        if curve[top] <= 0:
            break
        found.append(top * step)
        curve[np.arange(top - far, top + far + 1) % _PHASES] = 0.0
    return found


def folded(peaks: Peaks, beat_ms: float) -> Float64[np.ndarray, " phases"]:
    """Onset strength over the beat, smoothed by a few milliseconds."""
    place = np.round(peaks.times_ms % beat_ms / beat_ms * _PHASES).astype(np.int64) % _PHASES
    counts = np.bincount(place, weights=peaks.strength, minlength=_PHASES)
    steps = np.arange(_PHASES)
    apart_ms = np.minimum(steps, _PHASES - steps) * beat_ms / _PHASES
    kernel = np.exp(-0.5 * (apart_ms / _KERNEL_MS) ** 2)
    curve: np.ndarray = np.fft.irfft(np.fft.rfft(counts) * np.fft.rfft(kernel), _PHASES)
    return curve


def fit_grid(peaks: Peaks, grid: EvenGrid, *, near_ms: float = _NEAR_MS) -> EvenGrid:
    """Period and phase through the onsets that lie on the beat, by robust regression.

    Onsets farther off than `near_ms` have no weight, nearer ones Tukey's; the reach shrinks from
    round to round.
    """
    beat, offset = grid.beat_ms, grid.offset_ms
    middle = float(np.average(peaks.times_ms)) if len(peaks.times_ms) else 0.0
    offset += round((middle - offset) / beat) * beat  # the middle: period and phase do not mix
    reach = min(near_ms, beat / 6)
    for turn in range(_ROUNDS):
        index = np.round((peaks.times_ms - offset) / beat)
        residual = peaks.times_ms - offset - index * beat
        here = reach * max(0.45, 1.0 - 0.15 * turn)
        weight = peaks.strength * np.maximum(1 - (residual / here) ** 2, 0.0) ** 2
        total = weight.sum()
        mean = float(weight @ index / total) if total > 0 else 0.0
        spread = float(weight @ (index - mean) ** 2)
        if (weight > 0).sum() < 4 or spread <= 0:
            break
        shift = float(weight @ residual / total)
        slope = float(weight @ ((index - mean) * residual)) / spread
        beat, offset = beat + slope, offset + shift - slope * mean
    return EvenGrid(beat, offset % beat)


def fit_phase(peaks: Peaks, grid: EvenGrid, beat_ms: float) -> EvenGrid:
    """The grid at another period, its phase through the onsets on the beat."""
    middle = float(np.average(peaks.times_ms)) if len(peaks.times_ms) else 0.0
    offset = grid.offset_ms + round((middle - grid.offset_ms) / grid.beat_ms) * grid.beat_ms
    reach = min(_NEAR_MS, beat_ms / 6)
    for turn in range(_ROUNDS):
        residual = (peaks.times_ms - offset + beat_ms / 2) % beat_ms - beat_ms / 2
        here = reach * max(0.45, 1.0 - 0.15 * turn)
        weight = peaks.strength * np.maximum(1 - (residual / here) ** 2, 0.0) ** 2
        if weight.sum() <= 0:
            break
        offset += float(weight @ residual / weight.sum())
    return EvenGrid(beat_ms, offset % beat_ms)


def period_error(peaks: Peaks, grid: EvenGrid) -> float:
    """Standard error of a fitted period in ms, from the spread of the onsets on the beat."""
    index = np.round((peaks.times_ms - grid.offset_ms) / grid.beat_ms)
    residual = peaks.times_ms - grid.offset_ms - index * grid.beat_ms
    on = np.abs(residual) < min(0.45 * _NEAR_MS, grid.beat_ms / 8)
    if on.sum() < 4:
        return grid.beat_ms
    spread = float(((index[on] - index[on].mean()) ** 2).sum())
    return float(residual[on].std() / np.sqrt(max(spread, 1e-12)))
