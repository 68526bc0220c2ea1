"""Weights of a safetensors file: looked up one by one, copied into one block."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from mug.pipeline.model import weights_file
from mug.pipeline.model.weights_file import WeightsFile


@pytest.fixture
def weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {
        "matrix": torch.randn(33, 7),
        "scalar": torch.tensor(0.25),
        "none": torch.empty(0, 4),
        "half": torch.randn(5).half(),
        "row": torch.randn(1000),
    }


@pytest.fixture
def stored(weights: dict[str, Tensor], tmp_path: Path) -> WeightsFile:
    save_file(weights, tmp_path / "weights.safetensors", metadata={"made by": "a test"})
    return WeightsFile(tmp_path / "weights.safetensors")


def test_it_is_a_mapping_of_what_was_saved(
    stored: WeightsFile, weights: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_file, "_PAGES", 1)  # opened again for every weight
    assert stored.metadata == {"made by": "a test"}
    assert set(stored) == set(weights)
    assert len(stored) == len(weights)
    for key, value in weights.items():
        assert stored.shape(key) == value.shape
        assert stored[key].dtype == value.dtype
        assert torch.equal(stored[key], value)


def test_what_is_read_lies_in_one_block_in_the_types_asked_for(
    stored: WeightsFile, weights: dict[str, Tensor]
) -> None:
    types = {"row": torch.bfloat16, "scalar": torch.float32, "none": torch.float32}
    types |= {"half": torch.float16, "matrix": torch.float32}
    read = stored.read(types)
    assert list(read) == list(types)
    for key, value in read.items():
        assert value.dtype == types[key]
        assert torch.equal(value, weights[key].to(types[key]))
    blocks = {value.untyped_storage().data_ptr() for value in read.values()}
    assert len(blocks) == 1
    assert all(value.data_ptr() % 64 == 0 for value in read.values() if value.numel())
    read["row"].zero_()  # a copy: neither its neighbours nor the file change
    assert torch.equal(read["half"], weights["half"])
    assert torch.equal(stored["row"], weights["row"])
