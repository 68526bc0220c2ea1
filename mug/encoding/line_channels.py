"""Channels of a line: the sound at each of the 12 lines of a beat, and where the beat is.

Of each line, in this order: greatest flux of 8 groups of bands around it, mean flux just after it,
level after it, that level minus the one before, and the broad onset strength near it: 34 values.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, Int

from mug.audio.flux import BROAD, FLUX, GROUPS, HOP_MS, LEVEL, Curves
from mug.encoding.beat_axis import LINES, BeatAxis

SOUND = 4 * GROUPS + 2
"""Values a line that `line_channels` gives."""

BEATS_IN_BAR = 4
POSITION = BEATS_IN_BAR + 1
"""Values a beat that `position_channels` gives."""

USUAL_BEAT_MS = 500 / 2**0.5
"""Middle of the beats that a `BeatAxis` folds to, on a logarithmic scale."""

# Stretches around a line, in ms.
_PEAK_MS, _MEAN_MS = (-15.0, 20.0), (-3.0, 9.0)
_AFTER_MS, _BEFORE_MS = (0.0, 35.0), (-45.0, -8.0)
_BROAD_MS = ((-15.0, 15.0), (-5.0, 5.0))


def line_channels(
    curves: Curves, axis: BeatAxis, first_beat: int, count: int
) -> Float32[np.ndarray, "beats 12 34"]:
    """Sound at the lines of some beats; zero at lines that lie outside the song.

    Args:
        curves: of the whole song (`mug.audio.flux`).
        axis: where the lines are.
        first_beat: of the axis; may lie before the song.
        count: beats.
    """
    times = axis.line_times(first_beat, count, LINES)
    channels = np.zeros((count * LINES, SOUND), np.float32)
    inside = np.flatnonzero((times >= 0) & (times < len(curves) * HOP_MS))
    if len(inside):
        channels[inside] = _at(curves, times[inside])
    return channels.reshape(count, LINES, SOUND)


def position_channels(
    axis: BeatAxis, first_beat: int, count: int
) -> Float32[np.ndarray, "beats 5"]:
    """Beat in the bar, one of four (later ones count as the fourth), and log length of the beat."""
    channels = np.zeros((count, POSITION), np.float32)
    beat = np.minimum(axis.beat_in_bar(first_beat, count), BEATS_IN_BAR - 1)
    channels[np.arange(count), beat] = 1.0
    channels[:, BEATS_IN_BAR] = np.log(axis.beat_ms(first_beat, count) / USUAL_BEAT_MS)
    return channels


def _at(curves: Curves, times_ms: Float64[np.ndarray, " lines"]) -> Float32[np.ndarray, "lines 34"]:
    at = np.rint(times_ms / HOP_MS).astype(np.int64)
    margin = round(max(-_BEFORE_MS[0], _AFTER_MS[1]) / HOP_MS) + 1
    first = max(int(at.min()) - margin, 0)
    near = curves[first : int(at.max()) + margin + 1].astype(np.float32)
    at -= first
    after = _around(near[:, LEVEL], at, _AFTER_MS).mean(axis=1)
    before = _around(near[:, LEVEL], at, _BEFORE_MS).mean(axis=1)
    broad = [_around(near[:, BROAD:], at, ms).max(axis=1) for ms in _BROAD_MS]
    return np.concatenate(
        [
            np.log1p(_around(near[:, FLUX], at, _PEAK_MS).max(axis=1)),
            np.log1p(_around(near[:, FLUX], at, _MEAN_MS).mean(axis=1)),
            after,
            after - before,
            *(np.log1p(strength) for strength in broad),
        ],
        axis=1,
    )


def _around(
    curves: Float32[np.ndarray, "frames c"],
    at: Int[np.ndarray, " lines"],
    stretch_ms: tuple[float, float],
) -> Float32[np.ndarray, "lines hops c"]:
    """The frames of a stretch around each line; the song's first and last frame go on outside."""
    hops = np.arange(round(stretch_ms[0] / HOP_MS), round(stretch_ms[1] / HOP_MS) + 1)
    around: np.ndarray = curves[np.clip(at[:, None] + hops, 0, len(curves) - 1)]
    return around
