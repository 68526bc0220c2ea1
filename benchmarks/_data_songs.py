"""Songs by the thousand, for measuring how a data set is prepared: made quickly, never played."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 22050
CHARTS = 4  # a set


def make_sets(root: Path, sets: int, *, notes: int, seconds: float, seed: int = 0) -> None:
    """Write sets of four charts and a song each; those that are there are left alone.

    Args:
        root: gets a folder for each set.
        sets: how many.
        notes: of each chart.
        seconds: of each song.
        seed: other seeds give other songs.
    """
    for number in range(sets):
        folder = root / f"{1000 + number} set"
        if (folder / "done").is_file():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([seed, number])
        _write_song(folder / "song.ogg", seconds, rng)
        for chart in range(CHARTS):
            (folder / f"{chart}.osu").write_text(_chart(notes, chart, rng), encoding="utf-8")
        (folder / "done").touch()


def _write_song(file: Path, seconds: float, rng: np.random.Generator) -> None:
    time = np.arange(int(seconds * RATE), dtype=np.float32) / RATE
    steps = rng.integers(200, 1600, int(seconds * 4) + 1).astype(np.float32)
    hz = steps[(time * 4).astype(int)]
    wave = 0.3 * np.sin(2 * np.pi * np.cumsum(hz) / RATE) * np.exp(-4 * (time % 0.25))
    wave += rng.normal(0, 0.01, len(wave))
    with soundfile.SoundFile(file, "w", RATE, 1) as handle:  # one write of minutes can crash it
        for first in range(0, len(wave), 1 << 15):
            handle.write(wave[first : first + (1 << 15)].astype(np.float32))


def _chart(notes: int, number: int, rng: np.random.Generator) -> str:
    times = 500 + np.cumsum(rng.integers(60, 400, notes))
    columns = rng.integers(0, 4, notes)
    lines = "".join(
        f"{64 + 128 * column},192,{time},1,0,0:0:0:0:\n"
        for column, time in zip(columns, times, strict=True)
    )
    return (
        "osu file format v14\n\n[General]\nAudioFilename: song.ogg\nMode: 3\n\n[Metadata]\n"
        f"Title:Generated\nCreator:Nobody\nVersion:Level {number}\n\n[Difficulty]\nCircleSize:4\n"
        f"OverallDifficulty:8\n\n[TimingPoints]\n0,400,4,1,0,100,1,0\n\n[HitObjects]\n{lines}"
    )
