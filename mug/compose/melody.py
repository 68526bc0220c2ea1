"""Melodies: a two-bar motif over the chords, returning with another end."""

from __future__ import annotations

import numpy as np

from mug.compose.harmony import PHRASE_BARS, SCALES, progression
from mug.compose.plan import SongPlan, TickNote
from mug.compose.tempo import TICKS

_STREAM = 31
_LOW, _HIGH = 64, 86


def _lengths(plan: SongPlan, kind: str) -> tuple[list[int], list[float]]:
    """Possible note lengths in ticks and their weights: longer where the energy is low."""
    metre, energy = plan.metre, plan.energy(kind)
    half, beat = metre.half, TICKS
    quick = plan.finest(125.0)
    options = {
        quick: 0.9 * energy if quick < half else 0.0,
        half: 0.4 + 1.2 * energy,
        beat: 1.0,
        beat + half: 0.5,
        2 * beat: 0.25 + 0.9 * plan.sustain + (1.2 if kind == "break" else 0.0),
        3 * beat: 0.5 * plan.sustain + (0.6 if kind == "break" else 0.0),
    }
    # The off-beat must be wide enough to be played as a note of its own.
    if plan.tempo.shortest_step_ms(half) < 95.0:
        options = {n: weight for n, weight in options.items() if n % beat == 0}
    return list(options), list(options.values())


def motif(plan: SongPlan, kind: str, bars: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Starts and lengths of the notes of some bars, in ticks; rests are left out."""
    lengths, weights = _lengths(plan, kind)
    shares = np.array(weights) / np.sum(weights)
    rest = 0.06 + 0.16 * (1 - plan.density)
    total, tick = bars * plan.metre.bar, 0
    notes = []
    while tick < total:
        length = int(lengths[int(rng.choice(len(lengths), p=shares))])
        # A quick note comes back to the subdivision it left, so that runs stay on the grid.
        group = plan.metre.half // length if length < plan.metre.half else 1
        for _ in range(max(1, group)):
            length = min(length, total - tick)
            if length > 0 and (tick == 0 or rng.random() >= rest):
                notes.append((tick, length))
            tick += length
    return notes


def _scale_pitches(plan: SongPlan) -> list[int]:
    wanted = {(plan.key + step) % 12 for step in SCALES[plan.mode]}
    return [pitch for pitch in range(_LOW, _HIGH + 1) if pitch % 12 in wanted]


def _chord_classes(plan: SongPlan, root: int) -> set[int]:
    scale = SCALES[plan.mode]
    return {(plan.key + scale[(root + third) % 7]) % 12 for third in (0, 2, 4)}


def _pitches(
    plan: SongPlan, kind: str, rhythm: list[tuple[int, int]], rng: np.random.Generator
) -> list[int]:
    """Steps along the scale; notes on a beat are drawn to the chord of their bar."""
    scale, roots = _scale_pitches(plan), progression(plan, kind)
    place = len(scale) // 2 + int(rng.integers(-2, 3))
    pitches = []
    for tick, _ in rhythm:
        # Farther from the middle, the line is pulled back.
        pull = (len(scale) / 2 - place) / len(scale)
        place += int(np.clip(np.rint(rng.normal(2.0 * pull, 1.6)), -4, 4))
        place = int(np.clip(place, 0, len(scale) - 1))
        if tick % TICKS == 0:
            inside = _chord_classes(plan, roots[tick // plan.metre.bar % PHRASE_BARS])
            tones = [i for i, pitch in enumerate(scale) if pitch % 12 in inside]
            place = min(tones, key=lambda i: (abs(i - place), i))
        pitches.append(scale[place])
    return pitches


def melody_phrase(plan: SongPlan, kind: str) -> list[TickNote]:
    """Four bars of melody, in ticks from the start of the phrase: A A, the second end new."""
    rng = plan.rng(_STREAM, kind)
    if kind == "intro" and rng.random() < 0.5:
        return []
    bar = plan.metre.bar
    first = motif(plan, kind, 2, rng)
    ending = motif(plan, kind, 1, rng)
    again = [(tick + 2 * bar, length) for tick, length in first if tick + length <= bar]
    last = [(tick + 3 * bar, length) for tick, length in ending]
    if rng.random() < 0.3 + 0.6 * plan.sustain:
        # The phrase comes to rest on one long note.
        last = [(3 * bar, bar)]
    rhythm = first + again + last
    reach = 0.55 + 0.45 * plan.sustain
    return [
        TickNote(
            tick,
            "melody",
            0.95 if tick % TICKS == 0 else 0.8,
            pitch,
            length if length > TICKS else max(1, round(length * reach)),
        )
        for (tick, length), pitch in zip(rhythm, _pitches(plan, kind, rhythm, rng), strict=True)
    ]
