"""Onset matching: truths that hold for any charts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import LongNote, Rice
from mug.errors import DataError
from mug.metrics.onsets import match_onsets, onset_score, onset_times, random_chart

TIMES = st.lists(st.integers(0, 400), max_size=6, unique=True).map(
    lambda values: np.array(sorted(values), dtype=np.float64)
)


def _best_by_trying_all(ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> int:
    """Largest matching found by brute force."""
    short, long = (ours, theirs) if len(ours) <= len(theirs) else (theirs, ours)
    return max(
        sum(abs(a - b) <= tolerance for a, b in zip(short, chosen, strict=True))
        for chosen in itertools.permutations(long, len(short))
    )


@given(TIMES, TIMES, st.integers(0, 120))
def test_matching_is_as_large_as_any(ours: np.ndarray, theirs: np.ndarray, tolerance: int) -> None:
    pairs = match_onsets(ours, theirs, tolerance)
    assert len(pairs) == _best_by_trying_all(ours, theirs, tolerance)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(abs(ours[i] - theirs[j]) <= tolerance for i, j in pairs)


@given(TIMES, TIMES)
def test_score_is_symmetric_and_grows_with_tolerance(ours: np.ndarray, theirs: np.ndarray) -> None:
    a = [Rice(0, t) for t in ours]
    b = [Rice(0, t) for t in theirs]
    scores = [onset_score(a, b, tolerance).f1 for tolerance in (0, 10, 50, 400)]
    assert scores == sorted(scores)
    assert onset_score(b, a, 10).f1 == scores[1]


def test_identity_chords_and_empty_charts() -> None:
    notes = [Rice(0, 100), Rice(1, 100), LongNote(2, 300, 500)]
    assert onset_times(notes).tolist() == [100.0, 300.0]
    assert onset_score(notes, notes, 0).f1 == 1.0
    assert onset_score([], notes).f1 == 0.0
    assert onset_score([], []).f1 == 0.0


def test_shift_beyond_the_tolerance_matches_nothing() -> None:
    notes = [Rice(0, 1000 * i) for i in range(10)]
    moved = [Rice(0, 1000 * i + 51) for i in range(10)]
    assert onset_score(moved, notes, 50).matched == 0
    assert onset_score(moved, notes, 51).matched == 10


def test_random_chart_has_the_asked_density_within_the_song() -> None:
    reference = Beatmap(keys=4, hit_objects=tuple(Rice(i % 4, 500 * i) for i in range(1, 101)))
    made = random_chart(reference, 150, np.random.default_rng(0))
    assert len(onset_times(made.hit_objects)) == 150
    assert made.hit_objects[0].start_ms >= 500
    assert made.last_ms <= 50000
    assert made == random_chart(reference, 150, np.random.default_rng(0))
    assert onset_score(made.hit_objects, reference.hit_objects, 10).f1 < 0.3
    with pytest.raises(DataError):
        random_chart(Beatmap(keys=4), 3, np.random.default_rng(0))


def test_negative_tolerance_is_refused() -> None:
    with pytest.raises(DataError):
        match_onsets(np.zeros(1), np.zeros(1), -1)
