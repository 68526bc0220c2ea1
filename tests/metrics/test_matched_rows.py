"""Rows at equal numbers: analytic truths, and damage that must not pay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mug.errors import DataError
from mug.metrics.matched_rows import LineScores, matched_f1, rows_f1, top_rows, within

HUMAN = np.arange(0.0, 40_000.0, 400.0)


def f1(rows: np.ndarray, human: np.ndarray = HUMAN) -> float:
    return matched_f1(rows, human)


def test_a_chart_by_itself_is_perfect_and_an_empty_one_is_nothing() -> None:
    assert f1(HUMAN) == 1.0
    assert f1(HUMAN[:0]) == 0.0
    assert f1(HUMAN, HUMAN[:0]) == 0.0
    assert rows_f1(HUMAN[:0], HUMAN[:0]) == 0.0


@given(st.integers(1, 4))
def test_rows_added_and_rows_left_out_cost_what_they_add_or_leave_out(times: int) -> None:
    more = np.sort(np.concatenate([HUMAN + 400.0 / times * k for k in range(times)]))
    assert f1(more) == 1 / times
    assert f1(HUMAN[::times]) == pytest.approx(1 / times, abs=0.01)


def test_it_is_the_mean_of_subsamples_where_no_rows_compete() -> None:
    rng = np.random.default_rng(0)
    more = np.sort(np.concatenate([HUMAN, HUMAN + 133.0, HUMAN + 266.0]))
    drawn = [
        rows_f1(np.sort(rng.choice(more, len(HUMAN), replace=False)), HUMAN) for _ in range(400)
    ]
    assert f1(more) == pytest.approx(float(np.mean(drawn)), abs=0.01)


def test_rows_written_several_times_within_the_tolerance_do_not_pay() -> None:
    grace = np.sort(np.concatenate([HUMAN + by for by in (-12.0, -4.0, 4.0, 12.0)]))
    assert f1(grace) == 0.25


def test_one_note_does_not_pay() -> None:
    assert f1(HUMAN[3:4]) == 1 / len(HUMAN)


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 9))
def test_it_is_at_most_the_share_that_the_smaller_set_is_of_the_larger(
    ours: int, theirs: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    a, b = (np.sort(rng.uniform(0, 9000, n)) for n in (ours, theirs))
    found = matched_f1(a, b)
    assert found == matched_f1(b, a)
    assert 0.0 <= found <= min(ours, theirs) / max(ours, theirs)
    assert found <= rows_f1(a, b)
    if ours == theirs:
        assert found == rows_f1(a, b)


def test_the_best_lines_are_the_human_rows_where_these_have_the_highest_scores() -> None:
    times = np.arange(-2000.0, 44_000.0, 100.0)
    score = np.isin(times, HUMAN).astype(np.float64)
    score[times < 0] = score[times > 39_600] = 9.0  # before and behind the human chart
    rows = top_rows(LineScores(times, score), HUMAN, np.random.default_rng(0))
    assert np.array_equal(rows, HUMAN)


def test_equal_scores_are_drawn_and_the_draw_is_seeded() -> None:
    times = np.arange(0.0, 39_700.0, 100.0)
    lines = LineScores(times, np.zeros(len(times)))
    one, again, other = (top_rows(lines, HUMAN, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert len(one) == len(np.unique(one)) == len(HUMAN)
    # A model that knows nothing is as good as chance, not as good as the first lines.
    assert one.max() > 30_000


def test_only_the_order_of_scores_counts() -> None:
    rng = np.random.default_rng(0)
    times, score = np.arange(0.0, 39_700.0, 100.0), rng.normal(size=397)
    plain, stretched = (
        top_rows(LineScores(times, by), HUMAN, np.random.default_rng(0))
        for by in (score, np.exp(3 * score) + 7)
    )
    assert np.array_equal(plain, stretched)


def test_with_fewer_lines_than_rows_all_lines_are_taken_and_what_is_missing_costs() -> None:
    half = LineScores(HUMAN[::2], np.zeros(len(HUMAN[::2])))
    rows = top_rows(half, HUMAN, np.random.default_rng(0))
    assert np.array_equal(rows, HUMAN[::2])
    assert f1(rows) == 0.5
    nothing = top_rows(LineScores(HUMAN[:0], HUMAN[:0]), HUMAN, np.random.default_rng(0))
    assert f1(nothing) == 0.0


def test_a_span_holds_both_ends_and_an_empty_reference_holds_nothing() -> None:
    assert within(np.array([-2.0, -0.5, 0.0, 5.0, 6.0, 7.0]), np.array([0.0, 5.0])).tolist() == [
        *(False, True, True, True, True, False)
    ]
    assert not within(HUMAN, HUMAN[:0]).any()


@pytest.mark.parametrize(
    ("times", "score", "said"),
    [
        ([0.0, 1.0], [0.0], "a score a line"),
        ([1.0, 1.0], [0.0, 0.0], "must rise"),
        ([0.0, np.inf], [0.0, 0.0], "must rise"),
        ([0.0, 1.0], [0.0, np.nan], "must be numbers"),
    ],
)
def test_lines_that_are_none_are_refused(times: list[float], score: list[float], said: str) -> None:
    with pytest.raises(DataError, match=said):
        LineScores(np.array(times), np.array(score))
