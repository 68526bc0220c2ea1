"""Results of a run of the benchmark without a model: composed songs, charts damaged on purpose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from composed_songs import composed, style

from mug.evaluation.columns import LIBROSA_FITTED, OTHER_DIFFICULTY, row_of
from mug.evaluation.figures import figures_of
from mug.evaluation.made import FINISHED, RAW
from mug.evaluation.results import results
from mug.evaluation.rows import DIVERSITY, Judged, ResultRow, keep
from mug.evaluation.songs import Against, HumanSong, load_songs, load_sound
from mug.metrics.damage import drop_notes, jitter

EVIL = '<script>alert("x")</script><img src="https://evil.example/x.png" onerror=alert(1)>'

_SUMMARY = {
    "mean": 0.9,
    "median": 0.9,
    "low": 0.7,
    "high": 1.0,
    "lowest": 0.6,
    "highest": 1.0,
    "charts": 8,
    "failed": 0,
    "songs": 2,
}
_DISTANCE = {"value": 0.2, "low": 0.1, "high": 0.3}
LABEL = f"{FINISHED}, timing given"

PARTS: dict[str, Any] = {
    "distances": {
        "reference": "the songs",
        "humans": 4,
        "why_not": "",
        "entries": [
            {"label": label, "kind": kind, "charts": 4, "kernel": _DISTANCE, "frechet": _DISTANCE}
            for label, kind in (("floor of people", "floor"), (LABEL, "column"), ("top", "ceiling"))
        ],
    },
    "sweep": {
        LABEL: {
            "bias": _SUMMARY,
            "abs_error": _SUMMARY,
            "spearman": _SUMMARY,
            "points": [{"asked": asked, **_SUMMARY} for asked in (1.5, 3.0, 4.5)],
        }
    },
    "switches": [
        {
            "switch": EVIL,
            "column": LABEL,
            "feature": "ln_ratio",
            "effects": {"ln_ratio": {"standard": 1.5, **_SUMMARY}},
            "moved": "ln_ratio",
        }
    ],
    "editing": {"a quarter in the middle": {"clean_rate": _SUMMARY, "seam_violations": _SUMMARY}},
    "cost": {"threads": 1, "seconds_a_minute": _SUMMARY},
    "left_out": [{"figure": "some figure", "why": EVIL}],
}


def trapped(folder: Path) -> tuple[HumanSong, ...]:
    """Two songs of two charts; the name of the first is a trap."""
    first, second = load_songs(composed(folder, 2, 2, style(10.0, 11.0)), 4)
    evil = tuple(
        replace(chart, metadata={**chart.metadata, "Version": f"{EVIL}{index}"})
        for index, chart in enumerate(first.charts)
    )
    return replace(first, name=EVIL, charts=evil), second


def judged(song: HumanSong, index: int) -> list[Judged]:
    """A human chart damaged in the name of several columns; the other difficulty as it is."""
    against = Against(song, index, load_sound(song.audio))
    human, rng = against.human, np.random.default_rng(index)
    notes = human.hit_objects
    made = [
        (RAW, "", 0, jitter(notes, 12.0, rng)),
        (FINISHED, "given", 0, drop_notes(notes, 0.6, rng)),
        (FINISHED, "given", 1, drop_notes(notes, 0.8, rng)),
        (LIBROSA_FITTED, "", 0, jitter(notes, 30.0, rng)),
        (OTHER_DIFFICULTY, "", 0, song.charts[1 - index].hit_objects),
    ]
    found = []
    for column, timing, seed, listed in made:
        chart = human.with_objects(listed)
        figures = figures_of(chart, against)
        row = row_of(chart, against, column, figures=figures, timing=timing, seed=seed)
        found.append(Judged(row, chart))
    apart = ResultRow(song.name, human.version, RAW, figures={"seed_distance": 0.5}, chart=index)
    return [*found, Judged(replace(apart, part=DIVERSITY))]


def run_of(folder: Path, out: Path) -> dict[str, Any]:
    """The content of `results.json`, and the charts in their folder."""
    songs = trapped(folder)
    rows = [
        keep(one, out)
        for song in songs
        for index in range(len(song.charts))
        for one in judged(song, index)
    ]
    command = {"songs": str(folder), "checkpoint": f"/nowhere/{EVIL}", "steps": 2}
    return results(rows, songs, command, out)
