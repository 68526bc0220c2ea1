"""Beats of a chart's timing points on the note grid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.clock import FrameClock


def folded_bpm(bpm: float) -> float:
    """The octave of a tempo that lies in [150, 300); 0 for a tempo that is no positive number."""
    if not (bpm > 0 and math.isfinite(bpm)):
        return 0.0
    folded = math.frexp(bpm)[0] * 256  # in [128, 256), exactly
    return folded * 2 if folded < 150 else folded


def timing_to_array(
    timing: Sequence[TimingPoint | ScrollPoint],
    clock: FrameClock,
    frames: int,
    *,
    rate: float = 1.0,
    follow_scroll: bool = False,
) -> tuple[Float[np.ndarray, "t 2"], bool]:
    """Half beats of the timing points, one row a note frame: whether there is one, and where in it.

    The tempo is folded into [150, 300) bpm first. Beats before 0 ms and after the last frame are
    left out (on the latter the original loops for ever).

    Args:
        timing: red and green lines.
        clock: length of a note frame.
        frames: rows at rate 1; `frames / rate` rows come back where the rate is above 1.
        rate: speed multiplier.
        follow_scroll: multiplies the tempo by the scroll speed, as the original does. Otherwise
            green lines do not count as tempo.

    Returns:
        The rows, and whether any scroll speed differs from 1.
    """
    length = min(frames, int(frames / rate))
    array = np.zeros((length, 2), np.float32)
    end_ms = clock.join_ms(length)
    bpm, points = 0.0, sorted(timing, key=lambda point: point.time_ms)
    segments: list[tuple[float, float]] = []
    for point in points:
        if isinstance(point, TimingPoint):
            bpm = point.bpm if point.beat_ms else 0.0
            segments.append((point.time_ms / rate, bpm))
        elif follow_scroll:
            segments.append((point.time_ms / rate, bpm * point.velocity))
    ends = ([start for start, _ in segments] + [end_ms])[1:]
    for (start_ms, tempo), until_ms in zip(segments, ends, strict=True):
        folded = folded_bpm(tempo)
        if not folded or not math.isfinite(start_ms):
            continue
        step_ms = 60000 / folded / 2 / rate
        until_ms = min(until_ms, end_ms)
        for beat in itertools.count(max(0, math.ceil(-start_ms / step_ms))):
            time_ms = start_ms + beat * step_ms
            if time_ms >= until_ms:
                break
            frame, offset = clock.split_ms(time_ms)
            array[min(frame, length - 1)] = 1, offset
    scrolls = any(isinstance(point, ScrollPoint) and point.velocity != 1 for point in points)
    return array, scrolls
