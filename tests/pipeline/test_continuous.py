"""Continuous controls from a request to the network: stars, rows a second, share of long notes."""

from __future__ import annotations

from pathlib import Path

import golden_formula
import pytest
import torch
from repository import ROOT
from torch import Tensor

from mug.audio.load import load_audio
from mug.config import load_config
from mug.errors import ConfigError
from mug.features import FeatureSchema
from mug.pipeline.model.checkpoint import LoadedModel, build_model, load_model, save_inference
from mug.pipeline.model.song import EncodedSong
from mug.pipeline.prompt import Prompt, controls
from mug.pipeline.request import GenerationRequest
from mug.pipeline.sample import ChartRequest, encode_song, prompt_ids, sample_latents

FILE = "configs/mug/features_2.yaml"
SCHEMA = FeatureSchema.from_yaml(FILE)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("continuous")
    config = load_config(
        [ROOT / "configs/debug/diffusion.yaml"],
        [
            "model.params.cond_stage_config.target=mug.cond.feature.ContinuousFeatureEmbedder",
            f"data.params.common_params.features.feature_yaml={FILE}",
        ],
    )
    made = build_model(config, published=False)
    golden_formula.apply_to_module(made.model)
    save_inference(folder, config, made.state_dict(), published=False)
    return load_model(folder)


@pytest.fixture(scope="module")
def encoded(model: LoadedModel, song: Path) -> EncodedSong:
    return encode_song(model, load_audio(song, model.clock.sample_rate))


def latents(model: LoadedModel, song: EncodedSong, charts: list[ChartRequest]) -> list[Tensor]:
    request = GenerationRequest(audio=Path(), steps=2, guidance_scale=3.0, sampler="ddim")
    return sample_latents(model, song, charts, request)


def test_numbers_without_bins_are_controls_too() -> None:
    made = {control.name: control for control in controls(SCHEMA)}
    assert list(made) == list(dict.fromkeys(SCHEMA.names))
    assert (made["density"].minimum, made["density"].maximum, made["density"].unit) == (
        0,
        16,
        "rows a second",
    )
    assert made["sr"].minimum == 0.5


def test_prompts_take_and_check_them() -> None:
    asked = Prompt.of(SCHEMA, {"density": 3.5, "sr": 0.7}, {"ln_ratio": 0.4})
    assert asked.to_dict() == {"sr": 0.7, "density": 3.5, "negative": {"ln_ratio": 0.4}}
    assert Prompt.of(SCHEMA, {"density": 40}).beyond(SCHEMA)
    with pytest.raises(ConfigError, match="density"):
        Prompt.of(SCHEMA, {"density": "fast"})
    with pytest.raises(ConfigError, match="density"):
        Prompt.of(
            FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml"), {"density": 3}
        )


def test_a_loaded_model_takes_rows_of_its_schema(model: LoadedModel) -> None:
    assert model.schema == SCHEMA
    assert prompt_ids(model, {"density": 4.0}) == SCHEMA.row({"density": 4.0})


@pytest.mark.parametrize("name", ["sr", "density", "ln_ratio"])
def test_each_value_moves_the_chart_by_little_for_little(
    model: LoadedModel, encoded: EncodedSong, name: str
) -> None:
    value = SCHEMA.describe(name)
    middle = value.minimum + 0.52 * (value.maximum - value.minimum)  # inside of a bin
    prompts = [{}, {name: middle}, {name: middle + 0.001}, {name: value.maximum}]
    charts = [ChartRequest(prompt, {}, 7) for prompt in prompts]
    free, base, near, far = latents(model, encoded, charts)
    assert 0 < (base - near).norm() < 0.1 * (base - far).norm()
    assert not torch.equal(free, base)


def test_a_negative_value_moves_it_as_well(model: LoadedModel, encoded: EncodedSong) -> None:
    charts = [ChartRequest({}, negative, 7) for negative in ({}, {"density": 2.0})]
    one, other = latents(model, encoded, charts)
    assert not torch.equal(one, other)
