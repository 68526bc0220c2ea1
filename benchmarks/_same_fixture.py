"""The fixed inputs of a recording: songs, a data set, a small trained model, two stopped runs.

Made once by the old code; everything later is compared on the same files.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks._same_checkout import Checkout, shipped_configs

SONGS, SONG_S, SEED = 6, (40, 46), 5
FIRST_STEPS, STEPS = 600, 250
FIRST_STAGE, DEBUG_FIRST_STAGE = "first_stage.ckpt", "debug_first_stage.ckpt"
STOPPED = "lightning.modelcheckpoint.params.every_n_train_steps=6"
FEATURES = "configs/mug/mania_beatmap_features.yaml"
PATIENCE_S = 300.0


def make_fixture(root: Path, out: Path) -> None:
    """Make the fixture of a checkout.

    Args:
        root: the checkout.
        out: a folder that does not exist yet.

    Raises:
        FileExistsError: when it does.
        RuntimeError: for a command that fails.
    """
    out.mkdir(parents=True)
    checkout = Checkout(root, out, out)
    _songs(checkout)
    first = _train(checkout, "first_stage", "configs/mug/demo_autoencoder.yaml", FIRST_STEPS)
    shutil.copy(first, out / FIRST_STAGE)
    frozen = frozen_first_stage(out / FIRST_STAGE)
    whole = _train(checkout, "diffusion", "configs/mug/demo.yaml", STEPS, frozen)
    _run(checkout, "scripts/convert_checkpoint.py", whole, out / "model")
    _charts(checkout)
    _killed(checkout, frozen)
    _stopped(checkout)
    found = checkout.probe("shapes", configs=shipped_configs(root))
    names = sorted({name for config in found.values() for name in config["targets"]})
    (out / "targets.json").write_text(json.dumps(names, indent=1), encoding="utf-8")


def data_overrides(fixture: Path, dataset: str = "dataset") -> list[str]:
    """The data of a training run, and no demands on how many songs there are."""
    common = "data.params.common_params"
    return [
        f"{common}.txt_file={fixture / dataset / 'beatmap.txt'}",
        f"{common}.cache_dir={fixture / 'cache'}",
        f"{common}.split={{train: 0.6, val: 0.2, test: 0.2}}",
        "lightning.callbacks.split_guard=null",
        "lightning.callbacks.first_stage_guard=null",
    ]


def frozen_first_stage(checkpoint: Path) -> str:
    """The override that names a diffusion model's first stage."""
    return f"model.params.first_stage_config.params.ckpt_path={checkpoint}"


def _songs(checkout: Checkout) -> None:
    out = checkout.fixture
    _compose(checkout, "songs", SONGS, SEED)
    _compose(checkout, "held_out", 2, SEED + 1)
    _compose(checkout, "songs7", SONGS, SEED + 2, "--keys", 7)
    shutil.copytree(min((out / "held_out").iterdir()), out / "song")
    shutil.copy(next((out / "song").glob("*Hard*.osu")), out / "song" / "hard.osu")
    for songs, dataset, keys in (("songs", "dataset", 4), ("songs7", "dataset7", 7)):
        where = ["--song_dir", out / songs, "--out_dir", out / dataset, "--workers", 1]
        _run(checkout, "scripts/prepare_beatmap.py", *where, "--mode_int", 3, "--cs", keys)
        charts = ["--beatmap_txt", out / dataset / "beatmap.txt", "--workers", 1]
        _run(checkout, "scripts/prepare_beatmap_features.py", *charts, "--features_yaml", FEATURES)


def _compose(checkout: Checkout, name: str, count: int, seed: int, *more: object) -> None:
    words = ["--out", checkout.fixture / name, "--count", count, "--seed", seed, "--workers", 1]
    words += ["--min_s", SONG_S[0], "--max_s", SONG_S[1], "--difficulties", 3, "--audio", "flac"]
    _run(checkout, "scripts/compose_songs.py", *words, *more)


def _train(checkout: Checkout, name: str, config: str, steps: int, *more: str) -> Path:
    """Train a config for some steps; its last checkpoint."""
    logs = checkout.fixture / "logs" / name
    words = [config, "-t", "--no-test", "--logdir", logs, *data_overrides(checkout.fixture)]
    _run(checkout, "main.py", "--base", *words, f"lightning.trainer.max_steps={steps}", *more)
    return next(logs.glob("*/checkpoints/last.ckpt"))


def _charts(checkout: Checkout) -> None:
    """A package and a prompt for the tools that take one."""
    out = checkout.fixture
    (out / "made").mkdir()
    made = ["--out", out / "made" / "made.osz", "--count", 2, "--sr", 5, "--steps", 6]
    model = ["--ckpt", out / "model", "--device", "cpu"]
    _run(checkout, "scripts/generate.py", *model, "--audio", out / "song" / "audio.flac", *made)
    prompt = [out / "song" / "hard.osu", "--out", out / "prompt.yaml"]
    _run(checkout, "scripts/beatmap_to_prompt.py", *prompt)


def _stopped(checkout: Checkout) -> None:
    """A run with dropout that ended in the middle of its second epoch of five steps."""
    first = _train(checkout, "debug_first", "configs/debug/autoencoder.yaml", 2)
    shutil.copy(first, checkout.fixture / DEBUG_FIRST_STAGE)
    words = [f"lightning.trainer.{name}" for name in ("limit_train_batches=40", "max_epochs=-1")]
    frozen = frozen_first_stage(checkout.fixture / DEBUG_FIRST_STAGE)
    _train(checkout, "stopped", "configs/debug/diffusion.yaml", 8, STOPPED, frozen, *words)


def _killed(checkout: Checkout, *more: str) -> None:
    """A run that was killed between two checkpoints."""
    logs = checkout.fixture / "logs" / "killed"
    words = ["main.py", "--base", "configs/mug/demo.yaml", "-t", "--no-test", "--logdir", logs]
    words += [*data_overrides(checkout.fixture), STOPPED, "lightning.trainer.max_steps=18", *more]
    schedule = "model.params.scheduler_config.params"
    words += [f"{schedule}.warm_up_steps=4", f"{schedule}.max_decay_steps=40"]
    command = [sys.executable, *map(str, words), "lightning.trainer.log_every_n_steps=1"]
    process = subprocess.Popen(
        command,
        cwd=checkout.root,
        env=checkout.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + PATIENCE_S
    while not list(logs.glob("*/checkpoints/last.ckpt")):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise RuntimeError("the run that was to be killed wrote no checkpoint")
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()


def _run(checkout: Checkout, *words: object) -> None:
    began = time.monotonic()
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(
        command,
        cwd=checkout.root,
        env=checkout.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    print(f"{time.monotonic() - began:6.1f} s  {words[0]}", flush=True)
