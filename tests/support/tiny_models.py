"""A tiny untrained model on disk, and a short song."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from repository import ROOT

if TYPE_CHECKING:
    from mug.pipeline.model.checkpoint import LoadedModel


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The debug model with weights by formula, in the inference format."""
    import golden_formula

    from mug.config import load_config
    from mug.pipeline.model.checkpoint import build_model, save_inference

    folder = tmp_path_factory.mktemp("model")
    config = load_config([ROOT / "configs/debug/diffusion.yaml"], [])
    model = build_model(config, published=False)
    golden_formula.apply_to_module(model.model)  # layers that begin at zero would hide the prompt
    save_inference(folder, config, model.state_dict(), published=False)
    return folder


def write_model(folder: Path, config_name: str, *overrides: str) -> Path:
    """A debug model in beats with weights by formula, in the inference format; its folder."""
    import golden_formula

    from mug.config import load_config
    from mug.pipeline.model.checkpoint import build_model, save_inference

    config = load_config(
        [ROOT / f"configs/debug/{config_name}.yaml"],
        ["data.params.common_params.window.time_axis=beat", *overrides],
    )
    model = build_model(config, published=False)
    golden_formula.apply_to_module(model.model)
    save_inference(folder, config, model.state_dict(), published=False)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_model_folder: Path) -> LoadedModel:
    """The debug model, loaded."""
    from mug.pipeline.model.checkpoint import load_model

    return load_model(tiny_model_folder)


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of clicks at 120 beats a minute."""
    import soundfile

    rate = 22050
    wave = np.zeros(5 * rate, dtype=np.float32)
    for beat in range(10):
        first = int(beat * rate / 2)
        wave[first : first + 200] = np.hanning(200).astype(np.float32) * 0.8
    path = tmp_path_factory.mktemp("song") / "clicks.wav"
    soundfile.write(path, wave, rate)
    return path
