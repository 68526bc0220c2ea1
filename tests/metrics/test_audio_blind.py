"""Audio-blind charts: which lines they take, and which of them is the one to beat."""

from __future__ import annotations

import numpy as np
import pytest

from mug.beatmap.timing_points import TimingPoint
from mug.metrics.audio_blind import (
    BAR,
    BEAT,
    HALF,
    METRE,
    QUARTER,
    SIXTH,
    STARS,
    THIRD,
    TWELFTH,
    better_kind,
    blind_f1,
    finest_level,
    metre_lines,
    metre_only,
    stars_only,
)

RED = (TimingPoint(1000.0, 600.0, 3),)
BAR_MS = 1800.0


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_line_has_the_level_of_its_stress() -> None:
    lines = metre_lines(RED, 1000.0, 1000.0 + BAR_MS)
    first_beat = [BAR, TWELFTH, SIXTH, QUARTER, THIRD, TWELFTH, HALF]
    first_beat += [TWELFTH, THIRD, QUARTER, SIXTH, TWELFTH]
    assert lines.level.tolist() == [
        *first_beat,
        *(BEAT, *first_beat[1:]),
        *(BEAT, *first_beat[1:]),
        BAR,
    ]
    assert np.diff(lines.time_ms) == pytest.approx(50.0)


def test_each_red_line_begins_a_bar_and_the_first_one_reaches_back() -> None:
    red = (TimingPoint(1000.0, 600.0, 4), TimingPoint(4300.0, 400.0, 4))
    lines = metre_lines(red, -1400.0, 6000.0)
    bars = lines.time_ms[lines.level == BAR]
    assert bars == pytest.approx([-1400.0, 1000.0, 3400.0, 4300.0, 5900.0])


def test_metre_fills_bars_then_beats_then_halves_then_quarters() -> None:
    lines = metre_lines(RED, 1000.0, 1000.0 + 10 * BAR_MS - 1.0)
    of_time = dict(zip(lines.time_ms.tolist(), lines.level.tolist(), strict=True))
    for count, finest in ((10, BAR), (11, BEAT), (30, BEAT), (60, HALF), (120, QUARTER)):
        levels = [of_time[t] for t in metre_only(lines, count, rng()).tolist()]
        assert len(levels) == count
        assert max(levels) == finest
        # Every line of more stress is taken.
        assert sum(level < finest for level in levels) == (lines.level < finest).sum()
    assert len(metre_only(lines, 10_000, rng())) == len(lines.time_ms)
    assert len(metre_only(lines, 0, rng())) == 0


def test_stars_choose_beats_halves_or_quarters_evenly() -> None:
    assert [finest_level(stars) for stars in (0.5, 1.99, 2.0, 3.99, 4.0, 9.0)] == [
        *(BEAT, BEAT, HALF, HALF, QUARTER, QUARTER)
    ]
    lines = metre_lines(RED, 1000.0, 1000.0 + 100 * BAR_MS - 1.0)
    level = dict(zip(lines.time_ms.tolist(), lines.level.tolist(), strict=True))
    easy = [level[t] for t in stars_only(lines, 1.0, 150, rng()).tolist()]
    assert set(easy) == {BAR, BEAT}
    assert easy.count(BAR) == pytest.approx(50, abs=15)  # a third of the beats begin a bar
    more = [level[t] for t in stars_only(lines, 1.0, 301, rng()).tolist()]
    assert sorted(more)[-1] == HALF
    assert len(more) == 301


def test_a_metronome_is_all_that_an_audio_blind_chart_needs() -> None:
    beats = np.arange(1000.0, 60_000.0, 600.0)
    lines = metre_lines(RED, 0.0, 70_000.0)
    for kind in (METRE, STARS):
        found = blind_f1(kind, lines, beats, stars=1.0, count=len(beats), rng=rng())
        assert found == 1.0
    half = blind_f1(METRE, lines, beats, stars=1.0, count=len(beats) // 2, rng=rng())
    assert half == pytest.approx(2 / 3, abs=0.01)  # all right, half of the rows
    off = blind_f1(METRE, lines, beats + 100.0, stars=1.0, count=len(beats), rng=rng())
    assert off == 0.0


def test_the_kind_to_beat_has_the_higher_mean_over_songs_not_over_charts() -> None:
    blind = {METRE: [0.9, 0.9, 0.9, 0.1], STARS: [0.6, 0.6, 0.6, 0.6]}
    assert better_kind(blind, ["a", "a", "a", "b"]) == STARS
    assert better_kind(blind, ["a", "b", "c", "d"]) == METRE
    # Three samples of one chart count as one chart.
    assert better_kind(blind, ["a", "a", "a", "a"], [0, 0, 0, 1]) == STARS
