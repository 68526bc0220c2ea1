"""Three formats of checkpoints: what is read, what is refused, what comes out."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import golden_formula as gf
import numpy as np
import pytest
import torch
from omegaconf import ListConfig, OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint
from recordings import assert_recorded

from mug.config import load_config
from mug.diffusion.guidance import guide
from mug.diffusion.samplers.ddim import DDIMSampler
from mug.errors import CheckpointError
from mug.pipeline.chart import ChartGenerator, GenerationRequest
from mug.pipeline.model import checkpoint
from mug.pipeline.model.checkpoint import (
    LoadedModel,
    build_model,
    hash_weights,
    load_model,
    read_checkpoint,
    save_inference,
)
from mug.protocols import Condition


def test_what_is_saved_loads_equal(tiny_model_folder: Path, tiny_model: LoadedModel) -> None:
    config, weights, published = read_checkpoint(tiny_model_folder)
    assert not published
    assert hash_weights(weights) == tiny_model.weights_hash
    loaded = tiny_model.ddpm.state_dict()
    assert weights.keys() == loaded.keys()
    assert all(torch.equal(weights[key], loaded[key]) for key in weights)
    assert config["model"]["params"]["latent"]["z_channels"] == tiny_model.z_channels == 8
    assert not tiny_model.ddpm.training
    assert not any(p.requires_grad for p in tiny_model.ddpm.parameters())


def test_the_hash_sees_every_value_name_and_shape() -> None:
    weights = {"a": torch.arange(4.0), "b": torch.ones(2)}
    first = hash_weights(weights)
    assert hash_weights(dict(reversed(weights.items()))) == first
    assert hash_weights({**weights, "a": torch.arange(4.0) + 1e-6}) != first
    assert hash_weights({**weights, "a": torch.arange(4.0).reshape(2, 2)}) != first
    assert hash_weights({"a": weights["a"], "c": weights["b"]}) != first


def test_a_training_checkpoint_carries_its_config(
    tiny_model_folder: Path, tiny_model: LoadedModel, tmp_path: Path
) -> None:
    config, weights, _ = read_checkpoint(tiny_model_folder)
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": weights, "mug_config": config, "epoch": 3}, path)
    loaded = load_model(path)
    assert loaded.weights_hash == tiny_model.weights_hash
    assert not loaded.published


def test_an_original_checkpoint_gets_its_kernel_and_its_ids(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    """Same weights, saved as the original saves them: numpy scalars in the scheduler's state."""
    config, weights, _ = read_checkpoint(tiny_model_folder)
    del config["model"]["params"]["unet_config"]["params"]["block"]["s4_kernel_sum"]
    torch.save(
        {"state_dict": weights, "lr_schedulers": [{"base_lrs": [np.float64(1.0)]}]},
        tmp_path / "model.ckpt",
    )
    with pytest.raises(CheckpointError, match="no config beside"):
        load_model(tmp_path / "model.ckpt")
    (tmp_path / "model.yaml").write_text(json.dumps(config), encoding="utf-8")
    loaded = load_model(tmp_path / "model.ckpt")
    assert loaded.published
    sums = {m.kernel_sum for m in loaded.ddpm.modules() if hasattr(m, "kernel_sum")}
    assert sums == {"half"}
    assert loaded.schema.ids({"sr": 8.0})[0] == 36  # the original's overflow into the next feature
    digest = save_inference(tmp_path / "ours", config, weights, published=True)
    again = load_model(tmp_path / "ours")
    assert again.published
    assert again.weights_hash == digest == loaded.weights_hash


class _Color(Enum):
    RED = 1


@dataclass
class _Typed:
    """Class of a typed config; whoever reads the checkpoint has none such."""

    entries: list[int] = field(default_factory=list)
    one: int | None = None
    color: _Color = _Color.RED


@dataclass
class _Untyped:
    one: int = 1


class _Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


def test_a_pickle_that_runs_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {}, "evil": _Runs()}, tmp_path / "evil.ckpt")
    with pytest.raises(CheckpointError, match="never run"):
        load_model(tmp_path / "evil.ckpt")
    (tmp_path / "raw.ckpt").write_bytes(pickle.dumps(_Runs()))
    with pytest.raises(CheckpointError):
        load_model(tmp_path / "raw.ckpt")
    assert not (tmp_path / "ran").exists()


def test_objects_of_configs_and_trainers_beside_the_weights_do_no_harm(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    """They are read as inert stand-ins; their classes are not even imported."""
    config, weights, _ = read_checkpoint(tiny_model_folder)
    given = OmegaConf.create({"model": {"lr": 1e-4, "list": [1, 2], "none": None}})
    typed = OmegaConf.structured(_Typed(entries=[1]))
    values = {"when": datetime(2020, 1, 1, tzinfo=UTC), "z": 1j, "a": np.arange(3), "r": range(3)}
    callback = ModelCheckpoint(dirpath=tmp_path)
    content = {
        "state_dict": weights,
        "mug_config": config,
        "hyper_parameters": {"cfg": given, "part": given.model, "kind": ListConfig([1, {"a": 2}])},
        "typed": {"whole": typed, "within": OmegaConf.create({"x": typed}), "values": values},
        "callbacks": {ModelCheckpoint: {"state": callback.state_dict(), "own": given}},
    }
    for name, zipped in (("new.ckpt", True), ("old.ckpt", False)):
        torch.save(content, tmp_path / name, _use_new_zipfile_serialization=zipped)
        found, read, published = read_checkpoint(tmp_path / name)
        assert not published
        assert found["model"] == config["model"]
        assert all(torch.equal(read[key], weights[key]) for key in weights)
    torch.save({**content, "evil": _Runs()}, tmp_path / "evil.ckpt")
    with pytest.raises(CheckpointError, match="never run"):
        read_checkpoint(tmp_path / "evil.ckpt")
    torch.save({"state_dict": weights, "other": _Untyped()}, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match="never run"):  # no config names its class
        read_checkpoint(tmp_path / "other.ckpt")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x00" * 100])
@pytest.mark.parametrize("name", ["x.ckpt", "model.safetensors"])
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        load_model(tmp_path / name)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        load_model(tmp_path / "nowhere.ckpt")
    with pytest.raises(CheckpointError, match="holds no"):
        load_model(tmp_path)


def test_weights_of_another_model_are_refused(tiny_model_folder: Path, tmp_path: Path) -> None:
    config, weights, _ = read_checkpoint(tiny_model_folder)
    key = next(iter(weights))
    less = {name: value for name, value in weights.items() if name != key}
    save_inference(tmp_path / "less", config, less, published=False)
    with pytest.raises(CheckpointError, match="1 missing, 0 unexpected"):
        load_model(tmp_path / "less")
    other = {**weights, key: torch.zeros(3)}
    save_inference(tmp_path / "other", config, other, published=False)
    with pytest.raises(CheckpointError, match="1 of another shape"):
        load_model(tmp_path / "other")


def test_a_first_stage_is_not_taken_for_a_model(root: Path) -> None:
    config = load_config([root / "configs/debug/autoencoder.yaml"], [])
    with pytest.raises(CheckpointError, match="no diffusion model"):
        build_model(config, published=False)


@pytest.mark.golden_dir
def test_the_published_pair_gives_the_recorded_outputs(golden_dir: Path) -> None:
    """`tiny_mug.ckpt` was written by the original itself after four training steps."""
    recording = json.loads((golden_dir / "reference/tiny_mug.json").read_text(encoding="utf-8"))
    model = load_model(golden_dir / "reference/tiny_mug.ckpt")
    assert model.published
    inputs = recording["inputs"]
    ids = [torch.tensor([inputs[key]] * 2) for key in ("cond_ids", "uncond_ids")]
    for frames in (32, 40):
        mel = torch.from_numpy(gf.mel_input(f"ck_gen{frames}", 16, 64 * frames, 2))
        noise = torch.from_numpy(gf.normal_input(f"ck_xT{frames}", (2, 8, frames)))
        with torch.inference_mode():
            condition = model.ddpm.generation.conditions(mel, ids[0])
            negative = Condition(model.ddpm.generation.context(ids[1]), condition.audio)
            samples = DDIMSampler(spacing="original").sample(
                guide(model.ddpm.generation.denoiser, condition, negative, 5.0),
                noise,
                model.ddpm.schedule,
                steps=10,
            )
            decoded = model.ddpm.generation.decode(samples)
        for name, ours in (("samples", samples), ("decoded", decoded)):
            assert_recorded(ours, "tiny_mug", f"ddim_T{frames}/{name}")


def test_offloaded_networks_make_the_same_charts(tiny_model_folder: Path, song: Path) -> None:
    request = GenerationRequest(audio=song, steps=2, count=2)
    whole = ChartGenerator(load_model(tiny_model_folder))
    offloaded = ChartGenerator.from_checkpoint(tiny_model_folder)
    networks = offloaded.model.ddpm.model
    assert all(p.is_meta for p in networks.unet_model.parameters())
    assert offloaded.model.weights_hash == whole.model.weights_hash
    made = [each.generate(request).raw for each in (whole, offloaded, offloaded)]
    assert made[0] == made[1] == made[2]
    assert networks.wave_model is not None
    assert not any(p.is_meta for p in networks.unet_model.parameters())
    assert all(p.is_meta for p in networks.wave_model.parameters())


def test_only_offloading_changes_how_memory_is_freed(
    tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that trains or holds all of a model keeps its allocator as it is."""
    asked: list[str] = []
    monkeypatch.setattr(checkpoint, "return_large_blocks", lambda: asked.append("blocks"))
    monkeypatch.setattr(checkpoint, "keep_blocks", lambda: asked.append("keep"))
    monkeypatch.setattr(checkpoint, "trim", lambda: asked.append("trim"))
    load_model(tiny_model_folder)
    assert asked == []
    load_model(tiny_model_folder, offload=True)
    assert asked == ["keep", "trim"]  # a small model's blocks stay
    monkeypatch.setattr(checkpoint, "SMALL", 0)
    load_model(tiny_model_folder, offload=True)
    assert asked[2:] == ["blocks", "trim"]


def test_a_checkpoint_that_changes_in_use_is_refused(
    tiny_model_folder: Path, song: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path / "model"))
    generator = ChartGenerator.from_checkpoint(folder)
    generator.song(song)
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(CheckpointError, match="changed while its model was in use"):
        generator.generate(GenerationRequest(audio=song, steps=1))
    file.unlink()
    with pytest.raises(CheckpointError, match="changed while"):
        generator.generate(GenerationRequest(audio=song, steps=1))


def test_a_pickle_is_held_whole(tiny_model_folder: Path, tmp_path: Path) -> None:
    config, weights, _ = read_checkpoint(tiny_model_folder)
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": weights, "mug_config": config}, path)
    model = load_model(path, offload=True)
    assert not any(p.is_meta for p in model.ddpm.parameters())
