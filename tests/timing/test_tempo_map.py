"""Tempo maps: beats and times invert each other, and every format's timing points are read."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mug.beatmap.formats import registry as formats
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError, DataError
from mug.timing.tempo_map import TempoMap, timing_from_file

TWO = TempoMap((TimingPoint(1000.0, 500.0), TimingPoint(3000.0, 250.0, meter=3)))

gaps = st.lists(st.tuples(st.floats(50, 20000), st.floats(100, 2000)), min_size=1, max_size=5)


def made(start_ms: float, parts: list[tuple[float, float]]) -> TempoMap:
    lines, time_ms = [], start_ms
    for gap, beat_ms in parts:
        lines.append(TimingPoint(time_ms, beat_ms))
        time_ms += gap
    return TempoMap(tuple(lines))


def test_beats_are_counted_through_red_lines():
    assert [TWO.beat_at(t) for t in (500, 1000, 2000, 3000, 3500)] == [-1, 0, 2, 4, 6]
    assert [TWO.time_of_beat(b) for b in (-1, 0, 2, 4, 6)] == [500, 1000, 2000, 3000, 3500]
    assert (TWO.line_at(0).bpm, TWO.line_at(2999).bpm, TWO.line_at(3000).bpm) == (120, 120, 240)


@given(st.floats(-5000, 5000), gaps, st.floats(-20000, 120000))
def test_time_to_beat_and_back(start_ms, parts, time_ms):
    tempo = made(start_ms, parts)
    assert tempo.time_of_beat(tempo.beat_at(time_ms)) == pytest.approx(time_ms, abs=1e-6)


@given(st.floats(-5000, 5000), gaps, st.floats(-20000, 90000), st.floats(-3000, 3000))
def test_a_shift_moves_every_beat(start_ms, parts, time_ms, by_ms):
    tempo = made(start_ms, parts)
    moved = tempo.shifted(by_ms)
    if tempo.line_at(time_ms).beat_ms == moved.line_at(time_ms + by_ms).beat_ms:
        assert moved.beat_at(time_ms + by_ms) == pytest.approx(tempo.beat_at(time_ms), abs=1e-6)
    assert [p.time_ms for p in moved.red_lines] == [p.time_ms + by_ms for p in tempo.red_lines]
    assert [p.beat_ms for p in moved.red_lines] == [p.beat_ms for p in tempo.red_lines]


@given(gaps, st.floats(-20000, 90000), st.sampled_from([0.5, 2.0, 1.5]))
def test_scaling_counts_more_beats_in_the_same_time(parts, time_ms, factor):
    tempo = made(0.0, parts)
    scaled = tempo.scaled(factor)
    assert scaled.beat_at(time_ms) == pytest.approx(factor * tempo.beat_at(time_ms), abs=1e-6)
    assert scaled.bpm == pytest.approx(factor * tempo.bpm)


def test_of_points_sorts_and_keeps_the_last_of_one_time():
    points = [TimingPoint(900.0, 300.0), TimingPoint(0.0, 500.0), TimingPoint(0.0, 400.0)]
    assert [p.beat_ms for p in TempoMap.of_points(points).red_lines] == [400.0, 300.0]


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (TimingPoint(0.0, 0.0),),
        (TimingPoint(0.0, -500.0),),
        (TimingPoint(math.nan, 500.0),),
        (TimingPoint(0.0, math.inf),),
        (TimingPoint(0.0, 500.0, meter=0),),
        (TimingPoint(10.0, 500.0), TimingPoint(10.0, 400.0)),
    ],
)
def test_what_is_no_tempo_map_is_refused(lines):
    with pytest.raises(DataError):
        TempoMap(lines)


@pytest.mark.parametrize(("bpm", "offset_ms"), [(0, 0), (5000, 0), (math.nan, 0), (120, math.inf)])
def test_a_tempo_by_hand_is_checked(bpm, offset_ms):
    with pytest.raises(DataError, match="10 to 1000"):
        TempoMap.of_bpm(bpm, offset_ms)


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan])
def test_a_factor_is_checked(factor):
    with pytest.raises(DataError, match="above 0"):
        TWO.scaled(factor)


CHART = """osu file format v14

[General]
AudioFilename: a.mp3
Mode: 3

[Metadata]
Title:t
Artist:a
Creator:c
Version:v

[Difficulty]
CircleSize:4

[TimingPoints]
1000,500,4,1,0,100,1,0
3000,250,4,1,0,100,1,0

[HitObjects]
64,192,1000,1,0,0:0:0:0:
192,192,3000,1,0,0:0:0:0:
"""


@pytest.mark.parametrize("suffix", [".osu", ".qua", ".sm", ".ssc", ".mc"])
def test_timing_is_read_from_every_format(tmp_path, suffix):
    source = tmp_path / "a.osu"
    source.write_text(CHART, encoding="utf-8")
    path = tmp_path / f"b{suffix}"
    formats.write_any([osu.read(source)], path)
    tempo = timing_from_file(path)
    for time_ms in (1000.0, 2000.0, 3250.0, 4000.0):
        line = tempo.line_at(time_ms)
        assert line.beat_ms == pytest.approx(500 if time_ms < 3000 else 250, abs=0.01)
        beat = tempo.beat_at(time_ms) - tempo.beat_at(1000.0)
        assert beat == pytest.approx(
            (time_ms - 1000) / 500 + max(time_ms - 3000, 0) / 500, abs=0.01
        )


def test_a_missing_chart_or_timing_is_said(tmp_path):
    path = tmp_path / "a.osu"
    path.write_text(CHART, encoding="utf-8")
    with pytest.raises(BeatmapError, match="no such chart"):
        timing_from_file(path, chart=1)
    bare = "\n".join(row for row in CHART.splitlines() if not row.endswith("100,1,0"))
    path.write_text(bare, encoding="utf-8")
    with pytest.raises(BeatmapError):
        timing_from_file(path)
    with pytest.raises(BeatmapError):
        timing_from_file(tmp_path / "none.osu")
