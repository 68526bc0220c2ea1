"""Continuous values beside the binned features: rows, files, and what stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mug.errors import ConfigError
from mug.features import NUMERIC, Feature, FeatureSchema

OLD = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")
NEW = FeatureSchema.from_yaml("configs/mug/features_2.yaml")
VALUES = ("sr", "density", "ln_ratio")


def test_a_schema_without_values_gives_its_ids_as_they_were() -> None:
    asked = {"sr": 4.2, "ln": True, "density": 3.0}
    assert OLD.values == ()
    assert OLD.row(asked) == OLD.ids(asked)
    assert all(type(one) is int for one in OLD.row(asked))
    assert OLD.missing_row() == OLD.ids({})
    assert OLD.width == len(OLD.names) == 21


def test_the_new_file_has_bins_values_and_families_of_patterns() -> None:
    assert tuple(value.name for value in NEW.values) == VALUES
    assert NEW.width == len(NEW.features) + 6
    assert NEW.names == (*(feature.name for feature in NEW.features), "density")
    assert {"stream", "jumpstream", "handstream", "chordjack", "jackspeed"} <= {*NEW.names}
    stars = NEW.describe("sr")
    assert (stars.minimum, stars.maximum) == (0.5, 8.0)
    assert {*OLD.names} < {*NEW.names}
    density = NEW.describe("density")
    assert density.kind == NUMERIC
    assert NEW.parse_value("density", "4.5") == 4.5


def test_a_row_holds_ids_then_shares_then_masks() -> None:
    row = NEW.row({"sr": 4.25, "ln_ratio": 0.0})
    binned = len(NEW.features)
    assert row[:binned] == NEW.ids({"sr": 4.25, "ln_ratio": 0.0})
    assert row[binned:] == [0.5, 0.0, 0.0, 1.0, 0.0, 1.0]


def test_nothing_asked_has_masks_of_zero() -> None:
    binned = len(NEW.features)
    assert NEW.missing_row()[:binned] == NEW.ids({})
    assert not any(NEW.missing_row()[binned:])


def test_values_may_differ_from_what_the_bins_have() -> None:
    binned = len(NEW.features)
    row = NEW.row({"sr": 4.0}, {"density": 8.0})
    assert row[:binned] == NEW.ids({"sr": 4.0})
    assert row[binned:] == [0.0, 0.5, 0.0, 0.0, 1.0, 0.0]


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_shares_keep_order_and_stay_in_range(one: float, other: float) -> None:
    stars = NEW.values[0]
    low, high = sorted((one, other))
    assert 0 <= stars.share(low) <= stars.share(high) <= 1


@given(st.floats(0.5, 8))
def test_a_share_says_the_value_again(stars: float) -> None:
    assert 0.5 + 7.5 * NEW.values[0].share(stars) == pytest.approx(stars)


@pytest.mark.parametrize("wrong", ["much", float("nan")])
def test_a_value_that_is_no_number_is_refused(wrong: object) -> None:
    with pytest.raises(ConfigError, match="density"):
        NEW.row({"density": wrong})


def entry(tmp_path: Path, text: str) -> FeatureSchema:
    file = tmp_path / "features.yaml"
    file.write_text(f"- {{name: ln, type: bool}}\n- {{{text}}}\n", encoding="utf-8")
    return FeatureSchema.from_yaml(file)


def test_values_take_no_id_wherever_they_stand(tmp_path: Path) -> None:
    schema = entry(tmp_path, "name: pace, type: continuous, min: 0, max: 2, interval: 0.1")
    assert schema.features == (Feature("ln", "bool"),)
    assert schema.table_size == 3
    assert schema.names == ("ln", "pace")
    assert schema.row({"pace": 0.5}) == [0.0, 0.25, 1.0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: pace, type: continuous, min: 0", "max"),
        ("name: pace, type: continuous, min: 0, max: 2, interval: 1, count: 2", "count"),
        ("name: pace, type: continuous, min: 2, max: 2, interval: 1", "pace"),
        ("name: pace, type: continous, min: 0, max: 2", "continuous"),
    ],
)
def test_malformed_values_are_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        entry(tmp_path, text)
