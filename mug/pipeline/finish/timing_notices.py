"""Remarks on the timing that charts were made on."""

from __future__ import annotations

from collections.abc import Sequence

from mug.beatmap.timing_points import TimingPoint
from mug.encoding.beat_axis import BeatAxis
from mug.messages.message import Message
from mug.timing.estimate import NO_BEAT, TimingEstimate


def timing_notices(
    timing: TimingEstimate, red_lines: Sequence[TimingPoint], *, in_beats: bool
) -> list[Message]:
    """Return a sentence for each thing about a timing that makes charts worse than they could be.

    Args:
        timing: as given or estimated.
        red_lines: of the charts.
        in_beats: whether the model's time is counted in their beats.
    """
    found = []
    if timing == NO_BEAT:
        found.append(Message("pipeline.no_beat_was_found", bpm=timing.bpm))
    elif not timing.steady:
        found.append(Message("pipeline.no_steady_beat", bpm=timing.bpm))
    if in_beats:
        axis = BeatAxis.of(red_lines)
        if axis.left_out:
            found.append(Message("pipeline.red_lines_are_no_tempo", count=axis.left_out))
        if axis.merged_bars:
            found.append(Message("pipeline.bars_in_one_tempo", count=axis.merged_bars))
    return found
