"""Write varied songs: seed and style in, exact notes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from mug.compose.names import invent_artist, invent_title
from mug.compose.plan import between
from mug.compose.score import NoteEvent
from mug.compose.varied.drums import part_drums
from mug.compose.varied.plan import TAIL_MS, GridNote, VariedPlan, draw_plan
from mug.compose.varied.song import GRID, VOICES, SongPart, VariedSong
from mug.compose.varied.style import VariedStyle
from mug.compose.varied.tonal import (
    PHRASE_BARS,
    arp_phrase,
    bass_phrase,
    chord_phrase,
    degree_pitch,
    pad_phrase,
)
from mug.compose.varied.tune import tune_phrase


def _phrase(plan: VariedPlan, part: SongPart, voice: str) -> list[GridNote]:
    if voice in ("lead", "vocal"):
        return tune_phrase(plan, part, voice)
    writers = {"bass": bass_phrase, "chord": chord_phrase, "pad": pad_phrase, "arp": arp_phrase}
    return writers[voice](plan, part)


def _tile(plan: VariedPlan, part: SongPart, phrase: list[GridNote]) -> Iterator[GridNote]:
    """Repeat a phrase over a part; notes stop at its end, pickups lie before each phrase."""
    first, end = part.first_bar * plan.bar, (part.first_bar + part.bars) * plan.bar
    for start in range(first, end, PHRASE_BARS * plan.bar):
        for note in phrase:
            tick = note.tick + start
            if 0 <= tick < end:
                yield note._replace(tick=tick, length=min(note.length, end - tick))


def _effects(plan: VariedPlan, part: SongPart, rng: np.random.Generator) -> list[GridNote]:
    """A riser into an energetic part, an impact on its first beat."""
    start = part.first_bar * plan.bar
    notes = []
    if part.energy > 0.6 and start and rng.random() < 0.3:
        length = min(start, plan.bar * int(rng.choice([1, 2])))
        notes.append(GridNote(start - length, "riser", 0.7, 0, length))
    if part.energy > 0.5 and rng.random() < 0.3:
        notes.append(GridNote(start, "impact", 0.9, 0, GRID))
    return notes


def _stops(plan: VariedPlan, rng: np.random.Generator, notes: list[GridNote]) -> list[GridNote]:
    """All voices silent for the last beats before some parts."""
    silent = set()
    for part in plan.parts[1:]:
        if part.energy > 0.55 and rng.random() < 0.15:
            end = part.first_bar * plan.bar
            silent |= set(range(end - GRID * int(rng.choice([1, 2])), end))
    return [note for note in notes if note.tick not in silent]


def _ending(plan: VariedPlan, tick: int) -> list[GridNote]:
    """All come home to the tonic on the beat after the last bar."""
    found = [GridNote(tick, voice, 0.95, 0, 6) for voice in ("kick", "crash")]
    for voice, base in (("bass", 28), ("chord", 55), ("lead", 67)):
        found.append(GridNote(tick, voice, 0.9, degree_pitch(plan, 0, base), GRID))
    return found


def _write(plan: VariedPlan) -> list[GridNote]:
    """All voices of a song on the grid."""
    rng = np.random.default_rng([plan.seed, 74])
    notes: list[GridNote] = []
    played: Counter[str] = Counter()
    for part in plan.parts:
        part_notes = part_drums(plan, part, played[part.kind])
        for voice in sorted(plan.playing[part.kind]):
            part_notes += _tile(plan, part, _phrase(plan, part, voice))
        part_notes += _effects(plan, part, rng)
        level = 0.45 + 0.55 * part.energy
        notes += [n._replace(velocity=n.velocity * level) for n in part_notes]
        played[part.kind] += 1
    notes = _stops(plan, rng, notes)
    if rng.random() < 0.6:
        notes += _ending(plan, sum(part.bars for part in plan.parts) * plan.bar)
    return notes


def swung(tick: int, level: int) -> int:
    """A tick with its off-beats late by triplets: halves of `level` ticks fall on two thirds."""
    if not level:
        return tick
    whole, place = divmod(tick, level)
    half = level // 2
    late = place * 4 / 3 if place < half else half * 4 / 3 + (place - half) * 2 / 3
    return whole * level + round(late)


def _perform(plan: VariedPlan, notes: list[GridNote]) -> tuple[NoteEvent, ...]:
    """Give grid notes their exact times; one a voice, tick and pitch, the loudest."""
    times: dict[int, float] = {}

    def at(tick: int) -> float:
        if tick not in times:
            times[tick] = plan.tempo.ms(tick / GRID)
        return times[tick]

    loudest: dict[tuple[int, int, int], NoteEvent] = {}
    for note in notes:
        tick, end = swung(note.tick, plan.swing), swung(note.tick + note.length, plan.swing)
        key = (tick, VOICES.index(note.voice), note.pitch)
        if key not in loudest or loudest[key].velocity < note.velocity:
            start = at(tick)
            loudest[key] = NoteEvent(
                note.voice, tick, start, at(end) - start, note.pitch, note.velocity
            )
    return tuple(loudest[key] for key in sorted(loudest))


def compose_varied(seed: int, style: VariedStyle | None = None) -> VariedSong:
    """Compose a varied song; the same seed and style give the same song, note for note.

    Args:
        seed: at least 0.
        style: what it may draw from; the whole variety when None.
    """
    style = style or VariedStyle()
    plan = draw_plan(seed, style)
    rng = np.random.default_rng([seed, 75])
    events = _perform(plan, _write(plan))
    beats = sum(part.bars for part in plan.parts) * plan.metre.beats
    return VariedSong(
        seed=seed,
        title=invent_title(rng),
        artist=invent_artist(rng),
        metre=plan.metre,
        tempo=plan.tempo,
        swing=plan.swing,
        parts=plan.parts,
        loudness_db=between(rng, style.loudness_db),
        duration_ms=plan.tempo.ms(float(beats)) + TAIL_MS,
        events=events,
    )
