"""Spectrogram changes."""

from __future__ import annotations

import numpy as np
import pytest
from golden_formula import mel_input
from hypothesis import given
from hypothesis import strategies as st
from plain_augment import fit_frames, mask_frequencies, shift_pitch
from repository import load_golden

from mug.data.augment import stretch, stretched_frames

META, ARRAYS = load_golden("audio")


@pytest.mark.parametrize("rate", [0.75, 0.9, 1.1, 1.5])
def test_stretch_equals_the_recording(rate: float) -> None:
    name = f"stretch_rate{rate}"
    recorded = META["arrays"][name]
    mel = np.asarray(mel_input("aug", 128, 1000))[0].astype(np.float32)
    result = stretch(mel, rate)
    assert list(result.shape) == recorded["shape"]
    assert result.dtype == np.float32
    sample = result.reshape(-1)[:: recorded["stride"]]
    np.testing.assert_allclose(sample, ARRAYS[name], atol=3e-5 * recorded["std"])


@given(st.integers(1, 40), st.floats(0.5, 2), st.integers(0, 30), st.integers(0, 30))
def test_a_part_of_a_stretched_song_is_the_stretched_songs_part(
    frames: int, rate: float, first: int, count: int
) -> None:
    mel = np.random.default_rng(0).random((3, frames), np.float32)
    whole = stretch(mel, rate)
    assert whole.shape[1] == stretched_frames(frames, rate)
    np.testing.assert_array_equal(
        stretch(mel, rate, first=first, count=count), whole[:, first : first + count]
    )


@given(st.integers(4, 60), st.floats(0.5, 2))
def test_stretch_keeps_a_straight_line(frames: int, rate: float) -> None:
    line = np.arange(frames, dtype=np.float32)[None]
    result = stretch(line, rate)[0]
    scale = frames / len(result)
    expected = np.clip((np.arange(len(result)) + 0.5) * scale - 0.5, 0, frames - 1)
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_fit_frames_cuts_and_pads() -> None:
    mel = np.ones((2, 5), np.float32)
    assert fit_frames(mel, 3).shape == (2, 3)
    padded = fit_frames(mel[None], 7)
    assert padded.shape == (1, 2, 7)
    assert padded[..., :5].min() == 1
    assert padded[..., 5:].max() == 0


def test_frequency_mask_is_one_narrow_band() -> None:
    mel = np.ones((2, 64, 5), np.float32)
    widths, starts = set(), set()
    for seed in range(300):
        masked = mask_frequencies(mel, 15, np.random.default_rng(seed))
        rows = np.flatnonzero((masked == 0).all(axis=(0, 2)))
        assert masked.sum() == mel.sum() - 10 * len(rows)
        widths.add(len(rows))
        if len(rows):
            assert rows[-1] - rows[0] + 1 == len(rows)
            starts.add(int(rows[0]))
    assert widths == set(range(15))
    assert min(starts) < 3
    assert max(starts) > 50
    assert mel.min() == 1


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(1, [0, 1, 2, 3]), (-1, [2, 3, 4, 0]), (0, [1, 2, 3, 4]), (9, [0] * 4), (-4, [0] * 4)],
)
def test_shift_pitch(steps: int, expected: list[int]) -> None:
    mel = np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)
    assert shift_pitch(mel, steps)[:, 0].tolist() == expected
