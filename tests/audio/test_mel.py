"""Spectrograms: equal to the original's, and what a spectrum must be."""

from __future__ import annotations

import numpy as np
import pytest
from golden_formula import normal_input
from repository import load_golden

from mug.audio.load import load_audio
from mug.audio.mel import MelParams, log_mel, stft
from mug.clock import FrameClock
from mug.errors import ConfigError


def recorded_song(rate: int) -> np.ndarray:
    """The recording's wave, as its `wav_formula` says."""
    t = np.arange(int(rate * 6)) / rate
    y = 0.4 * np.sin(2 * np.pi * 440 * t) + 0.2 * np.sin(2 * np.pi * 3000 * t * (1 + 0.01 * t))
    beat = (3 * t) % 1
    y = 0.5 * y + 0.5 * np.exp(-30 * beat) * np.sin(2 * np.pi * 120 * t)
    return np.round(30000 * y).astype(np.int16)


@pytest.mark.parametrize("rate", [22050, 44100])
def test_equal_to_the_recording(tmp_path, rate):
    import soundfile

    path = tmp_path / "song.wav"
    soundfile.write(path, recorded_song(rate), rate)
    meta, arrays = load_golden("audio")
    facts = meta["arrays"][f"mel_sr{rate}"]
    mel = log_mel(load_audio(path), MelParams())
    assert list(mel.shape) == facts["shape"]
    want = arrays[f"mel_sr{rate}"].astype(np.float64)
    got = mel.astype(np.float64).ravel()[:: facts["stride"]]
    # float16: neighbouring numbers differ by a thousandth of their size
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=2e-5)
    assert (got == want).mean() > 0.99
    assert mel.astype(np.float64).mean() == pytest.approx(facts["mean"], rel=1e-4)


@pytest.mark.parametrize("samples", [0, 1, 127, 128, 511, 512, 5000])
def test_as_many_frames_as_the_clock_says(samples):
    wave = normal_input("wave", (samples,))
    params, clock = MelParams(), FrameClock()
    want = clock.audio_frames(samples)
    assert params.hop == clock.hop
    assert log_mel(wave, params).shape == (128, want)
    assert stft(wave, params).shape == (2, 257, want)


def test_padding_a_short_wave_does_not_change_its_frames():
    wave = normal_input("wave", (400,))
    longer = np.pad(wave, (0, 3000))
    frames = log_mel(wave, MelParams()).shape[1]
    np.testing.assert_array_equal(
        log_mel(wave, MelParams()), log_mel(longer, MelParams())[:, :frames]
    )


def test_silence_is_zero_and_loudness_grows():
    params = MelParams()
    assert not log_mel(np.zeros(4096, np.float32), params).any()
    wave = normal_input("wave", (4096,))
    quiet, loud = log_mel(0.1 * wave, params), log_mel(wave, params)
    assert (loud >= quiet).all()
    np.testing.assert_allclose(
        np.expm1(loud.astype(float)), 100 * np.expm1(quiet.astype(float)), rtol=0.2, atol=0.2
    )


def test_stft_of_a_tone_is_the_definition():
    params = MelParams(sample_rate=1000, n_fft=64, n_mels=8)
    wave = normal_input("stft", (640,))
    parts = stft(wave, params)
    spectrum = parts[0] + 1j * parts[1]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    padded = np.pad(wave.astype(np.float64), 32)
    for frame in (0, 1, 7, 40):
        want = np.fft.rfft(window * padded[frame * 16 : frame * 16 + 64])
        np.testing.assert_allclose(spectrum[:, frame], want, atol=1e-4)


@pytest.mark.parametrize(
    "wrong", [{"n_fft": 0}, {"n_fft": 511}, {"n_mels": -1}, {"sample_rate": 0}, {"mel_scale": 0.0}]
)
def test_senseless_parameters_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        MelParams(**wrong)


def test_the_scale_stands_before_the_logarithm():
    wave = (0.01 * np.random.default_rng(0).standard_normal(6000)).astype(np.float32)
    plain, scaled = (log_mel(wave, MelParams(n_mels=8, mel_scale=s)) for s in (1.0, 1000.0))
    power = np.expm1(plain.astype(np.float64))
    np.testing.assert_allclose(scaled, np.log1p(1000 * power), rtol=0.02, atol=0.02)
    assert scaled.mean() > 3 * plain.mean()


def test_a_scale_of_one_changes_no_bit():
    wave = np.random.default_rng(0).standard_normal(6000).astype(np.float32)
    np.testing.assert_array_equal(log_mel(wave, MelParams()), log_mel(wave, MelParams(mel_scale=1)))
