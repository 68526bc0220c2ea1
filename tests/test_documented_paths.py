"""Paths that users' documents name: what has moved imports from there, networks print summaries."""

from __future__ import annotations

import importlib

import pytest
from forks import Forks

MOVED = {
    "mug.cond.feature_cond": ("BeatmapFeatureEmbedder",),
    "mug.data.convertor": ("ManiaConvertor",),
    "mug.data.utils": ("gridify", "remove_intractable_mania_mini_jacks"),
    "mug.diffusion.ddim": ("DDIMSampler",),
    "mug.diffusion.plms": ("PLMSSampler",),
}
SUMMARIES = {
    "mug.cond.feature": "Embedding: 1-1",
    "mug.cond.lines": "Conv1d: 1-1",
    "mug.cond.wave": "Conv1d: 1-1",
    "mug.diffusion.unet": "TimestepResBlock: ",
    "mug.firststage.autoencoder": "Encoder: 1-1",
}
CONFIGS = {"mug.cond.lines": "configs/mug/listen.yaml"}


@pytest.mark.parametrize(("module", "names"), MOVED.items())
def test_what_has_moved_imports_from_its_former_place(module: str, names: tuple[str, ...]) -> None:
    found = importlib.import_module(module)
    for name in names:
        moved = getattr(found, name)
        assert callable(moved)
        assert moved.__module__ != module


@pytest.mark.parametrize(("module", "layer"), SUMMARIES.items())
def test_a_network_run_as_a_module_prints_its_summary(
    module: str, layer: str, forks: Forks
) -> None:
    config = CONFIGS.get(module, "configs/debug/diffusion.yaml")
    done = forks.run("-m", module, config)
    assert done.returncode == 0, done.stderr
    assert layer in done.stdout
    assert "Total params: " in done.stdout
