"""Draws of rows: the number asked, one a note frame, inside the song, seeded, alike where alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.audio.flux import CURVES, HOP_MS
from mug.beatmap.timing_points import TimingPoint
from mug.encoding.beat_axis import LINES, NOTE_FRAMES, PHASE, BeatAxis
from mug.errors import ConfigError
from mug.rhythm.rows import (
    RowOptions,
    alike_beats,
    count_rows,
    draw_rows,
    inside_song,
    log_likelihood,
    rows_of_song,
    same_phrases,
)

AXIS = BeatAxis.of([TimingPoint(0.0, 400.0, 4)])


def logits(beats: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(beats * LINES)


def frames(lines: np.ndarray) -> np.ndarray:
    return np.floor((lines / LINES + PHASE) * NOTE_FRAMES).astype(int)


@given(st.integers(1, 20), st.integers(0, 200), st.integers(0, 99), st.floats(0, 3))
@settings(max_examples=50, deadline=None)
def test_as_many_rows_as_asked_and_one_in_a_note_frame(beats, count, seed, temperature):
    rows = draw_rows(logits(beats, seed), count, seed, temperature=temperature)
    assert len(rows) == min(count, beats * NOTE_FRAMES)
    assert (np.diff(frames(rows)) > 0).all()
    assert ((rows >= 0) & (rows < beats * LINES)).all()


def test_without_noise_the_most_probable_are_taken():
    scores = logits(8)
    of_frame = frames(np.arange(8 * LINES))
    best = [
        max(np.flatnonzero(of_frame == f), key=lambda n: scores[n]) for f in range(8 * NOTE_FRAMES)
    ]
    want = sorted(sorted(best, key=lambda n: -scores[n])[:10])
    assert draw_rows(scores, 10, 0).tolist() == want


def test_a_draw_is_seeded_and_more_random_when_hotter():
    scores = 3 * logits(50)
    cold = draw_rows(scores, 100, 0)
    kept = []
    for temperature in (0.3, 1.0, 10.0):
        one = draw_rows(scores, 100, 7, temperature=temperature)
        np.testing.assert_array_equal(one, draw_rows(scores, 100, 7, temperature=temperature))
        assert not np.array_equal(one, draw_rows(scores, 100, 8, temperature=temperature))
        kept.append(len(np.intersect1d(cold, one)))
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > 80


def test_lines_are_drawn_in_the_ratio_of_their_odds():
    scores = np.full(LINES, -20.0)
    scores[0], scores[6] = np.log(3.0), 0.0
    draws = [int(draw_rows(scores, 1, seed, temperature=1.0)[0]) for seed in range(300)]
    assert set(draws) == {0, 6}
    assert np.mean(np.equal(draws, 0)) == pytest.approx(0.75, abs=0.08)


def test_no_row_outside_the_song():
    inside = inside_song(AXIS, 10, 1000.0)
    assert inside.sum() == 30  # 2.5 beats from 0 ms on
    rows = draw_rows(logits(10), 1000, 0, temperature=1.0, inside=inside)
    assert len(rows) == 20
    assert inside[rows].all()


def test_the_number_of_rows_follows_from_the_density():
    scores = np.where(inside_song(AXIS, 30, 10_000.0), 0.0, -np.inf)
    assert count_rows(3.0, scores, AXIS) == pytest.approx(30, abs=1)
    assert count_rows(3.0, np.full(24, -np.inf), AXIS) == 0


def test_log_likelihood_of_given_rows():
    rows = np.array([True, False, True, False])
    assert log_likelihood(rows, np.zeros(4)) == pytest.approx(-np.log(2))
    assert log_likelihood(rows, np.where(rows, 50.0, -50.0)) == pytest.approx(0)
    likely = np.array([2.0, -2.0, 1.0, -3.0])
    assert log_likelihood(rows, likely) > log_likelihood(~rows, likely)
    odds = np.exp(likely)
    chances = np.where(rows, odds / (1 + odds), 1 / (1 + odds))
    assert log_likelihood(rows, likely) == pytest.approx(np.log(chances).mean())


def phrase_curves(order: str) -> np.ndarray:
    """A song of bars of 1600 ms, each the sound of its letter."""
    hops = round(1600 / HOP_MS)
    rng = np.random.default_rng(0)
    sounds = {
        name: np.repeat(rng.exponential(1.0, (hops // 23 + 1, CURVES)), 23, axis=0)[:hops]
        for name in sorted(set(order))
    }
    song = np.zeros((round(1600 * len(order) / HOP_MS), CURVES))
    for number, name in enumerate(order):
        first = round(number * 1600 / HOP_MS)
        song[first : first + hops] = sounds[name][: len(song) - first]
    return song.astype(np.float16)


def test_bars_that_sound_alike_share_their_draw():
    bars = alike_beats(phrase_curves("ABACBA"), AXIS, 24, alike=0.7).reshape(6, 4)
    assert (bars % 4 == np.arange(4)).all()
    assert (bars[:, 0] // 4).tolist() == [0, 1, 0, 3, 1, 0]


def test_in_a_song_of_one_bar_all_are_alike():
    bars = alike_beats(phrase_curves("AAAA"), AXIS, 16).reshape(4, 4)
    assert (bars == np.arange(4)).all()


def test_shared_logits_are_those_of_the_mean_probability():
    scores = np.concatenate([np.full(LINES, np.log(1 / 3)), np.full(LINES, np.log(3))])
    np.testing.assert_allclose(same_phrases(scores, np.array([0, 0])), 0, atol=1e-9)
    np.testing.assert_allclose(same_phrases(scores, np.array([0, 1])), scores, atol=1e-5)


@pytest.mark.parametrize("phrases", [True, False])
def test_the_same_phrase_gets_the_same_rows(phrases):
    options = RowOptions(temperature=1.0, phrases=phrases, alike=0.7)
    curves = phrase_curves("ABACBA")
    rows = rows_of_song(logits(24, 3), curves, AXIS, 5.0, seed=1, options=options)
    bars = [set((rows[rows // 48 == bar] % 48).tolist()) for bar in range(6)]
    assert (len(bars[0] ^ bars[2]) <= 1) is phrases  # one at most: the number asked may cut a tie
    assert (len(bars[1] ^ bars[4]) <= 1) is phrases
    assert len(bars[0] ^ bars[1]) > 1
    assert len(rows) == pytest.approx(5 * 9.6, abs=2)


def test_a_song_without_lines_has_no_rows():
    nothing = rows_of_song(np.zeros(0), np.zeros((1, CURVES), np.float16), AXIS, 5.0, seed=1)
    assert not len(nothing)


def test_a_negative_temperature_is_refused():
    with pytest.raises(ConfigError, match="temperature"):
        draw_rows(logits(1), 1, 0, temperature=-1.0)
    with pytest.raises(ConfigError, match="temperature"):
        RowOptions(temperature=-1.0)
