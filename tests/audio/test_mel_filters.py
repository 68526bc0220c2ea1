"""Spectrograms in blocks: librosa's numbers, whatever the length and the blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.audio import mel_filters as module
from mug.audio.librosa_once import load_librosa
from mug.audio.mel import MelParams, log_mel
from mug.audio.mel_filters import mel_filters, power_blocks


@pytest.mark.parametrize(("rate", "n_fft", "n_mels"), [(22050, 512, 128), (44100, 2048, 16)])
@pytest.mark.filterwarnings("ignore:Empty filters")  # librosa's, of narrow bands
def test_filters_are_slaneys(rate, n_fft, n_mels):
    expected = load_librosa().filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels)
    np.testing.assert_allclose(mel_filters(rate, n_fft, n_mels), expected, atol=1e-8)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9000), st.integers(1, 40), st.integers(0, 99))
def test_blocks_give_the_spectrogram_of_the_whole(samples, block, seed):
    wave = np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)
    whole = list(power_blocks(wave, 512, 128))
    assert len(whole) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        parts = list(power_blocks(wave, 512, 128))
    np.testing.assert_array_equal(np.concatenate(parts), whole[0])


@pytest.mark.parametrize("samples", [512, 700, 128 * 40, 22050 * 13])
def test_mels_are_librosas(samples):
    wave = np.random.default_rng(1).normal(0, 0.2, samples).astype(np.float32)
    power = load_librosa().feature.melspectrogram(y=wave, sr=22050, n_fft=512, hop_length=128)
    found = log_mel(wave, MelParams())
    assert found.shape == power.shape
    np.testing.assert_allclose(found, np.log1p(power), rtol=6e-4, atol=1e-6)
