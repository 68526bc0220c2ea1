"""Songs that the timing weights are fitted on: composed alone, with the drums that mislead.

The pulse that is the beat is easily mistaken where drums count half or twice as fast as the bars,
where cymbals fill all gaps, where a song begins sparsely, and in ballads of broken chords. Each
song's notes and bars stay those of the composer; its drums are written again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from benchmarks._timing_songs import FITTING_SEED, SAMPLE_RATE, TimedSong, tempo_of
from mug.beatmap.timing_points import TimingPoint
from mug.compose.composer import compose_song
from mug.compose.score import PERCUSSION, NoteEvent, Song
from mug.compose.sound import render
from mug.compose.style import SongStyle
from mug.compose.tempo import TICKS
from mug.compose.varied.arrange import compose_varied
from mug.compose.varied.mix import render_varied
from mug.compose.varied.song import DRUMS, GRID, VariedSong
from mug.compose.varied.style import VariedStyle
from mug.timing.tempo_map import TempoMap

AnySong = TypeVar("AnySong", Song, VariedSong)

SECONDS = (40.0, 60.0)
# A bar of four beats in quarters of a beat: kick, snare, cymbal. Capital letters are accents.
_BARS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "half time": (
        ("X...............", "........X.......", "x...x...x...x..."),
        ("X.........x.....", "........X.......", "x.x.x.x.x.x.x.x."),
        ("X.....x.........", "........X.....x.", "X.x.x.x.X.x.x.x."),
        ("X..x......x.....", "........X.......", "xxxxxxxxxxxxxxxx"),
    ),
    "double time": (
        ("X...X...X...X...", "..X...X...X...X.", "x.x.x.x.x.x.x.x."),
        ("X...X...X...X...", "..X...X...X...X.", "X...x...X...x..."),
        ("X...X..xX...X..x", "..X...X...X...X.", "................"),
        ("X.x.X.x.X.x.X.x.", "..x...x...x...x.", "X.x.X.x.X.x.X.x."),
    ),
    "busy cymbals": (
        ("X.......X.x.....", "....X.......X...", "xxxxxxxxxxxxxxxx"),
        ("X...X...X...X...", "....X.......X...", "xxxxxxxxxxxxxxxx"),
        ("X..x....x.X.....", "....X..x.x..X...", "XxxxXxxxXxxxXxxx"),
        ("X...X...X...X...", "....X.......X...", "..X...X...X...X."),
    ),
    "double bass": (
        ("xxxxxxxxxxxxxxxx", "....X.......X...", "X...x...X...x..."),
        ("X.xxX.xxX.xxX.xx", "....X.......X...", "X.x.X.x.X.x.X.x."),
        ("xxxxxxxxxxxxxxxx", "........X.......", "X.......X......."),
        ("x.x.x.x.x.x.x.x.", "....X.......X...", "X.x.X.x.X.x.X.x."),
    ),
    "break beat": (
        ("X.........X.....", "....X..x.x..X...", "x.x.x.x.x.x.x.x."),
        ("X.X.......XX....", "....X..x.x....X.", "x.x.x.x.x.x.x.x."),
        ("X.....X...X.....", "....X.......X..x", "x..xx..xx..xx..x"),
        ("X..X..X.X..X..X.", "....X.......X...", "X...X...X...X..."),
    ),
}
KINDS = (*_BARS, "ballad", "sparse beginning", "as composed")
_STROKES = {"X": 1.0, "x": 0.72}


def misled(song: AnySong, kind: str, seed: int) -> AnySong:
    """The song with drums that count otherwise than its bars; with fewer notes in a ballad.

    Args:
        song: in bars of four beats.
        kind: one of `KINDS`.
        seed: of which pattern is played.
    """
    rng = np.random.default_rng([17, seed])
    varied = isinstance(song, VariedSong)
    drums, grid = (DRUMS, GRID) if varied else (PERCUSSION, TICKS)
    if kind == "sparse beginning":
        until = song.bars * 4 * grid * rng.uniform(0.2, 0.45)
        kept = [e for e in song.events if e.instrument not in drums or e.tick >= until]
        return replace(song, events=tuple(kept))
    if kind == "ballad":
        voice, other = ("arp", "chord") if varied else ("chord", "melody")
        chords = [e for e in song.events if e.instrument in (voice, other, "bass", "pad")]
        return replace(song, events=tuple(chords + _arpeggio(song, voice, grid, rng)))
    if kind not in _BARS:
        return song
    tonal = [e for e in song.events if e.instrument not in drums]
    return replace(song, events=tuple(sorted(tonal + _drums(song, kind, grid, rng), key=_tick)))


def _tick(event: NoteEvent) -> int:
    return event.tick


def _drums(
    song: Song | VariedSong, kind: str, grid: int, rng: np.random.Generator
) -> list[NoteEvent]:
    """A pattern for the whole song; another of the kind, or silence, in some groups of bars."""
    own = int(rng.integers(4))
    levels, ghosts = rng.uniform(0.6, 1.0, 3), rng.uniform(0.0, 0.12)
    events = []
    for bar in range(song.bars):
        if bar % 4 == 0:
            pattern = _BARS[kind][own if rng.random() < 0.7 else int(rng.integers(4))]
            silent = rng.random() < 0.08
        for voice, row, level in zip(("kick", "snare", "hat"), pattern, levels, strict=True):
            for step, stroke in enumerate("" if silent else row):
                drawn = "x" if stroke == "." and rng.random() < ghosts / 4 else stroke
                if drawn != "." and (step == 0 or rng.random() > 0.03):
                    tick = (bar * 16 + step) * grid // 4
                    at = song.tempo.ms(tick / grid)
                    loud = float(level * _STROKES[drawn])
                    events.append(NoteEvent(voice, tick, at, 60.0, 0, loud))
    return events


def _arpeggio(
    song: Song | VariedSong, voice: str, grid: int, rng: np.random.Generator
) -> list[NoteEvent]:
    """Broken chords in halves or quarters of a beat, a bass note or a stroke on some beats."""
    step = grid // int(rng.choice([1, 2, 2, 4]))
    root = 48 + int(rng.integers(12))
    events = []
    for tick in range(0, song.bars * 4 * grid, step):
        bar, place = divmod(tick, 4 * grid)
        third = (0, 4, 7, 12)[place // step % 4] + (0, 5, 7, 9)[bar % 4]
        at = song.tempo.ms(tick / grid)
        length = song.tempo.ms((tick + step) / grid) - at
        loud = 0.9 if place == 0 else 0.7
        events.append(NoteEvent(voice, tick, at, length, root + third, loud))
        if place == 0 and rng.random() < 0.8:
            events.append(NoteEvent("bass", tick, at, 3 * length, root - 12, 0.8))
    return events


def _timed(song: Song | VariedSong, name: str, kind: str) -> TimedSong:
    first = song.tempo.segments[0]
    line = TimingPoint(first.time_ms, first.beat_ms, song.metre.beats)
    wave = render_varied(song) if isinstance(song, VariedSong) else render(song)
    return TimedSong(name, kind, wave, TempoMap((line,)), song.duration_ms)


def plain(index: int) -> TimedSong:
    """A composed song of any tempo from 60 to 320 and any metre."""
    bpm = tempo_of(index)
    style = SongStyle(
        seconds=(26.0, 45.0),
        tempo=(bpm, bpm),
        wide_tempo_p=0.0,
        tempo_change_p=0.0,
        metres={"4/4": 0.6, "3/4": 0.2, "6/8": 0.2},
        lead_in_ms=(0.0, 3000.0) if index % 5 else (3000.0, 10000.0),
    )
    return _timed(compose_song(FITTING_SEED + index, style), str(index), "composed")


def varied(index: int) -> TimedSong:
    """A varied song, tempi as its style has them; most in bars of four, misled."""
    kind = KINDS[index % len(KINDS)]
    metres = {"4/4": 1.0} if kind in KINDS[:-1] else {"4/4": 0.6, "3/4": 0.2, "6/8": 0.2}
    style = VariedStyle(seconds=SECONDS, change_p=0.0, metres=metres, swing_p=0.1)
    seed = FITTING_SEED + 10_000 + index
    return _timed(misled(compose_varied(seed, style), kind, seed), kind, "misleading")


@dataclass(frozen=True)
class Beats:
    """Even beats and their parts.

    Args:
        bpm: beats a minute.
        offset_ms: time of the first.
        parts: of a beat.
        accent: loudness of what is no beat, over that of a beat.
    """

    bpm: float
    offset_ms: float
    parts: int
    accent: float


def add_bursts(
    wave: np.ndarray, rate: int, beats: Beats, seconds: float, noise: np.random.Generator | None
) -> None:
    """Add a short burst on every beat and on its parts, from the offset on.

    Args:
        wave: what they are added to.
        rate: samples a second.
        beats: when, and how loud.
        seconds: length of the wave.
        noise: what the bursts are made of; None for a tone of 1,500 Hz.
    """
    size = int(0.03 * rate)
    for hit in range(int((seconds - 0.1 - beats.offset_ms / 1000) * beats.bpm / 60 * beats.parts)):
        at = beats.offset_ms / 1000 + hit * 60 / beats.bpm / beats.parts
        first = math.ceil(at * rate)
        age = np.arange(first, first + size) / rate - at
        body = np.sin(2 * np.pi * 1500 * age) if noise is None else noise.standard_normal(size)
        loud = 0.5 * (beats.accent if hit % beats.parts else 1.0)
        wave[first : first + size] += loud * np.exp(-age / 0.004) * body


def clicks(index: int) -> TimedSong:
    """A click track: accented beats with one to four parts."""
    rng = np.random.default_rng([3, index])
    bpm, offset = float(np.exp(rng.uniform(np.log(85), np.log(230)))), float(rng.uniform(0, 500))
    parts, seconds = int(rng.choice([1, 1, 2, 3, 4])), float(rng.uniform(15, 60))
    accent, tone = float(rng.uniform(0.3, 0.6)), bool(rng.random() < 0.5)
    wave = 10 ** rng.uniform(-4, -2.5) * rng.standard_normal(int(seconds * SAMPLE_RATE))
    beats = Beats(bpm, offset, parts, accent)
    add_bursts(wave, SAMPLE_RATE, beats, seconds, None if tone else rng)
    truth = TempoMap.of_bpm(bpm, offset)
    return TimedSong(str(index), "clicks", wave.astype(np.float32), truth, seconds * 1000)


MAKERS: dict[str, Callable[[int], TimedSong]] = {
    "composed": plain,
    "misleading": varied,
    "clicks": clicks,
}
