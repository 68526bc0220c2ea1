"""Stars that a model's charts reach for stars that it is given, and the inverse.

A model that is given 4 stars may write charts of 3.2. Where that was measured on composed songs
that it was not trained on, it is given more, so that its charts have the stars that were asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mug.errors import CheckpointError
from mug.pipeline.model.names import REACHED_NAME

STARS = "sr"

_DIGITS = 3


@dataclass(frozen=True)
class ReachedStars:
    """Mean stars of a model's charts as sampled, by the stars that it was given.

    Args:
        given: to the model, rising.
        reached: by its charts in the mean, one for each.

    Raises:
        ValueError: for fewer than two, for other numbers of both, or for stars that do not rise.
    """

    given: tuple[float, ...]
    reached: tuple[float, ...]

    def __post_init__(self) -> None:
        values = np.array([*self.given, *self.reached], np.float64)
        if len(self.given) != len(self.reached) or len(self.given) < 2:
            raise ValueError("as many stars reached as given, two at least")
        if not np.isfinite(values).all() or not (np.diff(self.given) > 0).all():
            raise ValueError("stars are finite, and those given rise")

    def to_give(self, asked: float) -> float:
        """Return the stars to give to the model so that its charts reach `asked`.

        Between measured points it is interpolated; beyond them it is the last one. Where more
        stars given made fewer of them, neighbours are pooled into their mean (isotonic
        regression), so that whoever asks for more never gets less. A model whose charts have the
        same stars whatever it is given gets what was asked for.
        """
        levels, places = _pooled(self.given, self.reached)
        if len(levels) < 2:
            return asked
        return round(float(np.interp(asked, levels, places)), _DIGITS)


def _pooled(
    given: Sequence[float], reached: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Levels of the isotonic regression of `reached`, strictly rising, and the mean given at each.

    Source: the pool-adjacent-violators algorithm, Barlow et al. 1972.
    """
    pools: list[tuple[float, float, int]] = []  # sums of both, and how many
    for place, level in zip(given, reached, strict=True):
        pool = (level, place, 1)
        while pools and pools[-1][0] / pools[-1][2] >= pool[0] / pool[2]:
            pool = tuple(a + b for a, b in zip(pools.pop(), pool, strict=True))  # type: ignore[assignment]
        pools.append(pool)
    return (
        tuple(level / count for level, _, count in pools),
        tuple(place / count for _, place, count in pools),
    )


def read_reached(model: Path) -> ReachedStars | None:
    """Return what was measured of a model folder; None for one without, and for other files.

    Raises:
        CheckpointError: for a file that holds something else.
    """
    file = (model if model.is_dir() else model.parent) / REACHED_NAME
    return read_reached_file(file) if file.is_file() else None


def read_reached_file(file: Path) -> ReachedStars:
    """Return what a file says that `mug.pipeline.judge.calibration` wrote.

    Raises:
        CheckpointError: for a file that holds something else.
    """
    try:
        content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return ReachedStars(
            tuple(float(stars) for stars in content["given"]),
            tuple(float(stars) for stars in content["reached"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            "pipeline.reached_stars_cannot_be_read",
            file=file,
            value=str(error),
            remedy="remedy.measure_with_calibrate_model",
        ) from error
