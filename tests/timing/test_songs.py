"""Timing of composed songs, whose truth is exact, and of real songs, timed by people."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mug.audio.load import load_audio
from mug.beatmap.formats.osu import chart as osu
from mug.compose.composer import compose_song
from mug.compose.score import Song
from mug.compose.sound import SAMPLE_RATE, render
from mug.compose.style import SongStyle
from mug.timing.estimate import TimingEstimate, estimate_timing


def composed(bpm: float, seed: int = 90_500, **options) -> tuple[Song, np.ndarray]:
    style = {"seconds": (24.0, 32.0), "tempo": (bpm, bpm), "wide_tempo_p": 0.0}
    song = compose_song(seed, SongStyle(**(style | {"tempo_change_p": 0.0} | options)))
    return song, render(song)


def offset_error(found: TimingEstimate, song: Song) -> float:
    first = song.tempo.segments[0]
    near = found.tempo_map.time_of_beat(round(found.tempo_map.beat_at(first.time_ms)))
    return (near - first.time_ms + first.beat_ms / 2) % first.beat_ms - first.beat_ms / 2


@pytest.mark.parametrize(
    ("bpm", "options"),
    [
        (72, {"metres": {"4/4": 1.0}, "swing_p": 0.0}),
        (137.25, {"metres": {"4/4": 1.0}, "swing_p": 1.0, "swing": (2 / 3, 2 / 3)}),
        (150, {"metres": {"3/4": 1.0}, "swing_p": 0.0}),
        (104, {"metres": {"6/8": 1.0}}),
        (200, {"metres": {"4/4": 1.0}, "lead_in_ms": (8000.0, 8000.0)}),
    ],
)
def test_composed_songs(bpm, options):
    song, wave = composed(bpm, **options)
    found = estimate_timing(wave, SAMPLE_RATE)
    assert found.bpm == pytest.approx(bpm, abs=0.05)
    assert abs(offset_error(found, song)) < 3
    assert found.changes == ()
    assert found.confidence > 0.4
    assert found.meter == (3 if song.metre.beats == 3 else 4)
    beats = round((found.downbeat_ms - song.tempo.segments[0].time_ms) * bpm / 60000)
    assert beats % song.metre.beats == 0


@pytest.mark.parametrize("shift_ms", [37.0, 1500.0])
def test_silence_before_the_song_shifts_the_beat(shift_ms):
    _, wave = composed(150, metres={"4/4": 1.0})
    samples = round(shift_ms * SAMPLE_RATE / 1000)
    before = estimate_timing(wave, SAMPLE_RATE)
    after = estimate_timing(np.pad(wave, (samples, 0)), SAMPLE_RATE)
    assert after.bpm == pytest.approx(before.bpm, abs=0.01)
    moved = before.tempo_map.shifted(1000 * samples / SAMPLE_RATE)
    beat = moved.beat_at(after.downbeat_ms)
    assert beat == pytest.approx(round(beat), abs=0.5 * before.bpm / 60000)
    assert round(beat) % before.meter == 0


def test_two_tempi_give_two_red_lines():
    song, wave = composed(
        150, seed=90_501, seconds=(45.0, 60.0), tempo_change_p=1.0, metres={"4/4": 1.0}
    )
    first, second = song.tempo.segments
    found = estimate_timing(wave, SAMPLE_RATE)
    tempo = found.tempo_map
    assert len(tempo.red_lines) == 2
    times = np.arange(first.time_ms, song.duration_ms - 3000, 250.0)
    truth = [second.bpm if time >= second.time_ms else first.bpm for time in times]
    errors = [abs(tempo.line_at(t).bpm / b - 1) for t, b in zip(times, truth, strict=True)]
    assert np.mean(errors) < 0.01
    assert abs(tempo.red_lines[1].time_ms - second.time_ms) < 10 * second.beat_ms


def test_the_tempo_map_begins_at_the_downbeat():
    estimate = TimingEstimate(150.0, 20.0, 1.0, meter=3, downbeat_ms=420.0)
    (line,) = estimate.tempo_map.red_lines
    assert (line.time_ms, line.beat_ms, line.meter) == (420.0, 400.0, 3)
    (plain,) = TimingEstimate(150.0, 20.0, 1.0).tempo_map.red_lines
    assert (plain.time_ms, plain.meter) == (20.0, 4)


REAL = (
    "flowering-night",
    "goin-under",
    "mecha-tribe-assault",
    "princess-of-winter",
    "quaver-offset-calibrator",
    "tangent-tectonics",
    "umami-packed-mountaineering",
)
# Counted half a beat late; the second is a metronome that ticks twice a beat, both alike.
OFF_BEAT = ("mecha-tribe-assault", "quaver-offset-calibrator")
BIAS_MS = -3.5  # people set the beat so much after the onsets begin


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_real_songs(real_data, name):
    folder = real_data / "songs" / name
    red = osu.read(sorted(folder.glob("*.osu"))[0]).red_lines[0]
    (audio,) = (path for path in folder.iterdir() if path.suffix in (".mp3", ".ogg"))
    found = estimate_timing(load_audio(audio, SAMPLE_RATE), SAMPLE_RATE)
    octaves = math.log2(found.bpm / red.bpm)
    assert abs(octaves - round(octaves)) * red.bpm < 0.1
    assert found.changes == ()
    near = found.tempo_map.time_of_beat(round(found.tempo_map.beat_at(red.time_ms)))
    beat_ms = red.beat_ms / 2 if name in OFF_BEAT else red.beat_ms
    error = (near - red.time_ms + beat_ms / 2) % beat_ms - beat_ms / 2
    assert abs(error - BIAS_MS) < 8
