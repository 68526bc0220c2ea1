"""Fixes: examples of each step, and what holds for every chart however bad."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_charts import chart, dense_notes, hold, mirror, tap

from mug.beatmap.hit_objects import LongNote, Rice
from mug.errors import DataError
from mug.lint.column_rules import pair_rule
from mug.lint.repair.fix import FIXABLE, fix
from mug.lint.rules import RULES, lint
from mug.lint.view import ROW_MS
from mug.tiers import LIMITS, Tier

HARD = LIMITS[Tier.HARD]
SEVERE = {"same_time", "inside_hold", "mini_jack", "release_gap"}


def fixed_by(notes, *rules, keys=4, tier=Tier.HARD, **options):
    return fix(notes, list(rules) or None, tier=tier, keys=keys, **options)


def kinds(fixed):
    return [change.kind for change in fixed.changes]


# ---------------------------------------------------------------------------- examples


def test_a_mini_jack_moves_to_the_other_finger_of_the_hand():
    fixed = fixed_by([tap(0, 1000), tap(0, 1050), tap(2, 1100)])
    assert fixed.hit_objects == (tap(0, 1000), tap(1, 1050), tap(2, 1100))
    (change,) = fixed.changes
    assert (change.kind, change.rule, change.time_ms) == ("moved", "mini_jack", 1050.0)
    assert str(change) == "1050 ms, column 1: moved to column 2 (mini_jack)"


def test_the_earlier_note_moves_where_the_later_cannot():
    notes = [tap(0, 1000), tap(0, 1080), *(tap(c, 1160) for c in (1, 2, 3))]
    fixed = fixed_by(notes, tier=Tier.HARD)
    assert [(c.before, c.after) for c in fixed.changes] == [(tap(0, 1000), tap(1, 1000))]


def test_where_there_is_no_room_the_later_note_goes():
    wall = [tap(c, t) for t in (950, 1030, 1110) for c in (1, 2, 3)]
    locked = set(wall)
    fixed = fixed_by([*wall, tap(0, 1000), tap(0, 1060)], "mini_jack", locked=locked.__contains__)
    assert set(fixed.hit_objects) == {*wall, tap(0, 1000)}
    assert kinds(fixed) == ["removed"]
    assert str(fixed.changes[0]) == "1060 ms, column 1: removed (mini_jack)"


def test_a_locked_later_note_makes_the_earlier_go():
    notes = [tap(0, 1000), tap(0, 1060)]
    fixed = fix(notes, tier=Tier.HARD, keys=1, locked=lambda note: note.start_ms > 1050)
    assert fixed.hit_objects == (tap(0, 1060),)
    assert fix(notes, tier=Tier.HARD, keys=1, locked=lambda _: True).hit_objects == tuple(notes)


def test_a_hold_is_shortened_before_anything_goes():
    fixed = fixed_by([hold(0, 1000, 3000), tap(0, 2000)], keys=1)
    assert fixed.hit_objects == (hold(0, 1000, 2000 - HARD.release_ms), tap(0, 2000))
    assert str(fixed.changes[0]) == "1000 ms, column 1: shortened to 1930 ms (inside_hold)"


def test_a_hold_with_little_left_becomes_a_tap_and_keeps_its_sound():
    short = LongNote(0, 1000.0, 1020.0, 2, "1:2:3:70:", 4)
    fixed = fixed_by([short, tap(1, 2000)])
    assert fixed.hit_objects[0] == Rice(0, 1000.0, 2, "1:2:3:70:", 4)
    assert str(fixed.changes[0]) == "1000 ms, column 1: shortened to a tap (short_hold)"


def test_of_two_at_one_time_the_tap_goes():
    for notes in ([tap(0, 1000), hold(0, 1000, 2000)], [hold(0, 1000, 2000), tap(0, 1000)]):
        assert fixed_by(notes, keys=1, tier=Tier.EXPERT).hit_objects == (hold(0, 1000, 2000),)


def test_a_chord_loses_taps_of_the_fuller_hand():
    notes = [hold(0, 1000, 2000), tap(1, 1000), tap(3, 1000), tap(1, 3000), tap(3, 3000)]
    fixed = fixed_by(notes, "chord_size", tier=Tier.EASY)
    assert fixed.hit_objects == (notes[0], *notes[2:])
    assert [c.rule for c in fixed.changes] == ["chord_size"]


def test_jacks_are_moved_and_never_removed():
    jack = [tap(0, 1000 + 150 * i) for i in range(12)]
    fixed = fixed_by(jack)
    assert kinds(fixed)
    assert set(kinds(fixed)) == {"moved"}
    assert not [f for f in lint(chart(fixed.hit_objects), tier=Tier.HARD) if f.rule == "jack"]
    assert fixed_by(jack, keys=1).hit_objects == tuple(jack)


def test_an_empty_column_gets_what_another_can_spare():
    notes = [tap(0, 1000), tap(0, 2000), tap(0, 2400), tap(2, 3000), tap(2, 4000)]
    fixed = fixed_by(notes, "empty_column")
    assert fixed.hit_objects == (tap(0, 1000), tap(1, 2000), tap(0, 2400), tap(3, 3000), notes[4])
    assert {change.rule for change in fixed.changes} == {"empty_column"}
    assert fixed_by(notes[2:4]).changes == ()  # no column has two
    kept = fixed_by(notes, locked=lambda note: note.column in (1, 3))
    assert kept.changes == ()


def test_a_shield_is_moved_and_never_removed():
    notes = [tap(0, 1000), hold(0, 1100, 2000)]
    fixed = fixed_by(notes)
    assert kinds(fixed) == ["moved"]
    assert {(type(n), n.start_ms) for n in fixed.hit_objects} == {
        (type(n), n.start_ms) for n in notes
    }
    assert fixed_by(notes, keys=1).hit_objects == tuple(notes)


def test_nothing_lies_after_the_song():
    notes = [*(tap(c, 1000) for c in range(4)), hold(1, 2000, 5000), tap(2, 6000), tap(3, 4005)]
    fixed = fixed_by(notes, "after_audio", audio_ms=4000.0)
    assert fixed.hit_objects == (*notes[:4], hold(1, 2000, 4000), notes[6])
    only = [*(tap(c, 1000) for c in range(3)), tap(3, 9000)]
    assert fixed_by(only, "after_audio", audio_ms=4000.0).hit_objects == tuple(only)


def test_what_is_locked_is_also_no_destination():
    notes = [tap(0, 1000), tap(0, 1050), tap(1, 3000)]
    fixed = fixed_by(notes, locked=lambda note: note.column == 1)
    assert fixed.hit_objects == (tap(0, 1000), tap(2, 1050), tap(1, 3000))


def test_only_what_was_asked_for():
    notes = [tap(0, 1000), tap(0, 1050), hold(1, 2000, 2010), tap(2, 3000), tap(2, 3050)]
    assert {c.rule for c in fixed_by(notes, "short_hold").changes} == {"short_hold"}
    findings = [f for f in lint(chart(notes), tier=Tier.HARD) if f.time_ms == 3000]
    assert [f.rule for f in findings] == ["mini_jack"]
    fixed = fix(chart(notes), findings, tier=Tier.HARD)
    assert [c.time_ms for c in fixed.changes] == [3050.0]
    few = [tap(0, 100), *notes]
    unfixable = [f for f in lint(chart(few), tier=Tier.HARD) if f.fix is None]
    assert unfixable
    assert fixed_by(notes, *unfixable).changes == ()
    assert fix(chart(notes), [], tier=Tier.HARD).changes == ()


def test_what_makes_no_sense_is_refused():
    with pytest.raises(DataError, match="Did you mean 'mini_jack'"):
        fixed_by([], "mini_jak")
    with pytest.raises(DataError, match="Give keys"):
        fix([tap(0, 0)], tier=Tier.EASY)
    with pytest.raises(DataError, match="beside the 4 columns"):
        fixed_by([tap(4, 0)])


def test_what_can_be_fixed_is_a_rule_and_findings_of_it_say_how():
    assert set(FIXABLE) <= {rule.name for rule in RULES}
    notes = [tap(0, 1000), tap(0, 1000), hold(1, 1000, 1010), tap(1, 1005), tap(9, 9e5)]
    for finding in lint(chart(notes, 10), tier=Tier.EASY, audio_ms=8e5):
        assert (finding.fix is not None) is (finding.rule in FIXABLE)


@pytest.mark.parametrize("tier", list(Tier))
def test_a_shortened_hold_is_long_enough(tier):
    """Else shortening would run into the limits of mini-jacks or of short holds."""
    limits = LIMITS[tier]
    assert limits.hold_ms + limits.release_ms >= limits.mini_jack_ms


# ---------------------------------------------------------------------------- for every chart

KEYS = pytest.mark.parametrize("keys", [4, 7])
TIERS = st.sampled_from(Tier)
EVERY = settings(max_examples=20, deadline=None)


def severe_pairs(notes, tier):
    ordered = sorted(notes, key=lambda n: n.start_ms)
    return [
        (first, second)
        for first, second in combinations(ordered, 2)
        if first.column == second.column and pair_rule(first, second, LIMITS[tier]) in SEVERE
    ]


@KEYS
@EVERY
@given(st.data())
def test_nothing_severe_is_left_and_chords_fit(keys, data):
    notes, tier = data.draw(dense_notes(keys)), data.draw(TIERS)
    fixed = fixed_by(notes, keys=keys, tier=tier)
    assert severe_pairs(fixed.hit_objects, tier) == []
    left = {f.rule for f in lint(chart(fixed.hit_objects, keys), tier=tier)}
    assert not left & (SEVERE | {"short_hold"})
    assert ("empty_column" in left) is (len(fixed.hit_objects) < keys)
    if "chord_size" in left:  # only where a column would lose its last note
        assert min(Counter(n.column for n in fixed.hit_objects).values()) == 1


@KEYS
@EVERY
@given(st.data())
def test_a_second_pass_changes_nothing(keys, data):
    notes, tier = data.draw(dense_notes(keys)), data.draw(TIERS)
    once = fixed_by(notes, keys=keys, tier=tier, audio_ms=2500.0)
    again = fixed_by(once.hit_objects, keys=keys, tier=tier, audio_ms=2500.0)
    assert again.changes == ()
    assert again.hit_objects == once.hit_objects


@KEYS
@EVERY
@given(st.data())
def test_every_change_is_listed(keys, data):
    notes, tier = data.draw(dense_notes(keys)), data.draw(TIERS)
    fixed = fixed_by(notes, keys=keys, tier=tier, audio_ms=2500.0)
    left = Counter(notes)
    for change in fixed.changes:
        assert left[change.before] > 0
        left[change.before] -= 1
        if change.after is not None:
            assert change.after.start_ms == change.before.start_ms
            assert change.after.last_ms <= change.before.last_ms
            left[change.after] += 1
    assert +left == Counter(fixed.hit_objects)


@KEYS
@EVERY
@given(st.data())
def test_what_is_locked_stays_and_nothing_joins_it(keys, data):
    notes, tier = data.draw(dense_notes(keys)), data.draw(TIERS)
    columns = data.draw(st.sets(st.integers(0, keys - 1), max_size=keys))
    first, last = sorted(data.draw(st.tuples(st.integers(500, 5000), st.integers(500, 5000))))

    def locked(note):
        return note.column in columns or first <= note.start_ms <= last

    fixed = fixed_by(notes, keys=keys, tier=tier, locked=locked)
    kept = [note for note in notes if locked(note)]
    assert [note for note in fixed.hit_objects if locked(note)] == kept
    for pair in severe_pairs(fixed.hit_objects, tier):
        assert all(map(locked, pair))
    again = fixed_by(fixed.hit_objects, keys=keys, tier=tier, locked=locked)
    assert again.changes == ()


@KEYS
@EVERY
@given(st.data())
def test_no_error_is_added_whatever_is_fixed(keys, data):
    notes, tier = data.draw(dense_notes(keys)), data.draw(TIERS)
    rules = data.draw(st.sets(st.sampled_from(FIXABLE), min_size=1))
    fixed = fixed_by(notes, *sorted(rules), keys=keys, tier=tier, audio_ms=2500.0)
    before, after = (
        Counter(
            f.rule
            for f in lint(chart(some, keys), tier=tier, audio_ms=2500.0)
            if f.severity == "error"
        )
        for some in (notes, fixed.hit_objects)
    )
    assert after.total() <= before.total()
    more = {rule: after[rule] - before[rule] for rule in after if after[rule] > before[rule]}
    assert more.keys() <= {"mini_jack", "release_gap"}  # was inside a hold before
    assert sum(more.values()) <= before["inside_hold"] - after["inside_hold"]
    assert {change.rule for change in fixed.changes} <= rules


@pytest.mark.parametrize("keys", [1, 2, 3, 4, 7, 10])
@settings(max_examples=8, deadline=None)
@given(st.data())
def test_the_mirror_of_a_chart_is_fixed_to_the_mirror(keys, data):
    notes, tier = data.draw(dense_notes(keys, most=30)), data.draw(TIERS)
    turned = mirror(notes, keys)
    first = fixed_by(notes, keys=keys, tier=tier)
    second = fixed_by(turned, keys=keys, tier=tier)
    if sorted(map(repr, notes)) != sorted(map(repr, turned)):  # else one side has to be preferred
        assert mirror(second.hit_objects, keys) == first.hit_objects
        assert [(c.rule, c.kind, c.time_ms) for c in first.changes] == [
            (c.rule, c.kind, c.time_ms) for c in second.changes
        ]


@KEYS
@settings(max_examples=12, deadline=None)
@given(st.data())
def test_starts_stay_and_so_does_the_order(keys, data):
    notes, tier = data.draw(dense_notes(keys)), data.draw(TIERS)
    fixed = fixed_by(notes, keys=keys, tier=tier)
    assert all(0 <= note.column < keys for note in fixed.hit_objects)
    assert {n.column for n in fixed.hit_objects} >= {n.column for n in notes} - {
        c.before.column for c in fixed.changes if c.kind == "moved"
    }
    left = iter(n.start_ms for n in notes)
    assert all(note.start_ms in left for note in fixed.hit_objects)  # a subsequence


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 2), min_size=2, max_size=40),
    st.sampled_from([45.0, 60.0, 75.0, 110.0]),
    st.sampled_from([Tier.HARD, Tier.INSANE, Tier.EXPERT]),
    st.booleans(),
)
def test_with_room_no_rule_is_broken_more_often_than_before(columns, step, tier, right):
    """One note at a time on three of ten columns: there is always somewhere to go."""
    notes = [tap(9 - c if right else c, 1000 + step * i) for i, c in enumerate(columns)]
    fixed = fixed_by(notes, keys=10, tier=tier)
    before, after = (
        Counter(f.rule for f in lint(chart(some, 10), tier=tier))
        for some in (notes, fixed.hit_objects)
    )
    assert {rule for rule in after if after[rule] > before[rule]} == set()
    assert len(fixed.hit_objects) == len(notes)


def test_a_move_goes_past_a_column_where_it_would_make_an_anchor():
    """Column 1 is nearest, and the note would close the gap between two halves of an anchor."""
    halves = [tap(1, 1000 + 180 * i) for i in range(8) if i != 4]
    between = [tap(3, 1045 + 180 * i) for i in range(8)]
    notes = [*halves, *between, tap(0, 1640), tap(0, 1720)]
    fixed = fixed_by(notes, "mini_jack", keys=8)
    assert [(c.before, c.after) for c in fixed.changes] == [(tap(0, 1720), tap(2, 1720))]


def test_a_move_goes_past_a_column_where_it_would_make_a_trill():
    """Column 1 is taken; column 2 is the next, and would be the eighth note in turn."""
    trill = [tap(3 - i % 2, 1000 + 90 * i) for i in range(7)]
    notes = [*trill, tap(0, 1590), tap(0, 1630), tap(1, 1610)]
    fixed = fixed_by(notes, "mini_jack")
    assert [(c.before, c.after) for c in fixed.changes] == [(tap(0, 1630), tap(3, 1630))]


def test_rows_keep_their_size_unless_notes_go():
    notes = [tap(i % 3, 1000 + 40 * (i // 3)) for i in range(60)]
    fixed = fixed_by(notes, tier=Tier.INSANE, keys=7)
    assert kinds(fixed)
    assert set(kinds(fixed)) == {"moved"}
    assert Counter(n.start_ms // ROW_MS for n in notes) == Counter(
        n.start_ms // ROW_MS for n in fixed.hit_objects
    )
