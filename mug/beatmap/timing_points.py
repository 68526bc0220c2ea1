"""Timing points: red lines carry the tempo, green lines the scroll speed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimingPoint:
    """A red line: from here on a beat lasts so long.

    Args:
        time_ms: where the first beat of a bar lies.
        beat_ms: duration of a beat; its inverse is the tempo.
        meter: beats a bar.
        sample_set: `.osu` sample set.
        sample_index: `.osu` custom sample index.
        volume: per cent.
        effects: bit 0 kiai, bit 3 omitted first bar line.
    """

    time_ms: float
    beat_ms: float
    meter: int = 4
    sample_set: int = 1
    sample_index: int = 0
    volume: int = 100
    effects: int = 0

    @property
    def bpm(self) -> float:
        """Beats a minute."""
        return 60000.0 / self.beat_ms


@dataclass(frozen=True, slots=True)
class ScrollPoint:
    """A green line: from here on notes scroll at this multiple of the base speed.

    Args:
        time_ms: where it begins.
        velocity: multiple of the base scroll speed, e.g. 0.75 (`-100 / velocity` in the file).
        meter: as written in the file.
        sample_set: as for `TimingPoint`.
        sample_index: as for `TimingPoint`.
        volume: as for `TimingPoint`.
        effects: as for `TimingPoint`.
    """

    time_ms: float
    velocity: float
    meter: int = 4
    sample_set: int = 1
    sample_index: int = 0
    volume: int = 100
    effects: int = 0
