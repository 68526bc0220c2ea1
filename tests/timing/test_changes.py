"""Tempi that change, wander or are free: each part at its own level, beats that follow."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from benchmarks._timing_parts import judge_parts
from benchmarks._timing_tempi import changed, drifting, loop, rubato
from mug.timing.drift import (
    BeatCurve,
    follow,
    line_through,
    steps_of,
    straightened,
    wandering_lines,
)
from mug.timing.estimate import estimate_timing
from mug.timing.grid import EvenGrid, Peaks
from mug.timing.joined import passage_border
from mug.timing.levels import part_levels, shared_parts
from mug.timing.onsets import SAMPLE_RATE, detect_onsets


@pytest.mark.parametrize("tempi", [(120, 160), (160, 120), (100, 150), (132, 176, 132)])
def test_each_part_has_its_own_tempo(tempi: tuple[float, ...]) -> None:
    song = loop(tempi)
    found = estimate_timing(song.wave, SAMPLE_RATE)
    assert [line.bpm for line in found.changes] == pytest.approx(tempi, rel=5e-4)
    for line, true in zip(found.changes, song.truth.red_lines, strict=True):
        assert abs(line.time_ms - true.time_ms) < true.beat_ms / 4
    assert all(judge_parts(song, found).borders)


def test_the_least_sure_part_is_what_a_song_is_sure_of() -> None:
    song, alone = loop((120, 160)), [loop((120,)), loop((160,))]
    found = estimate_timing(song.wave, SAMPLE_RATE)
    levels = part_levels(detect_onsets(song.wave), [(0, 24_500, 120), (24_500, 49_500, 160)])
    assert 0 < found.confidence <= min(level.probability for level in levels) + 0.05
    assert found.candidates[0].confidence == found.confidence
    # Noise in place of a part leaves nothing that the other part could make up for.
    noise = np.random.default_rng(1).standard_normal(25 * SAMPLE_RATE).astype(np.float32)
    half = estimate_timing(np.concatenate([alone[0].wave, 0.1 * noise]), SAMPLE_RATE)
    assert half.changes == ()


def test_a_change_of_one_per_cent_is_found() -> None:
    song = changed(70_500, 131.5 / 130, "small changes")
    found = estimate_timing(song.wave, SAMPLE_RATE)
    assert judge_parts(song, found).right
    assert len(found.changes) == 2


def test_beats_follow_a_band_without_a_click() -> None:
    song = drifting(70_601)
    found = estimate_timing(song.wave, SAMPLE_RATE)
    row = judge_parts(song, found)
    assert row.right
    assert row.near > 0.95
    assert found.steady
    gaps = [b.time_ms - a.time_ms for a, b in pairwise(found.changes)]
    assert min(gaps) > 1000  # a red line a bar at most


def test_a_tempo_that_halves_is_found_by_the_level_alone() -> None:
    song = changed(70_200, 0.5, "swing", swing_p=1.0)
    found = estimate_timing(song.wave, SAMPLE_RATE)
    row = judge_parts(song, found)
    assert row.right
    assert row.borders == (True,)


def test_tempi_that_share_their_beats_differ_in_their_level() -> None:
    onsets = detect_onsets(loop((160, 120)).wave)
    parts = shared_parts(onsets, EvenGrid(375.0, 0.0), 0.0, onsets.duration_ms)
    assert [bpm for _, _, bpm in parts] == pytest.approx([160, 120])
    assert parts[0][1] == parts[1][0]
    assert abs(parts[0][1] - 24_500) < 5000
    assert shared_parts(onsets, EvenGrid(375.0, 0.0), 0.0, 24_000.0) == [(0.0, 24_000.0, 160.0)]


def test_free_playing_has_no_steady_beat() -> None:
    found = estimate_timing(rubato(70_800).wave, SAMPLE_RATE)
    assert not found.steady
    assert found.confidence < 0.3
    assert found.changes == ()


def _peaks(times_ms: np.ndarray) -> Peaks:
    return Peaks(times_ms, np.ones(len(times_ms)))


def test_an_even_beat_gains_nothing_by_being_followed() -> None:
    curve = follow(_peaks(300.0 + 400.0 * np.arange(150)), 150.0, 60_000.0)
    assert curve is not None
    assert curve.gain == pytest.approx(1.0, abs=0.01)
    beats = curve.beat_at(np.array([300.0, 30_300.0]))
    assert beats[1] - beats[0] == pytest.approx(75.0, abs=0.01)
    assert follow(_peaks(np.arange(4) * 400.0), 150.0, 1600.0) is None


def test_a_wandering_beat_is_followed_and_straightened() -> None:
    number = np.arange(150)
    beats_ms = 300.0 + 400.0 * number + 120.0 * np.sin(2 * np.pi * number / 60)
    curve = follow(_peaks(beats_ms), 150.0, 60_600.0)
    assert curve is not None
    assert curve.gain > 1.5
    assert curve.clarity > 5
    found = curve.time_of(curve.beat_at(beats_ms[:1]) + number)
    assert np.abs(found - beats_ms).max() < 10
    wave = np.zeros(61 * SAMPLE_RATE, np.float32)
    for at in beats_ms:
        wave[round(at * SAMPLE_RATE / 1000) :][:60] = 0.5
    even = detect_onsets(wave)
    flat = straightened(even, curve)
    assert flat.envelope.shape == even.envelope.shape
    assert flat.bands.shape == even.bands.shape
    assert flat.chroma.shape == even.chroma.shape


def test_a_curve_goes_on_beyond_its_knots() -> None:
    curve = BeatCurve(np.array([0.0, 1000.0, 3000.0]), np.array([0.0, 2.0, 4.0]))
    assert curve.beat_at(np.array([-500.0, 500.0, 4000.0])).tolist() == [-1.0, 1.0, 5.0]
    assert curve.time_of(np.array([-1.0, 1.0, 5.0])).tolist() == [-500.0, 500.0, 4000.0]
    assert curve.bpm == pytest.approx(80.0)


def test_constant_tempi_are_no_wandering_one() -> None:
    number = np.arange(120.0)
    even = 100.0 + 400.0 * number
    assert steps_of(even, _peaks(even)) == [0]
    two = np.where(number < 60, 400.0 * number, 400.0 * 60 + 396.0 * (number - 60))
    first, second = steps_of(two, _peaks(two))
    assert first == 0
    assert abs(second - 60) <= 2
    grid = line_through(two, second, 120)
    assert grid.beat_ms == pytest.approx(396.0)
    wave = 400.0 * number + 40.0 * np.sin(number / 8)
    assert steps_of(wave, _peaks(wave)) == []


def test_red_lines_keep_a_wandering_beat_within_some_milliseconds() -> None:
    number = np.arange(121)
    beats_ms = 400.0 * number + 60.0 * np.sin(number / 12)
    lines = wandering_lines(beats_ms, 4, 1)
    assert all((line - 1) % 4 == 0 for line in lines)
    assert 3 < len(lines) < 30
    for a, b in pairwise(lines):
        inner = np.arange(a, b + 1)
        error = np.interp(inner, [a, b], beats_ms[[a, b]]) - beats_ms[inner]
        assert np.abs(error).max() < 5
    assert wandering_lines(400.0 * number, 4, 0) == [0]


def test_a_doubled_tempo_begins_with_the_passage() -> None:
    entries = ((9_000.0, 0.5), (21_100.0, 2.0), (60_000.0, 9.0))
    assert passage_border(entries, 19_000.0, 500.0, 2000.0) == 20_500.0
    assert passage_border((), 19_000.0, 500.0, 2000.0) == 18_500.0
    assert EvenGrid(500.0, 0.0).bpm == 120
