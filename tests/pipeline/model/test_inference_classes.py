"""Making charts builds the classes that train without their trainer."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
import pytorch_lightning as pl
import yaml

import mug
from mug.config import load_config, load_inference_config
from mug.diffusion.diffusion import DDPM
from mug.diffusion.latent_diffusion import LatentDiffusion
from mug.errors import ConfigError
from mug.firststage.autoencoder import AutoencoderKL
from mug.firststage.variational import VariationalAutoencoder
from mug.pipeline.model.checkpoint import LoadedModel, build_model
from mug.pipeline.model.inference_classes import INFERENCE_CLASSES, for_inference
from mug.pipeline.model.names import CONFIG_NAME
from mug.train import build_module
from mug.util import accepted_names, get_obj_from_str

MODULES = [
    found.name
    for folder in ("diffusion", "firststage", "cond", "model")
    for found in pkgutil.iter_modules([str(Path(mug.__file__).parent / folder)], f"mug.{folder}.")
]


@pytest.mark.parametrize("trained", sorted(INFERENCE_CLASSES))
def test_the_classes_without_a_trainer_take_all_parameters_but_those_of_training(
    trained: str,
) -> None:
    whole, plain = get_obj_from_str(trained), INFERENCE_CLASSES[trained]
    assert issubclass(whole, pl.LightningModule)
    assert not issubclass(plain.kind, pl.LightningModule)
    assert get_obj_from_str(plain.target) is plain.kind
    left = (accepted_names(whole) or set()) - (accepted_names(plain.kind) or set())
    assert left == plain.without
    assert (accepted_names(plain.kind) or set()) < (accepted_names(whole) or set())


def test_every_class_that_trains_has_one_without_a_trainer() -> None:
    found = {
        f"{name}.{cls.__name__}"
        for name in MODULES
        for cls in vars(importlib.import_module(name)).values()
        if inspect.isclass(cls) and cls.__module__ == name and issubclass(cls, pl.LightningModule)
    }
    assert found == set(INFERENCE_CLASSES)


def test_both_have_the_same_weights_in_the_same_order(root: Path) -> None:
    config = load_config([root / "configs/debug/diffusion.yaml"], [])
    trained, plain = build_module(config), build_model(config, published=False)
    assert type(trained) is DDPM
    assert type(trained.model.first_stage_model) is AutoencoderKL
    assert type(plain) is LatentDiffusion
    assert type(plain.model.first_stage_model) is VariationalAutoencoder
    shapes = [
        [(name, value.shape, value.dtype) for name, value in model.state_dict().items()]
        for model in (trained, plain)
    ]
    assert shapes[0] == shapes[1]


def test_a_loaded_model_keeps_the_config_that_trains_it(tiny_model: LoadedModel) -> None:
    assert type(tiny_model.ddpm) is LatentDiffusion
    model = tiny_model.config["model"]
    assert model["target"] == "mug.diffusion.diffusion.DDPM"
    stage = model["params"]["first_stage_config"]
    assert stage["target"] == "mug.firststage.autoencoder.AutoencoderKL"


def test_other_targets_and_values_stay_as_they_are() -> None:
    node = {"target": "mug.diffusion.unet.UNetModel", "params": {"channel_mult": [1, 2], "x": None}}
    assert for_inference(node) == node
    params = {"scale": 2.0, "kl_weight": 1.0, "training": {"seed": 1}}
    nested = {"list": [{"target": "mug.firststage.autoencoder.AutoencoderKL", "params": params}]}
    assert for_inference(nested)["list"][0]["params"] == {"scale": 2.0}
    assert for_inference(nested)["list"][0]["target"].endswith(".VariationalAutoencoder")
    assert nested["list"][0]["target"].endswith(".AutoencoderKL")


def _changed(folder: Path, into: Path, **sections: object) -> Path:
    content = yaml.safe_load((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    path = into / CONFIG_NAME
    path.write_text(yaml.safe_dump({**content, **sections}), encoding="utf-8")
    return path


def test_the_models_node_is_checked_and_the_trainers_is_not(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    path = _changed(tiny_model_folder, tmp_path, lightning={"trainer": {"max_epoch": 3}})
    assert load_inference_config(path, for_inference)["lightning"]["trainer"]["max_epoch"] == 3
    with pytest.raises(ConfigError, match="max_epochs"):
        load_config([path])


def test_a_misspelt_key_of_the_model_is_named_with_its_line(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    path = _changed(tiny_model_folder, tmp_path)
    text = path.read_text(encoding="utf-8").replace("z_channels:", "z_chanels:")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="z_channels") as caught:
        load_inference_config(path, for_inference)
    assert (caught.value.file, caught.value.value) == (path, "latent.z_chanels")
    assert text.splitlines()[(caught.value.line or 0) - 1].strip().startswith("z_chanels:")


def test_an_unknown_section_is_refused(tiny_model_folder: Path, tmp_path: Path) -> None:
    path = _changed(tiny_model_folder, tmp_path, modell={})
    with pytest.raises(ConfigError, match="modell"):
        load_inference_config(path, for_inference)
