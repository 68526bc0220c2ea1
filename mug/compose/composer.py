"""Write songs: seed and style in, exact notes out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mug.compose.drums import section_drums
from mug.compose.harmony import PHRASE_BARS, bass_phrase, chord_phrase, degree_pitch, triad
from mug.compose.melody import melody_phrase
from mug.compose.names import invent_artist, invent_title
from mug.compose.plan import TAIL_MS, SongPlan, TickNote, between, draw_plan, draw_timbre
from mug.compose.score import INSTRUMENTS, NoteEvent, Section, Song
from mug.compose.style import SongStyle
from mug.compose.tempo import TICKS


def _tile(plan: SongPlan, section: Section, phrase: list[TickNote]) -> Iterator[TickNote]:
    """Repeat a phrase of four bars over a section; the last note stops at its end."""
    bar = plan.metre.bar
    end = (section.first_bar + section.bars) * bar
    for start_bar in range(section.first_bar, section.first_bar + section.bars, PHRASE_BARS):
        for note in phrase:
            tick = note.tick + start_bar * bar
            if tick < end:
                yield note._replace(tick=tick, length=min(note.length, end - tick))


def _final_chord(plan: SongPlan, tick: int) -> list[TickNote]:
    """All come home to the tonic on the beat after the last bar."""
    length = TICKS
    tonic = [TickNote(tick, "chord", 0.8, pitch, length) for pitch in triad(plan, 0)]
    return [
        *tonic,
        TickNote(tick, "kick", 1.0, 0, 3),
        TickNote(tick, "crash", 0.9, 0, 3),
        TickNote(tick, "bass", 0.9, degree_pitch(plan, 0, 28), length),
        TickNote(tick, "melody", 0.9, degree_pitch(plan, 0, 64), length),
    ]


def _write(plan: SongPlan) -> list[TickNote]:
    """All tracks of a song on the grid."""
    notes: list[TickNote] = []
    for section in plan.sections:
        notes += section_drums(plan, section)
        for phrase in (bass_phrase, chord_phrase, melody_phrase):
            notes += _tile(plan, section, phrase(plan, section.kind))
    bars = sum(section.bars for section in plan.sections)
    return notes + _final_chord(plan, bars * plan.metre.bar)


def _perform(plan: SongPlan, notes: list[TickNote]) -> tuple[NoteEvent, ...]:
    """Give grid notes their exact times; ordered by time, instrument and pitch."""
    events = [
        NoteEvent(
            instrument=note.instrument,
            tick=note.tick,
            time_ms=plan.tempo.tick_ms(note.tick),
            duration_ms=plan.tempo.tick_ms(note.tick + note.length) - plan.tempo.tick_ms(note.tick),
            pitch=note.pitch,
            velocity=note.velocity,
        )
        for note in notes
    ]
    return tuple(sorted(events, key=lambda e: (e.tick, INSTRUMENTS.index(e.instrument), e.pitch)))


def compose_song(seed: int, style: SongStyle | None = None) -> Song:
    """Compose a song; the same seed and style give the same song, note for note.

    Args:
        seed: at least 0.
        style: what it may draw from; the whole variety when None.
    """
    style = style or SongStyle()
    plan = draw_plan(seed, style)
    rng = np.random.default_rng([seed, 1])
    events = _perform(plan, _write(plan))
    bars = sum(section.bars for section in plan.sections)
    return Song(
        seed=seed,
        title=invent_title(rng),
        artist=invent_artist(rng),
        metre=plan.metre,
        tempo=plan.tempo,
        key=plan.key,
        mode=plan.mode,
        density=plan.density,
        loudness_db=between(rng, style.loudness_db),
        duration_ms=plan.tempo.ms(float(bars * plan.metre.beats)) + TAIL_MS,
        sections=plan.sections,
        events=events,
        timbre=draw_timbre(rng, style),
    )
