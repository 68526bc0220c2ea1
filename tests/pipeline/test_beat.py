"""The beat in generation: given, heard, or not told."""

from __future__ import annotations

from pathlib import Path

import golden_formula
import numpy as np
import pytest
import torch
from repository import ROOT

from mug.beatmap.timing_points import TimingPoint
from mug.config import load_config
from mug.encoding.beat_condition import KNOWN, beat_channels
from mug.pipeline.beat import song_with_beat, song_with_lines
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.model.checkpoint import LoadedModel, build_model, load_model, save_inference
from mug.pipeline.model.song import EncodedSong
from mug.pipeline.request import GenerationRequest
from mug.pipeline.sample import ChartRequest
from mug.timing.analysis import SongAnalysis
from mug.timing.estimate import NO_BEAT, TimingEstimate

LINES = (TimingPoint(100.0, 500.0),)


@pytest.fixture(scope="module")
def beat_model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """The debug model with beat_condition, its weights by formula."""
    folder = tmp_path_factory.mktemp("told")
    root = ROOT
    config = load_config(
        [root / "configs/debug/diffusion.yaml"], ["model.params.beat_condition=true"]
    )
    model = build_model(config, published=False)
    golden_formula.apply_to_module(model.model)
    save_inference(folder, config, model.state_dict(), published=False)
    return load_model(folder)


@pytest.fixture(scope="module")
def encoded(beat_model: LoadedModel, song: Path) -> EncodedSong:
    return ChartGenerator(beat_model).song(song)


def test_a_model_without_beat_condition_gets_the_song_as_it_is(
    tiny_model: LoadedModel, song: Path
) -> None:
    encoded = ChartGenerator(tiny_model).song(song)
    assert song_with_beat(tiny_model, encoded, FinishOptions(red_lines=LINES)) is encoded
    assert song_with_lines(tiny_model, encoded, LINES) is encoded


def test_the_beat_of_given_lines_is_added_on_the_songs_own_grid(
    beat_model: LoadedModel, encoded: EncodedSong
) -> None:
    conditioned = song_with_beat(beat_model, encoded, FinishOptions(red_lines=LINES))
    frames = encoded.latent_frames * beat_model.clock.notes_per_latent
    end_ms = beat_model.clock.audio_frames(len(encoded.wave)) * beat_model.clock.audio_frame_ms
    beat = beat_channels(LINES, beat_model.clock, frames, end_ms=end_ms)
    assert 0 < beat[KNOWN].sum() < frames, "padding has no beat"
    model = beat_model.ddpm.model.beat_model
    assert model is not None
    with torch.inference_mode():
        expected = encoded.levels[0] + model(torch.from_numpy(beat)[None])
    assert torch.equal(conditioned.levels[0], expected)
    assert torch.equal(conditioned.levels[1], encoded.levels[1])
    assert not torch.equal(conditioned.levels[0], encoded.levels[0])


def test_a_given_tempo_is_the_red_line_that_it_makes(
    beat_model: LoadedModel, encoded: EncodedSong
) -> None:
    given = FinishOptions(timing=TimingEstimate(120.0, 100.0, 1.0))
    conditioned = song_with_beat(beat_model, encoded, given)
    same = song_with_lines(beat_model, encoded, LINES)
    assert torch.equal(conditioned.levels[0], same.levels[0])


def test_without_a_given_timing_the_beat_is_estimated(
    beat_model: LoadedModel, encoded: EncodedSong
) -> None:
    assert encoded.timing.bpm == pytest.approx(120, abs=0.01)
    conditioned = song_with_beat(beat_model, encoded, FinishOptions())
    same = song_with_lines(beat_model, encoded, encoded.timing.tempo_map.red_lines)
    assert torch.equal(conditioned.levels[0], same.levels[0])


def test_no_beat_is_no_timing(beat_model: LoadedModel, encoded: EncodedSong) -> None:
    assert song_with_beat(beat_model, encoded, FinishOptions(timing=NO_BEAT)) is encoded
    silent = EncodedSong(
        SongAnalysis(np.zeros_like(encoded.wave), 22050), encoded.levels, encoded.latent_frames
    )
    assert song_with_beat(beat_model, silent, FinishOptions()) is silent


def test_charts_depend_on_the_timing_that_is_given(beat_model: LoadedModel, song: Path) -> None:
    generator = ChartGenerator(beat_model)
    raw = []
    for offset_ms in (100.0, 100.0, 350.0):
        lines = (TimingPoint(offset_ms, 500.0),)
        request = GenerationRequest(song, steps=2, finish=FinishOptions(red_lines=lines))
        raw += generator.sample(generator.song(song), [ChartRequest({}, {}, 0)], request)
    assert raw[0] == raw[1]
    assert raw[0] != raw[2]
