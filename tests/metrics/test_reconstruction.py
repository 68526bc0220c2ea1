"""Reconstruction scores: what they must say of known damage."""

from __future__ import annotations

import pytest

from mug.beatmap.hit_objects import LongNote, Rice
from mug.metrics.reconstruction import pooled, reconstruction_score

CHART = [Rice(0, 0), Rice(1, 500), LongNote(2, 1000, 1400), Rice(0, 2000)]


def test_the_same_chart_scores_one() -> None:
    score = reconstruction_score(CHART, CHART)
    assert (score.precision, score.recall, score.long_recall) == (1.0, 1.0, 1.0)
    assert score.median_error_ms == 0.0


def test_another_column_is_another_object() -> None:
    moved = [Rice(3, 0), *CHART[1:]]
    score = reconstruction_score(moved, CHART)
    assert score.recall == pytest.approx(3 / 4)
    assert score.precision == pytest.approx(3 / 4)


def test_a_hold_cut_to_a_tap_counts_against_long_recall_alone() -> None:
    cut = [CHART[0], CHART[1], Rice(2, 1000), CHART[3]]
    score = reconstruction_score(cut, CHART)
    assert score.recall == 1.0
    assert score.long_recall == 0.0


def test_time_errors_keep_their_sign_and_the_median_does_not() -> None:
    late = [Rice(0, 3), Rice(1, 497), LongNote(2, 1003, 1400), Rice(0, 2003)]
    score = reconstruction_score(late, CHART)
    assert sorted(score.errors_ms) == [-3.0, 3.0, 3.0, 3.0]
    assert score.median_error_ms == 3.0


def test_extra_and_missing_objects() -> None:
    score = reconstruction_score([*CHART, Rice(3, 900)], CHART)
    assert (score.precision, score.recall) == (pytest.approx(4 / 5), 1.0)
    assert reconstruction_score([], CHART).recall == 0.0
    assert reconstruction_score([], CHART).median_error_ms != 0.0


def test_pooling_adds_counts() -> None:
    both = pooled([reconstruction_score(CHART, CHART), reconstruction_score([], CHART)])
    assert both.recall == pytest.approx(1 / 2)
    assert both.long_recall == pytest.approx(1 / 2)
