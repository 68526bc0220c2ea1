"""The song-wide prior over voices: what is common around a beat costs less there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.snapping.lines import Permitted
from mug.snapping.nearest import SnapOptions, snap_chart
from mug.snapping.options import DIVISORS
from mug.snapping.prior import rarity_of_voices

BEAT_MS = 300.0
RED = (TimingPoint(0.0, BEAT_MS),)
STRAIGHT, TRIPLET = [0.0, 9.0], [9.0, 0.0]


def test_a_voice_that_is_rare_in_the_song_costs_more():
    rarity = rarity_of_voices(np.array([STRAIGHT] * 60 + [TRIPLET] * 2))
    assert (rarity[:, 0] == 0).all()
    assert (rarity[:, 1] > 1.5).all()
    assert rarity.max() <= 2.0


def test_beats_that_say_nothing_change_nothing():
    silent = np.zeros((40, 2))
    np.testing.assert_allclose(rarity_of_voices(silent), 0.0, atol=1e-12)
    chosen = np.array([STRAIGHT, TRIPLET] * 10)
    np.testing.assert_allclose(rarity_of_voices(chosen).max(), 0.0, atol=0.2)


def test_each_half_of_a_song_has_its_own_voice():
    rarity = rarity_of_voices(np.array([STRAIGHT] * 200 + [TRIPLET] * 200))
    assert (rarity[:150, 0] == 0).all()
    assert (rarity[:150, 1] > 0.5).all()
    np.testing.assert_allclose(rarity[::-1, ::-1], rarity, atol=1e-9)


@given(
    arrays(np.float64, st.tuples(st.integers(0, 30), st.integers(1, 3)), elements=st.floats(0, 50))
)
def test_a_rarity_is_small_and_nothing_for_the_commonest(explained):
    rarity = rarity_of_voices(explained)
    assert rarity.shape == explained.shape
    assert ((rarity >= 0) & (rarity <= 2.0)).all()
    if len(explained):
        np.testing.assert_allclose(rarity.min(axis=1), 0.0, atol=1e-12)


def snapped(parts: list[float], sigma: float, options: SnapOptions):
    """Beats with notes at 0 and at a part of a beat, with jitter, and the parts after snapping."""
    rng = np.random.default_rng(7)
    times = [BEAT_MS * (beat + x) for beat, part in enumerate(parts) for x in (0.0, part)]
    raw = [Rice(i % 4, t + rng.normal(0, sigma)) for i, t in enumerate(times)]
    got = snap_chart(raw, RED, options)
    after = {
        source: note.start_ms for source, note in zip(got.sources, got.hit_objects, strict=True)
    }
    return [
        after[2 * beat + 1] / BEAT_MS - beat for beat in range(len(parts)) if 2 * beat + 1 in after
    ]


@pytest.mark.parametrize("common", [1 / 2, 2 / 3])
def test_a_doubtful_beat_follows_the_song(common):
    """0.58 of a beat lies half-way between 1/2 and 2/3."""
    parts = [common] * 64
    parts[20] = parts[41] = 7 / 12
    options = SnapOptions(divisors=(1, 2, 3), jitter_ms=12.0, unfit="move")
    found = snapped(parts, 4.0, options)
    np.testing.assert_allclose(found, common, atol=1e-9)


def test_clear_notes_win_against_the_song():
    parts = [1 / 4] * 64
    parts[24:32] = [2 / 3] * 8
    found = snapped(parts, 3.0, SnapOptions(star_rating=6.0, unfit="move"))
    np.testing.assert_allclose(found, parts, atol=1e-9)


def test_quarters_do_not_go_to_thirds_where_the_tier_has_no_quarters():
    """At 200 BPM a Normal chart may have 1/3 (100 ms), not 1/4 (75 ms)."""
    options = SnapOptions(star_rating=2.5, unfit="move")
    assert options.allowed(BEAT_MS) == (1, 2, 3)
    found = snapped([1 / 4] * 64, 6.0, options)
    assert set(np.round(found, 6)) <= {0.0, 0.5}
    swing = snapped([2 / 3] * 64, 6.0, options)
    np.testing.assert_allclose(swing, 2 / 3, atol=1e-9)


def test_a_beat_may_use_the_dominant_divisor_and_its_parts():
    permitted = Permitted((DIVISORS, (3,)), {(0, 4): 6, (0, 5): 4, (1, 0): 4})
    assert permitted.of(0, 4) == (1, 2, 3, 6, 12)
    assert permitted.of(0, 5) == (1, 2, 4, 8, 16)
    assert permitted.of(0, 6) == DIVISORS
    assert permitted.of(1, 0) == (3,)
