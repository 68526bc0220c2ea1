from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mug.audio.load import load_audio
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.timing_points import TimingPoint
from mug.compose.charts import TIERS, make_charts
from mug.compose.composer import compose_song
from mug.compose.sound import SAMPLE_RATE, render
from mug.compose.style import SongStyle
from mug.errors import DataError
from mug.timing.chart_offset import (
    AGREES_AT,
    estimate_offset,
    shift_beatmap,
    song_onsets,
)

SHIFTS = (-45.0, -20.0, 0.0, 10.0, 41.0)  # the range of real charts
REAL = ("flowering-night", "goin-under", "mecha-tribe-assault", "princess-of-winter")
REAL += ("tangent-tectonics", "umami-packed-mountaineering")
CALIBRATOR = "quaver-offset-calibrator"


def starts(chart):
    return np.array([note.start_ms for note in chart.hit_objects])


def clicks(times_ms, seconds=20.0, rate=22050):
    rng = np.random.default_rng(0)
    wave = rng.normal(0, 1e-4, int(seconds * rate)).astype(np.float32)
    for time in times_ms:
        first = round(time / 1000 * rate)
        wave[first : first + 400] += rng.normal(0, 0.3, 400).astype(np.float32)
    return wave


@cache
def composed(seed):
    song = compose_song(seed, SongStyle(seconds=(15.0, 20.0), tempo_change_p=0.0))
    charts = make_charts(song, TIERS, keys=4, audio_filename="a.wav", beatmapset_id=1)
    wave = np.asarray(render(song), np.float32)
    return charts, wave.mean(axis=1, dtype=np.float32) if wave.ndim == 2 else wave


def irregular(count=60, seed=1):
    return np.cumsum(np.random.default_rng(seed).uniform(120, 480, count))


@pytest.mark.parametrize("shift", [-120.0, -45.0, 0.0, 7.0, 41.0, 120.0])
def test_clicks_at_known_times(shift):
    times = irregular()
    found = estimate_offset(times - shift, clicks(times), 22050)
    assert found.agrees
    assert found.confidence > 0.9
    assert found.offset_ms == pytest.approx(shift, abs=3.0)


def test_a_farther_offset_is_found_where_it_is_looked_for():
    times, wave = irregular(), clicks(irregular())
    assert not estimate_offset(times - 400, wave, 22050).agrees
    found = estimate_offset(times - 400, wave, 22050, max_offset_ms=500)
    assert found.agrees
    assert found.offset_ms == pytest.approx(400, abs=3)


@pytest.mark.parametrize("seed", range(4))
def test_composed_songs_and_charts_of_others(seed):
    charts, wave = composed(seed)
    for chart in charts:
        if len(chart.hit_objects) < 20:
            continue
        for shift in SHIFTS:
            found = estimate_offset(starts(chart) - shift, wave, SAMPLE_RATE)
            assert found.agrees, (seed, chart.version, shift, found)
            assert found.offset_ms == pytest.approx(shift, abs=5.0)
        stranger = starts(composed((seed + 1) % 4)[0][-1])
        assert not estimate_offset(stranger, wave, SAMPLE_RATE).agrees
    moved = [note for chart in charts for note in starts(shift_beatmap(chart, 30.0))]
    whole = estimate_offset(moved, wave, SAMPLE_RATE)
    assert whole.agrees
    assert whole.offset_ms == pytest.approx(-30.0, abs=5.0)


def test_a_song_is_listened_to_once_for_all_charts():
    charts, wave = composed(1)
    song = song_onsets(wave, SAMPLE_RATE)
    for chart in charts:
        assert song.offset(starts(chart)) == estimate_offset(starts(chart), wave, SAMPLE_RATE)
    loudest = np.sort(song.strength)[::-1]
    assert song.strongest(1) == loudest[0]
    assert song.strongest(10) < loudest[:10].mean()  # onsets, not frames of one onset
    assert song.strongest(10**6) == pytest.approx(song.peaks[-1] / 10**6)


def test_even_notes_take_the_smallest_shift():
    even = np.arange(500.0, 19000.0, 100.0)
    found = estimate_offset(even + 40, clicks(even), 22050)
    assert found.offset_ms == pytest.approx(-40, abs=3)  # not +60, which fits as well


def test_sample_rate_and_loudness_do_not_matter():
    charts, wave = composed(0)
    here = estimate_offset(starts(charts[2]), wave, SAMPLE_RATE)
    quiet = estimate_offset(starts(charts[2]), wave * np.float32(0.05), SAMPLE_RATE)
    halved = estimate_offset(starts(charts[2]), wave[::2], SAMPLE_RATE // 2)
    assert quiet.offset_ms == pytest.approx(here.offset_ms, abs=0.1)
    assert halved.offset_ms == pytest.approx(here.offset_ms, abs=2)


def test_what_cannot_agree_does_not():
    times, wave = irregular(), clicks(irregular())
    silence = np.zeros(44100, np.float32)
    noise = np.random.default_rng(2).normal(0, 0.1, 20 * 22050).astype(np.float32)
    for notes, song in (
        ([], wave),
        (times, silence),
        (times, silence[:0]),
        (times, noise),
        (times[:7], wave),  # too few to say
        (times + 1e7, wave),  # after its end
        (times - 1e7, wave),
        ([1e300, -1e300], wave),
        (irregular(seed=5), wave),
        (times * 1.05, wave),  # another speed
    ):
        assert not estimate_offset(notes, song, 22050).agrees


def test_eight_notes_are_enough():
    times = irregular()
    assert estimate_offset(times[10:18] - 20, clicks(times), 22050).agrees


def test_notes_outside_the_song_lower_the_confidence():
    times, wave = irregular(), clicks(irregular())
    far = np.concatenate([times, 60000 + np.arange(60) * 200.0])
    whole, half = (estimate_offset(t, wave, 22050).confidence for t in (times, far))
    assert half < 0.7 * whole


def test_values_that_are_no_numbers_are_refused():
    wave = clicks(irregular())
    with pytest.raises(DataError, match="not a number"):
        estimate_offset([1.0, np.nan], wave, 22050)
    with pytest.raises(DataError, match="not a number"):
        estimate_offset([1.0], np.full(100, np.nan, np.float32), 22050)
    for reach in (0, 2001):
        with pytest.raises(DataError, match="1 to 2000 ms"):
            estimate_offset([1.0], wave, 22050, max_offset_ms=reach)


def test_a_shifted_chart_has_everything_moved():
    chart = composed(0)[0][3]
    moved = shift_beatmap(chart, 12.5)
    assert np.allclose(starts(moved) - starts(chart), 12.5)
    assert [n.end_ms - 12.5 for n in moved.long_notes] == [n.end_ms for n in chart.long_notes]
    assert isinstance(moved.red_lines[0], TimingPoint)
    assert moved.red_lines[0].time_ms == chart.red_lines[0].time_ms + 12.5
    assert shift_beatmap(moved, -12.5) == chart
    assert moved.metadata == chart.metadata


@cache
def real_song(folder: Path, name: str):
    charts = [osu.read(path) for path in sorted((folder / "songs" / name).glob("*.osu"))]
    audio = folder / "songs" / name / charts[0].audio_filename
    return charts, load_audio(audio, 22050)


@pytest.mark.real_data
@pytest.mark.parametrize("name", [*REAL, CALIBRATOR])
def test_shifted_copies_of_real_songs(real_data, name):
    charts, wave = real_song(real_data, name)
    for chart in (charts[0], charts[-1]):
        for shift in SHIFTS:
            found = estimate_offset(starts(chart) - shift, wave, 22050)
            assert found.agrees, (chart.version, shift, found)
            assert found.offset_ms == pytest.approx(shift, abs=5.0), chart.version


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_charts_of_other_real_songs_are_refused(real_data, name):
    _, wave = real_song(real_data, name)
    for other in (*REAL, CALIBRATOR):
        if other != name:
            for chart in real_song(real_data, other)[0][::3]:
                found = estimate_offset(starts(chart), wave, 22050)
                assert not found.agrees, (other, chart.version)
                assert found.confidence < 0.8 * AGREES_AT
