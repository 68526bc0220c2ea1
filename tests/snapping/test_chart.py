"""Snapping by beat and voice: known charts, known answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mug import tiers as lint_tiers
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.compose.charts import make_charts
from mug.compose.composer import compose_song
from mug.compose.style import SongStyle
from mug.errors import DataError
from mug.snapping.columns import DUPLICATE, INSIDE, NO_LINE, NOW_A_TAP, UNFIT
from mug.snapping.nearest import SnapOptions, snap_chart
from mug.snapping.options import DIVISORS, TIERS, allowed_divisors, tier_of

RED = [TimingPoint(0.0, 480.0)]  # 125 bpm: 1/2 240, 1/3 160, 1/4 120, 1/6 80, 1/8 60 ms
ALL = SnapOptions(divisors=DIVISORS)


def starts(got) -> list[float]:
    return [note.start_ms for note in got.hit_objects]


def pattern(parts, beats: int, first: int = 0) -> list[float]:
    """Times of the same parts of each beat."""
    return [480.0 * (first + beat + part) for beat in range(beats) for part in parts]


def in_columns(times, keys: int = 4) -> list[Rice]:
    return [Rice(index % keys, float(time)) for index, time in enumerate(times)]


def jittered(times, sigma: float, seed: int = 0) -> np.ndarray:
    return np.asarray(times) + np.random.default_rng(seed).normal(0, sigma, len(times))


@pytest.mark.parametrize(
    ("star_rating", "beat_ms", "want"),
    [
        (1.0, 500.0, (1, 2, 3)),
        (1.0, 400.0, (1, 2)),  # 1/3 would be 133 ms
        (1.0, 250.0, (1,)),
        (2.5, 500.0, (1, 2, 3, 4)),
        (2.5, 300.0, (1, 2, 3)),
        (3.0, 500.0, (1, 2, 3, 4, 6)),
        (5.0, 500.0, (1, 2, 3, 4, 6, 8)),
        (6.0, 500.0, DIVISORS),
        (None, 500.0, DIVISORS),
        (6.0, 187.5, (1, 2, 3, 4, 6, 8)),  # 320 bpm
    ],
)
def test_divisors_follow_difficulty_and_tempo(star_rating, beat_ms, want):
    assert allowed_divisors(star_rating, beat_ms) == want
    assert SnapOptions(star_rating=star_rating).allowed(beat_ms) == want


def test_tiers_rise():
    assert [tier_of(stars).name for stars in (0.0, 2.0, 3.99, 4.0, 12.0)] == [
        "Easy",
        "Normal",
        "Hard",
        "Insane",
        "Expert",
    ]
    for easier, harder in itertools.pairwise(TIERS):
        assert easier.below < harder.below
        assert easier.least_gap_ms > harder.least_gap_ms
        assert set(easier.divisors) <= set(harder.divisors)


def test_tiers_are_those_of_lint():
    assert [tier.tier for tier in TIERS] == list(lint_tiers.Tier)
    for stars in (0.0, 1.99, 2.0, 2.7, 3.99, 4.0, 5.29, 5.3, 12.0):
        assert tier_of(stars).tier is lint_tiers.tier_of(stars)
        assert stars < tier_of(stars).below


def test_exact_notes_stay_to_the_bit():
    times = pattern((0, 1 / 4, 1 / 2, 3 / 4), 20) + pattern((0, 1 / 3, 2 / 3, 5 / 6), 20, 20)
    got = snap_chart(in_columns(times), RED, ALL)
    assert starts(got) == times
    assert got.settled
    assert (got.moves, got.unfit, got.removed) == ({}, (), ())


def test_a_cut_file_stays_as_its_author_wrote_it():
    red = [TimingPoint(37.4, 60000 / 173.3)]
    lines = 37.4 + np.arange(400) * red[0].beat_ms / 4
    got = snap_chart(in_columns(np.floor(lines)), red, ALL)
    assert got.moves == {}


@pytest.mark.parametrize("sigma", [4.0, 8.0, 16.0])
def test_jitter_is_estimated_and_taken_away_without_bias(sigma):
    times = np.array(pattern((0, 1 / 4, 1 / 2, 3 / 4), 150))
    got = snap_chart(in_columns(jittered(times, sigma)), RED, SnapOptions(star_rating=3.0))
    errors = np.array(starts(got)) - times
    assert got.jitter_ms == pytest.approx(sigma, rel=0.15)
    assert np.mean(np.abs(errors) < 1e-6) > 0.99
    assert abs(errors.mean()) < 0.5
    assert not got.settled


def test_errors_of_opposite_jitter_cancel():
    # Every note comes early once and late once, by the same: no rounding may prefer a side.
    times = np.array(pattern((0, 1 / 4, 1 / 2, 3 / 4), 60))
    off = jittered(np.zeros(len(times)), 20.0)
    late = np.array(starts(snap_chart(in_columns(times + off), RED, ALL)))
    # In the mirror of time the grid is the same.
    early = np.array(starts(snap_chart(in_columns((-times - off)[::-1]), RED, ALL)))
    np.testing.assert_allclose(late, -early[::-1], atol=1e-6)


def test_swing_is_triplet_and_straight_is_straight():
    swing = pattern((0, 2 / 3), 16)
    straight = pattern((0, 1 / 4, 1 / 2, 3 / 4), 16, 16)
    times = [*swing, *straight]
    got = snap_chart(in_columns(jittered(times, 9.0)), RED, SnapOptions(star_rating=3.0))
    np.testing.assert_allclose(starts(got), times, atol=1e-6)
    assert [beat.divisor for beat in got.beats] == [3] * 16 + [4] * 16
    assert [beat.time_ms for beat in got.beats[:3]] == [0.0, 480.0, 960.0]


def test_swing_is_kept_in_every_tier_that_may_play_it():
    times = pattern((0, 2 / 3), 16)
    for stars in (1.5, 2.5, 3.0, 5.0, 7.0):
        got = snap_chart(in_columns(jittered(times, 5.0)), RED, SnapOptions(star_rating=stars))
        np.testing.assert_allclose(starts(got), times, atol=1e-6)


@pytest.mark.parametrize(
    ("parts", "want"), [((0, 1 / 3, 2 / 3), 2 / 3), ((0, 1 / 4, 3 / 4), 3 / 4)]
)
def test_a_doubtful_beat_follows_its_neighbours(parts, want):
    # 0.709 lies between 2/3 and 3/4, as far from the one as from the other.
    around = pattern(parts, 8)
    doubtful = 480.0 * (8 + (2 / 3 + 3 / 4) / 2)
    after = pattern(parts, 8, 9)
    raw = [*jittered(around, 8.0), 480.0 * 8, doubtful, *jittered(after, 8.0, 1)]
    got = snap_chart(in_columns(raw), RED, SnapOptions(divisors=(1, 2, 3, 4)))
    assert starts(got)[len(around) + 1] == pytest.approx(480.0 * (8 + want))


def test_a_chord_goes_to_one_time():
    # 1/8 lines are 60 ms apart; alone, the outer notes would be nearer to other lines.
    times = pattern((0, 1 / 2), 40)
    raw = in_columns(jittered(times, 10.0))
    raw += [Rice(4, 4808.0), Rice(5, 4799.0), Rice(6, 4790.0)]
    got = snap_chart(raw, RED, ALL)
    assert set(starts(got)[-3:]) == {4800.0}


def test_tails_have_lines_too_and_end_before_the_next_note():
    times = pattern((0, 1 / 2), 20)
    raw = [LongNote(0, t + 7.0, t + 247.0) for t in times[::4]]
    raw += [Rice(1, t - 6.0) for t in times]
    got = snap_chart(raw, RED, SnapOptions(star_rating=3.0))
    for note, time in zip(got.hit_objects[:5], times[::4], strict=False):
        assert note == LongNote(0, time, time + 240.0)
    # The tail comes at the next note's time: one step earlier.
    raw = [*raw[len(raw) - len(times) :], LongNote(0, 4.0, 955.0), Rice(0, 966.0)]
    got = snap_chart(raw, RED, SnapOptions(star_rating=1.0))
    hold, tap = got.hit_objects[-2:]
    assert tap == Rice(0, 960.0)
    assert hold == LongNote(0, 0.0, 720.0)


def test_no_hold_is_left_without_length():
    steady = in_columns(jittered(pattern((0,), 20), 6.0))
    got = snap_chart([*steady, LongNote(5, 4810.0, 4815.0)], RED, SnapOptions(divisors=(1, 2)))
    assert got.hit_objects[-1] == LongNote(5, 4800.0, 5040.0)
    squeezed = [*steady, LongNote(5, 5275.0, 5285.0), Rice(5, 5291.0)]
    got = snap_chart(squeezed, RED, SnapOptions(divisors=(1,), tolerance_ms=40.0))
    assert [(r.index, r.reason) for r in got.removed] == [(21, NO_LINE)]
    locked = [*steady, LongNote(5, 5275.0, 5285.0), Rice(5, 5283.0)]
    got = snap_chart(
        locked, RED, SnapOptions(divisors=(1,), tolerance_ms=40.0, locked={locked[-1]})
    )
    assert [(r.index, r.reason) for r in got.removed] == [(20, NOW_A_TAP)]
    assert (
        got.hit_objects[-2:] == (Rice(5, 5280.0), Rice(5, 5283.0))
        or got.hit_objects[-1] == (locked[-1])
    )


def test_what_is_there_twice_or_inside_a_hold_is_removed_and_listed():
    notes = [Rice(0, 0.0), Rice(0, 1.0), LongNote(1, 0.0, 960.0), Rice(1, 480.0), Rice(2, 480.0)]
    got = snap_chart(notes, RED, ALL)
    assert [(r.index, r.reason) for r in got.removed] == [(1, DUPLICATE), (3, INSIDE)]
    assert got.sources == (0, 2, 4)
    # A hold is worth more than a tap at its head.
    got = snap_chart([Rice(0, 0.0), LongNote(0, 1.0, 480.0)], RED, ALL)
    assert [type(note) for note in got.hit_objects] == [LongNote]


def test_of_two_that_want_one_line_the_nearer_gets_it():
    steady = in_columns(jittered(pattern((0,), 20), 6.0))
    raw = [*steady, Rice(5, 4793.0), Rice(5, 4811.0)]
    got = snap_chart(raw, RED, SnapOptions(divisors=(1,)))
    assert got.hit_objects[-1] == Rice(5, 4800.0)
    assert [(r.index, r.reason) for r in got.removed] == [(21, NO_LINE)]


def test_unfit_notes_are_kept_moved_or_dropped():
    notes = [*in_columns(pattern((0,), 12)), Rice(5, 700.0), LongNote(6, 960.0, 1130.0)]
    keep = snap_chart(notes, RED, SnapOptions(divisors=(1,)))
    assert keep.hit_objects == tuple(notes)
    move = snap_chart(notes, RED, SnapOptions(divisors=(1,), unfit="move"))
    assert move.hit_objects[-2:] == (Rice(5, 480.0), LongNote(6, 960.0, 1440.0))
    assert (move.moves, move.tail_moves) == ({12: -220.0}, {13: 310.0})
    drop = snap_chart(notes, RED, SnapOptions(divisors=(1,), unfit="drop"))
    assert drop.hit_objects == tuple(notes[:12])
    assert [(r.index, r.reason) for r in drop.removed] == [(12, UNFIT), (13, UNFIT)]
    assert keep.unfit == move.unfit == drop.unfit == (12, 13)


def test_a_tail_that_the_next_note_leaves_no_line():
    # 25 ms of jitter; the head goes to -120, the next note to 0, and 1/4 has no line between.
    notes = [*in_columns(jittered(pattern((0,), 20, 1), 25.0)), LongNote(5, -65.0, -64.0)]
    notes.append(Rice(5, 0.0))
    for unfit, want in (("keep", LongNote(5, -120.0, -64.0)), ("drop", Rice(5, -120.0))):
        options = SnapOptions(divisors=(4,), unfit=unfit)
        got = snap_chart(notes, RED, options)
        assert got.hit_objects[20:] == (want, Rice(5, 0.0))
        assert got.unfit == ((20,) if unfit == "keep" else ())
        assert snap_chart(got.hit_objects, RED, options).hit_objects == got.hit_objects


def test_each_red_line_rules_its_own_stretch():
    reds = [TimingPoint(4000.0, 300.0), TimingPoint(0.0, 400.0, meter=3)]
    times = [400.0 * k for k in range(10)] + [4000.0 + 150.0 * k for k in range(20)]
    got = snap_chart(in_columns(jittered(times, 6.0)), reds, SnapOptions(divisors=(1, 2)))
    np.testing.assert_allclose(starts(got), times, atol=1e-9)
    # A line within 2.5 ms before a red line is that red line.
    reds = [TimingPoint(0.0, 400.0), TimingPoint(4001.5, 300.0)]
    got = snap_chart(in_columns(jittered(times[:11], 6.0)), reds, SnapOptions(divisors=(1,)))
    assert starts(got)[-1] == 4001.5


def test_eighteen_columns():
    chord = [Rice(column, 963.0 + column % 3) for column in range(18)]
    got = snap_chart([*in_columns(jittered(pattern((0,), 20, 5), 6.0)), *chord], RED, ALL)
    assert [n.column for n in got.hit_objects[-18:]] == list(range(18))
    assert set(starts(got)[-18:]) == {960.0}


@pytest.mark.parametrize(
    "arguments",
    [
        {"star_rating": -1.0},
        {"divisors": ()},
        {"divisors": (0, 1)},
        {"divisors": (1, 97)},
        {"tolerance_ms": -1.0},
        {"tolerance_ms": float("nan")},
        {"jitter_ms": float("inf")},
    ],
)
def test_senseless_options_are_refused(arguments):
    with pytest.raises(DataError):
        SnapOptions(**arguments)


def test_senseless_charts_are_refused():
    with pytest.raises(DataError):
        snap_chart([Rice(0, 0.0)], [])
    with pytest.raises(DataError):
        snap_chart([Rice(0, 0.0)], [TimingPoint(0.0, 0.0)])
    with pytest.raises(DataError, match="finite"):
        snap_chart([Rice(0, float("nan"))], RED)
    assert snap_chart([], RED).hit_objects == ()


@pytest.mark.parametrize("swing", [0.5, 2 / 3])
def test_composed_charts_come_back(swing):
    style = SongStyle(swing_p=1.0, swing=(swing, swing), metres={"4/4": 1.0})
    good = total = 0
    for seed in (1,):
        song = compose_song(seed, style)
        for chart in make_charts(song, audio_filename="a.wav", beatmapset_id=seed):
            truth = np.array([n.start_ms for n in chart.hit_objects])
            raw = [
                Rice(n.column, float(t))
                for n, t in zip(chart.hit_objects, jittered(truth, 8.0), strict=True)
            ]
            got = snap_chart(raw, chart.red_lines)
            assert got.removed == ()
            good += np.sum(np.abs(np.array(starts(got)) - truth) <= 0.501)
            total += len(truth)
    assert good / total > 0.97


@pytest.mark.real_data
@pytest.mark.parametrize("part", range(12))
def test_human_charts_are_fixed_points(real_data, part):
    charts = sorted(real_data.glob("songs/*/*.osu"))
    assert len(charts) > 30
    for path in charts[part::12]:
        chart = osu.read(path)
        got = snap_chart(chart.hit_objects, chart.red_lines, ALL)
        same = sum(
            chart.hit_objects[i] == note
            for i, note in zip(got.sources, got.hit_objects, strict=True)
        )
        assert same / len(chart.hit_objects) >= 0.99, path.name


@pytest.mark.real_data
def test_human_charts_come_back(real_data):
    for path in sorted(real_data.glob("songs/*/*[[]Insane*.osu"))[:2]:
        chart = osu.read(path)
        truth = np.array([n.start_ms for n in chart.hit_objects])
        raw = [
            Rice(n.column, float(t))
            for n, t in zip(chart.hit_objects, jittered(truth, 8.0), strict=True)
        ]
        got = snap_chart(raw, chart.red_lines, SnapOptions(star_rating=5.0))
        errors = {
            i: note.start_ms - truth[i]
            for i, note in zip(got.sources, got.hit_objects, strict=True)
        }
        assert np.mean([abs(errors.get(i, 99.0)) <= 2 for i in range(len(truth))]) > 0.98
        assert abs(np.mean(list(errors.values()))) < 1.0
