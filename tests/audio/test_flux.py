"""Flux curves: onsets at their time and in their band, nothing from silence, no effect of gain."""

from __future__ import annotations

import numpy as np
import pytest
from audio_sounds import clicks, write_sound

import mug.audio.flux as module
from mug.audio.cache import MelCache
from mug.audio.flux import (
    BROAD,
    CURVES,
    FLUX,
    GROUPS,
    HOP,
    HOP_MS,
    LEVEL,
    SAMPLE_RATE,
    FluxCache,
    flux_curves,
)
from mug.audio.load import load_audio
from mug.audio.mel import MelParams

AT = SAMPLE_RATE // 2 + 13
"""Sample at which the test sounds begin."""


def sound(begin: np.ndarray, noise: float = 0.0) -> np.ndarray:
    wave = noise * np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)
    wave[AT : AT + len(begin)] += begin.astype(np.float32)
    return wave


def tone(hertz: float) -> np.ndarray:
    n = np.arange(SAMPLE_RATE // 4)
    return 0.5 * np.sin(2 * np.pi * hertz * n / SAMPLE_RATE) * np.exp(-n / 2000)


@pytest.mark.parametrize("noise", [0.0, 1e-4])
@pytest.mark.parametrize("amplitude", [1.0, 0.1])
def test_a_click_is_at_its_time_within_one_hop(amplitude, noise):
    curves = flux_curves(sound(np.array([amplitude]), noise)).astype(np.float32)
    for column in (*range(GROUPS), BROAD):
        assert abs(int(curves[:, column].argmax()) * HOP - AT) < 1.5 * HOP


@pytest.mark.parametrize(("hertz", "group"), [(60, 0), (500, 1), (1600, 4), (8500, 7)])
def test_a_tone_is_loudest_in_its_own_group_and_begins_at_its_time(hertz, group):
    curves = flux_curves(sound(tone(hertz))).astype(np.float32)
    rise = curves[:, LEVEL].max(axis=0) - curves[0, LEVEL]
    assert int(rise.argmax()) == group
    assert abs(int(curves[:, group].argmax()) * HOP - AT) < 2.5 * HOP


def test_silence_is_zero_and_short_sounds_have_a_frame():
    assert not flux_curves(np.zeros(SAMPLE_RATE, np.float32)).any()
    for samples in (0, 1, HOP - 1):
        assert flux_curves(np.ones(samples, np.float32)).shape == (1, CURVES)
    assert flux_curves(np.ones(HOP, np.float32)).shape == (2, CURVES)


def test_a_gain_changes_nothing():
    wave = clicks(2.0, SAMPLE_RATE)[:, 0]
    loud, quiet = flux_curves(wave), flux_curves(np.float32(0.01) * wave)
    np.testing.assert_allclose(loud.astype("f4"), quiet.astype("f4"), rtol=2e-3, atol=2e-3)


def test_flux_has_mean_1_and_level_mean_0():
    wave = np.random.default_rng(1).standard_normal(3 * SAMPLE_RATE).astype(np.float32)
    curves = flux_curves(wave).astype(np.float64)
    np.testing.assert_allclose(curves[:, FLUX].mean(axis=0), 1, atol=2e-3)
    np.testing.assert_allclose(curves[:, LEVEL].mean(axis=0), 0, atol=2e-3)
    assert curves[:, FLUX].min() >= 0


def test_a_gliding_tone_counts_for_less_than_an_onset():
    phase = np.cumsum(2 * np.pi * np.geomspace(400, 3000, SAMPLE_RATE) / SAMPLE_RATE)
    glide = 0.3 * np.sin(phase)
    glide[AT:] += 0.3 * np.sin(2 * np.pi * 5000 * np.arange(SAMPLE_RATE - AT) / SAMPLE_RATE)
    curves = flux_curves(glide.astype(np.float32)).astype(np.float32)
    gliding = curves[100 : AT // HOP - 20, BROAD].max()
    assert curves[AT // HOP - 10 : AT // HOP + 10, BROAD].max() > 3 * gliding


def test_cached_by_sound_and_apart_from_spectrograms(tmp_path, monkeypatch):
    song = write_sound(tmp_path / "song.wav", clicks(2.0, SAMPLE_RATE), SAMPLE_RATE)
    cache = FluxCache(tmp_path / "cache")
    want = flux_curves(load_audio(song))
    np.testing.assert_array_equal(cache.get(song), want)
    mel = MelCache(cache.folder).get(song, MelParams(n_mels=CURVES))
    assert len(list(cache.folder.iterdir())) == 2
    assert mel.shape != want.shape
    monkeypatch.setattr(module, "flux_curves", None)  # it is not computed again
    np.testing.assert_array_equal(FluxCache(cache.folder).get(song), want)
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    assert not cache.path_of(song).exists()


def test_frames_are_hops_apart():
    assert pytest.approx(2.9025, abs=1e-4) == HOP_MS
