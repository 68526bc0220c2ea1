"""Control of a model: a sweep of the star rating, and each switch on against off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from mug.difficulty.names import SKILL_SETS
from mug.evaluation.figures import control_figures, violation_figures
from mug.evaluation.made import FINISHED, GIVEN, RAW, Asked, Maker
from mug.evaluation.markdown.summary import plain
from mug.evaluation.rows import SWEEP, SWITCHES, Judged, ResultRow
from mug.features import BOOL, FeatureSchema
from mug.metrics.statistics import spearman, summarise

SWEEP_STARS = tuple(1.0 + 0.5 * step for step in range(9))
"""Star ratings that are asked for: 1 ... 5."""

MEASURED = ("sr", "ln_ratio", "msd", *(f"msd_{name}" for name in SKILL_SETS))
"""Features that a switch may move."""

_LN_SWITCHES = ("rc", "hb", "ln")


def sweep(maker: Maker, ratings: Sequence[float] = SWEEP_STARS) -> list[Judged]:
    """Charts of one song at rising star ratings; nothing else is asked for."""
    asked: list[tuple[Asked, int]] = [
        ({"sr": stars}, seed) for seed in range(maker.run.seeds) for stars in ratings
    ]
    return _judged(maker, asked, [""] * len(asked), SWEEP)


def switches(maker: Maker, names: Sequence[str] = ()) -> list[Judged]:
    """Charts of one song with each switch on and off, at the star rating of its human chart.

    Args:
        maker: of the song.
        names: of the switches; all that the model has by default.
    """
    asked: list[tuple[Asked, int]] = []
    variants = []
    for name in names or switches_of(maker.generator.model.schema):
        for seed in range(maker.run.seeds):
            for on in (True, False):
                asked.append(({"sr": maker.against.stars, name: on}, seed))
                variants.append(f"{name} {'on' if on else 'off'}")
    return _judged(maker, asked, variants, SWITCHES)


def switches_of(schema: FeatureSchema) -> tuple[str, ...]:
    """The switches of a model: its features that are true or false."""
    return tuple(dict.fromkeys(f.name for f in schema.features if f.kind == BOOL))


def _judged(
    maker: Maker, asked: Sequence[tuple[Asked, int]], variants: Sequence[str], part: str
) -> list[Judged]:
    requests = [maker.request(prompt, seed=seed, timing=GIVEN) for prompt, seed in asked]
    made: list[Judged] = []
    for (prompt, seed), variant, found in zip(asked, variants, maker.make(requests), strict=True):
        stars = float(prompt["sr"])
        for column, chart in (
            (RAW, maker.raw(found.result.raw[0])),
            (FINISHED, found.result.beatmaps[0]),
        ):
            figures = control_figures(chart, maker.against)
            figures |= violation_figures(chart, maker.against)
            figures |= {
                "sr_error": figures["sr"] - stars,
                "sr_abs_error": abs(figures["sr"] - stars),
            }
            made.append(
                maker.judged(
                    chart,
                    part=part,
                    column=column,
                    timing=GIVEN if column == FINISHED else "",
                    figures=figures,
                    seed=seed,
                    variant=variant or f"{stars:.1f} stars",
                    asked=prompt,
                )
            )
    return made


def sweep_summary(rows: Sequence[ResultRow]) -> dict[str, dict[str, Any]]:
    """Bias, mean absolute error and rank correlation by column, and what was reached by rating."""
    found: dict[str, dict[str, Any]] = {}
    for column, listed in _by_column([row for row in rows if row.part == SWEEP]).items():
        songs = [row.song for row in listed]
        failed = [bool(row.figures.get("unreadable")) for row in listed]
        runs = _by_run(listed)
        found[column] = {
            "bias": _summary([row.figures["sr_error"] for row in listed], songs, failed),
            "abs_error": _summary([row.figures["sr_abs_error"] for row in listed], songs, failed),
            "spearman": _summary(
                [_rank_correlation(run) for _, run in runs], [song for song, _ in runs]
            ),
            "points": [
                {
                    "asked": stars,
                    **_summary([r.figures["sr"] for r in at], [r.song for r in at]),
                }
                for stars in sorted({float(row.asked["sr"]) for row in listed})
                if (at := [row for row in listed if float(row.asked["sr"]) == stars])
            ],
        }
    return found


def _rank_correlation(rows: Sequence[ResultRow]) -> float:
    """Spearman of asked and reached; charts that cannot be rated are left out."""
    rated = [row for row in rows if math.isfinite(row.figures["sr"])]
    return spearman(
        np.array([float(row.asked["sr"]) for row in rated], np.float64),
        np.array([row.figures["sr"] for row in rated], np.float64),
    )


def switch_summary(rows: Sequence[ResultRow]) -> list[dict[str, Any]]:
    """Effect of each switch, on minus off of the same song and seed."""
    found = []
    for column, listed in _by_column([row for row in rows if row.part == SWITCHES]).items():
        spread = {name: _spread(listed, name) for name in MEASURED}
        for switch in dict.fromkeys(_switch(row) for row in listed):
            pairs = _pairs([row for row in listed if _switch(row) == switch], switch)
            effects = {name: _effect(pairs, name, spread[name]) for name in MEASURED}
            _, moved = max((abs(effects[name]["standard"] or 0.0), name) for name in MEASURED)
            found.append(
                {
                    "switch": switch,
                    "column": column,
                    "feature": feature_of(switch),
                    "effects": effects,
                    "moved": moved,
                }
            )
    return found


def _effect(
    pairs: Sequence[tuple[ResultRow, ResultRow]], name: str, spread: float
) -> dict[str, float | None]:
    """On minus off of one measured feature."""
    nan = math.nan
    moved = [on.figures.get(name, nan) - off.figures.get(name, nan) for on, off in pairs]
    summary = _summary(moved, [on.song for on, _ in pairs])
    mean = summary["mean"]
    return {**summary, "standard": mean / spread if mean is not None and spread else None}


def feature_of(switch: str) -> str:
    """The measured feature that a switch is about: the share of long notes, or its skill."""
    return "ln_ratio" if switch in _LN_SWITCHES else f"msd_{switch}"


def _switch(row: ResultRow) -> str:
    return row.variant.rpartition(" ")[0]


def _pairs(rows: Sequence[ResultRow], switch: str) -> list[tuple[ResultRow, ResultRow]]:
    on, off = (
        {(r.song, r.chart, r.seed): r for r in rows if r.asked[switch] is wanted}
        for wanted in (True, False)
    )
    return [(on[key], off[key]) for key in on if key in off]


def _spread(rows: Sequence[ResultRow], name: str) -> float:
    values = np.array([row.figures.get(name, math.nan) for row in rows], np.float64)
    known = values[np.isfinite(values)]
    return float(known.std()) if len(known) else 0.0


def _summary(
    values: Sequence[float], songs: Sequence[str], failed: Sequence[bool] = ()
) -> dict[str, float | None]:
    return plain(summarise(values, songs, failed))


def _by_column(rows: Sequence[ResultRow]) -> dict[str, list[ResultRow]]:
    found: dict[str, list[ResultRow]] = {}
    for row in rows:
        name = f"{row.column}, timing {row.timing}" if row.timing else row.column
        found.setdefault(name, []).append(row)
    return found


def _by_run(rows: Sequence[ResultRow]) -> list[tuple[str, list[ResultRow]]]:
    """The rows of each song and seed, with the song."""
    ordered = sorted(rows, key=lambda row: (row.song, row.seed))
    return [
        (song, list(group)) for (song, _), group in groupby(ordered, lambda r: (r.song, r.seed))
    ]
