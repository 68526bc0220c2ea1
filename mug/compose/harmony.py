"""Scales and chords, and the tracks that come from them: bass and accompaniment."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from mug.compose.plan import SongPlan, TickNote
from mug.compose.tempo import TICKS

_STREAM = 21
PHRASE_BARS = 4

SCALES = MappingProxyType(
    {
        "major": (0, 2, 4, 5, 7, 9, 11),
        "minor": (0, 2, 3, 5, 7, 8, 10),
        "dorian": (0, 2, 3, 5, 7, 9, 10),
        "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    }
)

# Roots of four bars as degrees of the scale; none needs a diminished chord to sound right.
_BRIGHT = ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 3), (5, 3, 0, 4), (0, 3, 0, 4), (0, 2, 3, 4))
_DARK = ((0, 5, 2, 6), (0, 3, 5, 6), (0, 6, 5, 6), (0, 2, 6, 3), (0, 3, 0, 4), (5, 6, 0, 0))


def degree_pitch(plan: SongPlan, degree: int, base: int) -> int:
    """MIDI pitch of a degree of the song's scale, counted from the tonic at or above `base`."""
    tonic = base + (plan.key - base) % 12
    scale = SCALES[plan.mode]
    return tonic + 12 * (degree // 7) + scale[degree % 7]


def progression(plan: SongPlan, kind: str) -> tuple[int, ...]:
    """Degrees of the chord roots, one a bar, for a phrase of four bars."""
    pool = _BRIGHT if plan.mode in ("major", "mixolydian") else _DARK
    # Intro and outro share the verse's chords, so that the song hangs together.
    shared = "verse" if kind in ("intro", "outro") else kind
    return pool[int(plan.rng(_STREAM, shared).integers(len(pool)))]


def triad(plan: SongPlan, root: int) -> list[int]:
    """MIDI pitches of a chord, kept within an octave so that parts move little."""
    low = 55
    pitches = [degree_pitch(plan, root + third, low - 12) for third in (0, 2, 4)]
    return sorted(low + (pitch - low) % 12 for pitch in pitches)


def _bass_ticks(plan: SongPlan, rng: np.random.Generator, energy: float) -> list[int]:
    beats = list(range(0, plan.metre.bar, TICKS))
    style = int(rng.integers(3))
    if energy < 0.3:
        return [0]
    if style == 0 and energy > 0.45:
        return list(range(0, plan.metre.bar, plan.finest(160.0)))
    if style == 1:
        return sorted({0, *(t + plan.metre.half for t in beats[1:] if rng.random() < 0.6)})
    return beats


def bass_phrase(plan: SongPlan, kind: str) -> list[TickNote]:
    """Four bars of bass, in ticks from the start of the phrase."""
    rng, energy = plan.rng(_STREAM + 1, kind), plan.energy(kind)
    ticks = _bass_ticks(plan, rng, energy)
    octaves = rng.random() < 0.3
    lengths = np.diff([*ticks, plan.metre.bar])
    notes = []
    for bar, root in enumerate(progression(plan, kind)):
        pitch = degree_pitch(plan, root, 28)
        pitch -= 12 if pitch > 45 else 0
        for index, (tick, length) in enumerate(zip(ticks, lengths, strict=True)):
            up = 12 if octaves and index % 2 else 0
            velocity = 0.9 if tick == 0 else 0.75
            start = bar * plan.metre.bar + tick
            notes.append(TickNote(start, "bass", velocity, pitch + up, int(length)))
    return notes


def _comping(plan: SongPlan, rng: np.random.Generator, kind: str) -> list[tuple[int, int]]:
    """Starts and lengths of chords in a bar: held, off the beat, or a rhythm of its own."""
    bar, half = plan.metre.bar, plan.metre.half
    choice = float(rng.random())
    if kind == "break" or choice < 0.4:
        return [(0, bar)]
    if choice < 0.6:
        return [(t + half, half) for t in range(0, bar, TICKS)]
    ticks = [0, *(t for t in range(half, bar, half) if rng.random() < 0.35)]
    return [(t, min(half, n)) for t, n in zip(ticks, np.diff([*ticks, bar]).tolist(), strict=True)]


def chord_phrase(plan: SongPlan, kind: str) -> list[TickNote]:
    """Four bars of accompaniment, in ticks from the start of the phrase."""
    rng = plan.rng(_STREAM + 2, kind)
    rhythm = _comping(plan, rng, kind)
    broken = rng.random() < 0.3 and kind != "intro"
    step = plan.finest(150.0)
    notes = []
    for bar, root in enumerate(progression(plan, kind)):
        start, pitches = bar * plan.metre.bar, triad(plan, root)
        if broken:
            order = [*pitches, pitches[1]]
            for index, tick in enumerate(range(0, plan.metre.bar, step)):
                pitch = order[index % 4] + 12
                notes.append(TickNote(start + tick, "chord", 0.7, pitch, step))
            continue
        for tick, length in rhythm:
            notes += [TickNote(start + tick, "chord", 0.7, pitch, length) for pitch in pitches]
    return notes
