"""Drum tracks in many styles: tables of patterns, varied by chance, with fills and crashes."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from mug.compose.varied.plan import GridNote, VariedPlan
from mug.compose.varied.song import GRID, SongPart

_STREAM = 1
PHRASE_BARS = 4

# Kick, snare and cymbal of a pattern; a step is a quarter of a beat, in compound metre a sixth.
# X accent, x stroke, o ghost note, O open hat, . nothing.
_TABLES = MappingProxyType(
    {
        "4/4": {
            "four": ("X...X...X...X...", "....x.......x...", "..O...O...O...O."),
            "house": ("X...X...X...X...", "....X.......X..o", "x.x.x.x.x.x.x.x."),
            "techno": ("X...X...X...X..x", "................", "xxOxxxOxxxOxxxOx"),
            "rock": ("X.....x.X.......", "....X.......X...", "X.x.X.x.X.x.X.x."),
            "pop": ("X......xX.x.....", "....X..o....X...", "x.x.x.x.x.x.x.x."),
            "funk": ("X..x..x...x..x..", "....X..o.o..X..o", "x.xxx.xxx.xxx.Ox"),
            "break": ("X.x.......xx....", "....X..o.o..X..x", "x.x.x.x.x.x.x.x."),
            "dnb": ("X.........x.....", "....X.......X...", "x.x.x.x.x.x.x.x."),
            "half": ("X.....x...x.....", "........X.......", "x.x.x.x.x.x.x.x."),
            "trap": ("X......x..x...x.", "........X.......", "x.x.x.xxx.x.xxx."),
            "skank": ("X...x...X...x...", "..X...X...X...X.", "x.x.x.x.x.x.x.x."),
            "d-beat": ("X..x..x.X..x..x.", "....X.......X...", "X...X...X...X..."),
            "gallop": ("X.xxX.xxX.xxX.xx", "....X.......X...", "X...X...X...X..."),
            "blast": ("X.x.X.x.X.x.X.x.", "..x...x...x...x.", "X...X...X...X..."),
            "core": ("X...X...X...X.x.", "....X.......X...", "..O...O...O...O."),
            "latin": ("X..x....X..x....", "...x..x...x.x...", "x.xxx.xxx.xxx.xx"),
            "tresillo": ("X..x..x.X..x..x.", "....x.......x...", "x.x.x.x.x.x.x.x."),
            "march": ("X.......X.......", "X.xxX.x.X.xxX.xx", "................"),
            "sparse": ("X...............", "........x.......", "x...x...x...x..."),
            "toms": ("X...x...X.x.x...", "....X.......X...", "................"),
        },
        "3/4": {
            "waltz": ("X...........", "....x...x...", "x...x...x..."),
            "rock": ("X.....x.....", "........X...", "x.x.x.x.x.x."),
            "four": ("X...X...X...", "........x...", "..O...O...O."),
            "folk": ("X.....x...x.", "....x...X...", "x.x.x.x.x.x."),
            "quick": ("X..x..X..x..", "...x.....X..", "x..x..x..x.."),
            "sparse": ("X...........", "............", "x...x...x..."),
        },
        "6/8": {
            "ballad": ("X.........x.", "......X.....", "X.x.x.X.x.x."),
            "rock": ("X...x.....x.", "......X.....", "x.x.x.x.x.x."),
            "jig": ("X...x.X...x.", "..x.....x...", "x.x.x.x.x.x."),
            "afro": ("X..x..x..x..", "......X...o.", "x.xx.xx.xx.x"),
            "four": ("X.....X.....", "....x.....x.", "..O.....O..."),
            "sparse": ("X...........", "......x.....", "x.....x....."),
        },
    }
)
_STROKES = MappingProxyType({"X": 1.0, "x": 0.8, "o": 0.4, "O": 0.8})
_LEAST_MS = 68.0


def _stroke(tick: int, voice: str, velocity: float) -> GridNote:
    return GridNote(tick, voice, float(np.clip(velocity, 0.1, 1.0)), 0, 3)


def _table_step(plan: VariedPlan, rng: np.random.Generator, beat_ms: float) -> int:
    """Ticks of a step of a table: the beat of the red lines or the one that players count."""
    if plan.metre.compound:
        return GRID // 6
    return (GRID if rng.random() < 0.6 else plan.unit(beat_ms)) // 4


def _mutated(
    rng: np.random.Generator, row: str, plan: VariedPlan, energy: float, added: str
) -> str:
    """A row of a table with strokes dropped and added."""
    drop, add = 0.05 + 0.25 * (1 - energy) * rng.random(), 0.16 * plan.syncopation * energy
    steps = []
    for index, stroke in enumerate(row):
        draw = rng.random()
        if stroke == "." and draw < add * (1.0 if index % 2 == 0 else 0.4):
            steps.append(added)
        elif stroke != "." and index and draw < drop * (0.4 if index % 4 == 0 else 1.0):
            steps.append(".")
        else:
            steps.append(stroke)
    return "".join(steps)


def _cymbals(plan: VariedPlan, rng: np.random.Generator, row: str, energy: float) -> str:
    """The cymbal's row, made finer with energy and busyness."""
    level = 0.6 * energy + 0.4 * plan.busy + rng.normal(0, 0.15)
    filled = row
    if level > 0.8 and set(row) != {"."}:
        filled = "".join("o" if stroke == "." else stroke for stroke in row)
    elif level < 0.35:
        filled = "".join(s if i % 4 == 0 or s == "O" else "." for i, s in enumerate(row))
    if rng.random() < 0.4:
        filled = filled.replace("O", "x")
    return filled


def pattern(plan: VariedPlan, part: SongPart) -> list[GridNote]:
    """Four bars of drums for a kind of part, in ticks from the bar line: two bars, twice."""
    rng, energy = plan.rng(_STREAM, part.kind), part.energy
    tables = _TABLES[plan.metre.name]
    usual = np.random.default_rng([plan.seed, 72]).integers(len(tables))
    index = int(usual if rng.random() < 0.6 else rng.integers(len(tables)))
    kick, snare, cymbal = list(tables.values())[index]
    step = _table_step(plan, rng, part.beat_ms)
    if energy < 0.2 or rng.random() < 0.1 * (1.4 - energy):
        return _sparse_pattern(plan, rng, energy)
    back = "clap" if rng.random() < 0.25 else "snare"
    low = "tom" if list(tables)[index] == "toms" else "kick"
    top = ("hat", "ride", "perc")[int(rng.choice(3, p=[0.7, 0.18, 0.12]))]
    rows = [(low, kick, "x"), (back, snare, "o"), (top, _cymbals(plan, rng, cymbal, energy), "x")]
    if rng.random() < 0.25:
        rows.append(("perc", "." * len(kick), "x"))
    bars = [[(v, _mutated(rng, row, plan, energy, extra)) for v, row, extra in rows]]
    again = [(v, _mutated(rng, row, plan, 0.6 * energy, "x")) for v, row in bars[0]]
    bars.append(again if rng.random() < 0.6 else bars[0])
    notes = []
    span = len(kick) * step
    for start in range(0, PHRASE_BARS * plan.bar, span):
        for voice, row in bars[start // span % 2]:
            notes += _play(row, voice, start, step, part.beat_ms)
    end = PHRASE_BARS * plan.bar
    return [note for note in notes if note.tick < end]


def _play(row: str, voice: str, start: int, step: int, beat_ms: float) -> list[GridNote]:
    """The strokes of a row; steps that are too close are left out."""
    every = 1 if step * beat_ms / GRID >= _LEAST_MS else 2
    notes = []
    for index, stroke in enumerate(row):
        if stroke == "." or index % every:
            continue
        played = "open_hat" if stroke == "O" else voice
        accent = 1.0 if index % 4 == 0 else 0.88
        notes.append(_stroke(start + index * step, played, _STROKES[stroke] * accent))
    return notes


def _sparse_pattern(plan: VariedPlan, rng: np.random.Generator, energy: float) -> list[GridNote]:
    """Nearly nothing: a kick, a cymbal on the beats, or silence."""
    choice = rng.random()
    bars = range(PHRASE_BARS)
    if choice < 0.3 + 0.2 * energy:
        return [_stroke(bar * plan.bar, "kick", 0.8) for bar in bars]
    if choice < 0.7:
        ticks = range(0, PHRASE_BARS * plan.bar, GRID)
        return [_stroke(t, "hat", 0.7 if t % plan.bar == 0 else 0.5) for t in ticks]
    return []


def fill(plan: VariedPlan, part: SongPart, rng: np.random.Generator) -> tuple[int, list[GridNote]]:
    """The end of a phrase: how many ticks before its bar line it begins, and its strokes."""
    beats = int(rng.choice([1, 2, plan.metre.beats], p=[0.45, 0.35, 0.2]))
    length = min(beats, plan.metre.beats) * GRID
    step = plan.finest(part.beat_ms, 74.0 if rng.random() < 0.6 else 130.0)
    kind = rng.random()
    if kind < 0.15:
        return length, []  # a stop
    notes = []
    for index, tick in enumerate(range(-length, 0, step)):
        rise = 0.7 + 0.3 * (tick + length) / length
        if kind < 0.45:
            voice = "snare"
        elif kind < 0.75:
            voice = "snare" if tick < -length // 2 else "tom"
        else:
            voice = ("kick", "snare")[index % 2]
        if index == 0 or rng.random() < 0.85:
            notes.append(_stroke(tick, voice, rise * (1.0 if tick % GRID == 0 else 0.85)))
    return length, notes


def build_up(plan: VariedPlan, part: SongPart) -> list[GridNote]:
    """Snares that come closer and louder through a part, in ticks from its beginning."""
    total = part.bars * plan.bar
    steps = plan.steps(part.beat_ms)
    notes, tick = [], 0
    while tick < total:
        share = tick / total
        step = steps[min(len(steps) - 1, int(share * 2 * len(steps) / 1.6))]
        notes.append(_stroke(tick, "snare", 0.4 + 0.55 * share))
        tick += step
    return notes


def part_drums(plan: VariedPlan, part: SongPart, returning: int) -> list[GridNote]:
    """Drums of a part in ticks from the start of the song.

    Args:
        plan: of the song.
        part: where they play.
        returning: how often this kind of part was played before; fills differ each time.
    """
    rng = np.random.default_rng([plan.seed, 73, part.first_bar, returning])
    start, total = part.first_bar * plan.bar, part.bars * plan.bar
    if part.kind == "build" and plan.rng(_STREAM + 1, part.kind).random() < 0.55:
        return [note._replace(tick=note.tick + start) for note in build_up(plan, part)]
    phrase = pattern(plan, part)
    notes = []
    group = PHRASE_BARS * plan.bar
    for at in range(0, total, group):
        length = min(group, total - at)
        last = at + length >= total
        closes = phrase and rng.random() < (0.85 if last else 0.4) * (0.4 + 0.6 * part.energy)
        cut, closing = fill(plan, part, rng) if closes else (0, [])
        until = length - cut
        notes += [n._replace(tick=start + at + n.tick) for n in phrase if n.tick < until]
        notes += [n._replace(tick=start + at + length + n.tick) for n in closing]
        if phrase and part.energy > 0.35 and rng.random() < (0.85 if at == 0 else 0.35):
            notes.append(_stroke(start + at, "crash", 0.95))
    return notes
