"""Configs with the original's flat parameters, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from flat_configs import TRAIN_DATA

from mug.config import load_config, with_overrides
from mug.errors import ConfigError
from mug.reference.config import resolve_target, translate
from mug.reference.flat_keys import ALIASES, FLAT_KEYS
from mug.util import accepted_names, get_obj_from_str, groups_of, instantiate_from_config

DDPM = "mug.diffusion.diffusion.DDPM"

LAST_VERSION = """
defaults: [part.yaml]
model:
  target: mug.diffusion.diffusion.DDPM
  params:
    timesteps: 50
    beta_schedule: cosine
    z_channels: 8
    log_every_t: 100
    latent_scale: 2.0
    scheduler_config:
      target: ldm.lr_scheduler.LambdaLinearScheduler
      params: {warm_up_steps: [0], f_min: ['${..warm_up_steps}']}
    unet_config:
      target: mug.diffusion.unet.UNetModel
      params: {in_channels: '${model.params.z_channels}', dims: 1, dropout: 0.1, num_heads: 2}
data:
  target: main.DataModuleFromConfig
  params:
    batch_size: 2
    wrap: false
    common_params: {sr: 22050, n_fft: 512, split: {train: 1.0}, split_salt: x}
    train: {target: mug.data.dataset.OsuTrainDataset, params: {reference: true, mirror_p: 0.5}}
lightning:
  callbacks:
    logger:
      target: mug.data.dataset.BeatmapLogger
      params: {steps: 2, clock: {n_fft: '${data.params.common_params.n_fft}'}}
"""

IN_GROUPS = {
    "model": {
        "target": DDPM,
        "params": {
            "schedule": {"timesteps": 50, "beta_schedule": "cosine"},
            "objective": {"use_valid": True},
            "latent": {"z_channels": 8, "scale": 2.0},
            "optimizer": {
                "scheduler_config": {
                    "target": "mug.lr_scheduler.LambdaLinearScheduler",
                    "params": {"warm_up_steps": [0], "f_min": [[0]]},
                }
            },
            "unet_config": {
                "target": "mug.diffusion.unet.UNetModel",
                "params": {
                    "in_channels": 8,
                    "block": {"dropout": 0.1},
                    "attention": {"num_heads": 2},
                },
            },
        },
    },
    "data": {
        "target": "mug.data.datamodule.DataModuleFromConfig",
        "params": {
            "batch_size": 2,
            "common_params": {
                "audio": {"sr": 22050, "n_fft": 512},
                "split": {"train": 1.0, "salt": "x"},
            },
            "train": {
                "target": TRAIN_DATA,
                "params": {"rules": "original", "augment": {"mirror_p": 0.5}},
            },
        },
    },
    "lightning": {
        "callbacks": {
            "logger": {
                "target": "mug.callbacks.beatmap_logger.BeatmapLogger",
                "params": {"sampling": {"steps": 2}, "clock": {"n_fft": 512}},
            }
        }
    },
}


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """A file in the form of the last version, and a part that says no target."""
    part = "model: {params: {use_valid: true}}"
    (tmp_path / "part.yaml").write_text(part, encoding="utf-8")
    path = tmp_path / "flat.yaml"
    path.write_text(LAST_VERSION, encoding="utf-8")
    return path


def test_flat_files_become_groups_with_their_references(flat: Path) -> None:
    assert load_config([flat], check=False) == IN_GROUPS


def test_groups_stay_as_they_are() -> None:
    assert translate(IN_GROUPS) == IN_GROUPS


@pytest.mark.parametrize("target", FLAT_KEYS)
def test_every_flat_key_has_a_place_that_the_class_takes(target: str) -> None:
    factory, keys = get_obj_from_str(target), FLAT_KEYS[target]
    taken = accepted_names(factory) or set()
    groups = groups_of(factory)
    for place in keys.places.values():
        name, _, inner = place.partition(".")
        if name not in taken:
            assert target.endswith(("LatentDiffusion", "VariationalAutoencoder")), place
        elif inner:
            assert inner in (accepted_names(groups[name]) or set()), place
    assert not (keys.dropped | set(keys.fixed)) & taken


NEWER = {
    *("split.train", "split.val", "split.test"),
    *("objective.start_weight", "objective.start_positive_weight"),
    *("audio.mel_scale", "window.time_axis", "features.value_dropout_p"),
}


@pytest.mark.parametrize("target", [DDPM, TRAIN_DATA, "mug.diffusion.unet.UNetModel"])
def test_every_name_inside_a_group_had_a_flat_name_or_is_no_groups(target: str) -> None:
    """What the last version took flat is still taken flat; newer options have no flat name."""
    inner = {
        f"{group}.{name}"
        for group, kind in groups_of(get_obj_from_str(target)).items()
        for name in accepted_names(kind) or set()
    }
    flat = set(FLAT_KEYS[target].places.values())
    assert {name for name in inner - NEWER if not name.startswith("lines.")} <= flat


def test_names_of_the_originals_classes() -> None:
    assert all(get_obj_from_str(resolve_target(alias)) for alias in ALIASES)
    assert resolve_target("ldm.lr_scheduler.X") == "mug.lr_scheduler.X"
    assert resolve_target("mug.x.Y") == "mug.x.Y"


# ----------------------------------------------------------------------------- overrides


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("model.params.beta_schedule=sqrt", "model.params.schedule.beta_schedule", "sqrt"),
        ("model.params.schedule.beta_schedule=sqrt", "model.params.schedule.beta_schedule", "sqrt"),
        (
            "model.params.scheduler_config.params.warm_up_steps.0=7",
            "model.params.optimizer.scheduler_config.params.warm_up_steps",
            [7],
        ),
        (
            "data.params.common_params.cache_dir=there",
            "data.params.common_params.audio.cache_dir",
            "there",
        ),
        ("data.params.train.params={reference: false}", "data.params.train.params.rules", "own"),
        ("data.params.train.params.reference=false", "data.params.train.params.rules", "own"),
        (
            "lightning.callbacks.logger.params={steps: 5}",
            "lightning.callbacks.logger.params.sampling.steps",
            5,
        ),
    ],
)
def test_overrides_may_be_flat(flat: Path, override: str, path: str, value: object) -> None:
    for config in (
        load_config([flat], [override], check=False),
        with_overrides(IN_GROUPS, [override]),
    ):
        node: Any = config
        for name in path.split("."):
            node = node[name]
        assert node == value


def test_an_override_of_a_key_without_effect_changes_nothing(flat: Path) -> None:
    assert load_config([flat], ["model.params.log_every_t=5"], check=False) == IN_GROUPS


# ----------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("model.params.beta_shedule=cosine", ["'beta_shedule'", "'schedule.beta_schedule'"]),
        (
            "model.params.schedule.beta_shedule=cosine",
            ["'schedule.beta_shedule'", "'schedule.beta_schedule'", "command line"],
        ),
        ("model.params.unet_config.params.dims=2", ["one possible value", "2", "command line"]),
        ("model.params.schedule=cosine", ["'cosine'", "group", "beta_schedule"]),
        ("data.params.train.params.reference=maybe", ["'maybe'", "rules with one of original"]),
        ("data.params.common_params.beat_dropout=0.1", ["'beat_dropout'", "'beat.dropout_p'"]),
    ],
)
def test_what_does_not_fit_is_refused_with_the_new_name(override: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(["configs/debug/diffusion.yaml"], [override])
    for part in parts:
        assert part in str(caught.value)


def test_a_misspelt_key_inside_a_group_is_named_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("model:\n  params:\n    schedule:\n      timestep: 5\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"'schedule\.timesteps'") as caught:
        load_config(["configs/debug/diffusion.yaml", path])
    found = caught.value
    assert (found.file, found.line, found.value) == (path, 4, "schedule.timestep")


def test_a_key_that_is_said_flat_and_in_its_group_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("model: {params: {timesteps: 5, schedule: {timesteps: 6}}}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml.*schedule\.timesteps is given twice"):
        load_config(["configs/debug/diffusion.yaml", path])


# ------------------------------------------------------------------------- whole configs

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.mark.parametrize("name", ["tiny_golden.yaml", "tiny_mug.yaml"])
def test_the_originals_files_build_their_model(name: str) -> None:
    model = translate(yaml.safe_load((GOLDEN / name).read_text(encoding="utf-8")))["model"]
    built = instantiate_from_config({key: model[key] for key in ("target", "params")})
    assert built.training_options.monitor == "val/loss_simple"
    assert built.generation.z_channels == 8
    assert built.schedule.steps == 1000


def test_shipped_configs_say_no_flat_key() -> None:
    for path in sorted(Path("configs").glob("*/*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for node in _with_targets(content):
            keys = FLAT_KEYS.get(str(node["target"]))
            said = set(node.get("params") or {})
            assert keys is None or not said & (set(keys.places) | keys.dropped), path


def _with_targets(node: Any) -> list[Mapping[str, Any]]:
    children = (
        node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    )
    found = [one for child in children for one in _with_targets(child)]
    return [node, *found] if isinstance(node, Mapping) and "target" in node else found
