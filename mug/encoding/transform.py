"""Transform of a chart on its way into the note tensor: rate, offset and column changes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np

from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import DataError

MIRROR_GAP_FRAMES = 10
"""A pause of so many note frames is where `mirror_at_interval` may mirror what follows."""


@runtime_checkable
class Chance(Protocol):
    """A source of randomness: `random.Random` or `numpy.random.Generator`."""

    def random(self) -> float:
        """Uniform in [0, 1)."""
        ...

    def shuffle(self, x: list[int]) -> None:
        """Shuffle in place."""
        ...


@dataclass(frozen=True, slots=True)
class Transform:
    """Transform of a chart on its way into the tensor.

    Args:
        rate: speed multiplier; times are divided by it.
        offset_ms: added to each time after that.
        mirror: swaps left and right.
        shuffle: permutes the columns at random.
        mirror_at_interval: probability of mirroring all that follows a pause of ten note frames.
        chance: where the randomness comes from.
    """

    rate: float = 1.0
    offset_ms: float = 0.0
    mirror: bool = False
    shuffle: bool = False
    mirror_at_interval: float = 0.0
    chance: Chance = field(default_factory=lambda: random.Random(0))

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise DataError("encoding.rate_must_be_positive", value=self.rate)

    def columns(self, keys: int) -> list[int]:
        """Target of each column."""
        columns = list(range(keys))
        if self.mirror:
            columns.reverse()
        if self.shuffle:
            self.chance.shuffle(columns)
        return columns

    def mirrors_here(self, gap_frames: int) -> bool:
        """Return whether a pause of so many frames is taken as an occasion to mirror."""
        if not self.mirror_at_interval or gap_frames < MIRROR_GAP_FRAMES:
            return False
        return self.chance.random() < self.mirror_at_interval

    def time(self, time_ms: float) -> float:
        """Time after the transform."""
        return time_ms / self.rate + self.offset_ms

    def move(self, note: HitObject, column: int) -> HitObject:
        """The object at its new time and column."""
        if isinstance(note, LongNote):
            start, end = self.time(note.start_ms), self.time(note.end_ms)
            return replace(note, column=column, start_ms=start, end_ms=end)
        return replace(note, column=column, start_ms=self.time(note.start_ms))


IDENTITY = Transform()


def jitter(
    notes: Sequence[HitObject], spread_ms: float, rng: np.random.Generator
) -> list[HitObject]:
    """Every row moved by its own uniform amount; a hold stays at least 1 ms long.

    What starts or ends in the same millisecond moves together: chords stay chords.

    Args:
        notes: hit objects.
        spread_ms: furthest move to either side.
        rng: where the amounts come from, one for each millisecond in use, in the order of time.
    """
    times = sorted({round(time) for note in notes for time in (note.start_ms, note.last_ms)})
    moves = dict(zip(times, rng.uniform(-spread_ms, spread_ms, len(times)).tolist(), strict=True))
    moved: list[HitObject] = []
    for note in notes:
        start = note.start_ms + moves[round(note.start_ms)]
        if isinstance(note, LongNote):
            end = note.end_ms + moves[round(note.end_ms)]
            moved.append(replace(note, start_ms=start, end_ms=max(start + 1, end)))
        else:
            moved.append(replace(note, start_ms=start))
    return moved
