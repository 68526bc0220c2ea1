"""Tunes: motifs of a bar that return, over the chords, with pickups and long last notes."""

from __future__ import annotations

import numpy as np

from mug.compose.harmony import SCALES
from mug.compose.varied.plan import GridNote, VariedPlan
from mug.compose.varied.rhythm import draw_rhythm
from mug.compose.varied.song import GRID, SongPart
from mug.compose.varied.tonal import PHRASE_BARS, roots

_STREAM = 41
_FORMS = ("aaab", "abab", "abac", "aaba", "abcb", "aabb", "abcd", "aaaa")
_RANGE = {"lead": (64, 88), "vocal": (57, 76)}


def _contour(
    plan: VariedPlan, rng: np.random.Generator, rhythm: list[tuple[int, int]], voice: str
) -> list[int]:
    """Places on the scale, step by step with some leaps, kept near the middle."""
    low, high = _RANGE[voice]
    middle = (high - low) * 7 // 24
    place, leap = middle + int(rng.integers(-2, 3)), 1.0 + 1.5 * rng.random()
    places = []
    for _ in rhythm:
        pull = 0.25 * (middle - place)
        place += int(np.clip(np.rint(rng.normal(pull, leap)), -5, 5))
        places.append(int(np.clip(place, 0, 2 * middle)))
    return places


def _pitch(plan: VariedPlan, voice: str, place: int, root: int | None) -> int:
    """MIDI pitch of a place on the scale; on strong beats the nearest tone of the chord."""
    scale, low = SCALES[plan.mode], _RANGE[voice][0]

    def pitch_at(at: int) -> int:
        return low + (plan.key - low) % 12 + 12 * (at // 7) + scale[at % 7]

    if root is None:
        return pitch_at(place)
    inside = {(root + third) % 7 for third in (0, 2, 4)}
    return pitch_at(
        min(range(place - 3, place + 4), key=lambda at: (at % 7 not in inside, abs(at - place), at))
    )


def tune_phrase(plan: VariedPlan, part: SongPart, voice: str) -> list[GridNote]:
    """Four bars of a tune; a pickup lies before the first bar, at negative ticks.

    Args:
        plan: of the song.
        part: where it plays.
        voice: lead, or vocal: fewer and longer notes.
    """
    rng = plan.rng(_STREAM + (voice == "vocal"), part.kind)
    form = _FORMS[int(rng.integers(len(_FORMS)))]
    density = float(
        np.clip(0.15 + 0.45 * plan.busy + 0.3 * part.energy + rng.normal(0, 0.12), 0, 1)
    )
    if voice == "vocal":
        density *= 0.7
    rest = float(rng.uniform(0.02, 0.25))
    motifs: dict[str, list[tuple[int, int, int]]] = {}
    for name in sorted(set(form)):
        rhythm = draw_rhythm(plan, rng, part.beat_ms, plan.bar, density)
        places = _contour(plan, rng, rhythm, voice)
        kept = rng.random(len(rhythm)) >= rest
        motifs[name] = [(s, n, p) for (s, n), p, k in zip(rhythm, places, kept, strict=True) if k]
    closing = rng.random() < 0.3 + 0.4 * plan.sustain
    reach = 0.5 + 0.5 * plan.sustain
    notes: list[GridNote] = []
    for bar, (name, root) in enumerate(zip(form, roots(plan, part.kind), strict=True)):
        motif = motifs[name]
        if bar == PHRASE_BARS - 1 and closing and motif:
            motif = [
                *(m for m in motif if m[0] < plan.bar // 4),
                (plan.bar // 4 // 3 * 3, plan.bar * 3 // 4, motif[-1][2]),
            ]
        for start, length, place in motif:
            strong = start % GRID == 0
            pitch = _pitch(plan, voice, place, root if strong else None)
            held = max(2, length if length > GRID else round(length * reach))
            velocity = 0.95 if strong else 0.82
            notes.append(GridNote(bar * plan.bar + start, voice, velocity, pitch, held))
    if rng.random() < 0.3 and notes:
        step = plan.finest(part.beat_ms, 120.0)
        count = int(rng.integers(1, 4))
        first = notes[0].pitch
        notes = [
            GridNote(-step * (count - i), voice, 0.8, first - 2 * (count - i), step)
            for i in range(count)
        ] + notes
    return notes
