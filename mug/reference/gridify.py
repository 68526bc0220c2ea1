"""The original's snapping: tempo and offset from the notes themselves, then every note moved.

Kept for comparison. It fits the grid to what the network wrote rather than to the sound, prefers
simple ratios of the true tempo, and rounds down; `timing` and `snapping` do better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import DataError

SLOWEST_BPM, FASTEST_BPM, STEP_BPM = 150.0, 300.0, 0.1
NEAR_MS = 10.0  # a note so close to a line is on it
DIVISORS = (1, 2, 4, 3, 6, 8, 16, 32)  # in this order; at 32 every note is near a line


@dataclass(frozen=True)
class Gridified:
    """Notes on the grid that was found in them.

    Args:
        hit_objects: in the order given, at whole milliseconds.
        bpm: tempo, 150 ... 300.
        offset_ms: a beat's time; may be negative or far from the song's start.
    """

    hit_objects: tuple[HitObject, ...]
    bpm: float
    offset_ms: float


def gridify(hit_objects: Sequence[HitObject]) -> Gridified:
    """Find a grid in the starts of notes and moves starts and ends to it.

    Source: the original's `gridify`, equal to its recorded results.

    Args:
        hit_objects: at least one.

    Raises:
        DataError: without notes, or with times that are not finite (the original fails with an
            IndexError, or never ends).
    """
    if not hit_objects:
        raise DataError("repair.there_are_no_notes_to_find", remedy="remedy.leave_step_out")
    starts = np.array([note.start_ms for note in hit_objects], dtype=np.float32)
    if not np.isfinite([(note.start_ms, note.last_ms) for note in hit_objects]).all():
        raise DataError("common.note_time_is_not_number", remedy="remedy.check_decoded_notes")
    bpm, offset = fit_grid(starts)
    return Gridified(tuple(_move(note, bpm, offset) for note in hit_objects), bpm, offset)


def fit_grid(starts: Float32[np.ndarray, " notes"]) -> tuple[float, float]:
    """Tempo and offset (ms) whose beats have most notes near them, per beat a minute.

    Each tempo is tried from the first note and from four offsets within a beat before the best
    one so far. A tempo that was refined stays for the rest of its round, as in the original.
    """
    search = _Search(starts)
    first = float(starts[0])
    for tempo in np.arange(SLOWEST_BPM, FASTEST_BPM, STEP_BPM):
        bpm = search.attempt(float(tempo), first)
        gap = 60000 / bpm
        for offset in np.arange(search.offset, search.offset - gap, -gap / 4):
            bpm = search.attempt(bpm, float(offset))
    return search.bpm, search.offset


class _Search:
    """The best grid so far."""

    def __init__(self, starts: Float32[np.ndarray, " notes"]) -> None:
        self.starts = starts.astype(np.float64)
        self.score, self.bpm, self.offset = -1.0, SLOWEST_BPM, float(starts[0])

    def attempt(self, bpm: float, offset: float) -> float:
        """Scores a grid; where it is the best, refines it. Gives the tempo to go on with."""
        gap = 60000 / bpm
        place = (self.starts - offset) / gap
        beat = np.round(place)
        near = np.abs(place - beat) < NEAR_MS / gap
        score = float(near.sum()) / bpm
        if score <= self.score:
            return bpm
        self.score = score
        self.bpm, self.offset = _line_fit(beat[near], self.starts[near]) or (bpm, offset)
        return self.bpm


def _line_fit(beats: np.ndarray, times: np.ndarray) -> tuple[float, float] | None:
    """Tempo and offset by least squares; None where the notes give no line."""
    spread = beats - beats.mean() if len(beats) else beats
    if not spread.any():
        return None
    slope = float((spread * times).sum() / (spread**2).sum())
    if slope <= 0:  # the original's folding below would never end
        return None
    return _fold(60000 / slope), float(times.mean() - slope * beats.mean())


def _fold(bpm: float) -> float:
    """The tempo, halved or doubled into the range."""
    while bpm >= FASTEST_BPM:
        bpm /= 2
    while bpm < SLOWEST_BPM:
        bpm *= 2
    return bpm


def _move(note: HitObject, bpm: float, offset_ms: float) -> HitObject:
    start = _nearest_line(note.start_ms, bpm, offset_ms)
    if isinstance(note, LongNote):
        end = _nearest_line(note.end_ms, bpm, offset_ms)
        return replace(note, start_ms=start, end_ms=end)
    return replace(note, start_ms=start)


def _nearest_line(time_ms: float, bpm: float, offset_ms: float) -> int:
    """The line of the first divisor that has one near, cut to whole milliseconds."""
    for divisor in DIVISORS:
        gap = 60000 / bpm / divisor
        place = (time_ms - offset_ms) / gap
        if abs(place - round(place)) < NEAR_MS / gap:
            return int(round(place) * gap + offset_ms)
    return int(time_ms)
