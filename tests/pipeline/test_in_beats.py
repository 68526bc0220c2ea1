"""Generation with a model in beats: rows on their lines, timing before the song, edits in place."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
import torch
from tiny_models import write_model

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.registry import read_any
from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.encoding.beat_axis import LINES, BeatAxis
from mug.encoding.bound_rows import HINT
from mug.errors import GenerationError, MugError
from mug.pipeline import rows as rows_module
from mug.pipeline.beat import song_with_beat, song_with_lines
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.decode import decode_latent, encode_notes, rows_of
from mug.pipeline.edit import edit_chart, kept_frames
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.judge.listening import listening_of
from mug.pipeline.judge.score import score_chart
from mug.pipeline.make import make
from mug.pipeline.model.checkpoint import LoadedModel, load_model
from mug.pipeline.model.names import SCORER_NAME
from mug.pipeline.output.package import make_package
from mug.pipeline.request import Edit, GenerationRequest, Region
from mug.pipeline.rows import rows_for
from mug.pipeline.sample import ChartRequest
from mug.rhythm.scorer import RhythmScorer, ScorerOptions, save_scorer
from mug.timing import analysis
from mug.timing.estimate import NO_BEAT

TEMPO = (TimingPoint(0.0, 400.0),)
CHART = ChartRequest({"sr": 3.0}, {}, 5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = write_model(tmp_path_factory.mktemp("listens"), "listen")
    torch.manual_seed(0)
    scorer = RhythmScorer(ScorerOptions(width=8, dilations=(1, 2)))
    scorer.calibration[1] = -1.0
    save_scorer(scorer, found / SCORER_NAME)
    return found


@pytest.fixture(scope="module")
def model(folder: Path) -> LoadedModel:
    return load_model(folder)


@pytest.fixture(scope="module")
def spectral(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A model in beats that reads a spectrogram."""
    return load_model(write_model(tmp_path_factory.mktemp("warped"), "diffusion"))


def request(song: Path, **more: object) -> GenerationRequest:
    finish = FinishOptions(red_lines=TEMPO)
    return replace(GenerationRequest(song, steps=2, finish=finish), **more)  # type: ignore[arg-type]


def lines_of(notes: object, axis: BeatAxis) -> list[float]:
    times = np.array(sorted({float(note.start_ms) for note in notes}))  # type: ignore[attr-defined]
    found: list[float] = (axis.beats(times) * LINES).tolist()
    return found


def test_notes_lie_on_the_rows_and_every_row_has_one(model: LoadedModel, song: Path) -> None:
    generator = ChartGenerator(model)
    encoded = song_with_lines(model, generator.song(song), TEMPO)
    rows = rows_for(model, encoded, CHART)
    assert rows is not None
    (raw,) = generator.sample(generator.song(song), [CHART], request(song))
    wanted = np.flatnonzero(rows.reshape(-1))
    assert 5 < len(wanted) < 100
    np.testing.assert_allclose(lines_of(raw, BeatAxis.of(TEMPO)), wanted, atol=1e-6)


def test_rows_that_do_not_bind_leave_the_notes_to_the_network(
    model: LoadedModel, song: Path
) -> None:
    generator = ChartGenerator(model)
    free = request(song, bind_rows=False)
    (raw,) = generator.sample(generator.song(song), [CHART], free)
    (bound,) = generator.sample(generator.song(song), [CHART], request(song))
    assert raw != bound


def test_charts_of_a_batch_are_those_made_alone(model: LoadedModel, song: Path) -> None:
    generator = ChartGenerator(model)
    other = ChartRequest({"sr": 5.0}, {}, 6)
    together = generator.sample(generator.song(song), [CHART, other], request(song))
    alone = [
        generator.sample(generator.song(song), [one], request(song))[0] for one in (CHART, other)
    ]
    for one, other_one in zip(together, alone, strict=True):
        assert [(n.column, n.start_ms) for n in one] == [(n.column, n.start_ms) for n in other_one]
        np.testing.assert_allclose(
            [n.last_ms for n in one], [n.last_ms for n in other_one], atol=0.01
        )
    assert together[0] != together[1]


def test_the_network_is_conditioned_on_the_rows(model: LoadedModel, song: Path) -> None:
    from mug.pipeline.sample import levels_for

    encoded = song_with_lines(model, ChartGenerator(model).song(song), TEMPO)
    rows = rows_for(model, encoded, CHART)
    one, two, none = (levels_for(model, encoded, [table]) for table in (rows, rows, None))
    assert torch.equal(one[0], two[0])
    assert not torch.equal(one[0], none[0])


def test_hints_are_for_models_that_learned_with_them(model: LoadedModel, song: Path) -> None:
    encoded = song_with_lines(model, ChartGenerator(model).song(song), TEMPO)
    config = copy.deepcopy(dict(model.config))
    config["model"]["params"]["wave_stage_config"]["params"]["row_hints"] = True
    plain = rows_for(model, encoded, CHART)
    hinted = rows_for(replace(model, config=config), encoded, CHART)
    assert plain is not None
    assert hinted is not None
    assert set(np.unique(plain)) == {0.0, 1.0}
    np.testing.assert_array_equal(hinted == 1, plain == 1)
    assert 0 < np.unique(hinted[plain == 0]).max() <= HINT


def test_guidance_moves_away_from_the_song_without_rows(model: LoadedModel, song: Path) -> None:
    config = copy.deepcopy(dict(model.config))
    config["data"]["params"]["train"]["params"]["lines"] = {"own_rows_p": 1.0}
    always = replace(model, config=config)
    assert model.learned_without_rows
    assert not always.learned_without_rows
    asked = request(song, bind_rows=False, guidance_scale=3.0)
    plain = request(song, bind_rows=False, guidance_scale=1.0)
    one, other = (
        [
            ChartGenerator(it).sample(ChartGenerator(it).song(song), [CHART], how)[0]
            for it in (model, always)
        ]
        for how in (asked, plain)
    )
    assert one[0] != one[1]
    assert other[0] == other[1]


def test_more_stars_or_density_do_not_change_where_the_song_is(
    model: LoadedModel, song: Path
) -> None:
    encoded = song_with_lines(model, ChartGenerator(model).song(song), TEMPO)
    sparse, dense = (
        rows_for(model, encoded, ChartRequest({"density": density}, {}, 0))
        for density in (1.0, 6.0)
    )
    assert sparse is not None
    assert dense is not None
    assert 2 <= sparse.sum() < dense.sum()
    beats = BeatAxis.of(TEMPO).count_beats(encoded.duration_ms)
    assert dense[beats:].sum() == 0


def test_the_same_song_is_read_again_for_other_red_lines(model: LoadedModel, song: Path) -> None:
    generator = ChartGenerator(model)
    encoded = generator.song(song)
    assert encoded.axis is None
    slow = song_with_lines(model, encoded, TEMPO)
    assert song_with_lines(model, encoded, TEMPO) is slow
    moved = song_with_lines(model, encoded, (TimingPoint(60.0, 400.0),))
    assert slow.lines is not None
    assert moved.lines is not None
    assert not torch.equal(slow.lines, moved.lines)
    for number in range(5):
        song_with_lines(model, encoded, (TimingPoint(10.0 * number, 410.0),))
    assert len(encoded.placed) <= 2


def test_without_given_timing_the_beat_is_estimated(model: LoadedModel, song: Path) -> None:
    encoded = ChartGenerator(model).song(song)
    placed = song_with_beat(model, encoded, FinishOptions())
    assert placed.axis is not None
    assert placed.axis.known
    np.testing.assert_allclose(placed.axis.beat_ms(0, 4), 500.0, atol=0.1)


def test_a_song_without_a_beat_gets_the_pseudo_grid(model: LoadedModel, song: Path) -> None:
    encoded = ChartGenerator(model).song(song)
    placed = song_with_beat(model, encoded, FinishOptions(timing=NO_BEAT))
    assert placed.axis is not None
    assert not placed.axis.known


@pytest.mark.parametrize("beat_ms", [6000.0, 60.0])
def test_red_lines_at_the_ends_of_what_is_a_tempo_make_charts(
    model: LoadedModel, song: Path, beat_ms: float
) -> None:
    finish = FinishOptions(red_lines=(TimingPoint(3.0, beat_ms),))
    result = ChartGenerator(model).generate(request(song, finish=finish, prompt={"sr": 3.0}))
    assert result.beatmaps[0].hit_objects


@pytest.mark.parametrize("seconds", [1.0, 20.0])
def test_songs_of_any_length_make_charts(
    model: LoadedModel, tmp_path: Path, seconds: float
) -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, int(seconds * 22050)).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", wave, 22050)
    result = ChartGenerator(model).generate(request(tmp_path / "noise.wav", prompt={"sr": 3.0}))
    assert all(note.last_ms <= 1000 * seconds for note in result.beatmaps[0].hit_objects)


def test_a_song_longer_than_a_window_is_made_whole(model: LoadedModel, tmp_path: Path) -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, 40 * 22050).astype(np.float32)
    soundfile.write(tmp_path / "long.wav", wave, 22050)
    generator = ChartGenerator(model)
    long = request(tmp_path / "long.wav", prompt={"density": 3.0}, window_s=8.0)
    (notes,) = generator.sample(generator.song(long.audio), [CHART], long)
    starts = np.array([note.start_ms for note in notes])
    assert (np.histogram(starts, 8, (0.0, 40_000.0))[0] > 0).all()
    assert starts.max() < 40_000


def test_half_a_beat_off_the_rows_lie_on_the_lines_that_are_given(
    model: LoadedModel, song: Path
) -> None:
    lines = (TimingPoint(200.0, 400.0),)
    late = request(song, finish=FinishOptions(red_lines=lines), prompt={"sr": 3.0})
    result = ChartGenerator(model).generate(late)
    chart = result.beatmaps[0]
    assert chart.red_lines == lines
    places = lines_of(chart.hit_objects, BeatAxis.of(lines))
    np.testing.assert_allclose(places, np.rint(places), atol=0.5 * LINES / 400 + 1e-6)


def test_notes_go_into_a_latent_and_come_back_at_their_times(
    model: LoadedModel, song: Path
) -> None:
    encoded = song_with_lines(model, ChartGenerator(model).song(song), TEMPO)
    notes = [Rice(i % 4, 200.0 * i) for i in range(20)]
    latent, report = encode_notes(model, encoded, notes)
    assert latent.shape == (model.z_channels, encoded.latent_frames)
    assert not report.lost
    rows = rows_of(model, encoded, notes)
    assert rows is not None
    back = decode_latent(model, encoded, latent, rows)
    assert sorted({round(note.start_ms, 3) for note in back}) == [200.0 * i for i in range(20)]


def test_an_edit_keeps_what_lies_outside_its_region(model: LoadedModel, song: Path) -> None:
    notes = tuple(Rice(i % 4, 200 * i) for i in range(24))
    chart = Beatmap(keys=4, hit_objects=notes, timing=TEMPO)
    region = Edit(Region(1600, 3200))
    (variation,) = edit_chart(
        ChartGenerator(model), chart, request(song, prompt={"sr": 3.0}), region
    )
    removed = [notes[index] for index in variation.removed]
    assert variation.added
    assert all(1600 <= note.start_ms < 3200 for note in (*variation.added, *removed))
    with pytest.raises(GenerationError, match="red lines"):
        edit_chart(ChartGenerator(model), replace(chart, timing=()), request(song), region)


def test_kept_frames_are_those_of_the_axis(model: LoadedModel) -> None:
    axis = BeatAxis.of((TimingPoint(0.0, 400.0), TimingPoint(4000.0, 300.0)))
    keep = kept_frames(model.clock, 32, Edit(Region(4000, 4600)), axis)
    assert torch.nonzero(~keep)[:, 0].tolist() == [10, 11, 12]  # a beat begins within its frame


def test_a_spectrogram_model_in_beats_depends_on_the_timing(
    spectral: LoadedModel, song: Path
) -> None:
    generator = ChartGenerator(spectral)
    raw = [
        generator.sample(
            generator.song(song),
            [CHART],
            request(song, finish=FinishOptions(red_lines=(TimingPoint(offset, 400.0),))),
        )[0]
        for offset in (0.0, 0.0, 90.0)
    ]
    assert raw[0] == raw[1]
    assert raw[0] != raw[2]


def test_candidates_are_judged_by_whether_they_listen(model: LoadedModel, song: Path) -> None:
    generator = ChartGenerator(model)
    encoded = generator.song(song)
    asked = {"sr": 3.0}
    rows = rows_for(model, song_with_lines(model, encoded, TEMPO), ChartRequest(asked, {}, 1))
    assert rows is not None
    times = BeatAxis.of(TEMPO).times(np.flatnonzero(rows.reshape(-1)) / LINES)
    good, bad = (
        Beatmap(keys=4, hit_objects=tuple(Rice(0, t) for t in at.tolist()), timing=TEMPO)
        for at in (times, times[times < 1000])
    )
    heard = listening_of(model, encoded, good, asked)
    missed = listening_of(model, encoded, bad, asked)
    assert heard is not None
    assert missed is not None
    assert heard.expected == missed.expected < 0
    scores = [
        {part.name: part.value for part in score_chart(good, asked, TEMPO, listening=one).parts}
        for one in (heard, replace(heard, likelihood=heard.likelihood - 0.1))
    ]
    assert scores[1]["listens"] < scores[0]["listens"] <= 1
    assert "listens" not in {part.name for part in score_chart(good, asked, TEMPO).parts}
    assert listening_of(model, encoded, replace(good, timing=()), asked) is None
    made = make(generator, request(song, prompt=asked))
    assert "listens" in {part.name for part in made.judgements[0].score.parts}


@pytest.mark.parametrize("seconds", [0.05, 0.5, 1.2])
@pytest.mark.parametrize("kind", ["model", "spectral"])
def test_songs_of_a_second_and_less(
    kind: str, seconds: float, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """They become a package, or one sentence says why not."""
    wave = np.zeros(int(22050 * seconds), np.float32)
    wave[::2205] = 0.9
    soundfile.write(tmp_path / "a.wav", wave, 22050)
    wanted = GenerationRequest(tmp_path / "a.wav", steps=2)
    generator = ChartGenerator(request.getfixturevalue(kind))
    said, charts = "", []
    try:
        make_package(generator, wanted, tmp_path / "a.osz")
        charts = read_any(tmp_path / "a.osz", losses=LossReport())
    except MugError as error:
        said = str(error)
    assert bool(charts) != bool(said)
    assert "\n" not in said
    assert all(n.last_ms <= 1000 * seconds + 1 for chart in charts for n in chart.hit_objects)


@pytest.mark.parametrize("count", [1, 3])
def test_a_song_is_read_and_analysed_once_for_any_number_of_charts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    calls: Counter[str] = Counter()

    def counted(module: ModuleType, name: str) -> None:
        real = getattr(module, name)

        def watched(*given: object, **named: object) -> object:
            calls[name] += 1
            return real(*given, **named)

        monkeypatch.setattr(module, name, watched)

    once = {
        "load_song": analysis,
        "checked_onsets": analysis,
        "flux_curves": analysis,
        "line_logits": rows_module,
        "alike_beats": rows_module,
    }
    for name, module in once.items():
        counted(module, name)
    rng = np.random.default_rng(0)
    wave = rng.normal(0, 0.1, 4 * 22050)
    soundfile.write(tmp_path / "song.wav", wave, 22050)
    asked = GenerationRequest(tmp_path / "song.wav", prompt={"sr": 3.0}, steps=2, count=count)
    made = make(ChartGenerator(load_model(folder)), asked)
    assert len(made.result.beatmaps) == count
    assert calls == dict.fromkeys(once, 1)
