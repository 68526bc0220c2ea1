"""Distances between sets of charts: analytic truths, and damage probes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from composed import composed_chart
from hypothesis import given
from hypothesis import strategies as st
from note_strategies import notes

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.metrics import damage
from mug.metrics.chart_features import chart_features
from mug.metrics.distances import Cloud, Space, frechet_distance, kernel_distance

JUDGED, OTHERS = (3, 4, 5), (6, 7, 8)
TIERS = (0, 1, 2, 3)

Damage = Callable[[Beatmap, float, np.random.Generator], Sequence[HitObject]]

DAMAGES: dict[str, tuple[Damage, tuple[float, ...]]] = {
    "jitter": (lambda c, d, r: damage.jitter(c.hit_objects, d, r), (0, 3, 10, 30)),
    "columns": (lambda c, d, r: damage.shuffle_columns(c.hit_objects, 4, d, r), (0, 0.3, 0.6, 1)),
    "common row": (lambda c, d, r: damage.commonest_row(c.hit_objects, d, r), (0, 0.3, 0.6, 1)),
    "jacks": (lambda c, d, r: damage.inject_jacks(c.hit_objects, d, 70.0, r), (0, 0.1, 0.3, 0.6)),
    "hand": (lambda c, d, r: damage.favour_hand(c.hit_objects, 4, d, r), (0, 0.3, 0.6, 1)),
    "cut": (lambda c, d, r: damage.cut_holds(c.hit_objects, d, r), (0, 0.3, 0.6, 1)),
}


def features(chart: Beatmap, notes: Sequence[HitObject]) -> dict[str, float]:
    return chart_features(notes, chart.keys, chart.red_lines)


def charts(seeds: Sequence[int]) -> list[Beatmap]:
    return [composed_chart(seed, tier) for seed in seeds for tier in TIERS]


def people(seeds: Sequence[int]) -> list[dict[str, float]]:
    return [features(chart, chart.hit_objects) for chart in charts(seeds)]


@pytest.fixture(scope="module")
def space() -> Space:
    return Space.of(people(OTHERS))


def cloud(space: Space, found: Sequence[dict[str, float]]) -> Cloud:
    return Cloud.of(space, found, range(len(found)))


def both(space: Space, found: Sequence[dict[str, float]]) -> tuple[float, float]:
    near, far = cloud(space, found), cloud(space, people(OTHERS))
    return kernel_distance(space, near, far), frechet_distance(near, far)


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_distances_grow_with_the_dose(space: Space, name: str) -> None:
    act, doses = DAMAGES[name]
    found = [
        both(
            space,
            [features(c, act(c, dose, np.random.default_rng(0))) for c in charts(JUDGED)],
        )
        for dose in doses
    ]
    assert (np.diff(np.array(found), axis=0) > 0).all(), found


def test_no_damage_a_mirror_and_a_joint_shift_move_nothing() -> None:
    chart = composed_chart(JUDGED[0])
    before = features(chart, chart.hit_objects)
    assert 30 <= len(before) <= 36
    assert (
        features(chart, damage.jitter(chart.hit_objects, 0.0, np.random.default_rng(0))) == before
    )
    mirrored = features(chart, damage.mirror(chart.hit_objects, 4))
    assert mirrored == pytest.approx(before, abs=1e-9)
    later = tuple(type(p)(p.time_ms + 12_345.0, p.beat_ms, p.meter) for p in chart.red_lines)
    moved = chart_features(damage.shift(chart.hit_objects, 12_345.0), 4, later)
    assert moved == pytest.approx(before, abs=1e-6)


@given(notes(8000, 25))
def test_any_notes_have_finite_features_that_a_mirror_keeps(found: list[HitObject]) -> None:
    red = (TimingPoint(130.0, 480.0),)
    before = chart_features(found, 4, red)
    assert all(np.isfinite(value) for value in before.values())
    assert chart_features(damage.mirror(found, 4), 4, red) == pytest.approx(before, abs=1e-9)
    assert chart_features(found[::-1], 4, red) == pytest.approx(before, abs=1e-9)


def test_a_chart_of_one_row_has_no_features() -> None:
    chart = composed_chart(JUDGED[0])
    assert features(chart, chart.hit_objects[:1]) == {}


def points(values: Sequence[Sequence[float]]) -> list[dict[str, float]]:
    return [{str(i): float(v) for i, v in enumerate(row)} for row in values]


def test_two_draws_of_one_distribution_are_about_zero_apart_for_the_kernel() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        first, second = (points(rng.normal(0, 1, (6, 5))) for _ in range(2))
        near, far = (Cloud.of(SQUARE, one, range(6)) for one in (first, second))
        found.append(kernel_distance(SQUARE, near, far))
    error = np.std(found) / np.sqrt(len(found))
    assert abs(float(np.mean(found))) < 3 * error
    assert min(found) < 0  # unbiased, so not bounded by 0


SQUARE = Space.of(points(np.random.default_rng(1).normal(0, 1, (400, 5))))


def test_frechet_is_that_of_the_normal_distributions() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(0, 1, (4000, 3)), rng.normal(0.5, 2, (4000, 3))
    plain = Space(("0", "1", "2"), np.zeros(3), np.ones(3), 1.0)
    near, far = (Cloud(np.asarray(one), np.arange(4000), np.ones(4000)) for one in (first, second))
    assert frechet_distance(near, far) == pytest.approx(3 * (0.25 + 1.0), rel=0.08)
    assert frechet_distance(near, near) == pytest.approx(0.0, abs=1e-6)
    assert plain.width == 1.0


@given(st.integers(0, 10_000), st.floats(0.5, 3.0))
def test_distances_are_symmetric_and_grow_with_the_distance_of_the_means(
    seed: int, by: float
) -> None:
    rng = np.random.default_rng(seed)
    first = rng.normal(0, 1, (20, 5))
    near, far, farther = (Cloud.of(SQUARE, points(first + k * by), range(20)) for k in (0, 1, 2))
    for distance in (frechet_distance, lambda a, b: kernel_distance(SQUARE, a, b)):
        assert distance(near, far) == pytest.approx(distance(far, near), abs=1e-6)
        assert distance(near, farther) > distance(near, far)


def test_weights_are_repetitions_and_groups_are_not_independent() -> None:
    rng = np.random.default_rng(3)
    one, other = points(rng.normal(0, 1, (5, 5))), points(rng.normal(1, 1, (7, 5)))
    far = Cloud.of(SQUARE, other, range(7))
    weighted = Cloud.of(SQUARE, one, range(5)).weighted(np.array([2.0, 1.0, 0.0, 1.0, 1.0]))
    repeated = Cloud.of(SQUARE, [one[i] for i in (0, 0, 1, 3, 4)], (0, 0, 1, 3, 4))
    for distance in (frechet_distance, lambda a, b: kernel_distance(SQUARE, a, b)):
        assert distance(weighted, far) == pytest.approx(distance(repeated, far), abs=1e-5)
    alone = Cloud.of(SQUARE, one, [0] * 5)
    assert np.isnan(kernel_distance(SQUARE, alone, far))


def test_what_makes_no_space_is_reported() -> None:
    with pytest.raises(DataError, match="at least two"):
        Space.of(points([[1.0]]))
    with pytest.raises(DataError, match="a group a chart"):
        Cloud.of(SQUARE, points([[0.0] * 5]), [])
