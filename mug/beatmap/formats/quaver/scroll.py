"""Quaver's two ways to write scroll speeds, and the way between them.

In the first, as in osu!, what a player sees is velocity times tempo over the commonest tempo, and a
timing point sets the velocity back to 1. In the second (`BPMDoesNotAffectScrollVelocity: true`,
"normalised") the velocity is all there is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mug.beatmap.formats.scroll import Step

_AT_INFINITY = 128.0  # what the game makes of a tempo without bounds

Tempo = tuple[float, float]  # time in ms, beats a minute


def common_bpm(tempi: Sequence[Tempo], last_ms: float | None) -> float:
    """The tempo that holds longest up to the end of the last note (None: a chart without notes).

    The first tempo counts from 0 ms, stretches are cut to whole ms, and of two that last equally
    long the later wins.
    """
    if last_ms is None:
        return tempi[0][1] if tempi else 0.0
    durations: dict[float, int] = {}
    end = last_ms
    for index in range(len(tempi) - 1, -1, -1):
        start, bpm = tempi[index]
        if start > end:
            continue
        durations[bpm] = durations.get(bpm, 0) + int(end - (start if index else 0.0))
        end = start
    if not durations:
        return tempi[0][1] if tempi else 0.0
    return max(durations, key=lambda bpm: durations[bpm])


def normalised(
    tempi: Sequence[Tempo], velocities: Sequence[Step], base_bpm: float
) -> tuple[float, list[Step]]:
    """The first way as the second: (velocity at the beginning, changes of it).

    Both inputs in order of time. Arithmetic in single precision, as in the game: which neighbours
    are equal depends on it.
    """
    last_at = {time_ms: index for index, (time_ms, _) in enumerate(tempi)}
    beside = {time_ms: velocity for time_ms, velocity in velocities if time_ms in last_at}
    events: list[tuple[float, int, int]] = [(t, 0, i) for i, (t, _) in enumerate(tempi)]
    events += [(t, 1, i) for i, (t, _) in enumerate(velocities) if t not in last_at]
    base, bpm = np.float32(base_bpm), np.float32(tempi[0][1])
    seen: list[Step] = []
    for time_ms, kind, index in sorted(events):
        if kind == 0:
            bpm = np.float32(tempi[index][1])
            velocity = beside.get(time_ms, 1.0) if last_at[time_ms] == index else 1.0
        else:
            velocity = velocities[index][1]
        value = float(np.float32(velocity) * (bpm / base)) if np.isfinite(bpm) else _AT_INFINITY
        if not seen or value != seen[-1][1]:
            seen.append((time_ms, value))
    return seen[0][1], seen[1:]


def denormalised(
    tempi: Sequence[Tempo], initial: float, velocities: Sequence[Step], base_bpm: float
) -> list[Step]:
    """The second way as the first: the velocity from each of these times on.

    Source: velocity * bpm / base_bpm is what is seen, so velocity = seen * base_bpm / bpm.
    """
    changes = dict(velocities)
    bpm_at = dict(tempi)
    bpm, seen = tempi[0][1], initial
    steps: list[Step] = []
    for time_ms in sorted({*changes, *bpm_at}):
        bpm = bpm_at.get(time_ms, bpm)
        seen = changes.get(time_ms, seen)
        steps.append((time_ms, seen * base_bpm / bpm))
    return steps
