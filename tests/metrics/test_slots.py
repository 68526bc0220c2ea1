"""Slots of the human grid: correlation and average precision, against brute force and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mug.beatmap.timing_points import TimingPoint
from mug.metrics.matched_rows import LineScores
from mug.metrics.slots import (
    Slots,
    average_precision,
    finest_divisor,
    matthews_correlation,
    slots_of,
)

RED = (TimingPoint(0.0, 600.0),)
QUARTERS = np.arange(0.0, 60_000.0, 150.0)


def human(seed: int = 0, share: float = 0.4) -> np.ndarray:
    chosen = np.random.default_rng(seed).random(len(QUARTERS)) < share
    chosen[[0, 1, -1]] = True  # the span, and one quarter that is no half
    return QUARTERS[chosen]


@pytest.mark.parametrize(("divisor", "step"), [(1, 600), (2, 300), (3, 200), (4, 150), (6, 100)])
def test_the_finest_grid_is_the_coarsest_that_holds_the_rows(divisor: int, step: int) -> None:
    rows = np.arange(0.0, 30_000.0, step)
    assert finest_divisor(rows, RED) == divisor
    assert finest_divisor(rows + 2.0, RED) == divisor
    grace = np.sort(np.append(rows, 77.0 if len(rows) > 49 else []))  # one of many lies beside it
    assert finest_divisor(grace, RED) == divisor
    assert finest_divisor(np.array([0.0, 137.0, 411.0]), RED) == 24


def test_a_chart_by_itself_is_perfect_and_what_knows_nothing_is_0() -> None:
    rows = human()
    slots = slots_of(rows, RED)
    assert slots.divisor == 4
    assert slots.time_ms[slots.filled] == pytest.approx(rows)
    assert matthews_correlation(rows, slots) == 1.0
    assert matthews_correlation(rows[:0], slots) == 0.0
    assert matthews_correlation(QUARTERS, slots) == 0.0
    rng = np.random.default_rng(0)
    for share in (0.1, 0.5, 0.9):
        by_chance = [
            matthews_correlation(QUARTERS[rng.random(len(QUARTERS)) < share], slots)
            for _ in range(50)
        ]
        assert np.mean(by_chance) == pytest.approx(0.0, abs=0.03)
    opposite = slots.time_ms[~slots.filled]
    assert matthews_correlation(opposite, slots) == -1.0
    full = slots_of(QUARTERS, RED)
    assert np.isnan(matthews_correlation(QUARTERS, full))


@given(st.integers(0, 50), st.floats(0.05, 0.95))
def test_it_is_the_correlation_of_two_rows_of_bits(seed: int, share: float) -> None:
    slots = slots_of(human(seed), RED)
    bits = np.random.default_rng(seed + 1).random(len(slots.time_ms)) < share
    if 0 < bits.sum() < len(bits):
        expected = np.corrcoef(bits, slots.filled)[0, 1]
        found = matthews_correlation(slots.time_ms[bits] + 9.0, slots)
        assert found == pytest.approx(expected, abs=1e-9)


def test_rows_beside_the_slots_and_second_rows_on_one_are_wrong() -> None:
    rows, slots = human(), slots_of(human(), RED)
    beside = np.sort(np.concatenate([rows, rows[:-1] + 75.0]))
    doubled = np.sort(np.concatenate([rows, rows + 1.0]))
    for hurt in (beside, doubled):
        assert 0.0 < matthews_correlation(hurt, slots) < 0.75
    after = np.append(rows, np.arange(70_000.0, 80_000.0, 150.0))
    assert matthews_correlation(after, slots) == 1.0


def test_average_precision_of_the_truth_of_chance_and_of_its_opposite() -> None:
    slots = slots_of(human(), RED)
    share = slots.filled.mean()

    def found(score: np.ndarray) -> float:
        return average_precision(LineScores(slots.time_ms, score), slots)

    truth = slots.filled.astype(np.float64)
    assert found(truth) == 1.0
    assert found(np.zeros(len(truth))) == pytest.approx(share)
    assert found(-truth) == pytest.approx(share)  # the empty ones first, then all
    rng = np.random.default_rng(0)
    by_chance = np.mean([found(rng.random(len(truth))) for _ in range(100)])
    assert by_chance == pytest.approx(share, abs=0.02)


@given(st.integers(0, 50), st.integers(1, 9))
def test_average_precision_is_the_mean_precision_at_the_rows(seed: int, levels: int) -> None:
    """Against the definition, threshold by threshold."""
    slots = slots_of(human(seed), RED)
    score = np.random.default_rng(seed).integers(0, levels, len(slots.time_ms)).astype(np.float64)
    expected, before = 0.0, 0
    for threshold in sorted(set(score.tolist()), reverse=True):
        above = score >= threshold
        hits = int(slots.filled[above].sum())
        expected += (hits - before) / slots.filled.sum() * hits / above.sum()
        before = hits
    found = average_precision(LineScores(slots.time_ms, score), slots)
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_slot_has_the_best_of_its_lines_and_none_has_the_lowest() -> None:
    slots = Slots(np.array([0.0, 150.0, 300.0]), np.array([True, False, True]), 4)
    lines = LineScores(np.array([-10.0, 0.0, 150.0, 210.0]), np.array([5.0, 1.0, 3.0, 9.0]))
    # 0 ms has 5, 150 ms has 3, and 300 ms has no line: 210 ms lies on no slot.
    assert average_precision(lines, slots) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
