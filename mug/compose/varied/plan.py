"""Decisions before the first note of a varied song: metre, tempo map, form, and who plays where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from mug.compose.plan import between, weighted
from mug.compose.tempo import METRES, Metre, SongTempo
from mug.compose.varied.song import GRID, KINDS, SongPart
from mug.compose.varied.style import VariedStyle

TAIL_MS = 2200.0
"""Time after the final beat for the last sounds to ring."""

_FORMS = (
    "intro verse build chorus verse build chorus bridge chorus outro",
    "intro verse chorus verse chorus solo chorus outro",
    "verse chorus break verse chorus chorus",
    "intro chorus verse build chorus break solo chorus outro",
    "intro build chorus break build chorus outro",
    "verse verse build chorus bridge build chorus chorus outro",
    "intro verse chorus bridge solo chorus",
    "chorus verse chorus break build chorus",
    "intro verse solo verse solo outro",
)
_ENERGY = MappingProxyType(
    {
        "intro": (0.1, 0.6),
        "verse": (0.3, 0.75),
        "build": (0.4, 0.9),
        "chorus": (0.7, 1.0),
        "break": (0.0, 0.3),
        "solo": (0.55, 1.0),
        "bridge": (0.2, 0.8),
        "outro": (0.15, 0.7),
    }
)
_PRESENT = MappingProxyType(
    {"bass": 0.88, "chord": 0.78, "pad": 0.65, "arp": 0.45, "lead": 0.75, "vocal": 0.45}
)


class GridNote(NamedTuple):
    """A note on the grid, before it has a time: start and length in ticks of `GRID` a beat."""

    tick: int
    voice: str
    velocity: float
    pitch: int
    length: int


@dataclass(frozen=True)
class VariedPlan:
    """Frame of a varied song, from which the voices are written.

    Args:
        seed: of the song.
        metre: time signature.
        tempo: way from beats to milliseconds.
        parts: the form.
        key: pitch class of the tonic.
        mode: name of the scale.
        busy: how many notes are played, 0 ... 1.
        syncopation: how readily accents leave the beat, 0 ... 1.
        sustain: how long notes are held, 0 ... 1.
        swing: see `VariedSong`.
        playing: voices without drums by kind of part.
    """

    seed: int
    metre: Metre
    tempo: SongTempo
    parts: tuple[SongPart, ...]
    key: int
    mode: str
    busy: float
    syncopation: float
    sustain: float
    swing: int
    playing: Mapping[str, frozenset[str]]

    @property
    def bar(self) -> int:
        """Ticks a bar."""
        return self.metre.beats * GRID

    def rng(self, stream: int, kind: str = "verse") -> np.random.Generator:
        """Random numbers of one voice in one kind of part: the same wherever it returns."""
        return np.random.default_rng([self.seed, 71, stream, KINDS.index(kind)])

    def unit(self, beat_ms: float) -> int:
        """Ticks of the beat that players count: folded into 110 ... 220 a minute."""
        if beat_ms >= 60000 / 110:
            return GRID // 2
        return GRID * 2 if beat_ms < 60000 / 220 else GRID

    def steps(self, beat_ms: float) -> tuple[int, ...]:
        """Grid steps in ticks from the counted beat to its quarter, or its sixth in compound."""
        unit = self.unit(beat_ms)
        if self.metre.compound:
            # Six pulses a bar; half of them in slow songs.
            return (GRID, GRID // 3, GRID // 6)
        return (unit, unit // 2, unit // 4)

    def finest(self, beat_ms: float, least_ms: float) -> int:
        """The finest step that lasts at least so long."""
        fitting = [s for s in self.steps(beat_ms) if s * beat_ms / GRID >= least_ms]
        return fitting[-1] if fitting else self.steps(beat_ms)[0]


def _draw_bpm(rng: np.random.Generator, span: tuple[float, float]) -> float:
    low, high = np.log(span)
    draw = rng.uniform() if rng.random() < 0.5 else rng.triangular(0.0, 0.6, 1.0)
    bpm = float(np.exp(low + (high - low) * draw))
    kind = rng.random()
    rounded = round(bpm) if kind < 0.7 else round(2 * bpm) / 2 if kind < 0.8 else round(bpm, 3)
    return float(np.clip(rounded, *span))


def _draw_parts(
    rng: np.random.Generator, metre: Metre, bpm: float, seconds: float
) -> list[SongPart]:
    """Parts of 4 to 16 bars that fill about so many seconds at one tempo."""
    form = _FORMS[int(rng.integers(len(_FORMS)))].split()
    bar_ms = metre.beats * 60000.0 / bpm
    bars = max(4, round(seconds * 1000 / bar_ms))
    # Parts last some 9 to 20 s, in groups of four bars (two in slow songs).
    group = 4 if bar_ms < 2600 else 2
    usual = max(1, round(float(rng.uniform(9000, 20000)) / bar_ms / group)) * group
    energy = {kind: float(rng.uniform(*_ENERGY[kind])) for kind in KINDS}
    parts: list[SongPart] = []
    first = 0
    while first < bars:
        kind = form[len(parts)] if len(parts) < len(form) else ("verse", "chorus")[len(parts) % 2]
        length = usual // 2 if kind in ("intro", "build", "break", "outro") else usual
        length = max(group, length // group * group)
        length = min(length, bars - first) if bars - first - length >= 2 else bars - first
        parts.append(SongPart(kind, first, length, energy[kind], 60000.0 / bpm))
        first += length
    return parts


def _other_bpm(rng: np.random.Generator, bpm: float, style: VariedStyle) -> float:
    """A changed tempo: often a simple ratio, as music has it."""
    low, high = style.change
    factors = [f for f in (0.5, 2 / 3, 0.75, 0.8, 0.9, 1.1, 4 / 3, 1.5, 2.0) if low <= f <= high]
    if factors and rng.random() < 0.6:
        factor = factors[int(rng.integers(len(factors)))]
    else:
        factor = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    other = bpm * factor
    if not 60 <= other <= 260:
        other = bpm / factor if 60 <= bpm / factor <= 260 else bpm * 1.1
    return round(other, 2)


def _draw_tempo(
    rng: np.random.Generator, style: VariedStyle, metre: Metre, parts: list[SongPart], bpm: float
) -> tuple[SongTempo, tuple[SongPart, ...]]:
    """The tempo map: changes lie at the beginnings of parts, and some return to the first tempo."""
    tempos = [bpm] * len(parts)
    if rng.random() < style.change_p and len(parts) > 1:
        changes = int(rng.integers(1, min(4, len(parts))))
        for place in sorted(rng.choice(np.arange(1, len(parts)), changes, replace=False).tolist()):
            back = tempos[place - 1] != bpm and rng.random() < 0.5
            other = bpm if back else _other_bpm(rng, tempos[place - 1], style)
            tempos[place:] = [other] * (len(parts) - place)
    points: list[tuple[int, float]] = []
    for part, value in zip(parts, tempos, strict=True):
        if not points or points[-1][1] != value:
            points.append((part.first_bar * metre.beats, value))
    tempo = SongTempo.build(between(rng, style.lead_in_ms), points)
    timed = [replace(p, beat_ms=60000.0 / t) for p, t in zip(parts, tempos, strict=True)]
    return tempo, tuple(timed)


def _draw_playing(rng: np.random.Generator) -> dict[str, frozenset[str]]:
    """Voices by kind of part: some play in the whole song, more with energy; a tune leads."""
    usual = {name for name, p in _PRESENT.items() if rng.random() < p}
    found = {}
    for kind in KINDS:
        # In a fixed order: that of a set of words changes from process to process.
        names = {name for name in sorted(usual) if rng.random() < 0.8}
        names |= {name for name, p in _PRESENT.items() if rng.random() < 0.12 * p}
        if kind == "break":
            names &= {"pad", "chord", "vocal", "arp"}
            names |= {"pad"} if rng.random() < 0.6 else set()
        if kind == "solo":
            names |= {"lead"}
            names -= {"vocal"}
        if kind in ("verse", "chorus") and not names & {"lead", "vocal", "arp"}:
            names |= {str(rng.choice(["lead", "vocal", "arp"]))}
        if kind in ("chorus", "solo") and len(names) < 4:
            # Loud parts are dense: something is held under the tune.
            names |= {"bass", str(rng.choice(["chord", "pad"]))}
        if kind in ("intro", "outro", "build"):
            names -= {name for name in ("lead", "vocal") if rng.random() < 0.5}
        if not names and rng.random() < 0.9:
            names = {str(rng.choice(["pad", "chord", "bass", "arp"]))}
        found[kind] = frozenset(names)
    return found


def draw_plan(seed: int, style: VariedStyle) -> VariedPlan:
    """The frame of song number `seed` in a style."""
    rng = np.random.default_rng([seed, 70])
    metre = METRES[weighted(rng, style.metres)]
    bpm = _draw_bpm(rng, style.tempo)
    if metre.compound:
        # A felt beat of three quick notes: beyond 170 a minute none could be played apart.
        bpm = float(np.clip(bpm, *np.clip((60.0, 170.0), *style.tempo)))
    parts = _draw_parts(rng, metre, bpm, between(rng, style.seconds) - 4.0)
    swings = not metre.compound and bpm < 210 and rng.random() < style.swing_p
    tempo, timed = _draw_tempo(rng, style, metre, parts, bpm)
    return VariedPlan(
        seed=seed,
        metre=metre,
        tempo=tempo,
        parts=timed,
        key=int(rng.integers(12)),
        mode=str(rng.choice(["major", "minor", "minor", "dorian", "mixolydian"])),
        busy=float(rng.uniform(0.1, 1.0)),
        syncopation=float(rng.uniform(0.0, 1.0)),
        sustain=float(rng.uniform(0.0, 1.0)),
        swing=0 if not swings else GRID // 2 if bpm < 105 else GRID,
        playing=_draw_playing(rng),
    )
