"""Short composed songs with charts, as a benchmark's human songs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mug.compose.collection import CollectionOptions, compose_collection
from mug.compose.style import SongStyle


def style(shortest_s: float, longest_s: float, **other: Any) -> SongStyle:
    """Songs of such a length and of one tempo from the usual range."""
    steady = {"wide_tempo_p": 0.0, "tempo_change_p": 0.0}
    return SongStyle(seconds=(shortest_s, longest_s), **steady, **other)


VERY_SHORT = style(8.0, 8.0, tempo=(180.0, 180.0))
"""A few seconds: an untrained model writes a great many notes."""


def composed(
    folder: Path, songs: int, difficulties: int, songs_style: SongStyle, seed: int = 5
) -> Path:
    """Writes a folder for each song; returns `folder`."""
    options = CollectionOptions(style=songs_style, difficulties=difficulties, audio_format="wav")
    compose_collection(folder, songs, seed=seed, options=options)
    return folder
