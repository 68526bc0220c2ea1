"""Songs whose tempo is not one number: changes, drift, rubato, and beginnings without a beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks._timing_songs import (
    BENCHMARK_SEED,
    SAMPLE_RATE,
    TAIL_MS,
    TimedSong,
    plain_style,
    timed_song,
)
from mug.beatmap.timing_points import TimingPoint
from mug.compose.composer import compose_song
from mug.compose.score import PITCHED, Song
from mug.compose.style import SongStyle
from mug.compose.tempo import SongTempo
from mug.compose.varied.arrange import compose_varied
from mug.compose.varied.mix import render_varied
from mug.compose.varied.style import VariedStyle
from mug.timing.tempo_map import TempoMap

RATIOS = (1 / 2, 4 / 3, 0.71, 3 / 2, 2 / 3, 2.0, 1.37, 3 / 4, 0.62, 1.73, 4 / 5, 5 / 4)
SMALL_RATIOS = (131.5 / 130, 1.005, 1.02, 1 / 1.01, 1.03, 130 / 131.5)
LOOP_TEMPI: tuple[tuple[float, ...], ...] = (
    *((120, 160), (160, 120), (100, 150), (150, 100), (90, 126), (174, 128)),
    *((140, 182), (200, 120), (128, 96), (110, 190), (132, 176, 132), (150, 112, 168)),
)
RUBATO = "rubato"


def retimed(song: Song, changes: list[tuple[int, float]], *, late_ms: float = 0.0) -> Song:
    """The same notes at other tempi.

    Args:
        song: of any tempo.
        changes: beat from which each tempo is valid, and beats a minute.
        late_ms: standard deviation of how late or early players come.
    """
    tempo = SongTempo.build(song.tempo.segments[0].time_ms, changes, song.tempo.swing)
    rng = np.random.default_rng([song.seed, 9])
    late = {tick: late_ms * rng.standard_normal() for tick in sorted({e.tick for e in song.events})}
    events = []
    for event in song.events:
        start = tempo.tick_ms(event.tick)
        steps = event.duration_ms / song.tempo.segments[0].beat_ms
        length = tempo.tick_ms(event.tick + round(12 * steps)) - start
        at = max(0.0, start + late[event.tick])
        events.append(replace(event, time_ms=at, duration_ms=max(length, 20.0)))
    beats = sum(section.bars for section in song.sections) * song.metre.beats
    duration = tempo.ms(float(beats)) + TAIL_MS
    return replace(song, tempo=tempo, events=tuple(events), duration_ms=duration)


def loop(tempi: tuple[float, ...], seed: int = 0) -> TimedSong:
    """Drums and chords, 25 s at each tempo, which begins on a bar."""
    rng = np.random.default_rng([11, seed])
    times, changes = [500.0], [0]
    for bpm in tempi:
        count = int(24500 / (60000 / bpm)) // 4 * 4
        times += (times[-1] + 60000 / bpm * np.arange(1, count + 1)).tolist()
        changes.append(len(times) - 1)
    wave = np.zeros(int((times[-1] + 1500) * SAMPLE_RATE / 1000))

    def add(at_ms: float, sound: np.ndarray, level: float) -> None:
        first = round(at_ms * SAMPLE_RATE / 1000)
        wave[first : first + len(sound)] += level * sound[: len(wave) - first]

    def fading(seconds: float, decay: float) -> tuple[np.ndarray, np.ndarray]:
        age = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        return age, np.exp(-decay * age)

    for beat, (start, end) in enumerate(pairwise(times)):
        age, fade = fading(0.12, 24.0)
        kick = np.sin(2 * np.pi * (50 * age + 2 * (1 - np.exp(-30 * age)))) * fade
        snare = rng.normal(0, 0.6, len(age)) * fade
        add(start, snare if beat % 2 else kick, 0.8 if beat % 2 else 1.0)
        age, fade = fading(0.04, 90.0)
        for at in (start, (start + end) / 2):
            add(at, np.diff(rng.normal(0, 0.35, len(age)), prepend=0) * fade, 0.6)
        root = (220.0, 262.0, 330.0, 392.0)[beat // 4 % 4]
        age, fade = fading(0.35, 8.0)
        add(start, sum(np.sin(np.pi * root * k * age) / k for k in (1, 2, 3)) * fade, 0.25)
        for pitch in (1.0, 1.25, 1.5) if beat % 4 == 0 else ():
            age, fade = fading(0.9, 3.0)
            add(start, np.sin(2 * np.pi * root * pitch * age) * fade, 0.15)
    wave *= 0.8 / np.abs(wave).max()
    lines = [
        TimingPoint(times[first], 60000 / bpm, 4)
        for first, bpm in zip(changes, tempi, strict=False)
    ]
    name = " ".join(f"{bpm:g}" for bpm in tempi)
    truth = TempoMap(tuple(lines))
    return TimedSong(name, "drum loops", wave.astype(np.float32), truth, times[-1])


def _style(bpm: float, **options: Any) -> SongStyle:
    plain: dict[str, Any] = {"seconds": (44.0, 56.0), "swing_p": 0.0, "metres": {"4/4": 1.0}}
    return plain_style(bpm, **(plain | options))


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([13, seed])


def _base(seed: int, ratio: float = 1.0) -> float:
    """A first tempo from which, and from its change, 75 to 220 beats a minute come."""
    low, high = max(75.0, 75.0 / ratio), min(220.0, 220.0 / ratio)
    return round(float(np.exp(_rng(seed).uniform(np.log(low), np.log(high)))), 1)


def changed(seed: int, ratio: float, kind: str, **options: Any) -> TimedSong:
    """A composed song with another tempo from the section on that begins nearest to its middle."""
    first = _base(seed, ratio)
    second = round(first * ratio, 2)
    song = compose_song(seed, _style(round(float(np.sqrt(first * second)), 2), **options))
    bars = sum(section.bars for section in song.sections)
    starts = [section.first_bar for section in song.sections[1:]] or [bars // 2]
    bar = min(starts, key=lambda start: abs(start - bars / 2))
    where = bar * song.metre.beats
    song = retimed(song, [(0, first), (where, second)])
    return timed_song(song, kind, f"{seed} {first:g} {second:g}")


def drifting(seed: int) -> TimedSong:
    """A band without a click: the tempo wanders by some per cent, single notes by 4 ms."""
    bpm, rng = _base(seed), _rng(seed + 1)
    song = compose_song(seed, _style(bpm))
    beats = sum(section.bars for section in song.sections) * song.metre.beats + 1
    at = np.arange(beats) * 60 / bpm
    waves = [
        rng.uniform(0.4, 1.0) * np.sin(2 * np.pi * (at / period + rng.uniform()))
        for period in (17.0, 31.0, 53.0)
    ]
    tempi = bpm * (1 + rng.uniform(0.008, 0.02) * np.sum(waves, axis=0))
    song = retimed(song, list(enumerate(tempi.tolist())), late_ms=4.0)
    return timed_song(song, "live drift", f"{seed} {bpm:g}")


def rubato(seed: int) -> TimedSong:
    """Free playing without drums: each phrase hurries and lingers, each beat is its own."""
    bpm, rng = _base(seed), _rng(seed + 2)
    song = compose_song(seed, _style(bpm))
    song = replace(song, events=tuple(e for e in song.events if e.instrument in PITCHED))
    beats = sum(section.bars for section in song.sections) * song.metre.beats + 1
    phrase = np.sin(2 * np.pi * (np.arange(beats) / rng.uniform(7, 11) + rng.uniform()))
    tempi = bpm * np.exp(0.3 * phrase + 0.12 * rng.standard_normal(beats))
    song = retimed(song, list(enumerate(tempi.tolist())), late_ms=15.0)
    return timed_song(song, RUBATO, f"{seed} {bpm:g}")


def long_intro(seed: int) -> TimedSong:
    """A quarter of a minute of swelling chords that have no beat, then the song."""
    rng, bpm = _rng(seed + 3), _base(seed)
    seconds = float(rng.uniform(12, 20))
    song = timed_song(
        compose_song(seed, _style(bpm)), "long intro without a beat", f"{seed} {bpm:g}"
    )
    age = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    intro = 0.01 * rng.standard_normal(len(age))
    for pitch in rng.choice([110, 131, 165, 196, 220, 262, 330], 5, replace=False):
        swell = 0.5 + 0.5 * np.sin(2 * np.pi * (age / rng.uniform(4, 9) + rng.uniform()))
        intro += 0.15 * swell**2 * np.sin(2 * np.pi * pitch * age)
    intro *= np.minimum(1.0, np.minimum(age, age[-1] - age) / 1.0)
    intro *= float(np.sqrt((song.wave**2).mean()) / np.sqrt((intro**2).mean()) / 2)
    wave = np.concatenate([intro.astype(np.float32), song.wave])
    shift = 1000.0 * len(age) / SAMPLE_RATE
    return replace(song, wave=wave, truth=song.truth.shifted(shift), end_ms=song.end_ms + shift)


def varied(seed: int) -> TimedSong:
    """A varied song whose tempo changes, often by a simple ratio, and may return."""
    song = compose_varied(seed, VariedStyle(seconds=(60.0, 80.0), change_p=1.0))
    segments = song.tempo.segments
    lines = tuple(TimingPoint(s.time_ms, s.beat_ms, song.metre.beats) for s in segments)
    name = f"{seed} " + " ".join(f"{s.bpm:g}" for s in segments)
    end = song.duration_ms - TAIL_MS
    return TimedSong(name, "varied songs", render_varied(song), TempoMap(lines), end)


KINDS: dict[str, Callable[[int, int], TimedSong]] = {
    "drum loops": lambda seed, turn: loop(LOOP_TEMPI[turn % len(LOOP_TEMPI)], seed),
    "changes of 1/2 to 2": lambda seed, turn: changed(
        seed, RATIOS[turn % len(RATIOS)], "changes of 1/2 to 2"
    ),
    "the same, swing": lambda seed, turn: changed(
        seed, RATIOS[turn % len(RATIOS)], "the same, swing", swing_p=1.0
    ),
    "the same, 6/8": lambda seed, turn: changed(
        seed, RATIOS[turn % len(RATIOS)], "the same, 6/8", metres={"6/8": 1.0}
    ),
    "varied songs": lambda seed, _: varied(seed),
    "small changes": lambda seed, turn: changed(
        seed, SMALL_RATIOS[turn % len(SMALL_RATIOS)], "small changes"
    ),
    "live drift": lambda seed, _: drifting(seed),
    "long intro without a beat": lambda seed, _: long_intro(seed),
    RUBATO: lambda seed, _: rubato(seed),
}


def tempo_songs(each: int, first: int = BENCHMARK_SEED + 6000) -> Iterator[TimedSong]:
    """So many songs of each kind."""
    for number, make in enumerate(KINDS.values()):
        for turn in range(each):
            yield make(first + 100 * number + turn, turn)
