"""Human songs of the benchmark without files: composed charts, and noise for a sound."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from composed import composed_chart

from mug.beatmap.beatmap import Beatmap
from mug.difficulty.stars import star_rating
from mug.evaluation.songs import SAMPLE_RATE, Against, HumanSong, SongSound


@cache
def human_song(name: str = "song", seed: int = 3, tiers: tuple[int, ...] = (0, 3)) -> HumanSong:
    charts = tuple(with_version(composed_chart(seed, tier), f"Tier {tier}") for tier in tiers)
    stars = tuple(star_rating(chart) for chart in charts)
    return HumanSong(name, Path(f"{name}.ogg"), charts, stars)


@cache
def noise() -> SongSound:
    rng = np.random.default_rng(0)
    return SongSound(rng.normal(0.0, 0.1, 50 * SAMPLE_RATE).astype(np.float32))


def against(index: int = 0, song: HumanSong | None = None) -> Against:
    return Against(song or human_song(), index, noise())


def with_version(chart: Beatmap, version: str) -> Beatmap:
    return replace(chart, metadata={**chart.metadata, "Version": version})
