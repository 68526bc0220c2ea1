"""Statements of a model about itself: its columns, and what charts of these columns do not have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from repository import ROOT

from mug.cli.charts.generate import parser
from mug.config import load_config
from mug.difficulty.names import SKILL_NAMES
from mug.errors import ConfigError
from mug.features import FeatureSchema
from mug.pipeline.model.checkpoint import LoadedModel, build_model, load_model
from mug.pipeline.model.files import save_inference
from mug.pipeline.model.release import Release, has_msd, msd_asked_in_vain, without_msd
from mug.pipeline.plan import Plan
from mug.pipeline.report import beyond_training
from mug.pipeline.request import GenerationRequest
from mug.pipeline.sample import prompt_ids

SCHEMA = FeatureSchema.from_yaml("configs/mug/features_2.yaml")
PROMPT = {"sr": 3.0, "ett": 20.0, "stream": True, "jackspeed_ett": 9.0}


def test_a_config_says_its_columns_where_no_release_does() -> None:
    config = load_config([ROOT / "configs/debug/diffusion_keys7.yaml"])
    assert Release.of(config).keys == 7
    assert Release.of({**config, "release": {"keys": 5}}).keys == 5


@pytest.mark.parametrize("keys", [5, 6, 7, 8])
def test_etternas_numbers_are_left_out_of_other_columns_and_that_is_said(keys: int) -> None:
    assert without_msd(PROMPT, keys) == {"sr": 3.0}
    assert not has_msd(keys)
    said = msd_asked_in_vain(PROMPT, keys)
    assert [message.values["feature"] for message in said] == ["ett", "stream", "jackspeed_ett"]
    assert all("four keys" in message and str(keys) in message for message in said)
    request = GenerationRequest(Path(), prompt=PROMPT, negative_prompt={"chordjack": True})
    found = beyond_training(Release(keys=keys), SCHEMA, request, Plan())
    assert len(found) == 4
    beyond = replace(request, prompt={"ett": 99.0}, negative_prompt={})
    assert len(beyond_training(Release(keys=keys), SCHEMA, beyond, Plan())) == 1


@pytest.mark.parametrize("keys", [0, 4])
def test_four_columns_have_them(keys: int) -> None:
    assert without_msd(PROMPT, keys) == PROMPT
    assert msd_asked_in_vain(PROMPT, keys) == ()
    request = GenerationRequest(Path(), prompt=PROMPT)
    assert beyond_training(Release(keys=keys), SCHEMA, request, Plan()) == []


def test_a_model_of_other_columns_does_not_get_them(
    tiny_model: LoadedModel, tmp_path: Path
) -> None:
    config = load_config([ROOT / "configs/debug/diffusion_keys7.yaml"])
    weights = build_model(config, published=False).state_dict()
    save_inference(tmp_path, config, weights, published=False)
    seven = load_model(tmp_path)
    assert prompt_ids(seven, PROMPT) == prompt_ids(seven, {"sr": 3.0})
    assert prompt_ids(tiny_model, PROMPT) != prompt_ids(tiny_model, {"sr": 3.0})


def test_the_command_lines_help_says_what_is_of_four_keys_alone() -> None:
    said = {keys: " ".join(parser(SCHEMA, keys).format_help().split()) for keys in (0, 4, 7)}
    assert said[0] == said[4]
    assert said[7].count("of four keys alone, not of this model's 7") == len(set(SKILL_NAMES))


@pytest.mark.parametrize(
    "content", [b"- 1", b"model: x", b"release: [1", b"\xff\xfe", b"a: [" * 5000]
)
def test_a_damaged_config_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        Release.beside(tmp_path)


@pytest.mark.parametrize(
    "sampling", [{"out": "elsewhere/x.osz"}, {"overwrite": True}, {"steps": "many"}, {"sampler": 1}]
)
def test_a_model_sets_no_default_but_those_of_sampling(sampling: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"release\.sampling"):
        Release.of({"release": {"sampling": sampling}})
    assert Release.of({"release": {"sampling": {"steps": 8}}}).usual["steps"] == 8


@pytest.mark.parametrize("text", ["a: x\n" * (1 << 18), "a: &a [x, *a]\n"], ids=["long", "itself"])
def test_a_config_without_end_gets_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"config\.yaml: cannot be read"):
        Release.beside(tmp_path)
