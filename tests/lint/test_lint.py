"""Lint: what each rule finds, what it leaves alone, and what holds for every chart."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_charts import chart, dense_notes, hold, mirror, tap

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.lint.findings import Fix
from mug.lint.rules import count_by_severity, lint, tier_for
from mug.lint.view import hand, same_hand
from mug.tiers import LIMITS, Tier, estimated_stars, tier_named, tier_of

QUIET = [tap(c, 1000 + 1000 * c) for c in range(4)]  # every column is used, nothing is wrong


def found(notes, rule, tier=Tier.HARD, keys=4, **options):
    return lint(chart(notes, keys), tier=tier, rules=[rule], **options)


def test_a_calm_chart_has_no_findings():
    notes = [tap(i % 4, 1000 + 333 * i) for i in range(100)]
    for tier in set(Tier) - {Tier.EASY}:
        assert lint(chart(notes), tier=tier, audio_ms=60000.0) == ()


# ---------------------------------------------------------------------------- one column


def test_same_time():
    (finding,) = found([*QUIET, tap(1, 2000)], "same_time")
    assert (finding.time_ms, finding.columns, finding.severity) == (2000.0, (1,), "error")
    assert finding.fix == Fix("move", 2000.0, 1)
    assert found([*QUIET, tap(0, 2000)], "same_time") == ()
    assert found([*QUIET, tap(1, 2001)], "same_time") == ()


def test_inside_hold_also_behind_a_shorter_note():
    notes = [hold(1, 2000, 4000), hold(1, 2500, 2600), tap(1, 3900), tap(1, 4100)]
    assert [f.time_ms for f in found(notes, "inside_hold")] == [2500.0, 3900.0]
    assert found([hold(1, 2000, 4000), tap(1, 4000)], "inside_hold") == ()


@pytest.mark.parametrize("tier", list(Tier))
def test_mini_jack_at_the_limit(tier):
    limit = LIMITS[tier].mini_jack_ms
    (finding,) = found([tap(2, 1000), tap(2, 1000 + limit - 1)], "mini_jack", tier)
    assert finding.severity == "warning"
    assert (finding.time_ms, finding.end_ms) == (1000.0, 1000.0 + limit - 1)
    assert found([tap(2, 1000), tap(2, 1000 + limit)], "mini_jack", tier) == ()


def test_what_no_finger_can_do_is_an_error():
    (finding,) = found([tap(2, 1000), tap(2, 1039)], "mini_jack", Tier.EXPERT)
    assert finding.severity == "error"


def test_short_hold():
    limit = LIMITS[Tier.HARD].hold_ms
    findings = found(
        [hold(0, 1000, 1000 + limit), hold(1, 1000, 999 + limit), hold(2, 1000, 1000)],
        "short_hold",
    )
    assert [(f.columns, f.severity) for f in findings] == [((1,), "warning"), ((2,), "error")]


def test_a_hold_that_ends_before_it_begins_is_an_error():
    (finding,) = found([hold(0, 1000, 900)], "short_hold")
    assert finding.severity == "error"
    assert finding.end_ms >= finding.time_ms


def test_release_gap():
    limit = LIMITS[Tier.HARD].release_ms
    kinds = [
        (f.end_ms - f.time_ms, f.severity)
        for gap in (5, limit - 1, limit)
        for f in found([hold(0, 1000, 2000), tap(0, 2000 + gap)], "release_gap")
    ]
    assert kinds == [(5.0, "error"), (limit - 1, "warning")]


def test_shield():
    limit = LIMITS[Tier.HARD].shield_ms
    (finding,) = found([tap(0, 1000), hold(0, 999 + limit, 3000)], "shield")
    assert finding.severity == "warning"
    assert finding.fix == Fix("move", 1000.0, 0)
    assert found([tap(0, 1000), hold(0, 1000 + limit, 3000)], "shield") == ()
    assert found([tap(0, 1000), tap(0, 999 + limit)], "shield") == ()


def test_a_jack_has_nothing_between_and_an_anchor_has():
    limits = LIMITS[Tier.HARD]
    jack = [tap(0, 1000 + 160 * i) for i in range(limits.jack_notes + 1)]
    (finding,) = found(jack, "jack")
    assert (finding.time_ms, finding.end_ms) == (1000.0, jack[-1].start_ms)
    assert found(jack[:-1], "jack") == ()
    assert found(jack, "anchor") == ()
    slow = [tap(0, 1000 + (limits.jack_ms + 1) * i) for i in range(20)]
    assert found(slow, "jack") == ()

    notes = [tap(0, 1000 + 160 * i) for i in range(limits.anchor_notes + 1)]
    between = [tap(1 + i % 3, 1080 + 160 * i) for i in range(limits.anchor_notes)]
    assert found([*notes, *between], "jack") == ()
    (finding,) = found([*notes, *between], "anchor")
    assert finding.columns == (0,)
    assert found([*notes[:-1], *between], "anchor") == ()


def test_jacks_are_a_skill_in_the_highest_tiers():
    jack = [tap(0, 1000 + 105 * i) for i in range(20)]
    severities = [found(jack, "jack", tier)[0].severity for tier in Tier]
    assert severities == ["warning", "warning", "warning", "note", "note"]


# ---------------------------------------------------------------------------- several columns


def test_chord_size():
    triple = [tap(c, 1000) for c in range(3)]
    (finding,) = found(triple, "chord_size", Tier.EASY)
    assert finding.columns == (0, 1, 2)
    assert finding.fix is not None
    assert finding.fix.action == "remove"
    assert found(triple, "chord_size", Tier.HARD) == ()
    assert found(triple[:2], "chord_size", Tier.EASY) == ()
    apart = [tap(c, 1000 + 4 * c) for c in range(3)]  # the last is not within 5 ms of the first
    assert found(apart, "chord_size", Tier.EASY) == ()


def test_a_chord_may_have_two_notes_and_never_more_than_there_are_columns():
    for tier in Tier:
        for keys in range(1, 19):
            most = LIMITS[tier].chord_notes(keys)
            assert min(2, keys) <= most <= keys
    assert [LIMITS[t].chord_notes(4) for t in Tier] == [2, 3, 3, 4, 4]
    assert [LIMITS[t].chord_notes(7) for t in Tier] == [3, 4, 6, 6, 7]


def test_one_hand_trill():
    most = LIMITS[Tier.HARD].trill_notes
    trill = [tap(i % 2, 1000 + 100 * i) for i in range(most + 1)]
    (finding,) = found(trill, "one_hand_trill")
    assert finding.columns == (0, 1)
    assert "left" in finding.message
    assert "right" in found(mirror(trill, 4), "one_hand_trill")[0].message
    assert found(trill[:-1], "one_hand_trill") == ()
    two_hands = [tap(3 * (i % 2), 1000 + 100 * i) for i in range(50)]
    assert found(two_hands, "one_hand_trill") == ()
    rolls = [tap(i % 3, 1000 + 100 * i) for i in range(50)]
    assert found(rolls, "one_hand_trill", keys=7) == ()


def test_density_spike():
    usual = [tap(i % 4, 1000 + 333 * i) for i in range(200)]
    assert found(usual, "density_spike") == ()
    burst = [tap(i % 4, 30000 + 41 * i) for i in range(32)]
    (finding,) = found([*usual, *burst], "density_spike")
    assert 28000 < finding.time_ms < 31500
    assert finding.end_ms > finding.time_ms


# ---------------------------------------------------------------------------- the whole chart


def test_after_audio():
    notes = [tap(0, 1000), hold(1, 1000, 5000), tap(2, 6000)]
    findings = found(notes, "after_audio", audio_ms=4000.0)
    assert [(f.columns, f.severity, f.fix and f.fix.action) for f in findings] == [
        ((1,), "warning", "shorten"),
        ((2,), "error", "remove"),
    ]
    assert found(notes, "after_audio", audio_ms=6000.0) == ()
    assert found(notes, "after_audio") == ()


def test_early_start():
    assert found([tap(0, -1)], "early_start")[0].severity == "error"
    assert found([tap(0, 100)], "early_start")[0].severity == "note"
    assert found([tap(0, 500)], "early_start") == ()


def test_empty_column():
    (finding,) = found(QUIET[:3], "empty_column")
    assert (finding.columns, finding.severity) == ((3,), "error")
    assert found(QUIET, "empty_column") == ()
    assert found([], "empty_column")[0].columns == (0, 1, 2, 3)


def test_long_break_counts_holds_as_playing():
    ends = [tap(0, 1000), tap(1, 12000)]
    (finding,) = found(ends, "long_break")
    assert (finding.time_ms, finding.end_ms) == (1000.0, 12000.0)
    assert found([*ends, hold(2, 1500, 11500)], "long_break") == ()


def test_missing_rest_is_about_easy_charts():
    seconds = LIMITS[Tier.EASY].rest_s
    without = [tap(i % 4, 1000 + 500 * i) for i in range(int(2 * seconds) + 10)]
    (finding,) = found(without, "missing_rest", Tier.EASY)
    assert finding.severity == "note"
    assert found(without, "missing_rest", Tier.NORMAL) == ()
    half = len(without) // 2
    rested = without[:half] + without[half + 4 :]
    assert found(rested, "missing_rest", Tier.EASY) == ()


def test_hand_balance():
    even = [tap(i % 4, 1000 + 100 * i) for i in range(400)]
    assert found(even, "hand_balance") == ()
    (left,) = found([tap(i % 2, 1000 + 100 * i) for i in range(400)], "hand_balance")
    assert (left.columns, left.severity) == ((0, 1), "warning")
    (right,) = found([tap(2 + i % 2, 1000 + 100 * i) for i in range(400)], "hand_balance")
    assert right.columns == (2, 3)
    assert found([tap(3, 1000 + 500 * i) for i in range(100)], "hand_balance", keys=7) == ()
    parts = [*even, *(tap(i % 2, 45000 + 200 * i) for i in range(75))]
    (part,) = found(parts, "hand_balance")
    assert part.severity == "note"
    assert part.time_ms > 35000


# ---------------------------------------------------------------------------- for every chart


@pytest.mark.parametrize("keys", range(1, 19))
def test_hands_are_mirror_images(keys):
    for column in range(keys):
        side, other = hand(column, keys), hand(keys - 1 - column, keys)
        assert (side is None and other is None) or {side, other} == {0, 1}
        assert same_hand(column, column, keys)
    if keys % 2:
        assert all(same_hand(keys // 2, column, keys) for column in range(keys))
    assert same_hand(0, keys - 1, keys) is (keys == 1)


@pytest.mark.parametrize("keys", [1, 2, 3, 4, 7, 18])
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_findings_are_sorted_and_mirror_with_the_chart(keys, data):
    notes = data.draw(dense_notes(keys))
    tier = data.draw(st.sampled_from(Tier))
    findings = lint(chart(notes, keys), tier=tier, audio_ms=3000.0)
    assert [f.time_ms for f in findings] == sorted(f.time_ms for f in findings)
    assert all(f.end_ms >= f.time_ms for f in findings)
    assert all(list(f.columns) == sorted(set(f.columns)) for f in findings)
    turned = lint(chart(mirror(notes, keys), keys), tier=tier, audio_ms=3000.0)

    def places(some, flip):
        return sorted(
            (
                f.rule,
                f.severity,
                f.time_ms,
                f.end_ms,
                sorted(keys - 1 - c if flip else c for c in f.columns),
            )
            for f in some
            if f.rule != "early_start"  # names one of the notes of the first chord
        )

    assert places(findings, True) == places(turned, False)
    assert sum(count_by_severity(findings).values()) == len(findings)


@settings(max_examples=30, deadline=None)
@given(dense_notes(4), st.randoms(use_true_random=False), st.sampled_from(Tier))
def test_the_order_of_notes_and_half_time_mean_nothing(notes, rng, tier):
    findings = lint(chart(notes), tier=tier)
    shuffled = list(notes)
    rng.shuffle(shuffled)
    assert lint(chart(shuffled, bpm=90.0), tier=tier) == findings


@settings(max_examples=20, deadline=None)
@given(dense_notes(4), st.integers(0, 10000))
def test_a_joint_shift_means_nothing(notes, shift):
    def moved(by):
        shifted = [
            hold(n.column, n.start_ms + by, n.last_ms + by)
            if n.last_ms != n.start_ms
            else tap(n.column, n.start_ms + by)
            for n in notes
        ]
        line = TimingPoint(float(by), 333.0)
        found = lint(Beatmap(4, tuple(shifted), (line,)), tier=Tier.NORMAL)
        return [(f.rule, f.columns) for f in found if f.rule != "empty_column"]

    assert moved(shift) == moved(0)


def test_stricter_tiers_find_more():
    notes = [note for gap in range(50, 250) for note in (tap(0, 1000 * gap), tap(0, 1001 * gap))]
    counts = [len(lint(chart(notes), tier=tier, rules=["mini_jack"])) for tier in Tier]
    assert counts == [115, 70, 40, 20, 10]


def test_limits_grow_laxer_with_the_tier():
    ordered = [LIMITS[tier] for tier in Tier]
    for easy, hard in pairwise(ordered):
        for name in ("mini_jack_ms", "jack_ms", "release_ms", "shield_ms", "hold_ms", "trill_ms"):
            assert getattr(easy, name) >= getattr(hard, name)
        assert easy.chord_share <= hard.chord_share


def test_tiers():
    stars = [0.0, 1.99, 2.0, 2.69, 2.7, 3.99, 4.0, 5.29, 5.3, 12.0]
    assert [tier_of(s) for s in stars] == [t for t in Tier for _ in range(2)]
    assert tier_named("easy") is tier_named("Easy") is Tier.EASY
    with pytest.raises(DataError, match=r"no such tier.*Did you mean 'Insane'"):
        tier_named("insan")
    with pytest.raises(DataError, match="number"):
        tier_of(math.nan)
    assert tier_for(chart(QUIET)) is Tier.EASY
    assert tier_for(chart(QUIET), 6.0) is Tier.EXPERT
    assert estimated_stars([]) < 1
    assert tier_for(chart([tap(i % 4, 40 * i) for i in range(400)])) >= Tier.INSANE


def test_what_no_rule_can_be_applied_to_is_refused():
    with pytest.raises(DataError, match="beside the 4 columns"):
        lint(chart([tap(4, 0)]))
    with pytest.raises(DataError, match="not a number"):
        lint(chart([tap(0, math.nan)]))
    with pytest.raises(DataError, match="Did you mean 'mini_jack'"):
        lint(chart(QUIET), rules=["minijack"])


def test_odd_timing_is_no_obstacle():
    lines = (TimingPoint(500.0, math.nan), TimingPoint(0.0, -1.0), TimingPoint(0.0, 0.0))
    assert lint(Beatmap(4, tuple(QUIET), lines), tier=Tier.EXPERT) == ()
