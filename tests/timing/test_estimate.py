"""Tempo and offset: exact on made sound, zero confidence where there is no beat."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._timing_fit_songs import Beats, add_bursts
from mug.errors import DataError
from mug.timing import estimate as timing
from mug.timing import weights as timing_weights
from mug.timing.estimate import TimingEstimate, estimate_timing
from mug.timing.features import TimingFeatures, beat_features, feature_names
from mug.timing.grid import EvenGrid
from mug.timing.onsets import detect_onsets

RATE = 22050


def song(bpm, offset_ms, seconds, *, tone=True, parts=1, rate=RATE, noise=1e-4) -> np.ndarray:
    """Short bursts on every beat (loud) and on its parts (half as loud), from the offset on."""
    rng = np.random.default_rng(5)
    wave = noise * rng.standard_normal(int(seconds * rate))
    add_bursts(wave, rate, Beats(bpm, offset_ms, parts, 0.5), seconds, None if tone else rng)
    return wave.astype(np.float32)


def offset_error(estimate: TimingEstimate, offset_ms: float) -> float:
    beat = 60000 / estimate.bpm
    return (estimate.offset_ms - offset_ms + beat / 2) % beat - beat / 2


@pytest.mark.parametrize("tone", [True, False])
@pytest.mark.parametrize(
    ("bpm", "offset_ms", "seconds"),
    [
        (120, 0.0, 60),
        (128, 77.0, 20),
        (137.25, 300.0, 60),
        (150, 33.3, 60),
        (173.3, 211.0, 90),
        (181.818, 100.0, 120),
        (200.57, 5.0, 30),
        (222.22, 250.0, 45),
    ],
)
def test_clicks(bpm, offset_ms, seconds, tone):
    found = estimate_timing(song(bpm, offset_ms, seconds, tone=tone), RATE)
    assert found.bpm == pytest.approx(bpm, abs=0.05)
    assert abs(offset_error(found, offset_ms)) < 3
    assert 0.2 < found.confidence <= 1
    assert 0 <= found.offset_ms < 60000 / found.bpm
    assert found.candidates[0][0] == pytest.approx(bpm, abs=0.5)
    assert found.candidates[0] == (found.bpm, found.offset_ms, found.confidence)
    octaves = {bpm * factor for factor in (0.5, 2.0) if 48 <= bpm * factor <= 350}
    after = sorted(candidate.bpm for candidate in found.candidates[1 : 1 + len(octaves)])
    assert after == pytest.approx(sorted(octaves), rel=1e-3)
    likely = [candidate.confidence for candidate in found.candidates[1 + len(octaves) :]]
    assert likely == sorted(likely, reverse=True)
    assert found.steady
    assert found.changes == ()


@pytest.mark.parametrize("parts", [2, 4])
def test_the_beat_is_found_among_its_parts(parts):
    found = estimate_timing(song(163.4, 120.0, 60, parts=parts, noise=1e-3), RATE)
    assert found.bpm == pytest.approx(163.4, abs=0.05)
    assert abs(offset_error(found, 120.0)) < 3


def test_fractional_tempi_are_not_rounded():
    assert estimate_timing(song(150.04, 0.0, 90), RATE).bpm == pytest.approx(150.04, abs=0.01)


@pytest.mark.parametrize("rate", [16000, 44100])
def test_other_sample_rates(rate):
    found = estimate_timing(song(150, 90.0, 30, rate=rate), rate)
    assert found.bpm == pytest.approx(150, abs=0.05)
    assert abs(offset_error(found, 90.0)) < 3


def test_loudness_does_not_matter():
    wave = song(150, 90.0, 30)
    loud, quiet = estimate_timing(wave, RATE), estimate_timing(wave * np.float32(0.01), RATE)
    assert quiet.bpm == pytest.approx(loud.bpm, abs=1e-3)
    assert quiet.offset_ms == pytest.approx(loud.offset_ms, abs=0.1)


@pytest.mark.parametrize("samples", [0, 1, 255, RATE, 20 * RATE])
def test_silence_has_no_beat(samples):
    found = estimate_timing(np.zeros(samples, np.float32), RATE)
    assert (found.confidence, found.candidates) == (0.0, ())
    assert found.bpm > 0


def test_noise_has_little_confidence():
    noise = np.random.default_rng(2).standard_normal(30 * RATE).astype(np.float32)
    assert estimate_timing(noise, RATE).confidence < 0.02


def test_samples_that_are_no_numbers_are_refused():
    wave = song(150, 0.0, 10)
    wave[777] = np.nan
    with pytest.raises(DataError, match="not a number"):
        estimate_timing(wave, RATE)


def test_the_envelope_peaks_at_onsets():
    envelope = timing.onset_envelope(song(120, 500.0, 6))
    want = (np.array([0.5, 1.0, 1.5, 2.0]) * RATE / timing.HOP).astype(int)
    for frame in want:
        assert abs(int(np.argmax(envelope[frame - 30 : frame + 30])) - 30) <= 2


@pytest.mark.parametrize(
    "parts", [[(120.0, 20), (150.0, 20)], [(120.0, 20), (131.0, 25), (120.0, 20)]]
)
def test_changes_of_tempo_are_found_where_they_are(parts):
    waves = [song(bpm, 0.0, seconds, tone=False) for bpm, seconds in parts]
    found = estimate_timing(np.concatenate(waves), RATE)
    starts = np.cumsum([0, *(seconds for _, seconds in parts[:-1])]) * 1000.0
    assert [line.bpm for line in found.changes] == pytest.approx([b for b, _ in parts], abs=0.05)
    for line, start in zip(found.changes[1:], starts[1:], strict=True):
        assert abs(line.time_ms - start) < 2 * line.beat_ms
    assert found.tempo_map.red_lines == found.changes


def test_where_the_song_and_its_passages_begin_tells_the_beat_from_between() -> None:
    quiet, loud = song(120, 300.0, 12, parts=2), song(120, 50.0, 12, parts=2, tone=False)
    onsets = detect_onsets(np.concatenate([0.3 * quiet, loud]))
    names = feature_names()
    first, passages = names.index("the song begins on it"), names.index("passages begin on it")
    whole = TimingFeatures.of(onsets)
    on, between = (beat_features(whole, EvenGrid(500.0, offset)) for offset in (300.0, 50.0))
    assert len(on) == len(names) == len(timing_weights.BEAT)
    assert on[first] > 0.99
    assert between[first] < -0.99
    assert -1 <= on[passages] <= 1
    assert between[passages] == pytest.approx(-on[passages], abs=0.01)
    assert whole.entries
    assert {time for time, _ in whole.entries} <= set(whole.peaks.times_ms.tolist())
    part, begin_ms = onsets.between(2000.0, 22000.0)
    assert onsets.between(0.0, 9000.0)[0].begins
    assert not part.begins
    assert (
        beat_features(TimingFeatures.of(part), EvenGrid(500.0, 300.0 - begin_ms % 500.0))[first]
        == 0
    )
