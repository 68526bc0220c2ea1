"""What is said about charts at other speeds."""

from __future__ import annotations

import numpy as np
import pytest

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.data.collection import Collection
from mug.data.feature_db import FeatureRow
from mug.data.prompts import Prompts
from mug.difficulty.names import SKILL_NAMES
from mug.difficulty.registry import compute_features, tool_version
from mug.difficulty.skills import ESTIMATE
from mug.errors import DataError
from mug.features import FeatureSchema

SCHEMA = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")
PROMPTS = Prompts(SCHEMA)


def chart(keys=4, rate=1.0):
    rng = np.random.default_rng(1)
    times = 1000 + np.cumsum(rng.integers(60, 250, 400))
    return Beatmap(
        keys=keys,
        hit_objects=tuple(
            LongNote(n % keys, time / rate, (time + 40) / rate)
            if n % 9 == 0
            else Rice(n * 7 % 5 % keys, time / rate)
            for n, time in enumerate(times.tolist())
        ),
        timing=(TimingPoint(0, 400.0),),
        general={"AudioFilename": "a.wav", "Mode": "3"},
        difficulty={"CircleSize": str(keys), "OverallDifficulty": "8"},
    )


def row(beatmap, tools=None):
    measured = tool_version(SCHEMA.names) if tools is None else tools
    return {**compute_features(beatmap, SCHEMA.names), "tool_version": measured}


@pytest.mark.parametrize("rate", [0.8, 1.13, 1.5])
def test_skills_at_another_rate_are_those_of_the_faster_chart(rate):
    found = PROMPTS.at_rate(row(chart()), chart(), rate)
    expected = compute_features(chart(rate=rate), SCHEMA.names)
    assert found.keys() == expected.keys()
    for name in SKILL_NAMES:
        # between the rates of the estimator's grid, it is a line
        assert found[name] == pytest.approx(expected[name], abs=0.2), name
    assert found["sr"] == pytest.approx(expected["sr"], rel=1e-3)


def test_faster_is_harder():
    measured = row(chart())
    overall = [PROMPTS.at_rate(measured, chart(), rate)["ett"] for rate in (0.8, 1.0, 1.25)]
    assert overall == sorted(overall)
    assert overall[2] > overall[0] + 1


@pytest.mark.parametrize("tools", ["", "ett,stream@minacalc-434-0 facts-1", "ett@mug-msd-0"])
def test_values_of_another_source_are_not_mixed_with_ours(tools):
    measured = row(chart(), tools)
    assert not set(SKILL_NAMES) & PROMPTS.at_rate(measured, chart(), 1.1).keys()
    assert PROMPTS.at_rate(measured, chart(), 1.0)["ett"] == measured["ett"]


def test_what_was_unknown_stays_so():
    seven = chart(keys=7)
    measured = row(seven)
    assert measured["ett"] is None
    assert "ett" not in PROMPTS.at_rate(measured, seven, 1.2)


def test_the_source_is_no_feature():
    rng = np.random.default_rng(0)
    for rate in (1.0, 1.2):
        ids = PROMPTS.ids(PROMPTS.at_rate(row(chart()), chart(), rate), rng)
        given = ids != np.array(SCHEMA.missing_row())
        assert given.sum() == len(SCHEMA.names) - 1  # all but the rank status


def test_a_training_set_has_one_source(tmp_path):
    paths = (tmp_path / "a" / "x.osu", tmp_path / "b" / "x.osu")
    for path in paths:
        path.parent.mkdir()
        osu.write(chart(), path)
    known = {"ett": 5.0}
    ours = FeatureRow("a/x.osu", tool_version=f"ett@{ESTIMATE.version}", features=known)
    others = FeatureRow("b/x.osu", tool_version="ett@minacalc-434-0", features=known)
    assert len(Collection(paths, dict.fromkeys(paths, ours)).rows(paths)) == 2
    with pytest.raises(DataError, match="different sources"):
        Collection(paths, dict(zip(paths, (ours, others), strict=True))).rows(paths)


# ------------------------------------------------------------------ continuous values

WITH_VALUES = FeatureSchema.from_yaml("configs/mug/features_2.yaml")
KNOWN = {"sr": 3.0, "density": 5.0, "ln_ratio": 0.2, "stream": 1}


def draws(count=400, seed=0, **options):
    """Ids, and 1 for each value that is given, of many draws."""
    prompts, rng = Prompts(WITH_VALUES, **options), np.random.default_rng(seed)
    rows = np.stack([prompts.ids(KNOWN, rng) for _ in range(count)])
    ids, values = np.split(rows, [len(WITH_VALUES.features)], axis=1)
    given = ids != np.array(WITH_VALUES.ids({}))
    names = [feature.name for feature in WITH_VALUES.features]
    return given[:, [names.index("sr"), names.index("ln_ratio")]], values[:, 3:] == 1


def test_rows_a_second_are_measured_and_follow_the_rate():
    notes = chart().hit_objects
    seconds = (notes[-1].start_ms - notes[0].start_ms) / 1000
    measured = compute_features(chart(), ("density",))
    assert measured == {"density": pytest.approx(400 / seconds)}
    doubled = chart().with_objects((*notes, *(Rice((n.column + 1) % 4, n.start_ms) for n in notes)))
    assert compute_features(doubled, ("density",)) == measured
    faster = Prompts(WITH_VALUES).at_rate(row(chart()) | measured, chart(), 1.25)
    assert faster["density"] == pytest.approx(
        compute_features(chart(rate=1.25), ("density",))["density"]
    )
    one = chart().with_objects(notes[:1])
    assert compute_features(one, ("density",)) == {"density": None}


def test_all_values_are_given_without_drop_out():
    bins, values = draws(3)
    assert bins.all()
    assert values.all()


def test_values_are_left_out_together_with_their_bins():
    bins, values = draws(feature_dropout_p=0.5)
    assert (values[:, [0, 2]] == bins).all()
    assert 0.4 < values[:, 1].mean() < 0.6  # no bins of its name: by itself
    assert 0.2 < (values[:, 0] & values[:, 1]).mean() < 0.3


def test_values_are_left_out_apart_from_their_bins():
    bins, values = draws(feature_dropout_p=0.5, value_dropout_p=0.2)
    assert (np.abs(values.mean(0) - 0.8) < 0.07).all()
    assert 0.05 < (bins[:, 0] & ~values[:, 0]).mean() < 0.15
    assert 0.3 < (~bins[:, 0] & values[:, 0]).mean() < 0.5


def test_without_a_prompt_there_are_no_values_either():
    prompts = Prompts(WITH_VALUES, uncond_p=1.0, value_dropout_p=0.0)
    found = prompts.ids(KNOWN, np.random.default_rng(0))
    assert found.tolist() == WITH_VALUES.missing_row()
    assert found.dtype == np.float32


def test_values_change_no_draw_of_a_schema_without_them():
    options = {"feature_dropout_p": 0.5, "uncond_p": 0.1}
    one, other = (np.random.default_rng(5) for _ in range(2))
    for _ in range(20):
        found = Prompts(SCHEMA, **options).ids(KNOWN, one)
        same = Prompts(SCHEMA, **options, value_dropout_p=0.9).ids(KNOWN, other)
        assert found.dtype == np.int64
        assert found.tolist() == same.tolist()
    assert one.random() == other.random()
