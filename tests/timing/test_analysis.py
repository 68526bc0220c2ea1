"""What a song's sound says: as each part alone, worked out once."""

from __future__ import annotations

import numpy as np
import pytest

from mug.audio.flux import flux_curves
from mug.timing import analysis
from mug.timing.analysis import SongAnalysis
from mug.timing.chart_offset import song_onsets
from mug.timing.estimate import estimate_timing
from mug.timing.onsets import SAMPLE_RATE


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    rng = np.random.default_rng(0)
    found = 0.01 * rng.normal(size=8 * SAMPLE_RATE)
    for beat in range(16):
        at = beat * SAMPLE_RATE // 2
        found[at : at + 400] += rng.normal(size=400)
    return found.astype(np.float32)


def test_each_part_is_as_it_is_alone(wave: np.ndarray) -> None:
    sound = SongAnalysis(wave, SAMPLE_RATE)
    assert sound.timing == estimate_timing(wave, SAMPLE_RATE)
    alone = song_onsets(wave, SAMPLE_RATE)
    assert np.array_equal(sound.onset_strength.strength, alone.strength)
    assert np.array_equal(sound.curves, flux_curves(wave))
    assert sound.duration_ms == pytest.approx(8000.0)


def test_spectra_serve_timing_and_onsets(wave: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = analysis.checked_onsets
    monkeypatch.setattr(analysis, "checked_onsets", lambda *x: calls.append(1) or real(*x))
    sound = SongAnalysis(wave, SAMPLE_RATE)
    for _ in range(2):
        assert sound.timing
        assert len(sound.onset_strength.strength)
    assert len(calls) == 1
