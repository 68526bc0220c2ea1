"""Resuming from any state that was ever on disk gives the weights of the run that went on."""

from __future__ import annotations

import os
import signal
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from tiny_training import TinyData, TinyModule, make_trainer, states_equal

from mug.callbacks.checkpoint import AtomicCheckpointIO, ResumeCheckpoint, to_plain
from mug.callbacks.rng import StepRandomness
from mug.errors import ConfigError


def fit(folder: Path, *more: pl.Callback, ckpt: Path | None = None, **kwargs: Any) -> TinyModule:
    module = TinyModule()
    trainer = make_trainer(folder, *more, **kwargs)
    trainer.fit(module, datamodule=TinyData(), ckpt_path=ckpt, weights_only=True)
    return module


def test_every_checkpoint_resumes_to_the_same_weights(tmp_path: Path) -> None:
    whole = fit(tmp_path / "whole")
    final = torch.load(tmp_path / "whole/last.ckpt", weights_only=True)
    copies = sorted((tmp_path / "whole").glob("copy*.ckpt"))
    steps = [torch.load(c, weights_only=True)["global_step"] for c in copies]
    assert steps == list(range(1, 13))  # 7 batches, 2 a step, the odd one steps alone
    assert len(set(whole.rates)) == 2, "the plateau scheduler must have acted"
    for number, copy in enumerate(copies[:-1]):
        folder = tmp_path / f"resumed{number}"
        resumed = fit(folder, ckpt=copy)
        end = torch.load(folder / "last.ckpt", weights_only=True)
        assert end["global_step"] == final["global_step"] == 12
        assert end["epoch"] == final["epoch"], copy.name
        assert resumed.seen == whole.seen[-len(resumed.seen) :], copy.name
        for key in ("state_dict", "current_model_state", "averaging_state"):
            assert states_equal(end[key], final[key]), (copy.name, key)
        assert not states_equal(end["state_dict"], end["current_model_state"])
        assert (
            end["optimizer_states"][0]["param_groups"]
            == (final["optimizer_states"][0]["param_groups"])
        )
        assert states_equal(dict(resumed.state_dict()), dict(whole.state_dict()))


def test_a_finished_run_can_go_on(tmp_path: Path) -> None:
    fit(tmp_path / "two", epochs=2)
    fit(tmp_path / "four", epochs=3, ckpt=tmp_path / "two/last.ckpt")
    fit(tmp_path / "whole", epochs=3)
    a, b = (torch.load(tmp_path / n / "last.ckpt", weights_only=True) for n in ("four", "whole"))
    assert states_equal(a["current_model_state"], b["current_model_state"])


class PressCtrlC(pl.Callback):
    """Sends what a terminal sends."""

    def __init__(self, batch: int, times: int = 1, hook: str = "train") -> None:
        self.batch, self.times, self.hook = batch, times, hook

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        if self.hook == "train" and batch_idx == self.batch and trainer.current_epoch == 1:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)

    def on_validation_start(self, trainer: Any, module: Any) -> None:
        if self.hook == "validation" and trainer.current_epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("press", "step"),
    [
        (PressCtrlC(2), 6),  # batch 2 is the first half of a step: the second is waited for
        (PressCtrlC(3), 6),
        (PressCtrlC(6), 8),  # the last batch: validation is waited for
        (PressCtrlC(0, hook="validation"), 8),
        (PressCtrlC(2, times=2), 5),
    ],
)
def test_ctrl_c_saves_and_resumes_exactly(tmp_path: Path, press: PressCtrlC, step: int) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit):
        fit(tmp_path / "stopped", press, every=None)
    assert signal.getsignal(signal.SIGINT) is before
    assert torch.load(tmp_path / "stopped/last.ckpt", weights_only=True)["global_step"] == step
    fit(tmp_path / "resumed", ckpt=tmp_path / "stopped/last.ckpt")
    fit(tmp_path / "whole")
    a, b = (torch.load(tmp_path / n / "last.ckpt", weights_only=True) for n in ("resumed", "whole"))
    assert states_equal(a["current_model_state"], b["current_model_state"])
    assert states_equal(a["state_dict"], b["state_dict"])


class FailAt(pl.Callback):
    def __init__(self, hook: str) -> None:
        self.hook = hook

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        if self.hook == "train" and trainer.current_epoch == 1 and batch_idx == 4:
            raise RuntimeError("broken")

    def on_validation_batch_start(self, trainer: Any, *rest: Any) -> None:
        if self.hook == "validation" and trainer.current_epoch == 1:
            raise RuntimeError("broken")


def test_a_failure_in_a_step_leaves_a_checkpoint_that_resumes_exactly(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="broken"):
        fit(tmp_path / "failed", FailAt("train"), every=None)
    fit(tmp_path / "resumed", ckpt=tmp_path / "failed/last.ckpt")
    fit(tmp_path / "whole")
    a, b = (torch.load(tmp_path / n / "last.ckpt", weights_only=True) for n in ("resumed", "whole"))
    assert a["global_step"] == b["global_step"]
    assert states_equal(a["current_model_state"], b["current_model_state"])
    assert states_equal(a["state_dict"], b["state_dict"])


def test_a_failure_in_validation_keeps_the_raw_and_the_averaged_weights(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="broken"):
        fit(tmp_path / "failed", FailAt("validation"), every=None)
    fit(tmp_path / "whole", epochs=2)
    a, b = (torch.load(tmp_path / n / "last.ckpt", weights_only=True) for n in ("failed", "whole"))
    assert a["global_step"] == b["global_step"] == 8
    assert states_equal(a["current_model_state"], b["current_model_state"])
    assert states_equal(a["state_dict"], b["state_dict"])
    resumed = fit(tmp_path / "resumed", ckpt=tmp_path / "failed/last.ckpt")
    assert resumed.trainer.global_step == 12


def test_a_kill_while_saving_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 1}, path)

    def half(content: object, handle: Any) -> None:
        handle.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        AtomicCheckpointIO().save_checkpoint({"step": 2}, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]


def test_only_plain_content(tmp_path: Path) -> None:
    content = {
        "a": np.float64(1.5),
        "b": [np.arange(3), (np.int64(2),)],
        "c": OrderedDict(x=tmp_path),
        "d": torch.ones(2),
    }
    AtomicCheckpointIO().save_checkpoint(content, tmp_path / "x.ckpt")
    loaded = torch.load(tmp_path / "x.ckpt", weights_only=True)
    assert loaded["a"] == 1.5
    assert type(loaded["a"]) is float
    assert loaded["b"][0].tolist() == [0, 1, 2]
    assert loaded["b"][1] == (2,)
    assert loaded["c"] == {"x": str(tmp_path)}
    assert torch.equal(loaded["d"], torch.ones(2))
    assert to_plain({1: None}) == {1: None}


def test_cadence(tmp_path: Path) -> None:
    fit(tmp_path, epochs=2, every=3)
    steps = [
        torch.load(c, weights_only=True)["global_step"] for c in sorted(tmp_path.glob("copy*"))
    ]
    assert steps == [3, 6, 8]  # the first epoch ends too soon after step 3 to be saved
    with pytest.raises(ConfigError, match="at least 1"):
        ResumeCheckpoint(tmp_path / "x", 0)


def test_randomness_is_a_function_of_seed_and_place(tmp_path: Path) -> None:
    a = fit(tmp_path / "a", epochs=1)
    torch.rand(5)
    b = fit(tmp_path / "b", epochs=1)
    assert states_equal(dict(a.state_dict()), dict(b.state_dict()))
    callback = StepRandomness(1)
    callback.load_state_dict(StepRandomness(5).state_dict())
    assert callback.seed == 5
