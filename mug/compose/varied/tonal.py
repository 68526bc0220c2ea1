"""Chords and what comes from them: bass, accompaniment, pads and arpeggios."""

from __future__ import annotations

import numpy as np

from mug.compose.harmony import SCALES
from mug.compose.varied.plan import GridNote, VariedPlan
from mug.compose.varied.rhythm import draw_rhythm
from mug.compose.varied.song import GRID, SongPart

_STREAM = 21
PHRASE_BARS = 4
_ROOTS = (
    (0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 3), (0, 5, 2, 6), (0, 6, 5, 4),
    (0, 3, 5, 6), (0, 0, 3, 4), (3, 4, 5, 5), (0, 2, 3, 4), (0, 0, 0, 0), (5, 4, 3, 4),
    (0, 0, 5, 5), (3, 4, 2, 5),
)  # fmt: skip


def degree_pitch(plan: VariedPlan, degree: int, base: int) -> int:
    """MIDI pitch of a degree of the song's scale, counted from the tonic at or above `base`."""
    scale = SCALES[plan.mode]
    return base + (plan.key - base) % 12 + 12 * (degree // 7) + scale[degree % 7]


def roots(plan: VariedPlan, kind: str) -> tuple[int, ...]:
    """Degrees of the chord roots of four bars; quiet parts share the verse's."""
    shared = "verse" if kind in ("intro", "outro", "break") else kind
    return _ROOTS[int(plan.rng(_STREAM, shared).integers(len(_ROOTS)))]


def chord(plan: VariedPlan, root: int, low: int, seventh: bool) -> list[int]:
    """MIDI pitches of a chord within an octave from `low`."""
    thirds = (0, 2, 4, 6) if seventh else (0, 2, 4)
    pitches = [degree_pitch(plan, root + third, low - 12) for third in thirds]
    return sorted(low + (pitch - low) % 12 for pitch in pitches)


def _bass_ticks(plan: VariedPlan, rng: np.random.Generator, part: SongPart) -> list[int]:
    """Starts of the bass in a bar."""
    steps = plan.steps(part.beat_ms)
    style = rng.random()
    if part.energy < 0.25 or style < 0.12:
        return [0]
    if style < 0.42:
        return list(range(0, plan.bar, plan.finest(part.beat_ms, 140.0)))
    if style < 0.54:
        return list(range(steps[1], plan.bar, steps[0]))
    if style < 0.68:
        return list(range(0, plan.bar, steps[0]))
    if style < 0.8:
        quick = plan.finest(part.beat_ms, 74.0)
        return [t for t in range(0, plan.bar, quick) if t % steps[0] or t == 0]
    drawn = draw_rhythm(plan, rng, part.beat_ms, plan.bar, 0.3 + 0.4 * plan.busy)
    return sorted({0, *(start for start, _ in drawn)})


def bass_phrase(plan: VariedPlan, part: SongPart) -> list[GridNote]:
    """Four bars of bass."""
    rng = plan.rng(_STREAM + 1, part.kind)
    ticks = _bass_ticks(plan, rng, part)
    octaves, short = rng.random() < 0.3, rng.random() < 0.4
    lengths = np.diff([*ticks, plan.bar])
    notes = []
    for bar, root in enumerate(roots(plan, part.kind)):
        pitch = degree_pitch(plan, root, 28)
        pitch -= 12 if pitch > 43 else 0
        for index, (tick, length) in enumerate(zip(ticks, lengths.tolist(), strict=True)):
            up = 12 if octaves and index % 2 else 0
            held = max(3, int(length) // 2) if short else int(length)
            velocity = 0.95 if tick == 0 else 0.78
            notes.append(GridNote(bar * plan.bar + tick, "bass", velocity, pitch + up, held))
    return notes


def chord_phrase(plan: VariedPlan, part: SongPart) -> list[GridNote]:
    """Four bars of struck chords: off the beat, in a rhythm of their own, or on each bar."""
    rng = plan.rng(_STREAM + 2, part.kind)
    style, seventh, steps = rng.random(), rng.random() < 0.3, plan.steps(part.beat_ms)
    low = int(rng.choice([48, 52, 55, 60]))
    if part.energy < 0.3 or style < 0.2:
        rhythm = [(0, plan.bar)]
    elif style < 0.4:
        rhythm = [(t, steps[1]) for t in range(steps[1], plan.bar, steps[0])]
    elif style < 0.55:
        rhythm = [(t, steps[0]) for t in range(0, plan.bar, steps[0])]
    else:
        rhythm = draw_rhythm(plan, rng, part.beat_ms, plan.bar, 0.15 + 0.5 * plan.busy)
    short = rng.random() < 0.5
    notes = []
    for bar, root in enumerate(roots(plan, part.kind)):
        for tick, length in rhythm:
            held = min(length, steps[1]) if short else length
            velocity = 0.9 if tick % GRID == 0 else 0.75
            for pitch in chord(plan, root, low, seventh):
                notes.append(GridNote(bar * plan.bar + tick, "chord", velocity, pitch, held))
    return notes


def pad_phrase(plan: VariedPlan, part: SongPart) -> list[GridNote]:
    """Four bars of held chords."""
    rng = plan.rng(_STREAM + 3, part.kind)
    low, seventh = int(rng.choice([48, 55, 60])), rng.random() < 0.3
    notes = []
    for bar, root in enumerate(roots(plan, part.kind)):
        for pitch in chord(plan, root, low, seventh):
            notes.append(GridNote(bar * plan.bar, "pad", 0.8, pitch, plan.bar))
    return notes


def arp_phrase(plan: VariedPlan, part: SongPart) -> list[GridNote]:
    """Four bars of broken chords in even steps, some gated by a rhythm."""
    rng = plan.rng(_STREAM + 4, part.kind)
    step = plan.finest(part.beat_ms, 74.0 if rng.random() < 0.35 + 0.4 * plan.busy else 130.0)
    low, octaves = int(rng.choice([60, 67, 72])), int(rng.integers(1, 3))
    order = int(rng.integers(4))
    gate = rng.random(int(rng.choice([8, 16]))) < rng.choice([1.0, 0.75, 0.6])
    gate[0] = True
    notes = []
    for bar, root in enumerate(roots(plan, part.kind)):
        base = chord(plan, root, low, False)
        pitches = base + [pitch + 12 for pitch in base] * (octaves - 1)
        if order == 1:
            pitches = pitches[::-1]
        elif order == 2:
            pitches = pitches + pitches[-2:0:-1]
        elif order == 3:
            pitches = [p for pair in zip(pitches, pitches[::-1], strict=True) for p in pair]
        for index, tick in enumerate(range(0, plan.bar, step)):
            if gate[index % len(gate)]:
                velocity = 0.9 if tick % GRID == 0 else 0.7
                pitch = pitches[index % len(pitches)]
                notes.append(GridNote(bar * plan.bar + tick, "arp", velocity, pitch, step))
    return notes
