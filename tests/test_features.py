"""Feature names and values to embedding ids."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repository import ROOT, load_golden

from mug.errors import ConfigError
from mug.features import Feature, FeatureSchema

YAML = "configs/mug/mania_beatmap_features.yaml"
META, _ = load_golden("feature_ids")
SCHEMA = FeatureSchema.from_yaml(YAML)
REFERENCE = FeatureSchema.from_yaml(YAML, clamp_top=False)
GOOD = [case for case in META["cases"] if "ids" in case]
BAD = [case for case in META["cases"] if "error" in case]


def test_table_has_the_recorded_rows() -> None:
    first = 0
    assert len(SCHEMA.features) == len(META["per_feature"]) == 21
    for feature, recorded in zip(SCHEMA.features, META["per_feature"], strict=True):
        assert (feature.name, feature.kind) == (recorded["name"], recorded["type"])
        assert (first, feature.bins + 1) == (recorded["first_id(missing)"], recorded["count"])
        first += feature.bins + 1
    assert SCHEMA.table_size == META["total_embeddings"] == 329


@pytest.mark.parametrize("case", GOOD, ids=lambda case: str(case["features"])[:40])
def test_reference_ids_equal_the_recorded_ones(case: dict) -> None:
    assert REFERENCE.ids(case["features"]) == case["ids"]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: str(case["features"])[:40])
def test_clamping_changes_only_what_overflows(case: dict) -> None:
    overflow = {
        (n, recorded["first_id(missing)"] + recorded["count"])
        for n, recorded in enumerate(META["per_feature"])
        if recorded["overflows_into_next"]
    }
    expected = [i - 1 if (n, i) in overflow else i for n, i in enumerate(case["ids"])]
    assert SCHEMA.ids(case["features"]) == expected


def test_the_maximum_is_in_the_last_bin() -> None:
    assert SCHEMA.ids({"sr": 8.0})[0] == 35
    assert REFERENCE.ids({"sr": 8.0})[0] == 36  # the next feature's "not given"


@pytest.mark.parametrize("case", BAD, ids=str)
def test_unknown_category_names_the_choices(case: dict) -> None:
    with pytest.raises(ConfigError, match="ranked") as caught:
        SCHEMA.ids(case["features"])
    assert case["features"]["rank_status"] in str(caught.value)
    assert "loved" in str(caught.value)
    assert "graveyard" in str(caught.value)


def test_none_is_not_given() -> None:
    assert SCHEMA.ids(dict.fromkeys(SCHEMA.names)) == SCHEMA.ids({}) == SCHEMA.missing_row()


@given(st.sampled_from(SCHEMA.features), st.floats(-100, 100))
def test_every_number_stays_in_its_own_rows(feature: Feature, value: float) -> None:
    if feature.kind != "numeric":
        return
    row = feature.row(value)
    assert 1 <= row <= feature.bins
    low = feature.minimum + (row - 1) * feature.step
    clamped = min(max(value, feature.minimum), feature.maximum)
    assert low - 1e-9 <= clamped <= low + feature.step + 1e-9


@pytest.mark.parametrize(
    ("name", "value"),
    [("sr", "hard"), ("sr", float("nan")), ("sr", [1]), ("rc", 2), ("rc", 0.5), ("rc", "maybe")],
)
def test_impossible_values_are_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        SCHEMA.ids({name: value})


def test_describe_gives_kind_and_range() -> None:
    sr = SCHEMA.describe("sr")
    assert (sr.kind, sr.minimum, sr.maximum, sr.step) == ("numeric", 1, 8, 0.2)
    assert SCHEMA.describe("rank_status").choices == ("ranked", "loved", "graveyard")
    with pytest.raises(ConfigError, match="Did you mean 'stream_ett'"):
        SCHEMA.describe("stream_et")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("sr", "3.5", 3.5),
        ("sr", "none", None),
        ("rc", "yes", True),
        ("rc", "0", False),
        ("rc", "", None),
        ("rank_status", " loved ", "loved"),
        ("rank_status", "none", None),
    ],
)
def test_parse_value(name: str, text: str, value: object) -> None:
    assert SCHEMA.parse_value(name, text) == value


@pytest.mark.parametrize(
    ("name", "text"), [("sr", "x"), ("sr", "nan"), ("rc", "2"), ("rank_status", "lovd")]
)
def test_parse_value_refuses(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=name):
        SCHEMA.parse_value(name, text)


def test_count_repeats_an_entry(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("- {name: a, type: bool, count: 2}\n- {name: b, type: category, values: [x]}\n")
    schema = FeatureSchema.from_yaml(file)
    assert schema.names == ("a", "a", "b")
    assert schema.ids({"a": True, "b": "x"}) == [2, 5, 7]
    assert schema.table_size == 8


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{}", "list of features"),
        ("- 3", "name and a type"),
        ("- {name: a, type: bol}", "bool"),
        ("- {name: a, type: bool, min: 1}", "min"),
        ("- {name: a, type: numeric, min: 1}", "lacks"),
        ("- {name: a, type: numeric, min: 1, max: 1, interval: 1}", "no bins"),
        ("- {name: a, type: numeric, min: x, max: 1, interval: 1}", "malformed"),
        ("- {name: a, type: category, values: []}", "no values"),
        ("- {name: a, type: bool, count: two}", "malformed"),
        ("- [", "YAML"),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, text: str, match: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=match):
        FeatureSchema.from_yaml(file)


def test_needs_no_torch() -> None:
    code = (
        "import sys, mug.features; sys.exit('torch' in sys.modules or 'omegaconf' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


_GROWING = "".join(f"    - &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))


@pytest.mark.parametrize(
    "text",
    [
        "- name: sr\n  type: category\n  values:\n    - &a0 [x, x]\n" + _GROWING,
        "values:\n    - &a0 [x, x]\n" + _GROWING,
        "- &a0 {name: *a0, type: bool}\n",
        "#" * (1 << 20),
        "[" * 20_000,
    ],
    ids=["aliases in an entry", "aliases", "itself", "long", "deep"],
)
def test_a_few_lines_do_not_stand_for_millions_of_values(tmp_path, text):
    (tmp_path / "f.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"f\.yaml"):
        FeatureSchema.from_yaml(tmp_path / "f.yaml")
