"""From a packed model and a few charts to a model of one's own, by one command."""

from __future__ import annotations

from pathlib import Path

import torch
from composed_songs import VERY_SHORT, composed
from forks import Forks

from mug.pipeline.model.checkpoint import load_model, read_checkpoint
from mug.pipeline.model.pack import write_model
from mug.pipeline.model.release import Release

RELEASE = Release(4, {"steps": 2, "guidance_scale": 1.0})
QUICK = ["--steps", "2", "lightning.callbacks.first_stage_guard=null"]


def test_a_model_of_ones_own_by_one_command(
    tiny_model_folder: Path, tmp_path: Path, forks: Forks
) -> None:
    config, weights, _ = read_checkpoint(tiny_model_folder)
    model, out = tmp_path / "shipped", tmp_path / "out"
    write_model(model, config, weights, RELEASE)
    (model / "reached.json").write_text('{"given": [1, 2], "reached": [1, 3]}', encoding="utf-8")
    songs = composed(tmp_path / "songs", 2, 1, VERY_SHORT)
    command = ["scripts/fine_tune.py", "--songs", songs, "--out", out, "--ckpt", model, *QUICK]
    done = forks.run(*command)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    before, after = load_model(model), load_model(out / "model")
    assert after.release.sampling == RELEASE.sampling
    assert after.reached == before.reached
    assert after.schema == before.schema
    old, new = before.ddpm.state_dict(), after.ddpm.state_dict()
    trained = {key for key in old if not torch.equal(old[key], new[key])}
    assert trained
    assert not any("first_stage" in key for key in trained)
    # Two small steps: these are the old weights a little changed, not others. State-space kernels
    # of a model that was never trained are bound to the length of its first batch.
    kept = [key for key in old if ".s4_model.kernel." not in key]
    assert all(torch.allclose(old[key], new[key], atol=2e-3, rtol=1e-2) for key in kept)
    again = forks.run(*command)
    assert again.stdout.count("done before") == 4


def test_a_checkpoint_that_is_not_packed_is_refused(
    tiny_model_folder: Path, tmp_path: Path, forks: Forks
) -> None:
    command = ["scripts/fine_tune.py", "--songs", tmp_path, "--out", tmp_path / "out"]
    done = forks.run(*command, "--ckpt", tiny_model_folder)
    assert done.returncode == 1
    assert "scripts/pack_model.py" in done.stderr
