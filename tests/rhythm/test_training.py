"""Training: rows that follow the sound are learnt, runs go on, songs are held out whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_songs import make_songs

from mug.audio.flux import SAMPLE_RATE, FluxCache, flux_curves
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.stars import star_rating
from mug.encoding.beat_axis import LINES, BeatAxis
from mug.errors import ConfigError, DataError, TrainingError
from mug.rhythm.judging import (
    average_precision,
    calibrate,
    chart_logits,
    judge_chart,
    judge_songs,
    mean_figures,
    reliability,
)
from mug.rhythm.scorer import RhythmScorer, ScorerOptions
from mug.rhythm.songs import ChartRowLines, SongLines, held_out, read_song, row_lines, song_folders
from mug.rhythm.training import (
    ScorerTraining,
    ScorerTrainingOptions,
    augment,
    draw_batch,
    one_cycle,
)

SIZES = ScorerOptions(width=12, dilations=(1, 3), condition_width=4)
OPTIONS = ScorerTrainingOptions(steps=30, batch=4, beats=8, learning_rate=0.02)
RED = (TimingPoint(100.0, 400.0, 4),)


def made_song(seed: int) -> SongLines:
    """Bursts of noise at a third of the halves of a beat, each with a row."""
    rng = np.random.default_rng(seed)
    axis = BeatAxis.of(RED)
    wave = 1e-4 * rng.standard_normal(12 * SAMPLE_RATE).astype(np.float32)
    lines = np.flatnonzero(rng.random(50) < 0.4) * 6 + 5 * LINES
    times = axis.times(lines / LINES)
    for time in times:
        first = round(time * SAMPLE_RATE / 1000)
        wave[first : first + 400] += rng.standard_normal(400) * np.exp(-np.arange(400) / 100)
    chart = ChartRowLines("made", 3.0, RED, axis, times, lines)
    return SongLines(f"song {seed}", flux_curves(wave), (chart,))


@pytest.fixture(scope="module")
def songs() -> list[SongLines]:
    return [made_song(seed) for seed in range(6)]


@pytest.fixture(scope="module")
def scorer(songs) -> RhythmScorer:
    return ScorerTraining(songs[:4], OPTIONS, SIZES).run()


def test_rows_that_the_sound_tells_are_found_in_unseen_songs(scorer, songs):
    figures = mean_figures(judge_songs(scorer, songs[4:]))
    assert figures.f1 > 0.9
    assert figures.average_precision > 0.9
    assert figures.listening_gain > 0.2
    assert figures.f1 - figures.metre_f1 == pytest.approx(figures.listening_gain)


def test_figures_of_an_untrained_scorer_are_lower(scorer, songs):
    torch.manual_seed(0)
    untrained = judge_chart(RhythmScorer(SIZES).eval(), songs[5], songs[5].charts[0])
    trained = judge_chart(scorer, songs[5], songs[5].charts[0])
    assert untrained.log_loss > trained.log_loss
    assert untrained.f1 < trained.f1


def test_calibration_makes_probabilities_those_of_rows(scorer, songs):
    scorer.calibration.copy_(torch.tensor([0.3, 2.0]))
    wrong = mean_figures(judge_songs(scorer, songs))
    calibrate(scorer, songs)
    right = mean_figures(judge_songs(scorer, songs))
    assert right.log_loss < wrong.log_loss
    found = [chart_logits(scorer, song, song.charts[0]) for song in songs]
    expected = sum(float((1 / (1 + np.exp(-scores))).sum()) for scores, _ in found)
    assert expected == pytest.approx(sum(int(rows.sum()) for _, rows in found), rel=0.01)
    assert right.f1 == pytest.approx(wrong.f1)  # only the scale changes
    table = reliability(scorer, songs)
    assert sum(count for *_, count in table) == sum(len(rows) for _, rows in found)
    assert [given for given, *_ in table] == sorted(given for given, *_ in table)


def test_average_precision_by_hand():
    scores = np.array([4.0, 3.0, 2.0, 1.0])
    assert average_precision(scores, np.array([True, False, True, False])) == pytest.approx(5 / 6)
    assert average_precision(scores, np.array([False] * 4)) == 0.0


def test_a_run_that_was_stopped_gives_the_same_scorer(songs, tmp_path):
    options = replace(OPTIONS, steps=6)
    sizes = replace(SIZES, dropout=0.2)
    whole = ScorerTraining(songs[:2], options, sizes).run()

    class StoppedError(Exception):
        pass

    def stop(step, *_):
        if step == 4:
            raise StoppedError

    file = tmp_path / "state.pt"
    with pytest.raises(StoppedError):
        ScorerTraining(songs[:2], options, sizes, file).run(stop, save_every=3)
    rest: list[int] = []
    resumed = ScorerTraining(songs[:2], options, sizes, file)
    again = resumed.run(lambda step, *_: rest.append(step))
    assert rest == [4, 5, 6]
    for name, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_a_state_of_another_run_or_a_damaged_one_is_refused(songs, tmp_path):
    file = tmp_path / "state.pt"
    options = replace(OPTIONS, steps=1)
    ScorerTraining(songs[:2], options, SIZES, file).run()
    with pytest.raises(TrainingError, match="other songs or options"):
        ScorerTraining(songs[:2], replace(options, seed=1), SIZES, file)
    with pytest.raises(TrainingError, match="other songs or options"):
        ScorerTraining(songs[:3], options, SIZES, file)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(TrainingError, match="state"):
        ScorerTraining(songs[:2], options, SIZES, file)


def test_a_batch_depends_on_seed_and_step_alone(songs):
    mean, std = np.zeros(34, np.float32), np.ones(34, np.float32)
    one, again = (draw_batch(songs, OPTIONS, 3, mean, std) for _ in range(2))
    assert torch.equal(one.lines, again.lines)
    assert torch.equal(one.rows, again.rows)
    assert not torch.equal(one.rows, draw_batch(songs, OPTIONS, 4, mean, std).rows)
    other = draw_batch(songs, replace(OPTIONS, seed=1), 3, mean, std)
    assert not torch.equal(one.rows, other.rows)


def test_rows_of_a_batch_are_those_of_the_sound(songs):
    """Each row of these songs has an onset at its line, so its broad onset strength is high."""
    plain = replace(OPTIONS, batch=16, gain=0.0, noise=0.0, missing_p=0.0, shift_ms=0.0)
    batch = draw_batch(songs, plain, 0, np.zeros(34, np.float32), np.ones(34, np.float32))
    strength = batch.lines.flatten(1, 2)[..., -1]
    rows = batch.rows.bool()
    assert rows.any()
    assert strength[rows].min() > 1.5
    assert strength[rows].mean() > 5 * strength[~rows].mean()
    assert (batch.weight[rows] == 1).all()
    assert (batch.weight == 0).any()  # crops may begin before the song
    assert not strength[batch.weight == 0].any()


def test_augmentation_has_the_asked_spread():
    rng = np.random.default_rng(0)
    mean, std = np.zeros(34, np.float32), np.full(34, 2.0, np.float32)
    lines = np.ones((50, LINES, 34), np.float32)
    nothing = replace(OPTIONS, gain=0.0, noise=0.0, missing_p=0.0)
    np.testing.assert_array_equal(augment(lines, nothing, rng, mean, std), lines)
    noisy = augment(lines, replace(nothing, noise=0.15), rng, mean, std)
    assert (noisy - lines).std() == pytest.approx(0.3, rel=0.05)
    gains = [
        np.log(augment(lines, replace(nothing, gain=0.2), rng, mean, std)[0, 0]) for _ in range(20)
    ]
    assert np.std(gains) == pytest.approx(0.2, rel=0.1)
    silent = [
        (augment(lines, replace(nothing, missing_p=1.0), rng, mean, std)[3, 4] == 0).mean()
        for _ in range(30)
    ]
    assert np.mean(silent) == pytest.approx(0.4, abs=0.05)


def test_one_cycle_rises_then_falls():
    shares = np.array([one_cycle(step, 100) for step in range(100)])
    assert shares.max() == pytest.approx(1)
    assert int(shares.argmax()) == 30
    assert (np.diff(shares[:31]) > 0).all()
    assert (np.diff(shares[30:]) < 0).all()
    assert shares[0] < 0.05
    assert shares[-1] < 0.01


def test_sizes_of_a_run_must_be_positive():
    with pytest.raises(ConfigError, match="positive"):
        ScorerTrainingOptions(steps=0)


def test_rows_are_the_distinct_nearest_lines():
    axis = BeatAxis.of(RED)
    zero = float(axis.beats(np.array([100.0]))[0]) * LINES
    lines = row_lines(np.array([100.0, 101.0, 230.0, 300.0]), axis)
    assert (lines - zero).tolist() == [0, 4, 6]


def test_songs_are_held_out_whole(tmp_path):
    folders = [tmp_path / f"{number:02}" for number in range(20)]
    train, out = held_out(folders, 0.1)
    assert len(out) == 2
    assert sorted([*train, *out]) == folders
    assert len(held_out(folders[:2], 0.1)[1]) == 1
    with pytest.raises(DataError, match="two songs"):
        held_out(folders[:1], 0.1)


def test_songs_are_read_with_their_charts(tmp_path):
    make_songs(tmp_path, songs=2, charts=2)
    folders = song_folders(tmp_path)
    assert len(folders) == 2
    song = read_song(folders[0], FluxCache(tmp_path / "cache"))
    beatmap = osu.read(folders[0] / "chart0.osu")
    assert [chart.name for chart in song.charts] == ["chart 0", "chart 1"]
    first = song.charts[0]
    assert first.red_lines == beatmap.red_lines
    assert first.stars == pytest.approx(star_rating(beatmap))
    starts = sorted({note.start_ms for note in beatmap.hit_objects})
    assert first.times_ms.tolist() == starts
    np.testing.assert_allclose(first.axis.times(first.lines / LINES), starts, atol=21)
    assert first.rows_a_second == pytest.approx((len(starts) - 1) / (starts[-1] - starts[0]) * 1000)
    assert first.presence(song.beats(first) * LINES).sum() == len(first.lines)
    with pytest.raises(DataError, match="no osu!mania chart"):
        song_folders(tmp_path / "cache")


def test_charts_keep_their_own_timing_and_columns_can_be_asked_for(tmp_path):
    make_songs(tmp_path, songs=1, charts=2)
    folder = song_folders(tmp_path)[0]
    path = folder / "chart1.osu"
    path.write_text(path.read_text().replace("0,500,", "7,400,"))
    cache = FluxCache(tmp_path / "cache")
    song = read_song(folder, cache, keys=4)
    assert [chart.red_lines[0].time_ms for chart in song.charts] == [0, 7]
    assert song.beats(song.charts[0]) < song.beats(song.charts[1])
    assert read_song(folder, cache, keys=7) is None
