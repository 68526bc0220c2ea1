"""Conformance suite of the features: it runs over the registry of computations."""

from __future__ import annotations

from dataclasses import replace

import pytest
from repository import ROOT

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.registry import COMPUTATIONS, Computation, compute_features, tool_version
from mug.difficulty.skills import ESTIMATE
from mug.features import FeatureSchema

every_computation = pytest.mark.parametrize(
    "computation", COMPUTATIONS, ids=lambda computation: computation.names[0]
)


def chart(rate: float = 1.0, holds: int = 10) -> Beatmap:
    """A stream with some holds at the end, at a speed."""
    taps = [Rice(i * 7 % 4, 1000 + 120 * i / rate) for i in range(120)]
    ends = 1000 + 120 * 120 / rate
    longs = [
        LongNote(i % 4, ends + 300 * i / rate, ends + (300 * i + 250) / rate) for i in range(holds)
    ]
    return Beatmap(4, (*taps, *longs), (TimingPoint(1000.0, 480.0 / rate),))


@every_computation
def test_it_gives_its_names_and_no_others(computation: Computation) -> None:
    values = computation.compute(chart(), ESTIMATE)
    assert set(values) == set(computation.names)
    for value in values.values():
        assert value is None or isinstance(value, str) or value == pytest.approx(float(value))


@every_computation
def test_the_same_chart_has_the_same_values_whatever_the_order(computation: Computation) -> None:
    given = chart()
    values = computation.compute(given, ESTIMATE)
    assert computation.compute(given, ESTIMATE) == values
    shuffled = replace(given, hit_objects=given.hit_objects[::-1])
    again = computation.compute(shuffled, ESTIMATE)
    assert again == {name: pytest.approx(value) for name, value in values.items()}


@every_computation
def test_it_says_whether_the_rate_changes_it(computation: Computation) -> None:
    slow, fast = (computation.compute(chart(rate), ESTIMATE) for rate in (1.0, 1.4))
    assert (fast == slow) is computation.same_at_any_rate


@every_computation
def test_its_version_is_one_word_or_names_its_tool(computation: Computation) -> None:
    version = computation.version(ESTIMATE)
    assert version
    assert f"{','.join(computation.names)}@{version}" in tool_version(computation.names)


def test_no_feature_is_computed_twice() -> None:
    names = [name for computation in COMPUTATIONS for name in computation.names]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", ["configs/mug/mania_beatmap_features.yaml"])
def test_what_a_model_can_be_asked_for_is_computed_or_looked_up(path: str) -> None:
    names = FeatureSchema.from_yaml(ROOT / path).names
    assert set(names) - {"rank_status"} <= set(compute_features(chart(), names))
