"""The scale of spectrograms, from a config to the data and to the loaded model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from repository import ROOT

from mug.audio.mel import MelParams, log_mel
from mug.config import load_config
from mug.data.item_options import AudioOptions
from mug.errors import ConfigError
from mug.pipeline.model.checkpoint import LoadedModel, load_model, save_inference
from mug.pipeline.sample import song_tensor


def scaled(model: LoadedModel, folder: Path, *overrides: str) -> LoadedModel:
    config = load_config([ROOT / "configs/debug/diffusion.yaml"], list(overrides))
    save_inference(folder, config, model.ddpm.state_dict(), published=False)
    return load_model(folder)


def test_data_and_model_read_the_same_spectrogram(tiny_model: LoadedModel, tmp_path: Path) -> None:
    model = scaled(tiny_model, tmp_path, "data.params.common_params.audio.mel_scale=1000")
    audio = AudioOptions(n_mels=16, mel_scale=1000.0)
    assert model.mel_params == audio.mel_params == MelParams(n_mels=16, mel_scale=1000.0)
    assert tiny_model.mel_params == AudioOptions(n_mels=16).mel_params == MelParams(n_mels=16)
    wave = torch.randn(8000, generator=torch.Generator().manual_seed(0)).numpy()
    made = song_tensor(model, wave)[0]
    expected = torch.from_numpy(log_mel(wave, audio.mel_params)).float()
    assert torch.equal(made[:, : expected.shape[1]], expected)


def test_complex_spectrograms_have_no_scale() -> None:
    with pytest.raises(ConfigError, match="mel_scale"):
        AudioOptions(kind="stft", mel_scale=2.0)
