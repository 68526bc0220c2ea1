"""Rank correlation, intervals, and how alike charts are: analytic truths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import sem, spearmanr
from scipy.stats import t as student

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.metrics.baselines import grid_chart, onset_chart
from mug.metrics.damage import mirror, shift
from mug.metrics.grid import grid_sync
from mug.metrics.memory import chart_distance, mean_distance, shared_run
from mug.metrics.onsets import column_score, tail_score
from mug.metrics.patterns import Counter, jensen_shannon
from mug.metrics.rows import mirrored_mask, rows_of
from mug.metrics.statistics import spearman, student_interval, summarise

BEAT = 500.0


def chart(columns: list[int], beat_ms: float = BEAT) -> Beatmap:
    notes = tuple(Rice(c, i * beat_ms / 2) for i, c in enumerate(columns))
    return Beatmap(4, notes, (TimingPoint(0.0, beat_ms),))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30))
def test_spearman_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(side, np.float64) for side in zip(*pairs, strict=True))
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert np.isnan(spearman(a, b))
    else:
        assert spearman(a, b) == pytest.approx(float(spearmanr(a, b).statistic), abs=1e-9)


def test_a_mean_is_over_songs_and_its_interval_holds_it() -> None:
    found = summarise([1.0, 1.0, 1.0, 5.0], ["a", "a", "a", "b"])
    assert (found.mean, found.median, found.charts, found.songs) == (3.0, 1.0, 4, 2)
    # Student's t with one degree of freedom: 12.706 standard errors of 2.
    assert (found.low, found.high) == pytest.approx((3 - 12.706 * 2, 3 + 12.706 * 2), abs=0.001)


def test_what_is_no_number_is_left_out_and_counted_so() -> None:
    found = summarise([2.0, float("nan")], ["a", "b"])
    assert (found.mean, found.charts, found.songs, found.failed) == (2.0, 1, 1, 0)
    assert np.isnan([found.low, found.high]).all()  # one value tells nothing about others
    assert summarise([], []).charts == 0
    with pytest.raises(DataError, match="a value a chart"):
        summarise([1.0], [])


def test_samples_of_one_chart_count_as_one() -> None:
    found = summarise([1.0, 1.0, 4.0, 8.0], ["a", "a", "a", "b"], charts=[0, 0, 1, 0])
    assert (found.mean, found.charts, found.songs) == ((2.5 + 8.0) / 2, 4, 2)
    one = summarise([1.0, 3.0, 4.0], ["a"] * 3, charts=[0, 0, 1])
    assert (one.mean, one.lowest, one.highest) == (3.0, 2.0, 4.0)


def test_a_failed_chart_is_counted_where_it_lacks_the_figure_only() -> None:
    nan = float("nan")
    found = summarise([2.0, nan, nan, 0.0], ["a", "a", "b", "b"], [False, True, False, True])
    assert (found.mean, found.charts, found.failed) == (1.0, 2, 1)
    assert summarise([nan], ["a"], [True]).failed == 1


@pytest.mark.parametrize("songs", [3, 5, 30])
def test_an_interval_covers_the_truth_as_often_as_it_says(songs: int) -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(2000):
        values = rng.normal(0.0, 1.0, songs).tolist()
        found = summarise(values, [str(i) for i in range(songs)])
        inside += found.low <= 0.0 <= found.high
    assert inside / 2000 == pytest.approx(0.95, abs=0.02)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=9))
def test_an_interval_is_that_of_scipy(values: list[float]) -> None:
    array = np.array(values)
    error = sem(array)
    low, high = student_interval(array)
    if error > 0:
        assert (low, high) == pytest.approx(
            student.interval(0.95, len(values) - 1, array.mean(), error), abs=1e-9
        )
    else:
        assert low == high == array.mean()


@given(st.lists(st.integers(0, 4)), st.lists(st.integers(0, 4)))
def test_divergence_is_symmetric_within_bounds_and_zero_for_equals(
    first: list[int], second: list[int]
) -> None:
    a, b = Counter(first), Counter(second)
    assert jensen_shannon(a, b) == pytest.approx(jensen_shannon(b, a), abs=1e-12)
    assert 0.0 <= jensen_shannon(a, b) <= 1.0
    assert jensen_shannon(a, a) == pytest.approx(0.0, abs=1e-12)


def test_disjoint_distributions_are_one_bit_apart() -> None:
    assert jensen_shannon(Counter([1, 1, 2]), Counter([3])) == pytest.approx(1.0)
    assert jensen_shannon(Counter(), Counter([3])) == 1.0


def test_a_copied_stretch_is_found_at_another_tempo_and_mirrored() -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 4, 60).tolist() for _ in range(2))
    copied = second[:20] + first[10:40] + second[20:]
    found = shared_run(chart(copied, 400.0), chart(first))
    assert found in (30, 31, 32, 33)
    turned = chart(copied, 400.0)
    turned = turned.with_objects(mirror(turned.hit_objects, 4))
    assert shared_run(turned, chart(first)) == found
    assert shared_run(chart(second), chart(first)) < 10


def test_charts_are_no_distance_from_themselves() -> None:
    one, other = chart([0, 1, 2, 3]).hit_objects, chart([3, 2, 1, 0]).hit_objects
    assert chart_distance(one, one) == 0.0
    assert chart_distance(one, other) == 1.0
    assert mean_distance([one, one, other]) == pytest.approx(2 / 3)


def test_tails_and_columns_are_matched_apart() -> None:
    human = [LongNote(0, 0.0, 500.0), LongNote(1, 1000.0, 1500.0), Rice(2, 2000.0)]
    made = [LongNote(0, 0.0, 560.0), LongNote(0, 1000.0, 1510.0), Rice(2, 2000.0)]
    assert tail_score(made, human, 20.0).f1 == pytest.approx(0.5)
    assert column_score(made, human, 20.0).f1 == pytest.approx(2 / 3)


def test_chance_knows_the_grid_and_the_density_only() -> None:
    human = chart([0, 1, 2, 3] * 10)
    made = grid_chart(human, 25, np.random.default_rng(0))
    assert len(rows_of(made.hit_objects, 4).time_ms) == 25
    assert grid_sync(made.hit_objects, human.red_lines).clean_rate == 1.0
    found = onset_chart(human, np.array([10.0, 700.0]), np.random.default_rng(0))
    assert [note.start_ms for note in found.hit_objects] == [10.0, 700.0]


def test_rows_gather_what_is_struck_together() -> None:
    rows = rows_of([Rice(0, 0.0), Rice(3, 4.0), Rice(1, 20.0)], 4)
    assert rows.masks.tolist() == [0b1001, 0b0010]
    assert rows.sizes.tolist() == [2, 1]
    assert mirrored_mask(0b0010, 4) == 0b0100
    assert rows_of(shift([Rice(0, 0.0)], 5.0), 4).time_ms.tolist() == [5.0]
