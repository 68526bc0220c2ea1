"""Songs whose timing is known: composed ones with exact truth, real ones with human timing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from mug.audio.load import load_audio
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.timing_points import TimingPoint
from mug.compose.composer import compose_song
from mug.compose.score import Song
from mug.compose.sound import render
from mug.compose.style import SongStyle
from mug.errors import ModeError
from mug.timing.tempo_map import TempoMap, timing_from_file

SAMPLE_RATE = 22050
BENCHMARK_SEED, FITTING_SEED = 90_000, 50_000  # songs that judge are not those that fit
TAIL_MS = 2500.0  # of sound behind the last beat, at least
KINDS: dict[str, dict[str, Any]] = {
    "straight 4/4": {"metres": {"4/4": 1.0}, "swing_p": 0.0},
    "swing": {"metres": {"4/4": 1.0}, "swing_p": 1.0},
    "3/4": {"metres": {"3/4": 1.0}, "swing_p": 0.2},
    "triplets (6/8)": {"metres": {"6/8": 1.0}},
    "long intro of silence": {"lead_in_ms": (4000.0, 10000.0)},
    "several tempi": {"tempo_change_p": 1.0, "seconds": (45.0, 75.0)},
}


@dataclass(frozen=True)
class TimedSong:
    """A song and where its beats are.

    Args:
        name: for tables.
        kind: what is special about it.
        wave: mono, at `SAMPLE_RATE`.
        truth: its red lines, the first on a downbeat.
        end_ms: where the music ends.
        published: the red lines as their author published them, where `truth` was shifted to lie on
            the sound.
    """

    name: str
    kind: str
    wave: Float32[np.ndarray, " samples"]
    truth: TempoMap
    end_ms: float
    published: TempoMap | None = None


def tempo_of(seed: int) -> float:
    """A tempo for a song, evenly on a logarithmic scale from 60 to 320 beats a minute."""
    rng = np.random.default_rng([7, seed])
    bpm = float(np.exp(rng.uniform(np.log(60), np.log(320))))
    return float(round(bpm)) if rng.random() < 0.6 else round(bpm, 2)


def composed(seed: int, kind: str) -> TimedSong:
    """One composed song of a kind."""
    options = {"seconds": (30.0, 50.0)} | KINDS[kind]
    return timed_song(compose_song(seed, plain_style(tempo_of(seed), **options)), kind, str(seed))


def plain_style(bpm: float, **options: Any) -> SongStyle:
    """A style of one tempo, but for what the options say."""
    plain: dict[str, Any] = {
        "tempo": (bpm, bpm),
        "wide_tempo_p": 0.0,
        "tempo_change_p": 0.0,
        "lead_in_ms": (0.0, 2500.0),
    }
    return SongStyle(**(plain | options))


def timed_song(song: Song, kind: str, name: str) -> TimedSong:
    """A composed song with its sound and its exact red lines."""
    lines = tuple(
        TimingPoint(part.time_ms, part.beat_ms, song.metre.beats) for part in song.tempo.segments
    )
    return TimedSong(name, kind, render(song), TempoMap(lines), song.duration_ms - TAIL_MS)


def composed_songs(count: int, first: int = BENCHMARK_SEED) -> Iterator[TimedSong]:
    """So many composed songs, the kinds in turn."""
    kinds = list(KINDS)
    for index in range(count):
        yield composed(first + index, kinds[index % len(kinds)])


def real_songs(root: Path) -> Iterator[TimedSong]:
    """The real songs below a folder of real data, with the timing points that people set."""
    folders = sorted(path for path in (root / "songs").iterdir() if path.is_dir())
    for folder in [*folders, root / "audio" / "timed" / "triangles"]:
        (audio,) = (path for path in folder.iterdir() if path.suffix in (".mp3", ".ogg"))
        truth = TempoMap.of_points(_red_lines(sorted(folder.glob("*.osu"))[0]))
        wave = load_audio(audio, SAMPLE_RATE)
        end_ms = 1000.0 * len(wave) / SAMPLE_RATE
        yield TimedSong(folder.name, "real", wave, truth, end_ms, _published(root, folder.name))


def _published(root: Path, name: str) -> TempoMap | None:
    folder = root / "raw" / name
    charts = sorted(folder.iterdir()) if folder.is_dir() else []
    return timing_from_file(charts[0]) if charts else None


def _red_lines(path: Path) -> Sequence[TimingPoint]:
    try:
        return osu.read(path).red_lines
    except ModeError:  # a chart of another game mode: only its timing is wanted
        return _red_lines_of_text(path.read_text(encoding="utf-8-sig"))


def _red_lines_of_text(text: str) -> list[TimingPoint]:
    rows = text.split("[TimingPoints]")[1].split("[")[0].split()
    fields = [row.split(",") for row in rows if row.count(",") >= 6]
    return [TimingPoint(float(f[0]), float(f[1]), int(f[2])) for f in fields if f[6] == "1"]
