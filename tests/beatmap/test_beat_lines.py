"""The beat grid against lines that are listed one by one."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.beat_lines import BeatLines, folded_beat_ms
from mug.beatmap.timing_points import TimingPoint

FEW = settings(max_examples=60, deadline=None)
LAST_MS = 6000.0
reds = st.lists(
    st.builds(
        TimingPoint,
        st.integers(-500, 5000).map(float),
        st.floats(180.0, 900.0),
        st.integers(1, 7),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda line: line.time_ms,
)
moments = st.floats(0.0, LAST_MS - 1000.0)


def listed(red_lines, divisor: int) -> list[float]:
    """Every line from 1 s before the song on, red line by red line."""
    ordered = sorted(red_lines, key=lambda line: line.time_ms)
    ends = [line.time_ms for line in ordered[1:]] + [math.inf]
    found = [line.time_ms for line in ordered]
    for place, (line, end) in enumerate(zip(ordered, ends, strict=True)):
        step = line.beat_ms / divisor
        first = math.floor((-1000.0 - line.time_ms) / step) if place == 0 else 0
        count = first
        while line.time_ms + count * step < min(end, LAST_MS + 1000.0):
            found.append(line.time_ms + count * step)
            count += 1
    return found


@FEW
@given(reds, moments, st.sampled_from([1, 2, 3, 4, 6, 12]))
def test_the_nearest_line_is_the_nearest_of_all_that_the_time_can_have(red_lines, time, divisor):
    lines = BeatLines(red_lines, merge_ms=0.0)
    at, after = lines.nearest(np.array([time]), divisor)
    assert at[0] == pytest.approx(time + after[0], abs=1e-6)
    # Lines of earlier sections end at the red line that rules.
    section = int(lines.section(np.array([time]))[0])
    begins = -math.inf if section == 0 else lines.start_ms[section]
    own = [line for line in listed(red_lines, divisor) if line >= begins]
    assert abs(after[0]) == pytest.approx(min(abs(line - time) for line in own), abs=1e-6)


@FEW
@given(reds, moments)
def test_beats_are_a_sum_over_sections_and_come_back_as_times(red_lines, time):
    lines = BeatLines(red_lines)
    ordered = sorted(red_lines, key=lambda line: line.time_ms)
    passed, rules = 0.0, ordered[0]
    for line, later in pairwise(ordered):
        if later.time_ms <= time:
            passed += (later.time_ms - line.time_ms) / line.beat_ms
            rules = later
    expected = passed + (time - rules.time_ms) / rules.beat_ms
    beats = lines.beats(np.array([time]))
    assert beats[0] == pytest.approx(expected, abs=1e-9)
    assert lines.times_of(beats)[0] == pytest.approx(time, abs=1e-6)
    assert lines.beat_at(np.array([time]))[0] == rules.beat_ms


@FEW
@given(reds, st.sampled_from([1, 2, 3, 4]))
def test_lines_are_all_that_are_listed(red_lines, divisor):
    lines = BeatLines(red_lines, merge_ms=0.0)
    found = lines.lines(0.0, LAST_MS, divisor, 1e-6)
    there = sorted({line for line in listed(red_lines, divisor) if 0 <= line <= LAST_MS})
    gaps = np.abs(found[:, None] - np.array(there)[None, :])
    assert (gaps.min(axis=1) < 1e-6).all()
    assert (gaps.min(axis=0) < 1e-5).all()
    bars = lines.bars(LAST_MS, 1e-6)
    assert {line.time_ms for line in red_lines if line.time_ms < LAST_MS} <= set(bars.tolist())


@given(st.floats(20.0, 5000.0))
def test_folding_keeps_the_music_and_gives_one_tempo_to_its_halves(beat_ms):
    folded = folded_beat_ms(beat_ms)
    assert folded * (1 + 1e-9) > 250.0
    assert folded <= 500.0
    octaves = math.log2(folded / beat_ms)
    assert octaves == pytest.approx(round(octaves), abs=1e-9)
    other = folded_beat_ms(2 * beat_ms)
    assert other == pytest.approx(folded, rel=1e-9) or {round(other), round(folded)} == {250, 500}
