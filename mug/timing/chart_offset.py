"""The constant offset between a chart and its song, from where the song's onsets are.

Charts are made by ear, for a player that may decode the song with other silence at its start: the
notes of real ones lie up to 45 ms beside the sound. A model that learns from them learns the mean
of these errors. This says how far to shift a chart, and whether it belongs to the song at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy.typing import ArrayLike

from mug.audio.load import resample
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import DataError
from mug.timing.estimate import DETECTOR_BIAS_MS, HOP, SAMPLE_RATE, onset_envelope

MAX_OFFSET_MS = 150
"""Search range on either side: three times the largest offset that was seen."""

AGREES_AT = 0.3
"""Confidence from which a chart counts as one of this song.

Over 35 charts of seven real songs: 0.39 ... 0.92 with their own song, at most 0.21 with another.
"""

# Onsets of music are felt a little after the sound begins to rise, and charts are made by feeling:
# 3.5 ms later on real songs, 0.6 ms earlier on composed ones, whose onsets are known exactly.
_ATTACK_MS = 1.5
_LEVEL_FRAMES = 345  # one second: what loud and quiet are measured against
_PEAK_FRAMES = 15  # 44 ms: least distance of two onsets
_LOBE_MS = 15  # half-width of the peak whose centre is the offset
_LEAST_NOTES = 8  # fewer lie on some onsets of any song
_LEAST_Z = 8.0  # standard errors above chance; the best of 301 lags reaches 4 by chance
_TIE = 0.05  # share by which the farthest lag must be better than no shift


@dataclass(frozen=True)
class OffsetEstimate:
    """Offset of a chart against its song.

    Args:
        offset_ms: add it to the chart's times and the notes lie on the sound.
        confidence: 0 ... 1; strength of the onsets that the notes then lie on, against the
            strongest so many onsets of the song.
        agrees: whether the chart is one of this song; where it is not, the offset says nothing.
            Another song of the same tempo and beat may pass.
    """

    offset_ms: float
    confidence: float
    agrees: bool


NO_AGREEMENT = OffsetEstimate(0.0, 0.0, agrees=False)


@dataclass(frozen=True)
class SongOnsets:
    """Onset strength of a song, computed once and used for each of its charts.

    Args:
        strength: onsets a millisecond; 1 is an average one. Empty for silence.
        peaks: the strongest onset's strength, that of the two strongest together, and so on.
    """

    strength: Float64[np.ndarray, " ms"]
    peaks: Float64[np.ndarray, " peaks"]

    def strongest(self, count: int) -> float:
        """Mean of the strongest so many onsets; 0 for each that the song lacks."""
        if not self.peaks.size:
            return 0.0
        return float(self.peaks[min(count, len(self.peaks)) - 1]) / count

    def offset(self, notes_ms: ArrayLike, *, max_offset_ms: int = MAX_OFFSET_MS) -> OffsetEstimate:
        """Constant offset between notes and song, as `estimate_offset`.

        Raises:
            DataError: for times that are not finite, or a range that is not 1 to 2000 ms.
        """
        if not 1 <= max_offset_ms <= 2000:
            raise DataError("timing.offset_range_out_of_range", value=max_offset_ms)
        times = np.asarray(notes_ms, dtype=np.float64).ravel()
        if not np.isfinite(times).all():
            raise DataError("common.note_time_is_not_number")
        # A time that no lag brings into the song may lie anywhere outside.
        outside = len(self.strength) + max_offset_ms + 1.0
        places = np.clip(np.unique(np.round(times)), -outside, outside).astype(np.int64)
        if len(places) < _LEAST_NOTES or not self.strength.any():
            return NO_AGREEMENT
        return _best_shift(places, self, max_offset_ms)


def song_onsets(wave: Float32[np.ndarray, " samples"], sample_rate: int) -> SongOnsets:
    """Listen to a song.

    Args:
        wave: mono.
        sample_rate: in Hz.

    Raises:
        DataError: for samples that are not finite.
    """
    if not np.isfinite(wave).all():
        raise DataError("common.sample_is_not_number")
    return onset_strength(onset_envelope(resample(wave, sample_rate, SAMPLE_RATE)))


def onset_strength(envelope: Float64[np.ndarray, " frames"]) -> SongOnsets:
    """Onset strength of a song whose envelope is known.

    Args:
        envelope: see `mug.timing.onsets.onset_envelope`.
    """
    from scipy.ndimage import maximum_filter1d

    strength = _onset_strength(envelope)
    width = round(_PEAK_FRAMES * 1000.0 * HOP / SAMPLE_RATE)
    if not strength.any():
        return SongOnsets(strength, np.zeros(0))
    is_peak = (strength == maximum_filter1d(strength, width)) & (strength > 0)
    return SongOnsets(strength, np.cumsum(np.sort(strength[is_peak])[::-1]))


def estimate_offset(
    notes_ms: ArrayLike,
    wave: Float32[np.ndarray, " samples"],
    sample_rate: int,
    *,
    max_offset_ms: int = MAX_OFFSET_MS,
) -> OffsetEstimate:
    """Constant offset between notes and song, to a few milliseconds.

    The mean onset strength at the notes, as a function of a common shift, has a sharp peak where
    notes and sound meet. Notes outside the song count as notes on silence. Takes all charts of a
    song at once as well as one; fewer than eight different times agree with nothing.

    Args:
        notes_ms: when notes begin, in any order; simultaneous ones count once.
        wave: the song, mono.
        sample_rate: in Hz.
        max_offset_ms: how far to look on either side.

    Raises:
        DataError: for times or samples that are not finite, or a range that is not 1 to 2000 ms.
    """
    return song_onsets(wave, sample_rate).offset(notes_ms, max_offset_ms=max_offset_ms)


def shift_beatmap(beatmap: Beatmap, offset_ms: float) -> Beatmap:
    """The chart with its notes and timing moved; everything else stays."""

    def moved(note: HitObject) -> HitObject:
        if isinstance(note, LongNote):
            start, end = note.start_ms + offset_ms, note.end_ms + offset_ms
            return replace(note, start_ms=start, end_ms=end)
        return replace(note, start_ms=note.start_ms + offset_ms)

    return replace(
        beatmap,
        hit_objects=tuple(moved(note) for note in beatmap.hit_objects),
        timing=tuple(replace(p, time_ms=p.time_ms + offset_ms) for p in beatmap.timing),
    )


def _onset_strength(envelope: Float64[np.ndarray, " frames"]) -> Float64[np.ndarray, " ms"]:
    """Onsets a millisecond, quiet passages brought up to loud ones; 1 is an average onset."""
    from scipy.ndimage import gaussian_filter1d, uniform_filter1d

    envelope = np.sqrt(envelope)
    if not envelope.any():
        return np.zeros(0)
    above = np.maximum(envelope - uniform_filter1d(envelope, _LEVEL_FRAMES), 0.0)
    level = np.sqrt(np.maximum(uniform_filter1d(above**2, _LEVEL_FRAMES), 0.0))
    even = gaussian_filter1d(above / (level + 0.1 * above.std() + 1e-9), 1.0)
    frame_ms = 1000.0 * HOP / SAMPLE_RATE
    at = np.arange(int(len(even) * frame_ms)) - DETECTOR_BIAS_MS - _ATTACK_MS
    strength: np.ndarray = np.interp(at / frame_ms, np.arange(len(even)), even, left=0.0)
    return strength


def _best_shift(
    places: Int64[np.ndarray, " notes"], song: SongOnsets, reach: int
) -> OffsetEstimate:
    strength = song.strength
    lags = np.arange(-reach, reach + 1)
    padded = np.pad(strength, 2 * reach + 2)  # silence on both sides, for notes outside
    first = places + 2 * reach + 2
    inside = np.clip(first, reach, len(padded) - reach - 1)
    curve = np.array([padded[inside + lag].mean() for lag in lags])
    # Where the notes are even, every step of theirs is as good as none: the smallest shift wins.
    top = int(np.argmax(curve * (1.0 - _TIE * np.abs(lags) / reach)))
    chance, spread = float(strength.mean()), float(strength.std())
    within = int(((places > -reach) & (places < len(strength) + reach)).sum())
    best = song.strongest(max(within, 1))
    gain = float(curve[top]) - chance
    confidence = min(max(gain / max(best - chance, 1e-9), 0.0), 1.0)
    significant = gain * np.sqrt(len(places)) >= _LEAST_Z * spread
    return OffsetEstimate(
        offset_ms=_centre(lags, curve, top),
        confidence=confidence,
        agrees=bool(significant and confidence >= AGREES_AT),
    )


def _centre(
    lags: Int64[np.ndarray, " lags"], curve: Float64[np.ndarray, " lags"], top: int
) -> float:
    """Centre of gravity of a peak's upper half."""
    near = slice(max(top - _LOBE_MS, 0), top + _LOBE_MS + 1)
    weight = np.maximum(curve[near] - (curve[top] + np.median(curve)) / 2, 0.0)
    total = weight.sum()
    return float((weight * lags[near]).sum() / total) if total > 0 else float(lags[top])
