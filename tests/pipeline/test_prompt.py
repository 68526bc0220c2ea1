"""Prompts: controls, values, files, and from charts of every format."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.registry import read_any, write_any
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.cli.charts.prompt_options import add_prompt_options, whole_prompt
from mug.difficulty.msd import estimate_msd
from mug.difficulty.stars import star_rating
from mug.errors import ConfigError, DataError
from mug.features import Feature, FeatureSchema
from mug.pipeline.prompt import (
    Prompt,
    controls,
    load_prompt,
    measured_features,
    prompt_of_chart,
    prompt_text,
    prompts_of_file,
    save_prompt,
)

SCHEMA = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")


def values() -> st.SearchStrategy[dict[str, Any]]:
    numbers = st.floats(-10, 50) | st.integers(-10, 50)
    kinds = {"numeric": numbers, "bool": st.booleans()}
    return st.fixed_dictionaries(
        {},
        optional={
            f.name: kinds[f.kind] if f.kind in kinds else st.sampled_from(f.choices)
            for f in SCHEMA.features
        },
    )


def chart(keys: int = 4) -> Beatmap:
    notes: list[HitObject] = [Rice(i * 3 % keys, 1000.0 + 125 * i) for i in range(120)]
    notes[::4] = [LongNote(n.column, n.start_ms, n.start_ms + 100) for n in notes[::4]]
    return Beatmap(
        keys=keys,
        hit_objects=tuple(notes),
        timing=(TimingPoint(0.0, 500.0),),
        general={"AudioFilename": "a.mp3", "Mode": "3"},
        metadata={"Title": "T", "Artist": "A", "Creator": "C", "Version": "V"},
        difficulty={"CircleSize": str(keys)},
    )


def test_every_feature_is_a_control_with_its_range() -> None:
    made = controls(SCHEMA)
    assert [c.name for c in made] == list(SCHEMA.names)
    for control in made:
        feature = SCHEMA.describe(control.name)
        assert (control.kind, control.minimum, control.maximum, control.step, control.choices) == (
            (feature.kind, feature.minimum, feature.maximum, feature.step, feature.choices)
        )
        assert len(control.effect) > 15
        assert (control.unit != "") == (control.kind == "numeric")
    assert made[0].values == "1..8"
    assert made[1].values == "ranked|loved|graveyard"
    assert made[3].values == "true|false"


def test_a_feature_of_several_ids_is_one_control() -> None:
    twice = FeatureSchema((Feature("mood", "bool"), Feature("mood", "bool")))
    assert [c.name for c in controls(twice)] == ["mood"]
    assert Prompt.of(twice, {"mood": 1}) == Prompt({"mood": True})


@settings(max_examples=25, deadline=None)
@given(values(), values())
def test_a_file_gives_the_prompt_back(
    tmp_path_factory: pytest.TempPathFactory, positive: dict[str, Any], negative: dict[str, Any]
) -> None:
    prompt = Prompt.of(SCHEMA, positive, negative)
    assert prompt == Prompt(positive, negative)
    path = tmp_path_factory.mktemp("p") / "prompt.yaml"
    save_prompt(prompt, path)
    again = load_prompt(path, SCHEMA)
    assert again == prompt
    assert {k: type(v) for k, v in again.positive.items()} == {
        k: type(v) for k, v in positive.items()
    }
    assert SCHEMA.ids(again.positive) == SCHEMA.ids(positive)


def test_flat_files_of_the_original_are_prompts(tmp_path: Path) -> None:
    path = tmp_path / "feature_1.yaml"
    path.write_text("sr: 4\nrank_status: ranked\nln: 0\nstream: 1\nett:\njackspeed: -1\nrc: yes\n")
    assert load_prompt(path, SCHEMA) == Prompt(
        {"sr": 4, "rank_status": "ranked", "ln": False, "stream": True, "rc": True}
    )
    path.write_text("# nothing\n")
    assert load_prompt(path, SCHEMA) == Prompt()
    assert prompt_text(Prompt()) == "{}\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("sr: 4\njumpstrem: true\n", 2, "'jumpstream'"),
        ("negativ: {sr: 1}\n", 1, "'negative'"),
        ("negative:\n  sr: 1\n  etts: 3\n", 3, "'ett'"),
        ("sr: 4\nsr: 5\n", 2, "twice"),
        ("sr: hard\n", 1, "1 to 8"),
        ("sr: yes\n", 1, "1 to 8"),
        ("sr: .inf\n", 1, "1 to 8"),
        ("rc: 2\n", 1, "true or false"),
        ("\nrank_status: rankd\n", 2, "'ranked'"),
        ("sr: [1, 2]\n", 1, "one plain value"),
        ("- sr: 1\n", 1, "name: value"),
        ("negative: 3\n", 1, "name: value"),
        ("? {a: b}\n: 3\n", 1, "name: value"),
        ("sr: 4: 5\n", None, "YAML"),
        ("sr: !!python/object:os.system x\n", None, "YAML"),
        ("[" * 600, None, "YAML"),
    ],
)
def test_wrong_files_are_refused_with_the_line(
    tmp_path: Path, text: str, line: int | None, said: str
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        load_prompt(path, SCHEMA)
    assert (caught.value.file, caught.value.line) == (path, line)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_prompt(tmp_path / "none.yaml", SCHEMA)
    (tmp_path / "b.yaml").write_bytes(b"sr: \xff")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_prompt(tmp_path / "b.yaml", SCHEMA)


@pytest.mark.parametrize("half", [0, 1])
def test_misspelt_names_find_the_nearest(half: int) -> None:
    given_: list[dict[str, object]] = [{}, {}]
    given_[half] = {"chordjak": True}
    with pytest.raises(ConfigError, match="Did you mean 'chordjack"):
        Prompt.of(SCHEMA, *given_)


def test_numbers_beyond_the_range_are_kept_and_said() -> None:
    prompt = Prompt.of(SCHEMA, {"sr": 9.5, "ett": 20}, {"ln_ratio": -1.0})
    assert prompt.positive["sr"] == 9.5
    sr, ln = prompt.beyond(SCHEMA)
    assert "hears 8" in sr
    assert "hears 0" in ln
    assert Prompt.of(SCHEMA, {"sr": 8, "rc": True}).beyond(SCHEMA) == ()


def test_a_chart_says_what_was_measured_on_it() -> None:
    beatmap = chart()
    prompt = prompt_of_chart(beatmap, SCHEMA)
    assert prompt.negative == {}
    assert set(prompt.positive) == set(SCHEMA.names) - {"rank_status"}
    assert prompt.positive["sr"] == pytest.approx(star_rating(beatmap), abs=1e-4)
    assert prompt.positive["ln_ratio"] == 0.25
    assert [prompt.positive[name] for name in ("rc", "hb", "ln")] == [False, True, False]
    assert any(prompt.positive[s] is True for s in ("stream", "technical", "jumpstream"))


def test_seven_keys_have_stars_and_no_skill_sets() -> None:
    assert set(prompt_of_chart(chart(7), SCHEMA).positive) == {"sr", "ln_ratio", "rc", "hb", "ln"}


def test_a_rate_is_that_of_the_faster_chart() -> None:
    beatmap = chart()
    found = measured_features(beatmap, SCHEMA.names, rate=1.25)
    msd = estimate_msd(
        [n.start_ms for n in beatmap.hit_objects], [n.column for n in beatmap.hit_objects], 1.25
    )
    assert found["ett"] == pytest.approx(msd.overall, abs=0.2)  # a line between the grid's rates
    assert found["sr"] == star_rating(beatmap, rate=1.25)
    assert found["sr"] > measured_features(beatmap, SCHEMA.names)["sr"]
    assert found["ln_ratio"] == 0.25
    for wrong in (0.0, -1.0, float("nan"), 11.0):
        with pytest.raises(DataError, match="rate"):
            measured_features(beatmap, SCHEMA.names, rate=wrong)


def test_an_empty_chart_is_refused_by_name() -> None:
    empty = replace(chart(), hit_objects=(), path=Path("empty.osu"))
    with pytest.raises(DataError, match=r"empty\.osu"):
        prompt_of_chart(empty, SCHEMA)


@pytest.mark.parametrize("suffix", [".osu", ".osz", ".sm", ".ssc", ".qua", ".mc"])
def test_every_format_gives_the_same_prompt(tmp_path: Path, suffix: str) -> None:
    beatmap = chart()
    path = tmp_path / f"chart{suffix}"
    write_any([beatmap], path)
    ((found, prompt),) = prompts_of_file(path, SCHEMA)
    expected = prompt_of_chart(beatmap, SCHEMA).positive
    assert len(found.hit_objects) == len(beatmap.hit_objects)
    assert prompt.positive.keys() == expected.keys()
    for name, value in expected.items():
        assert prompt.positive[name] == pytest.approx(value, abs=0.02), name


def parse(*words: str) -> Prompt:
    parser = argparse.ArgumentParser()
    add_prompt_options(parser, SCHEMA)
    return whole_prompt(parser.parse_args(words), SCHEMA)


def test_options_stand_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("sr: 4\nett: 20\nnegative: {ln: true, hb: true}\n")
    asked = parse("--prompt", str(path), "--sr", "5.5", "--ett", "none", "--rc", "yes")
    assert asked == Prompt({"sr": 5.5, "rc": True}, {"hb": True, "ln": True})
    asked = parse("--prompt", str(path), "--negative", "ln=none", "--negative", "jackspeed = on")
    assert asked == Prompt({"sr": 4, "ett": 20}, {"hb": True, "jackspeed": True})
    assert parse() == Prompt()
    for wrong, said in (("jackspeed", "NAME=VALUE"), ("jackspee=true", "'jackspeed'")):
        with pytest.raises(ConfigError, match=said):
            parse("--negative", wrong)


def test_the_examples_are_prompts(root: Path) -> None:
    paths = sorted((root / "configs/mapping_config").glob("*.yaml"))
    assert [p.name for p in paths] == [f"feature_{i}.yaml" for i in range(1, 5)]
    for path in paths:
        prompt = load_prompt(path, SCHEMA)
        assert prompt.positive
        assert prompt.beyond(SCHEMA) == ()


@pytest.mark.real_data
def test_prompts_of_real_charts(real_data: Path) -> None:
    """One chart of every second song: stars within the folder's range, skill sets in 4K alone."""
    paths = [next(iter(sorted(p.glob("*.osu")))) for p in sorted((real_data / "songs").iterdir())]
    assert len(paths) == 7
    for path in paths[::2]:
        (beatmap,) = read_any(path)
        prompt = prompt_of_chart(beatmap, SCHEMA)
        assert 0.5 < float(prompt.positive["sr"]) < 6.5
        assert ("ett" in prompt.positive) == (beatmap.keys == 4)
