"""What is measured on a finished chart: snaps, density, balance, features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.pipeline.judge.measures import (
    DIVISORS,
    density,
    hand_shares,
    measurable,
    measure,
    note_times,
    snaps,
)

LINE = TimingPoint(100.0, 480.0)


@pytest.mark.parametrize("divisor", DIVISORS)
@pytest.mark.parametrize("error_ms", [-1.9, 0.0, 0.5, 1.9])
def test_each_divisor_is_recognised(divisor: int, error_ms: float) -> None:
    beat = 480.0 * np.arange(-2, 9)
    found = snaps(100.0 + beat + 480.0 / divisor + error_ms, [LINE])
    assert set(found.tolist()) == {divisor}


def test_what_fits_no_divisor_is_off_the_grid() -> None:
    assert snaps(np.array([100 + 480 / 5, 100 + 480 / 7, 103.0]), [LINE]).tolist() == [0, 0, 0]
    assert snaps(np.array([100.0]), []).tolist() == [0]
    useless = [TimingPoint(0.0, -5.0), TimingPoint(0.0, float("inf")), TimingPoint(0.0, 0.0)]
    assert snaps(np.array([100.0]), useless).tolist() == [0]
    assert snaps(np.array([100.0]), [*useless, LINE]).tolist() == [1]


def test_the_red_line_in_force_counts() -> None:
    later = TimingPoint(1000.0, 300.0)
    times = np.array([580.0, 999.0, 1000.0, 1150.0, 1300.0, 1060.0])
    assert snaps(times, [later, LINE]).tolist() == [1, 1, 1, 2, 1, 0]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 60_000), min_size=1, max_size=30),
    st.integers(-5000, 5000),
    st.sampled_from([300.0, 375.0, 461.5]),
)
def test_shifting_everything_changes_nothing(times: list[int], shift: int, beat_ms: float) -> None:
    at = np.array(times, dtype=np.float64)
    here = snaps(at, [TimingPoint(12.0, beat_ms)])
    assert (here == snaps(at + shift, [TimingPoint(12.0 + shift, beat_ms)])).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e4, 2e6), max_size=60))
def test_density_counts_every_note_once(times: list[float]) -> None:
    chart = Beatmap(4, tuple(Rice(0, time) for time in times))
    _, step_s, values = density(chart)
    assert sum(values) * step_s == pytest.approx(len(times))
    assert len(values) <= 600
    if times:
        assert step_s == max(1, -(-(int(max(times) // 1000) - int(min(times) // 1000) + 1) // 600))


def test_density_of_a_steady_chart_is_its_rate() -> None:
    chart = Beatmap(4, tuple(Rice(i % 4, 125.0 * i) for i in range(80)))
    assert density(chart) == (0.0, 1.0, [8.0] * 10)
    assert density(Beatmap(4)) == (0.0, 1.0, [])


def test_hands() -> None:
    seven = Beatmap(7, tuple(Rice(column, 0.0) for column in (0, 2, 3, 6)))
    assert hand_shares(seven) == {"left": 0.5, "middle": 0.25, "right": 0.25}
    four = Beatmap(4, (Rice(1, 0.0), Rice(2, 0.0)))
    assert hand_shares(four) == {"left": 0.5, "middle": 0.0, "right": 0.5}
    assert set(hand_shares(Beatmap(4)).values()) == {0.0}


def test_times_are_starts_and_ends() -> None:
    chart = Beatmap(4, (Rice(0, 5.0), LongNote(1, 10.0, 20.0)))
    assert sorted(note_times(chart)) == [5.0, 10.0, 20.0]


def test_features_and_why_some_are_unknown() -> None:
    notes = tuple(Rice(i % 4, 1000.0 + 125 * i) for i in range(80))
    four = measure(Beatmap(4, notes))
    assert set(four.features) == set(measurable())
    assert four.unknown == {}
    assert four.features["rc"] is True
    assert isinstance(four.features["stream"], bool)
    seven = measure(Beatmap(7, notes))
    assert set(seven.features) == {"sr", "density", "ln_ratio", "rc", "hb", "ln"}
    assert "7 keys" in seven.unknown["ett"]
    empty = measure(Beatmap(4))
    assert empty.features == {}
    assert all("without objects" in why for why in empty.unknown.values())


@pytest.mark.real_data
def test_human_charts_lie_on_their_grid(real_data: Path) -> None:
    for path in sorted((real_data / "songs").glob("*/*.osu"))[::8]:
        chart = osu.read(path)
        assert (snaps(note_times(chart), chart.red_lines) > 0).mean() > 0.995, path.name
