"""What is said of a timing, and beats that notes can be laid on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_models import write_model

from mug.beatmap.beat_lines import with_usual_beat
from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.finish.cleanup import Surroundings, finish_notes
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.finish.timing_notices import timing_notices
from mug.pipeline.make import make
from mug.pipeline.model.checkpoint import load_model
from mug.pipeline.report import report_markdown
from mug.pipeline.request import GenerationRequest
from mug.timing.estimate import NO_BEAT, TimingEstimate

GIVEN = TimingEstimate(120.0, 0.0, 1.0)
STEADY = (TimingPoint(0.0, 500.0),)


def test_a_usual_timing_is_not_spoken_of() -> None:
    assert timing_notices(GIVEN, STEADY, in_beats=True) == []


def test_free_playing_is_spoken_of() -> None:
    (said,) = timing_notices(replace(GIVEN, steady=False), STEADY, in_beats=True)
    assert said.code == "pipeline.no_steady_beat"
    assert "120 BPM is a guess" in said


def test_what_a_model_in_beats_cannot_use_is_counted() -> None:
    lines = (*STEADY, TimingPoint(1000.0, 1e9), TimingPoint(3000.0, 400.0))
    (said,) = timing_notices(GIVEN, lines, in_beats=True)
    assert said.values == {"count": 1}
    assert timing_notices(GIVEN, lines, in_beats=False) == []
    many = tuple(TimingPoint(100.0 * n, 400.0 + n) for n in range(12))
    (said,) = timing_notices(GIVEN, many, in_beats=True)
    assert "longest tempo" in said


def test_a_song_without_a_beat_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    song = tmp_path / "noise.wav"
    soundfile.write(song, rng.normal(0, 0.1, 6 * 22050).astype(np.float32), 22050)
    generator = ChartGenerator(load_model(write_model(tmp_path / "model", "listen")))
    made = make(generator, GenerationRequest(song, steps=1))
    assert made.result.timing == NO_BEAT
    (said,) = made.report["timing"]["notices"]
    assert said["code"] == "pipeline.no_beat_was_found"
    assert "no beat was found" in report_markdown(made.report)


def test_a_song_that_ends_early_says_so_in_the_report(tmp_path: Path) -> None:
    whole, song = tmp_path / "whole.mp3", tmp_path / "song.mp3"
    noise = np.random.default_rng(0).normal(0, 0.1, 8 * 22050).astype(np.float32)
    soundfile.write(whole, noise, 22050)
    song.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    generator = ChartGenerator(load_model(write_model(tmp_path / "model", "listen")))
    for file, short in ((song, True), (whole, False)):
        made = make(generator, GenerationRequest(file, steps=1))
        codes = [one["code"] for one in made.report["timing"]["notices"]]
        assert ("audio.shorter_than_stated" in codes) == short
        assert ("the sound file ends early" in report_markdown(made.report)) == short


@pytest.mark.parametrize("bpm", [10.0, 20.0, 39.0, 401.0, 640.0, 1000.0])
def test_an_odd_beat_is_the_same_music_at_a_usual_one(bpm: float) -> None:
    line = TimingPoint(123.0, 60000 / bpm, 4)
    usual = with_usual_beat(line)
    factor = line.beat_ms / usual.beat_ms
    assert 250 < usual.beat_ms <= 500
    assert np.log2(factor) == pytest.approx(round(np.log2(factor)))
    assert usual.time_ms == line.time_ms
    if factor > 1:
        assert usual.meter == pytest.approx(4 * factor)


def test_usual_beats_stay() -> None:
    for bpm in (40.0, 70.0, 120.0, 230.0, 400.0):
        line = TimingPoint(0.0, 60000 / bpm, 3)
        assert with_usual_beat(line) == line


@pytest.mark.parametrize("bpm", [10.0, 1000.0])
def test_notes_of_a_song_with_an_odd_beat_keep_their_rhythm(bpm: float) -> None:
    line = TimingPoint(0.0, 60000 / bpm)
    step = with_usual_beat(line).beat_ms / 4
    notes = [Rice(n % 4, step * n + 7.0) for n in range(64)]
    where = Surroundings(4, (line,), 60_000.0)
    options = replace(FinishOptions(), star_rating=4.0)
    kept, _ = finish_notes(notes, options, where)
    assert len(kept) == 64
    np.testing.assert_allclose([n.start_ms for n in kept], step * np.arange(64), atol=0.51)
