"""Accuracy of an estimated tempo map: tempo, octave and offset against the human one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.metrics.grid import Grid

RIGHT = 1e-3
"""Relative error of a tempo that counts as right."""

_LEVELS = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class TempoScore:
    """A found tempo map against the true one.

    Args:
        exact: tempo within 0.1 % of the true one for most of the song.
        octave: the same where half and double tempo count as right.
        offset_ms: median distance of the true beats from the nearest found line of their own
            level; positive where the found beats are late.
        integrated: mean over time of the relative tempo error.
        beats_5: share of the true beats of the whole song within 5 ms of a found line of their own
            level. Unlike a tempo and an offset in the median, it sees drift.
        beats_10: the same within 10 ms.
    """

    exact: bool
    octave: bool
    offset_ms: float
    integrated: float
    beats_5: float
    beats_10: float


def tempo_score(
    found: Sequence[TimingPoint], truth: Sequence[TimingPoint], first_ms: float, last_ms: float
) -> TempoScore:
    """Judge a tempo map.

    Args:
        found: red lines that are judged.
        truth: human red lines.
        first_ms: where the music begins.
        last_ms: where it ends.

    Raises:
        DataError: for maps without a tempo and an empty span.
    """
    if not first_ms < last_ms:
        raise DataError("evaluation.music_must_end_after_begins", value=(first_ms, last_ms))
    ours, theirs = Grid(found), Grid(truth)
    times = np.arange(first_ms, last_ms, 250.0)
    ratio = theirs.beat_at(times) / ours.beat_at(times)
    level = min(_LEVELS, key=lambda x: abs(np.log(float(np.median(ratio)) / x)))
    beats = theirs.lines(first_ms, last_ms, 1)
    divisor = 2 if level == _LEVELS[0] else 1
    # A span without a beat has the beat next to it.
    beats = beats if len(beats) else theirs.nearest(times[:1], 1)[0]
    error = ours.error(beats, (divisor,))
    return TempoScore(
        exact=bool((np.abs(ratio - 1) <= RIGHT).mean() > 0.5),
        octave=bool((np.abs(ratio / level - 1) <= RIGHT).mean() > 0.5),
        offset_ms=-float(np.median(error)) + 0.0,
        integrated=float(np.abs(ratio - 1).mean()),
        beats_5=float((np.abs(error) <= 5.0).mean()),
        beats_10=float((np.abs(error) <= 10.0).mean()),
    )
