"""Scroll speed as a function of time: what green lines mean, and which green lines mean it.

A red line sets the speed back to 1; a green line at the same time wins over it. The speed that a
player sees is this velocity times the tempo.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from mug.beatmap.timing_points import ScrollPoint, TimingPoint

Step = tuple[float, float]
Timing = TimingPoint | ScrollPoint


def velocity_steps(timing: Sequence[Timing]) -> list[Step]:
    """(time in ms, velocity from then on), at each change; 1 before the first."""
    steps: list[Step] = []
    current = 1.0
    ordered = sorted(timing, key=lambda point: point.time_ms)
    for time_ms, group in groupby(ordered, key=lambda point: point.time_ms):
        points = list(group)
        greens = [point.velocity for point in points if isinstance(point, ScrollPoint)]
        velocity = greens[-1] if greens else 1.0
        if velocity != current:
            steps.append((time_ms, velocity))
            current = velocity
    return steps


def green_lines(steps: Sequence[Step], reds: Sequence[TimingPoint]) -> list[ScrollPoint]:
    """The fewest green lines that give these velocities between these red lines."""
    wanted = dict(steps)
    resets = {point.time_ms for point in reds}
    greens: list[ScrollPoint] = []
    goal = current = 1.0
    for time_ms in sorted({*wanted, *resets}):
        goal = wanted.get(time_ms, goal)
        if time_ms in resets:
            current = 1.0
        if goal != current:
            greens.append(ScrollPoint(time_ms, goal))
            current = goal
    return greens


def in_order(timing: Sequence[Timing]) -> tuple[Timing, ...]:
    """By time; red lines before green ones of the same time."""
    return tuple(sorted(timing, key=lambda p: (p.time_ms, isinstance(p, ScrollPoint))))
