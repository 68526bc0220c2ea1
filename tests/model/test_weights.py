"""Reading weights without running code, choosing names, and generators by key."""

import pytest
import torch
from torch import nn

from mug.errors import CheckpointError
from mug.model.randomness import seeded_generator
from mug.model.weights import load_weights, read_state_dict, selects


def test_names_are_selected_by_their_start_or_by_a_part():
    assert selects(["unet"], "unet.conv.weight")
    assert not selects(["conv"], "unet.conv.weight")
    assert selects(["other", "#conv"], "unet.conv.weight")
    assert not selects([], "unet.conv.weight")
    assert not selects([""], "unet.conv.weight")


@pytest.mark.parametrize("kind", ["bare", "lightning", "safetensors"])
def test_three_kinds_of_files(tmp_path, kind):
    weights = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}
    path = tmp_path / ("x.safetensors" if kind == "safetensors" else "x.ckpt")
    if kind == "safetensors":
        from safetensors.torch import save_file

        save_file(weights, path)
    else:
        torch.save(weights if kind == "bare" else {"state_dict": weights, "epoch": 3}, path)
    layer = nn.Linear(3, 2)
    load_weights(layer, path)
    assert torch.equal(layer.weight, weights["weight"])
    assert read_state_dict(path).keys() == weights.keys()


def test_the_original_s_numpy_scalars_are_allowed(tmp_path):
    import numpy as np

    path = tmp_path / "x.ckpt"
    schedulers = [{"_last_lr": [np.float64(0.5)]}]
    torch.save({"state_dict": {"weight": torch.ones(1)}, "lr_schedulers": schedulers}, path)
    assert read_state_dict(path)["weight"] == 1


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 broken"])
def test_damaged_files_are_named(tmp_path, content):
    path = tmp_path / "x.ckpt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"x\.ckpt"):
        read_state_dict(path)


def test_a_file_without_tensors_is_refused(tmp_path):
    path = tmp_path / "x.ckpt"
    torch.save({"state_dict": {"weight": 3}}, path)
    with pytest.raises(CheckpointError, match="no state dict"):
        read_state_dict(path)


def test_other_shapes_are_refused(tmp_path):
    path = tmp_path / "x.ckpt"
    torch.save(nn.Linear(4, 2).state_dict(), path)
    with pytest.raises(CheckpointError, match="other shape"):
        load_weights(nn.Linear(3, 2), path)


def test_a_generator_is_a_function_of_its_whole_key():
    def draw(*key):
        return torch.randn(4, generator=seeded_generator(*key))

    assert torch.equal(draw(1, 2, 3), draw(1, 2, 3))
    others = [draw(1, 2, 4), draw(1, 3, 2), draw(2, 1, 3), draw(1, 2), draw(-1, 2, 3)]
    assert not any(torch.equal(draw(1, 2, 3), other) for other in others)
