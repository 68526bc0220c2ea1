"""Models that were passed on: what their files may say, and what is damaged in them."""

from __future__ import annotations

import copy
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from repository import ROOT
from safetensors import safe_open
from safetensors.torch import save_file

from mug.cli.models.shared_config import check_shared
from mug.config import load_config
from mug.errors import CheckpointError, ConfigError, MugError
from mug.pipeline.model.checkpoint import load_model, read_checkpoint
from mug.pipeline.model.files import model_faults
from mug.pipeline.model.named_classes import class_faults, places
from mug.pipeline.model.names import CONFIG_NAME, WEIGHTS_NAME
from mug.pipeline.model.sums import check_sum, check_sums
from mug.rhythm.scorer import RhythmScorer, ScorerOptions, load_scorer, save_scorer

Config = dict[str, Any]
Change = Callable[[Config], object]


def _params(config: Config) -> Config:
    found: Config = config["model"]["params"]
    return found


def _network(config: Config, name: str = "unet_config") -> Config:
    found: Config = _params(config)[name]["params"]
    return found


def _changed(folder: Path, into: Path, change: Change) -> Path:
    """A copy of a model whose config was changed; its folder."""
    config = yaml.safe_load((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    change(config)
    shutil.copy(folder / WEIGHTS_NAME, into)
    (into / CONFIG_NAME).write_text(yaml.safe_dump(config), encoding="utf-8")
    return into


DATABASE = {
    "target": "mug.data.feature_db.FeatureDB",
    "params": {"path": "evil.db", "names": ["sr"]},
}
CLASSES: dict[str, Change] = {
    "model": lambda c: c["model"].update(target="mug.prepare.jobs.Jobs"),
    "unet_config": lambda c: _params(c).update(unet_config=DATABASE),
    "first_stage_config": lambda c: _params(c)["first_stage_config"].update(
        target="mug.callbacks.guard.SplitGuard"
    ),
    "cond_stage_config": lambda c: _params(c).update(cond_stage_config=DATABASE),
    "wave_stage_config": lambda c: _params(c).update(wave_stage_config=DATABASE),
    "lossconfig": lambda c: _network(c, "first_stage_config").update(lossconfig=DATABASE),
    # An encoder in the place of a denoiser, and a class in a place where none is named.
    "unet_config.target": lambda c: _params(c)["unet_config"].update(
        target="mug.cond.wave.STFTEncoder"
    ),
    "schedule": lambda c: _params(c)["schedule"].update(DATABASE),
}


@pytest.mark.parametrize("place", CLASSES)
def test_a_model_names_no_class_outside_the_registries(
    place: str, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "model"
    folder.mkdir()
    _changed(tiny_model_folder, folder, CLASSES[place])
    with pytest.raises(ConfigError, match=place) as caught:
        load_model(folder)
    assert "may not name this class" in str(caught.value)
    assert caught.value.file == folder / CONFIG_NAME
    assert not (tmp_path / "evil.db").exists()


def test_nor_does_a_training_checkpoint(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config, weights, _ = read_checkpoint(tiny_model_folder)
    CLASSES["cond_stage_config"](config)
    torch.save({"state_dict": weights, "mug_config": config}, tmp_path / "last.ckpt")
    with pytest.raises(ConfigError, match=r"last\.ckpt.*cond_stage_config"):
        load_model(tmp_path / "last.ckpt")
    assert not (tmp_path / "evil.db").exists()


def test_every_class_of_the_shipped_configs_may_be_named() -> None:
    files = [*ROOT.glob("configs/mug/*.yaml"), *ROOT.glob("mug/models/*/config.yaml")]
    configs = [load_config([file], check=False) for file in files if "features" not in file.name]
    models = [config for config in configs if "unet_config" in config.get("model", {})["params"]]
    assert len(models) >= 5
    for config in models:
        assert not list(model_faults(config))
        assert not list(class_faults(config["model"], "model", places()))


SIZES: dict[str, tuple[str, Change]] = {
    "timesteps": ("4,096", lambda c: _params(c)["schedule"].update(timesteps=4097)),
    "channels": ("model_channels", lambda c: _network(c).update(model_channels=2**31)),
    "products": (
        "model_channels",
        lambda c: _network(c).update(model_channels=4096, channel_mult=[1, 4]),
    ),
    "levels": ("channel_mult", lambda c: _network(c).update(channel_mult=[1] * 17)),
    "blocks": ("num_res_blocks", lambda c: _network(c).update(num_res_blocks=10**7)),
    "layers": (
        "num_res_blocks",
        lambda c: _network(c)["attention"].update(transformer_depth=64)
        or _network(c).update(num_res_blocks=64),
    ),
    "weights": ("unet_config", lambda c: _network(c).update(model_channels=2048)),
    "not a number": ("model_channels", lambda c: _network(c).update(model_channels=float("nan"))),
    "drawn": ("wave_stage_config", lambda c: _network(c, "wave_stage_config").update(
        middle_channels=2048, channel_mult=[1, 1, 1, 1, 1, 1]
    )),
    "sound": ("n_fft", lambda c: c["data"]["params"]["common_params"].update(
        audio={"n_fft": 2**31}
    )),
    "rate": ("sr", lambda c: c["data"]["params"]["common_params"].update(audio={"sr": "x"})),
}  # fmt: skip


@pytest.mark.parametrize("case", SIZES)
def test_sizes_are_refused_before_anything_is_allocated(
    case: str, tiny_model_folder: Path, tmp_path: Path
) -> None:
    key, change = SIZES[case]
    _changed(tiny_model_folder, tmp_path, change)
    with pytest.raises(ConfigError, match=key):
        load_model(tmp_path)


@pytest.mark.parametrize("content", ["", "a: 1\n", "model: x\n", "model: {params: {}}\n", "- 1\n"])
def test_an_empty_or_foreign_config_gets_a_sentence(
    content: str, tiny_model_folder: Path, tmp_path: Path
) -> None:
    shutil.copy(tiny_model_folder / WEIGHTS_NAME, tmp_path)
    (tmp_path / CONFIG_NAME).write_text(content, encoding="utf-8")
    with pytest.raises(MugError, match=CONFIG_NAME):
        load_model(tmp_path)


WITHOUT_SENSE: tuple[Change, ...] = (
    lambda c: _network(c).update(channel_mult="abc"),
    lambda c: _network(c).pop("in_channels"),
    lambda c: _network(c).update(model_channels=-32),
    lambda c: _network(c, "first_stage_config")["ddconfig"].update(num_groups=0),
    lambda c: _network(c, "first_stage_config")["ddconfig"].pop("x_channels"),
    lambda c: _network(c, "first_stage_config").update(ddconfig=[1]),
    lambda c: _network(c, "cond_stage_config").update(path_to_yaml=7),
    lambda c: c["model"].pop("target"),
    lambda c: _params(c)["unet_config"].pop("target"),
    lambda c: c.update(data=["x"]),
    lambda c: c["data"].update(params="x"),
    lambda c: _params(c)["unet_config"].update(target=["a"]),
    lambda c: _params(c).update(latent="x", schedule=3),
)


@pytest.mark.parametrize("change", WITHOUT_SENSE)
def test_a_config_without_sense_is_one_sentence(
    change: Change, tiny_model_folder: Path, tmp_path: Path
) -> None:
    _changed(tiny_model_folder, tmp_path, change)
    with pytest.raises(MugError, match=tmp_path.name):
        load_model(tmp_path)


GROWING = {
    "characters": "a0: x\n" + "".join(
        f"a{i}: '${{a{i - 1}}}${{.a{i - 1}}}'\n" for i in range(1, 40)
    ),
    "lists": "a0: [1]\n" + "".join(
        f"a{i}: ['${{a{i - 1}}}', '${{a{i - 1}}}']\n" for i in range(1, 40)
    ),
    "unknown keys": "a: b\nb: x\n" + "".join(f"c{i}: '${{${{a}}}}'\n" for i in range(10)),
    "a long chain": "a0: x\n" + "".join(f"a{i}: '${{a{i - 1}}}'\n" for i in range(1, 500)),
}  # fmt: skip


@pytest.mark.parametrize("case", GROWING)
def test_references_do_not_grow_without_end(case: str, tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(GROWING[case], encoding="utf-8")
    with pytest.raises(ConfigError, match="grows beyond"):
        load_config([file], check=False)


def test_files_that_include_one_another_do_not_grow_without_end(tmp_path: Path) -> None:
    for number in range(8):
        names = ", ".join([f"{number + 1}.yaml"] * 8)
        (tmp_path / f"{number}.yaml").write_text(f"defaults: [{names}]\n", encoding="utf-8")
    (tmp_path / "8.yaml").write_text("constants: {}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="more than 64 files"):
        load_config([tmp_path / "0.yaml"])


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/stdin"])
def test_devices_are_not_read(device: str, tiny_model_folder: Path, tmp_path: Path) -> None:
    change = {"path_to_yaml": device}
    _changed(tiny_model_folder, tmp_path, lambda c: _network(c, "cond_stage_config").update(change))
    with pytest.raises(ConfigError, match=device):
        load_model(tmp_path)
    (tmp_path / CONFIG_NAME).write_text(f"defaults: {device}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=device):
        load_model(tmp_path)


def test_what_training_goes_on_from_names_the_classes_of_training_alone() -> None:
    config = load_config([ROOT / "mug/models/4k/config.yaml"], check=False)
    check_shared(config, Path("config.yaml"))
    changes: dict[str, Change] = {
        "data.target": lambda c: c["data"].update(target="mug.data.feature_db.FeatureDB"),
        "data.params.train.target": lambda c: c["data"]["params"]["train"].update(
            target="mug.prepare.jobs.Jobs"
        ),
        "lightning": lambda c: c.update(lightning={"logger": {"params": {"save_dir": "/"}}}),
        "scheduler_config": lambda c: _params(c)["optimizer"].update(scheduler_config=DATABASE),
    }
    for key, change in changes.items():
        other = copy.deepcopy(config)
        change(other)
        with pytest.raises(ConfigError, match=key):
            check_shared(other, Path("config.yaml"))


# ---------------------------------------------------------------------------- damage


def _flipped(file: Path, at: int, bit: int = 0) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << bit
    file.write_bytes(data)


def _copied(folder: Path, into: Path) -> Path:
    for file in folder.iterdir():
        shutil.copy(file, into)
    return into / WEIGHTS_NAME


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
@pytest.mark.parametrize("offload", [False, True])
def test_a_flipped_bit_of_the_weights_is_noticed(
    share: float, offload: bool, tiny_model_folder: Path, tmp_path: Path
) -> None:
    file = _copied(tiny_model_folder, tmp_path)
    (header,) = struct.unpack("<Q", file.read_bytes()[:8])
    first = 8 + header
    _flipped(file, first + int(share * (file.stat().st_size - first)))
    with pytest.raises(CheckpointError, match=r"model\.safetensors: the weights are damaged"):
        load_model(tmp_path, offload=offload)
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("name", ["published", "sha256", "version", "format"])
def test_damaged_metadata_is_noticed(name: str, tiny_model_folder: Path, tmp_path: Path) -> None:
    file = _copied(tiny_model_folder, tmp_path)
    with safe_open(file, framework="pt") as opened:
        metadata = {("x" + key if key == name else key): v for key, v in opened.metadata().items()}
        weights = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    save_file(weights, file, metadata=metadata)
    with pytest.raises(CheckpointError, match=f"entry {name}"):
        load_model(tmp_path)
    save_file(weights, file, metadata={"format": "pt"})  # of another program, without a hash
    assert load_model(tmp_path).size


def test_a_damaged_scorer_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "rhythm.safetensors"
    save_scorer(RhythmScorer(ScorerOptions(width=8, dilations=(1, 2))), file)
    assert load_scorer(file).options.dilations == (1, 2)
    good = file.read_bytes()
    _flipped(file, len(good) - 5)
    with pytest.raises(CheckpointError, match="damaged"):
        load_scorer(file)
    file.write_bytes(good.replace(b"[1, 2]", b"[1, 3]"))
    with pytest.raises(CheckpointError, match="damaged"):
        load_scorer(file)


def test_a_damaged_scorer_of_a_shipped_model_is_noticed(tmp_path: Path) -> None:
    shipped = ROOT / "mug/models"
    shutil.copytree(shipped / "4k", tmp_path / "4k")
    shutil.copy(shipped / "SHA256SUMS", tmp_path)
    file = tmp_path / "4k/rhythm.safetensors"
    assert b'"sha256"' not in file.read_bytes()[:4096]  # it was written before scorers had one
    good = file.read_bytes()
    _flipped(file, len(good) - 5)
    with pytest.raises(CheckpointError, match=r"rhythm\.safetensors: the file is damaged"):
        load_model(tmp_path / "4k")
    file.write_bytes(good)
    check_sum(file)


@pytest.mark.parametrize("name", ["config.yaml", "features.yaml", "reached.json"])
def test_other_damaged_files_of_a_shipped_model_are_noticed(tmp_path: Path, name: str) -> None:
    """One digit is another one, so that the file reads as well as before."""
    shipped = ROOT / "mug/models"
    shutil.copytree(shipped / "4k", tmp_path / "4k")
    shutil.copy(shipped / "SHA256SUMS", tmp_path)
    file = tmp_path / "4k" / name
    good = file.read_bytes()
    place = next(i for i, digit in enumerate(good) if digit in b"12345678")
    file.write_bytes(good[:place] + bytes([good[place] + 1]) + good[place + 1 :])
    with pytest.raises(CheckpointError, match=rf"{name}: the file is damaged"):
        load_model(tmp_path / "4k")
    file.write_bytes(good.replace(b"\n", b"\r\n"))
    check_sums(tmp_path / "4k")


def test_a_scorer_of_any_size_takes_no_memory(tmp_path: Path) -> None:
    scorer = RhythmScorer(ScorerOptions(width=8, dilations=(1,)))
    header = {"options": {"width": 100_000, "dilations": [1], "condition_width": 16, "dropout": 0}}
    save_file(scorer.state_dict(), tmp_path / "s.safetensors", {
        "mug-rhythm-scorer-1": json.dumps(header)
    })  # fmt: skip
    with pytest.raises(CheckpointError, match="holds no"):
        load_scorer(tmp_path / "s.safetensors")
