"""Distance of a set of charts from human charts, between a floor of people and a ceiling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from mug.beatmap.beatmap import Beatmap
from mug.evaluation.markdown.tables import columns_of, rows_of_column
from mug.evaluation.rows import CHARTS, ResultRow, finite
from mug.evaluation.songs import HumanSong
from mug.metrics.chart_features import chart_features
from mug.metrics.damage import shuffle_columns
from mug.metrics.distances import Cloud, Space, frechet_distance, kernel_distance

FLOOR, CEILING = "human charts", "human charts, columns shuffled"
LEAST_CHARTS = 8
"""Human charts of other songs from which on they are what is compared with."""

DRAWS = 200
OTHERS, HALVES = "human charts of other songs", "the human charts of the other half of the songs"

Features = Mapping[str, float]


@dataclass(frozen=True)
class _Set:
    """Charts of the judged songs.

    Args:
        label: for people.
        kind: `floor`, `column` or `ceiling`.
        songs: of each chart.
        groups: the human chart that each belongs to.
        features: of each.
    """

    label: str
    kind: str
    songs: tuple[str, ...]
    groups: tuple[tuple[str, int], ...]
    features: tuple[Features, ...]


def distances(
    rows: Sequence[ResultRow], songs: Sequence[HumanSong], others: Sequence[HumanSong] = ()
) -> dict[str, Any]:
    """Kernel and Fréchet distance of each column from human charts; docs/benchmark.md.

    Args:
        rows: of all parts.
        songs: those that the rows are of.
        others: songs by people that are held against, e.g. those of the training.

    Returns:
        `reference`, `humans`, `why_not` and `entries`, as in `results.json`.
    """
    people = _humans(songs, FLOOR, "floor")
    sets = [people, *_columns(rows), _humans(songs, CEILING, "ceiling")]
    far = _humans(others, "", "")
    if len(far.features) >= LEAST_CHARTS:
        reference, splits = OTHERS, None
    elif len(songs) > 1 and len(people.features) >= LEAST_CHARTS // 2:
        reference, splits, far = HALVES, tuple(song.name for song in songs), people
    else:
        why = "too few human charts: several songs, or more of --training, are needed"
        return {"reference": "", "humans": 0, "why_not": why, "entries": []}
    space = Space.of(far.features)
    cloud = Cloud.of(space, far.features, far.groups)
    return {
        "reference": reference,
        "humans": len(far.features),
        "why_not": "",
        "entries": [_entry(space, one, far, cloud, splits) for one in sets if one.features],
    }


def _humans(songs: Sequence[HumanSong], label: str, kind: str) -> _Set:
    rng = np.random.default_rng(0)
    listed = [
        (song.name, number, _features(_shuffled(chart, rng) if kind == "ceiling" else chart))
        for song in songs
        for number, chart in enumerate(song.charts)
    ]
    kept = [entry for entry in listed if entry[2]]
    return _Set(
        label,
        kind,
        tuple(song for song, _, _ in kept),
        tuple((song, number) for song, number, _ in kept),
        tuple(found for _, _, found in kept),
    )


def _features(chart: Beatmap) -> Features:
    return chart_features(chart.hit_objects, chart.keys, chart.red_lines)


def _shuffled(chart: Beatmap, rng: np.random.Generator) -> Beatmap:
    return chart.with_objects(shuffle_columns(chart.hit_objects, chart.keys, 1.0, rng))


def _columns(rows: Sequence[ResultRow]) -> list[_Set]:
    found = []
    for column in columns_of(rows):
        mine = [r for r in rows_of_column(rows, column) if r.part == CHARTS and r.features]
        found.append(
            _Set(
                column.label,
                "column",
                tuple(row.song for row in mine),
                tuple((row.song, row.chart) for row in mine),
                tuple(row.features for row in mine),
            )
        )
    return found


def _entry(
    space: Space, judged: _Set, far: _Set, cloud: Cloud, splits: tuple[str, ...] | None
) -> dict[str, Any]:
    own = Cloud.of(space, judged.features, judged.groups)
    plain, drawn = [], []
    rng = np.random.default_rng(0)
    for near, away in _weights(judged, far, splits, rng, bootstrap=False):
        plain.append(_both(space, own.weighted(near), cloud.weighted(away)))
    for near, away in _weights(judged, far, splits, rng, bootstrap=True):
        drawn.append(_both(space, own.weighted(near), cloud.weighted(away)))
    estimate = np.nanmean(plain, axis=0) if np.isfinite(plain).any() else np.full(2, np.nan)
    kept = np.array([pair for pair in drawn if np.isfinite(pair).all()]).reshape(-1, 2)
    low, high = np.percentile(kept, [2.5, 97.5], axis=0) if len(kept) else (estimate * np.nan,) * 2
    return {
        "label": judged.label,
        "kind": judged.kind,
        "charts": len(judged.features),
        **{
            name: finite({"value": estimate[i], "low": low[i], "high": high[i]})
            for i, name in enumerate(("kernel", "frechet"))
        },
    }


def _both(space: Space, near: Cloud, away: Cloud) -> tuple[float, float]:
    return kernel_distance(space, near, away), frechet_distance(near, away)


_Pair = tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " m"]]


def _weights(
    judged: _Set,
    far: _Set,
    splits: tuple[str, ...] | None,
    rng: np.random.Generator,
    *,
    bootstrap: bool,
) -> Iterator[_Pair]:
    """Weight of each judged and each human chart, draw by draw.

    Whole songs are drawn; with one song its charts. Without other songs the songs are split into
    halves: charts of the one are held against human charts of the other.
    """
    near, away = _units(judged), _units(far)
    if splits is None:
        if not bootstrap:
            yield np.ones(len(near)), np.ones(len(away))
            return
        for _ in range(DRAWS):
            yield _drawn(near, rng), _drawn(away, rng)
        return
    for _ in range(DRAWS):
        mixed = [splits[i] for i in rng.permutation(len(splits))]
        half = len(mixed) // 2
        side = set(mixed[:half])
        ours = np.array([song in side for song in judged.songs], np.float64)
        theirs = np.array([song not in side for song in far.songs], np.float64)
        if bootstrap:
            times = dict(zip(splits, _times(len(splits), rng), strict=True))
            ours *= [times[song] for song in judged.songs]
            theirs *= [times[song] for song in far.songs]
        yield ours, theirs


def _units(charts: _Set) -> Int64[np.ndarray, " n"]:
    """Units of a draw: the songs, or with one song its charts."""
    keys = charts.songs if len(set(charts.songs)) > 1 else charts.groups
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], np.int64)


def _drawn(units: Int64[np.ndarray, " n"], rng: np.random.Generator) -> Float64[np.ndarray, " n"]:
    weights: np.ndarray = _times(int(units.max()) + 1, rng)[units]
    return weights


def _times(count: int, rng: np.random.Generator) -> Float64[np.ndarray, " n"]:
    """Number of times that each of so many is drawn, with replacement."""
    return np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
