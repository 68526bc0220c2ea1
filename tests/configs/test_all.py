"""Every config of the repository builds its model; each debug config trains two steps."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch
import yaml
from repository import ROOT
from tiny_songs import make_songs
from torch import nn

from mug import train
from mug.config import load_config
from mug.util import get_obj_from_str, groups_of, instantiate_from_config

CONFIGS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("mug", "debug")
    for path in (ROOT / "configs" / folder).glob("*.yaml")
    if path.name not in ("mania_beatmap_features.yaml", "features_2.yaml")
)

# Model parameters; the first four are the original's.
SIZES = {
    "configs/mug/mug_diffusion.yaml": 156_536_384,
    "configs/mug/autoencoder.yaml": 5_086_192,
    "configs/mug/mug_diffusion_stft_autoencoder.yaml": 5_618_448,
}


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def build(path: str) -> nn.Module:
    with torch.device("meta"):
        return train.build_module(load_config([path]))


@pytest.mark.parametrize("path", CONFIGS)
def test_every_config_builds_its_model_and_callbacks(path: str, tmp_path: Path) -> None:
    module = build(path)
    if path in SIZES:
        assert count(module) == SIZES[path]
    config = load_config([path])
    callbacks = train.build_callbacks(train.TrainingRun(tmp_path, config, None, "now"), 1)
    assert len(callbacks) >= 6
    train.trainer_arguments(config)
    instantiate_from_config(config["data"])


@pytest.mark.parametrize("path", CONFIGS)
def test_every_config_opens_with_what_how_where_and_result(path: str) -> None:
    head = "".join(
        line
        for line in (ROOT / path).read_text(encoding="utf-8").splitlines(True)
        if line[0] == "#"
    )
    assert f"python main.py --base {path}" in head
    assert "Measured result: " in head
    assert "Hardware: " in head or "debug" in path


def _targets(node: object) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_targets, node))
    if not isinstance(node, dict):
        return set()
    own = {str(node["target"])} if "target" in node else set()
    return own.union(*map(_targets, node.values()))


@pytest.mark.parametrize("path", CONFIGS)
def test_what_a_config_builds_takes_twelve_arguments_at_most(path: str) -> None:
    waiting = [get_obj_from_str(target) for target in sorted(_targets(load_config([path])))]
    while waiting:
        factory = waiting.pop()
        assert len(inspect.signature(factory).parameters) <= 12, factory
        waiting += groups_of(factory).values()


def test_the_parts_of_the_full_model_have_the_originals_sizes() -> None:
    model = build("configs/mug/mug_diffusion.yaml").model
    sizes = {name: count(part) for name, part in model.named_children()}
    assert sizes == {
        "unet_model": 102_015_888,
        "first_stage_model": 5_086_192,
        "wave_model": 49_392_192,
        "cond_stage_model": 42_112,
    }
    stft = build("configs/mug/mug_diffusion_stft.yaml").model
    assert count(stft.wave_model) == 15_366_208
    assert count(stft.first_stage_model) == 5_618_448


def test_the_original_learning_rates() -> None:
    for name, rate in (("mug_diffusion", 4.8e-4), ("autoencoder", 6e-4)):
        config = load_config([f"configs/mug/{name}.yaml"])
        batch = config["data"]["params"]["batch_size"]
        assert batch * config["model"]["base_learning_rate"] == pytest.approx(rate)


def test_small_and_demo_sizes() -> None:
    full = count(build("configs/mug/mug_diffusion.yaml"))
    assert 0.04 * full < count(build("configs/mug/small.yaml")) < 0.06 * full
    assert 1_000_000 < count(build("configs/mug/demo.yaml")) < 3_000_000
    # In half precision it is shipped, with ten MiB at most.
    assert 3_000_000 < count(build("configs/mug/listen.yaml")) < 5_200_000


@pytest.mark.parametrize(
    ("diffusion", "first_stage"),
    [
        ("mug/mug_diffusion", "mug/autoencoder"),
        ("mug/mug_diffusion_stft", "mug/mug_diffusion_stft_autoencoder"),
        ("mug/small", "mug/small_autoencoder"),
        ("mug/demo", "mug/demo_autoencoder"),
        ("mug/listen", "mug/listen_autoencoder"),
        ("mug/listen_7k", "mug/listen_7k_autoencoder"),
        ("debug/diffusion", "debug/autoencoder"),
        ("debug/variants", "debug/autoencoder"),
        ("debug/stft", "debug/stft_autoencoder"),
    ],
)
def test_first_stages_fit_their_diffusion_models(diffusion: str, first_stage: str) -> None:
    inner = build(f"configs/{diffusion}.yaml").model.first_stage_model
    outer = build(f"configs/{first_stage}.yaml")
    shapes = [{k: tuple(v.shape) for k, v in m.state_dict().items()} for m in (inner, outer)]
    assert shapes[0] == shapes[1]
    assert inner.scale == outer.scale
    configs = [load_config([f"configs/{name}.yaml"]) for name in (diffusion, first_stage)]
    # not max_audio_frame: the first stage is convolutional and may learn from shorter pieces
    for group, key in (("audio", "sr"), ("audio", "n_fft"), ("window", "audio_note_window_ratio")):
        values = [c["data"]["params"]["common_params"][group][key] for c in configs]
        assert values[0] == values[1], key


@pytest.mark.parametrize("path", [c for c in CONFIGS if "autoencoder" not in c])
def test_latents_and_audio_levels_line_up(path: str) -> None:
    config = load_config([path])
    params, common = config["model"]["params"], config["data"]["params"]["common_params"]
    module = build(path)
    training = config["data"]["params"]["train"]["params"]
    window = (
        training.get("window", {}).get("crop_audio_frame") or common["window"]["max_audio_frame"]
    )
    notes = window // common["window"]["audio_note_window_ratio"]
    assert module.generation.latent_shape(notes) == (
        params["latent"]["z_channels"],
        params["latent"]["z_length"],
    )


def test_own_objective_on_top_of_the_full_model() -> None:
    config = load_config(["configs/mug/mug_diffusion.yaml", "configs/_parts/own_objective.yaml"])
    assert config["data"]["params"]["train"]["params"]["features"]["uncond_p"] == 0.1
    assert (
        config["model"]["params"]["unet_config"]["params"]["block"]["s4_kernel_sum"] == "conjugate"
    )
    assert config["model"]["params"]["objective"]["use_valid"] is True
    assert config["lightning"]["callbacks"]["ema"]["target"] == "mug.callbacks.ema.EMA"
    assert config["lightning"]["trainer"]["gradient_clip_val"] == 1.0


# ---------------------------------------------------------------- training


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_songs(tmp_path_factory.mktemp("songs"))


def run(path: str, songs: Path, logs: Path, *more: str) -> Path:
    data = [
        f"data.params.common_params.txt_file={songs}",
        f"data.params.common_params.cache_dir={songs.parent / 'cache'}",
        "lightning.trainer.enable_progress_bar=false",
    ]
    assert train.main(["--base", path, "-t", "-l", str(logs), *data, *more]) == 0
    (run_folder,) = logs.iterdir()
    checkpoint = run_folder / "checkpoints" / "last.ckpt"
    state = torch.load(checkpoint, weights_only=True)
    assert state["global_step"] == 2
    assert all(v.isfinite().all() for v in state["state_dict"].values() if v.is_floating_point())
    return checkpoint


@pytest.mark.parametrize(
    ("first_stage", "diffusions"),
    [("autoencoder", ["diffusion", "variants"]), ("stft_autoencoder", ["stft"])],
)
def test_debug_configs_train_two_steps(
    first_stage: str, diffusions: list[str], songs: Path, tmp_path: Path
) -> None:
    trained = run(f"configs/debug/{first_stage}.yaml", songs, tmp_path / "first")
    first = f"model.params.first_stage_config.params.ckpt_path={trained}"
    for name in diffusions:
        run(f"configs/debug/{name}.yaml", songs, tmp_path / name, first)


def test_a_model_with_beat_condition_trains_and_is_probed(songs: Path, tmp_path: Path) -> None:
    """The one option reaches network and data; sample charts and the probe know of it too."""
    checkpoint = run(
        "configs/debug/diffusion.yaml",
        songs,
        tmp_path,
        "model.params.beat_condition=true",
        "model.params.allow_untrained_first_stage=true",
        "model.params.unet_config.params.dropout=0",
        "lightning.callbacks.beatmap_logger.target=mug.callbacks.beatmap_logger.BeatmapLogger",
        "lightning.callbacks.beatmap_logger.params={steps: 2, count: 1, pictures: false}",
    )
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert state["model.beat_model.conv_out.weight"].any(), "it begins at zero"
    folder = checkpoint.parents[1]
    assert len(list((folder / "samples/val/epoch000000").iterdir())) == 2
    (metrics,) = folder.glob("csv/*/metrics.csv")
    header = metrics.read_text(encoding="utf-8").splitlines()[0].split(",")
    assert {"val/loss_t0", "val/gain_audio", "val/gain_features_t9", "val/gain_beat_t5"} <= {
        *header
    }
    names = sorted(path.name for path in (folder / "probe").iterdir())
    assert names == [f"step00000002.{ending}" for ending in ("csv", "json", "png")]


# ---------------------------------------------------------------- the original's own style

LEGACY = """
model:
  base_learning_rate: 1.e-5
  target: mug.diffusion.diffusion.DDPM
  params:
    linear_start: 0.0001
    linear_end: 0.02
    log_every_t: 100
    timesteps: 1000
    z_channels: 8
    z_length: 16
    parameterization: eps
    loss_type: smooth_l1
    monitor: val/loss_simple
    allow_untrained_first_stage: true
    scheduler_config:
      target: ldm.lr_scheduler.LambdaLinearScheduler
      params:
        warm_up_steps: [0]
        cycle_lengths: [10000000000000]
        f_start: [1.e-6]
        f_max: [1.]
        f_min: [ 1.]
"""

LEGACY_LIGHTNING = """
lightning:
  callbacks:
    beatmap_logger:
      target: mug.data.dataset.BeatmapLogger
      params: {log_batch_idx: [0], splits: ["val"], count: 2, steps: 2}
    learning_rate_logger:
      target: main.LearningRateMonitor
      params: {logging_interval: step}
    cuda_callback: {target: main.CUDACallback}
    split_guard: null
  trainer:
    accelerator: dp
    max_epochs: 1
    limit_train_batches: 2
    limit_val_batches: 1
    enable_progress_bar: false
    log_every_n_steps: 1
"""


def legacy_config(songs: Path) -> str:
    """A file in the style of the original's: old targets, no `defaults:`, everything spelt out."""
    debug = load_config(["configs/debug/diffusion.yaml"])
    ours = debug["model"]["params"]
    dataset = "mug.data.dataset.Osu{}Dataset"
    data = {
        "target": "main.DataModuleFromConfig",
        "params": {
            "batch_size": 2,
            "num_workers": 0,
            "wrap": False,
            "common_params": {
                "feature_yaml": "configs/mug/mania_beatmap_features.yaml",
                "with_audio": True,
                "with_feature": True,
                "sr": 22050,
                "n_fft": 512,
                "n_mels": 16,
                "max_audio_frame": 1024,
                "audio_note_window_ratio": 8,
                "split": {"train": 0.9, "val": 0.1},
                "txt_file": str(songs),
                "cache_dir": str(songs.parent / "cache"),
                "freq_mask_num": 15,
            },
            "train": {"target": dataset.format("Train"), "params": {"mirror_p": 0.5}},
            "validation": {"target": dataset.format("Valid"), "params": {}},
        },
    }
    config = {**yaml.safe_load(LEGACY), "data": data, **yaml.safe_load(LEGACY_LIGHTNING)}
    stages = ("first_stage_config", "cond_stage_config", "wave_stage_config")
    config["model"]["params"].update({name: ours[name] for name in stages})
    unet = dict(ours["unet_config"]["params"])
    flat = {**unet.pop("block"), **unet.pop("attention"), **unet, "lstm_last": False}
    config["model"]["params"]["unet_config"] = {**ours["unet_config"], "params": flat}
    return yaml.safe_dump(config)


def test_a_config_in_the_originals_style_trains(songs: Path, tmp_path: Path) -> None:
    path = tmp_path / "legacy.yaml"
    path.write_text(legacy_config(songs), encoding="utf-8")
    checkpoint = run(str(path), songs, tmp_path / "logs")
    samples = checkpoint.parents[1] / "samples" / "val" / "epoch000000"
    names = sorted(p.name for p in samples.iterdir())
    assert names == [
        f"batch0_{index:02d}_{kind}.{ending}"
        for index in (0, 1)
        for kind in ("generated", "human")
        for ending in ("osu", "png")
    ]
