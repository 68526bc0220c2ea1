"""Beat condition of a denoiser: phase and downbeat on the note grid.

Ten channels, one value a note frame, read at the frame's beginning: cosine and sine of the beat's
phase and of its 2nd, 3rd and 4th multiple (halves, thirds and quarters of a beat), the downbeat,
and whether the timing is known. Where it is not, all ten are 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.timing_points import TimingPoint
from mug.clock import FrameClock
from mug.errors import ConfigError

HARMONICS = (1, 2, 3, 4)
"""Multiples of the beat's phase, each as cosine and sine."""

DOWNBEAT = 2 * len(HARMONICS)
"""Channel of the downbeat: 1 at a bar's first beat, falling to 0 within a note frame around it."""

KNOWN = DOWNBEAT + 1
"""Channel that is 1 where the timing is known."""

CHANNELS = KNOWN + 1

_SHORTEST_BEAT_MS, _LONGEST_BEAT_MS = 60.0, 6000.0  # 1000 and 10 beats a minute: no tempo beyond

Times = Float64[np.ndarray, " t"]


@dataclass(frozen=True)
class BeatDoubt:
    """Dropout and noise on the timing in training, so that a model does not rely on it alone.

    Args:
        dropout_p: probability of not telling the timing of an item.
        jitter_ms: furthest that all red lines of an item are moved, either way.
        wrong_p: probability of moving them by any part of a beat.
    """

    dropout_p: float = 0.0
    jitter_ms: float = 0.0
    wrong_p: float = 0.0

    def __post_init__(self) -> None:
        for name in ("dropout_p", "wrong_p"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    "encoding.beat_value_must_be_probability", name=name, value=getattr(self, name)
                )
        if not 0 <= self.jitter_ms < math.inf:
            raise ConfigError("encoding.beat_jitter_ms_is_time_of_0", value=self.jitter_ms)

    def given_lines(
        self, lines: Sequence[TimingPoint], rng: np.random.Generator
    ) -> tuple[TimingPoint, ...]:
        """Red lines given for an item: as they are, moved, or none.

        Args:
            lines: the chart's own.
            rng: four numbers are drawn from it, whatever the settings.
        """
        dropped, wrong, jitter, part = rng.random(4)
        if dropped < self.dropout_p or not lines:
            return ()
        shift_ms = self.jitter_ms * (2 * jitter - 1)
        if wrong < self.wrong_p:
            shift_ms += part * lines[0].beat_ms
        if not math.isfinite(shift_ms):
            return ()
        return tuple(replace(line, time_ms=line.time_ms + shift_ms) for line in lines)


def beat_channels(
    lines: Sequence[TimingPoint],
    clock: FrameClock,
    frames: int,
    *,
    rate: float = 1.0,
    offset_ms: float = 0.0,
    end_ms: float = math.inf,
) -> Float32[np.ndarray, "c t"]:
    """The beat on a note grid of so many frames.

    Each red line rules until the next, the first also before itself. One without a usable tempo
    (10 to 1000 beats a minute) leaves its part unknown. As for notes (`mug.encoding.transform`), a
    time of the chart lies at `time / rate + offset_ms` on the grid.

    Args:
        lines: red lines in any order; none for a timing that is not known.
        clock: length of a note frame.
        frames: columns of the result.
        rate: speed multiplier.
        offset_ms: added to each time after the rate.
        end_ms: where the song ends on the grid; the padding behind it has no beat.
    """
    channels = np.zeros((CHANNELS, frames), np.float32)
    if not lines:
        return channels
    grid_ms = np.arange(frames) * clock.note_frame_ms
    known, beats, from_bar_ms = _place((grid_ms - offset_ms) * rate, lines)
    for row, harmonic in enumerate(HARMONICS):
        angle = 2 * math.pi * harmonic * beats
        channels[2 * row], channels[2 * row + 1] = np.cos(angle), np.sin(angle)
    channels[DOWNBEAT] = np.maximum(0, 1 - from_bar_ms / rate / clock.note_frame_ms)
    channels[KNOWN] = 1
    channels[:, ~(known & (grid_ms < end_ms))] = 0
    return channels


def _place(
    times_ms: Times, lines: Sequence[TimingPoint]
) -> tuple[np.ndarray, Float64[np.ndarray, " t"], Float64[np.ndarray, " t"]]:
    """Presence of a known beat at each time, its phase 0 ... 1, and ms to the nearest downbeat."""
    ordered = sorted(
        (line for line in lines if math.isfinite(line.time_ms)), key=lambda line: line.time_ms
    )
    if not ordered:
        nothing = np.zeros(len(times_ms))
        return nothing > 0, nothing, nothing
    starts = np.array([line.time_ms for line in ordered], np.float64)
    usable = np.array([_is_tempo(line) for line in ordered])
    beat_ms = np.array([line.beat_ms if _is_tempo(line) else 1.0 for line in ordered], np.float64)
    meter = np.array([max(line.meter, 1) for line in ordered], np.float64)
    at = np.maximum(np.searchsorted(starts, times_ms, side="right") - 1, 0)
    beats = (times_ms - starts[at]) / beat_ms[at]
    bars = beats / meter[at]
    from_bar_ms = np.abs(bars - np.rint(bars)) * meter[at] * beat_ms[at]
    next_ms = np.append(starts[1:], np.inf)[at]  # the next red line begins a bar, too
    return usable[at], beats % 1.0, np.minimum(from_bar_ms, np.abs(next_ms - times_ms))


def _is_tempo(line: TimingPoint) -> bool:
    return _SHORTEST_BEAT_MS <= line.beat_ms <= _LONGEST_BEAT_MS


@lru_cache(maxsize=65536)
def red_lines_of(chart: Path) -> tuple[TimingPoint, ...]:
    """The red lines of a `.osu` file, read once.

    Raises:
        BeatmapError: as `osu.read`.
    """
    return osu.read(chart).red_lines
