"""Metre, and the way from beats to milliseconds: tempo segments and swing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

from mug.errors import DataError

TICKS = 12
"""Grid steps a beat: halves, thirds, quarters and sixths of a beat lie on it."""


@dataclass(frozen=True, slots=True)
class Metre:
    """A time signature, counted in felt beats.

    Args:
        name: as written, e.g. 6/8.
        beats: felt beats a bar (6/8 has two).
        half: ticks of the first subdivision: a half of a beat, or a third in compound metre.
        quarter: ticks of the second subdivision.
    """

    name: str
    beats: int
    half: int
    quarter: int

    @property
    def bar(self) -> int:
        """Ticks a bar."""
        return self.beats * TICKS

    @property
    def compound(self) -> bool:
        """Return whether a beat falls into three."""
        return self.half * 3 == TICKS


METRES = MappingProxyType(
    {"4/4": Metre("4/4", 4, 6, 3), "3/4": Metre("3/4", 3, 6, 3), "6/8": Metre("6/8", 2, 4, 2)}
)


@dataclass(frozen=True, slots=True)
class TempoSegment:
    """From `beat` on, the music runs at `bpm`; `time_ms` is when that beat sounds."""

    beat: int
    bpm: float
    time_ms: float

    @property
    def beat_ms(self) -> float:
        """Duration of a beat."""
        return 60000.0 / self.bpm


@dataclass(frozen=True, slots=True)
class SongTempo:
    """Exact times of beats.

    Args:
        segments: by beat; the first begins at beat 0.
        swing: where the middle of a beat lies in it: 0.5 straight, 2/3 triplet swing. Times
            between are stretched evenly on both sides, so whole beats never move.
    """

    segments: tuple[TempoSegment, ...]
    swing: float = 0.5

    def __post_init__(self) -> None:
        if not self.segments or self.segments[0].beat != 0:
            raise DataError("compose.tempo_map_begins_at_beat_0", value=self.segments)

    @classmethod
    def build(
        cls, offset_ms: float, changes: list[tuple[int, float]], swing: float = 0.5
    ) -> SongTempo:
        """From the time of beat 0 and `(beat, bpm)` pairs in order."""
        segments: list[TempoSegment] = []
        time_ms = float(offset_ms)
        for beat, bpm in changes:
            if segments:
                time_ms += (beat - segments[-1].beat) * segments[-1].beat_ms
            segments.append(TempoSegment(beat, float(bpm), time_ms))
        return cls(tuple(segments), swing)

    @property
    def shortest_beat_ms(self) -> float:
        """Duration of a beat where the music is fastest."""
        return min(segment.beat_ms for segment in self.segments)

    def ms(self, beat: float) -> float:
        """Time of a notated beat, swing included."""
        whole = math.floor(beat)
        part = beat - whole
        if part < 0.5:
            played = whole + part * 2 * self.swing
        else:
            played = whole + self.swing + (part - 0.5) * 2 * (1 - self.swing)
        segment = next((s for s in reversed(self.segments) if s.beat <= played), self.segments[0])
        return segment.time_ms + (played - segment.beat) * segment.beat_ms

    def tick_ms(self, tick: int) -> float:
        """Time of a grid tick."""
        return self.ms(tick / TICKS)

    def shortest_step_ms(self, step: int) -> float:
        """Shortest distance between neighbours of a grid of so many ticks, swing included."""
        if step >= TICKS:
            return self.shortest_beat_ms * step / TICKS
        return self.shortest_beat_ms * step / TICKS * 2 * min(self.swing, 1 - self.swing)
