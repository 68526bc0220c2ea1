"""Decisions before the first note: tempo, metre, key and form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from mug.compose.score import SECTION_KINDS, Section, Timbre
from mug.compose.style import SongStyle, Span
from mug.compose.tempo import METRES, TICKS, Metre, SongTempo

TAIL_MS = 1800.0
"""Time after the final beat for the last chord to ring."""

_FORMS: tuple[tuple[str, ...], ...] = (
    ("verse", "chorus"),
    ("intro", "verse", "chorus"),
    ("intro", "verse", "chorus", "outro"),
    ("intro", "verse", "chorus", "break", "chorus"),
    ("verse", "chorus", "break", "verse", "chorus"),
    ("intro", "verse", "chorus", "break", "chorus", "outro"),
    ("intro", "verse", "chorus", "verse", "break", "chorus", "outro"),
)
_SHARE = MappingProxyType({"intro": 1.0, "verse": 2.0, "chorus": 2.0, "break": 1.0, "outro": 1.0})
_ENERGY = MappingProxyType(
    {"intro": 0.45, "verse": 0.7, "chorus": 1.0, "break": 0.25, "outro": 0.55}
)


class TickNote(NamedTuple):
    """A note on the grid, before it has a time: start and length in ticks."""

    tick: int
    instrument: str
    velocity: float
    pitch: int
    length: int


@dataclass(frozen=True)
class SongPlan:
    """Frame of a song, from which the tracks are written.

    Args:
        seed: of the song.
        metre: time signature.
        tempo: way from beats to milliseconds.
        sections: the form.
        key: pitch class of the tonic.
        mode: name of the scale.
        density: how busy, 0 ... 1.
        sustain: how long melody notes are held, 0 ... 1.
    """

    seed: int
    metre: Metre
    tempo: SongTempo
    sections: tuple[Section, ...]
    key: int
    mode: str
    density: float
    sustain: float

    def rng(self, stream: int, kind: str = "verse") -> np.random.Generator:
        """Random numbers of one track in one kind of section: the same wherever it returns."""
        return np.random.default_rng([self.seed, stream, SECTION_KINDS.index(kind)])

    def energy(self, kind: str) -> float:
        """Drive of a kind of section in this song, 0 ... 1."""
        return _ENERGY[kind] * (0.45 + 0.55 * self.density)

    def finest(self, least_ms: float) -> int:
        """Ticks of the finest subdivision whose steps last at least so long."""
        for step in (self.metre.quarter, self.metre.half):
            if self.tempo.shortest_step_ms(step) >= least_ms:
                return step
        return TICKS


def between(rng: np.random.Generator, span: Span) -> float:
    """An even draw from a span."""
    return float(rng.uniform(*span))


def weighted(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """A name, drawn by weight."""
    values = np.array(list(weights.values()), dtype=np.float64)
    return list(weights)[int(rng.choice(len(values), p=values / values.sum()))]


def _draw_bpm(rng: np.random.Generator, style: SongStyle) -> float:
    span = style.wide_tempo if rng.random() < style.wide_tempo_p else style.tempo
    bpm = float(np.exp(rng.uniform(*np.log(span))))
    rounded = round(bpm) if rng.random() < 0.7 else round(bpm, 2)
    return float(np.clip(rounded, *span))


def _draw_swing(rng: np.random.Generator, style: SongStyle, metre: Metre, bpm: float) -> float:
    draw, amount, triplet = rng.random(), between(rng, style.swing), rng.random()
    # Above 200 a minute the off-beats would come too fast to sound like swing.
    if metre.compound or bpm > 200 or draw >= style.swing_p:
        return 0.5
    return style.swing[1] if triplet < 0.6 else amount


def share_bars(form: tuple[str, ...], bars: int) -> tuple[Section, ...]:
    """Deal bars out to the sections of a form, in pairs while there are enough."""
    unit = 2 if bars >= 2 * len(form) else 1
    weights = np.array([_SHARE[kind] for kind in form])
    dealt = np.ones(len(form), dtype=np.int64)
    for _ in range(bars // unit - len(form)):
        dealt[int(np.argmax(weights / dealt))] += 1
    lengths = dealt * unit
    lengths[-1] += bars - int(lengths.sum())
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return tuple(
        Section(kind, int(start), int(length))
        for kind, start, length in zip(form, starts, lengths, strict=True)
    )


def _draw_form(rng: np.random.Generator, bars: int) -> tuple[Section, ...]:
    fitting = [form for form in _FORMS if 2 * len(form) <= bars] or [_FORMS[0][:1]]
    # Long forms first come into question for long songs; favour the longer half.
    pool = fitting[len(fitting) // 3 :]
    return share_bars(pool[int(rng.integers(len(pool)))], bars)


def _draw_tempo(
    rng: np.random.Generator, style: SongStyle, metre: Metre
) -> tuple[SongTempo, tuple[Section, ...]]:
    bpm = _draw_bpm(rng, style)
    swing = _draw_swing(rng, style, metre, bpm)
    offset_ms = between(rng, style.lead_in_ms)
    bar_ms = metre.beats * 60000.0 / bpm
    longest = style.seconds[1] * 1000
    target = float(rng.uniform(min(style.seconds[0] * 1000 + bar_ms, longest), longest))
    bars = max(2, int((target - offset_ms - TAIL_MS) // bar_ms))
    sections = _draw_form(rng, bars)
    steady = SongTempo.build(offset_ms, [(0, bpm)], swing)
    changes, factor = rng.random() < style.tempo_change_p, float(rng.uniform(0.8, 1.25))
    where = sections[len(sections) // 2].first_bar * metre.beats
    if not changes or where == 0:
        return steady, sections
    second = float(np.clip(round(bpm * factor, 1), *style.wide_tempo))
    changed = SongTempo.build(offset_ms, [(0, bpm), (where, second)], swing)
    length = changed.ms(float(bars * metre.beats)) + TAIL_MS
    within = style.seconds[0] * 1000 <= length <= longest
    return (changed if within else steady), sections


def draw_plan(seed: int, style: SongStyle) -> SongPlan:
    """The frame of song number `seed` in a style."""
    rng = np.random.default_rng([seed, 0])
    metre = METRES[weighted(rng, style.metres)]
    key, mode = int(rng.integers(12)), weighted(rng, style.modes)
    density, sustain = between(rng, style.density), between(rng, style.sustain)
    tempo, sections = _draw_tempo(rng, style, metre)
    return SongPlan(seed, metre, tempo, sections, key, mode, density, sustain)


def draw_timbre(rng: np.random.Generator, style: SongStyle) -> Timbre:
    """The sound of a song."""
    return Timbre(
        kick_hz=between(rng, (42.0, 65.0)),
        kick_decay_ms=between(rng, (70.0, 160.0)),
        snare_tone=between(rng, (0.15, 0.6)),
        snare_decay_ms=between(rng, (55.0, 130.0)),
        hat_decay_ms=between(rng, (12.0, 40.0)),
        brightness=between(rng, style.brightness),
        odd=between(rng, (0.0, 0.9)),
        lead_decay=between(rng, (0.0, 0.7)),
        pad_attack_ms=between(rng, (4.0, 60.0)),
        room=between(rng, style.room),
        drums_gain=between(rng, (0.7, 1.2)),
        bass_gain=between(rng, (0.35, 0.6)),
        chord_gain=between(rng, (0.15, 0.35)),
        melody_gain=between(rng, (0.45, 0.8)),
    )
