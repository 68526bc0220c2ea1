"""Drum tracks: one pattern a kind of section, varied by energy, with fills and crashes."""

from __future__ import annotations

import numpy as np

from mug.compose.plan import SongPlan, TickNote
from mug.compose.score import Section
from mug.compose.tempo import TICKS

_STREAM = 11


def _hit(tick: int, instrument: str, velocity: float) -> TickNote:
    return TickNote(tick, instrument, float(velocity), 0, TICKS // 4)


def _back_beats(plan: SongPlan) -> list[int]:
    """Beats of a bar on which the snare answers."""
    return {"4/4": [1, 3], "3/4": [1, 2], "6/8": [1]}[plan.metre.name]


def _kicks(plan: SongPlan, rng: np.random.Generator, energy: float) -> list[int]:
    """Ticks of the kick within a bar."""
    metre = plan.metre
    if metre.name == "4/4":
        every_beat = rng.random() < 0.35 and energy > 0.5
        ticks = {beat * TICKS for beat in (range(4) if every_beat else (0, 2))}
    else:
        ticks = {0}
    step = plan.finest(110.0)
    for tick in range(step, metre.bar, step):
        on_back_beat = tick % TICKS == 0 and tick // TICKS in _back_beats(plan)
        if not on_back_beat and rng.random() < 0.22 * energy:
            ticks.add(tick)
    return sorted(ticks)


def _hats(plan: SongPlan, rng: np.random.Generator, energy: float) -> list[TickNote]:
    """Hi-hats of a bar; finer with more energy, louder on the beat."""
    least_ms = 85.0 if energy > 0.72 else 150.0 if energy > 0.3 else 330.0
    step = plan.finest(least_ms)
    open_at = int(rng.integers(plan.metre.beats)) * TICKS + plan.metre.half
    notes = []
    for tick in range(0, plan.metre.bar, step):
        velocity = 0.8 if tick % TICKS == 0 else 0.6 if tick % plan.metre.half == 0 else 0.45
        is_open = tick == open_at and energy > 0.6
        notes.append(_hit(tick, "open_hat" if is_open else "hat", velocity))
    return notes


def bar_pattern(plan: SongPlan, kind: str) -> list[TickNote]:
    """One bar of drums for a kind of section, in ticks from the bar line."""
    rng, energy = plan.rng(_STREAM, kind), plan.energy(kind)
    kicks, hats = _kicks(plan, rng, energy), _hats(plan, rng, energy)
    if kind == "break":
        # Breaks rest on one kick a bar, or on nothing at all.
        return [_hit(0, "kick", 0.8)] if rng.random() < 0.6 else []
    notes = [_hit(tick, "kick", 1.0 if tick % TICKS == 0 else 0.85) for tick in kicks] + hats
    if kind == "intro" and rng.random() < 0.5:
        return notes
    notes += [_hit(beat * TICKS, "snare", 0.95) for beat in _back_beats(plan)]
    step = plan.finest(110.0)
    for tick in range(step, plan.metre.bar, step):
        busy = any(n.tick == tick and n.instrument in ("kick", "snare") for n in notes)
        if not busy and rng.random() < 0.12 * energy:
            notes.append(_hit(tick, "snare", 0.5))  # a ghost note
    return notes


def fill(plan: SongPlan, kind: str) -> list[TickNote]:
    """The end of a section: snare and toms run over the last beats, in ticks from the bar line."""
    rng, energy = plan.rng(_STREAM + 1, kind), plan.energy(kind)
    beats = min(plan.metre.beats - 1, 1 + int(rng.random() < energy))
    step = plan.finest(95.0)
    first = plan.metre.bar - beats * TICKS
    ticks = [t for t in range(first, plan.metre.bar, step) if t == first or rng.random() < 0.85]
    middle = first + beats * TICKS // 2
    return [_hit(t, "snare" if t < middle else "tom", 0.75 + 0.2 * (t % TICKS == 0)) for t in ticks]


def section_drums(plan: SongPlan, section: Section) -> list[TickNote]:
    """Drums of a whole section, in ticks from the start of the song."""
    bar = plan.metre.bar
    pattern = bar_pattern(plan, section.kind)
    notes: list[TickNote] = []
    for index in range(section.bars):
        start = (section.first_bar + index) * bar
        last = index == section.bars - 1 and section.kind != "break"
        closing = fill(plan, section.kind) if last else []
        until = closing[0].tick if closing else bar
        played = [n for n in pattern if n.tick < until] + closing
        notes += [n._replace(tick=n.tick + start) for n in played]
    if section.kind in ("verse", "chorus"):
        notes.append(_hit(section.first_bar * bar, "crash", 0.9))
    return notes
