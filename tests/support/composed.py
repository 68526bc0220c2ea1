"""Composed songs with charts, for damage probes."""

from __future__ import annotations

from functools import cache

from mug.beatmap.beatmap import Beatmap
from mug.compose.charts import TIERS, make_chart
from mug.compose.composer import compose_song
from mug.compose.score import Song
from mug.compose.style import SongStyle

SEEDS = (3, 4, 5)
STYLE = SongStyle(seconds=(40.0, 50.0), tempo=(110.0, 130.0), wide_tempo_p=0.0, tempo_change_p=0.0)


@cache
def composed(seed: int) -> Song:
    return compose_song(seed, STYLE)


@cache
def composed_chart(seed: int, tier: int = 3) -> Beatmap:
    return make_chart(
        composed(seed), TIERS[tier], keys=4, audio_filename="audio.ogg", beatmapset_id=1
    )
