"""Composed songs for judging: one of each kind, with seeds that no training set has.

`compose_collection` numbers songs from `seed * MOST_SONGS`; the numbers here lie beyond all that
training commands use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from mug.compose.collection import MOST_SONGS, compose_folder
from mug.compose.varied.style import VariedStyle
from mug.compose.varied_collection import VariedOptions
from mug.errors import ConfigError
from mug.messages.message import Message

HELD_OUT_SEED = 7_700
"""Seed of the collection; training sets use others."""

_SEEDS, _KINDS_APART = 1000, 100

_STEADY = VariedStyle(seconds=(70.0, 90.0), metres={"4/4": 1.0}, swing_p=0.0, change_p=0.0)

HELD_OUT_KINDS: Mapping[str, VariedStyle] = MappingProxyType(
    {
        "70 BPM": replace(_STEADY, tempo=(70.0, 70.0)),
        "100 BPM": replace(_STEADY, tempo=(100.0, 100.0)),
        "115 BPM": replace(_STEADY, tempo=(115.0, 115.0)),
        "230 BPM": replace(_STEADY, tempo=(230.0, 230.0)),
        "tempo changes": replace(_STEADY, tempo=(100.0, 160.0), change_p=1.0),
        "3/4": replace(_STEADY, tempo=(90.0, 200.0), metres={"3/4": 1.0}),
        "6/8": replace(_STEADY, tempo=(70.0, 140.0), metres={"6/8": 1.0}),
    }
)


def held_out_number(kind: str, seed: int = 0) -> int:
    """Number of the song of a kind; other seeds, 0 ... 999, give other songs."""
    if not 0 <= seed < _SEEDS:
        raise ConfigError(
            "compose.seed_or_workers_out_of_range",
            value=seed,
            remedy=Message("remedy.accepted", names=f"0 ... {_SEEDS - 1}"),
        )
    return HELD_OUT_SEED * MOST_SONGS + seed * _KINDS_APART + list(HELD_OUT_KINDS).index(kind)


def held_out_kind(number: int) -> str:
    """Kind of the held-out song of a number."""
    return tuple(HELD_OUT_KINDS)[number % _KINDS_APART]


def compose_held_out(
    out_dir: Path,
    *,
    seed: int = 0,
    kinds: Sequence[str] = tuple(HELD_OUT_KINDS),
    options: VariedOptions | None = None,
    overwrite: bool = False,
) -> dict[str, Path]:
    """Compose one song of each kind; finished ones are kept. Folders by kind.

    Args:
        out_dir: where the songs' folders come to lie, as `compose_collection` makes them.
        seed: other seeds give other songs of the same kinds, 0 ... 999.
        kinds: those wanted, of `HELD_OUT_KINDS`.
        options: keys, charts a song and coding; the style is that of the kind.
        overwrite: write into folders of the songs' names that were not made here, too.
    """
    options = options or VariedOptions()
    out_dir.mkdir(parents=True, exist_ok=True)
    return {
        kind: compose_folder(
            out_dir,
            held_out_number(kind, seed),
            replace(options, style=HELD_OUT_KINDS[kind]),
            overwrite=overwrite,
        )
        for kind in kinds
    }
