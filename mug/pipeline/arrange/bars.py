"""Bars of a chart, as users count them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from mug.beatmap.timing_points import TimingPoint
from mug.errors import GenerationError


def bar_start_ms(red_lines: Sequence[TimingPoint], bar: int) -> float:
    """Start of a bar; bars are counted from 1 at the first red line.

    A red line begins a new bar wherever it lies, as in the game.

    Raises:
        GenerationError: without a red line, or for a bar before the first.
    """
    if not red_lines:
        raise GenerationError("pipeline.chart_has_no_bars")
    if bar < 1:
        raise GenerationError("pipeline.bars_are_counted_from_1", value=bar)
    lines = sorted(red_lines, key=lambda line: line.time_ms)
    left = bar - 1
    for line, following in pairwise(lines):
        bar_ms = line.beat_ms * line.meter
        bars = max(0, math.ceil((following.time_ms - line.time_ms) / bar_ms - 1e-6))
        if left < bars:
            return line.time_ms + left * bar_ms
        left -= bars
    return lines[-1].time_ms + left * lines[-1].beat_ms * lines[-1].meter
