"""Killing a run and resuming it gives the same weights as not killing it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import torch
from forks import Fork, Forks
from tiny_songs import make_songs

# Drop-out, averaging, accumulation, shuffling, augmentation, a schedule, clipped gradients.
SETTINGS = (
    "model.params.allow_untrained_first_stage=true",
    "lightning.trainer.accumulate_grad_batches=2",
    "lightning.trainer.max_epochs=4",
    "lightning.trainer.limit_train_batches=null",
    "lightning.trainer.enable_progress_bar=false",
    "model.params.wave_stage_config.params.dropout=0.1",
)


def command(songs: Path, logs: Path) -> list[str]:
    common = "data.params.common_params"
    data = [f"{common}.txt_file={songs}", f"{common}.cache_dir={songs.parent / 'cache'}"]
    base = ["main.py", "--base", "configs/debug/diffusion.yaml", "-t", "-l", str(logs)]
    return [*base, *data, *SETTINGS]


def finish(process: Fork) -> None:
    done = process.wait()
    assert done.returncode == 0, done.stderr[-3000:]


def kill_in_the_middle(process: Fork, logs: Path, step: int) -> None:
    """Kills as soon as a checkpoint of at least this step lies on disk."""
    deadline = time.monotonic() + 240
    seen = 0.0
    while time.monotonic() < deadline and process.poll() is None:
        for last in logs.glob("*/checkpoints/last.ckpt"):
            if last.stat().st_mtime != seen:
                seen = last.stat().st_mtime
                if torch.load(last, weights_only=True)["global_step"] >= step:
                    os.kill(process.pid, signal.SIGKILL)
                    process.wait()
                    return
        time.sleep(0.005)
    raise AssertionError(f"no checkpoint of step {step}: {process.wait()}")


def last_checkpoint(logs: Path) -> dict[str, object]:
    (path,) = logs.glob("*/checkpoints/last.ckpt")
    loaded: dict[str, object] = torch.load(path, weights_only=True)
    return loaded


def test_killed_and_resumed_equals_never_killed(tmp_path: Path, forks: Forks) -> None:
    songs = make_songs(tmp_path / "songs", songs=4)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    doomed = forks.start(*command(songs, killed))
    kill_in_the_middle(doomed, killed, step=3)
    assert doomed.returncode == -signal.SIGKILL
    (run,) = killed.iterdir()
    at_kill = last_checkpoint(killed)["global_step"]
    one = forks.start(*command(songs, whole))
    two = forks.start("main.py", "-r", run, "-t")
    finish(one)
    finish(two)
    a, b = last_checkpoint(whole), last_checkpoint(killed)
    assert isinstance(at_kill, int)
    assert at_kill < a["global_step"] == b["global_step"], "it was killed before its end"
    for key in ("state_dict", "current_model_state", "averaging_state"):
        assert all(torch.equal(a[key][name], b[key][name]) for name in a[key]), key
    assert a["lr_schedulers"] == b["lr_schedulers"]
    raw, averaged = a["current_model_state"], a["state_dict"]
    assert any(not torch.equal(raw[name], averaged[name]) for name in raw)
