"""Invariants of `snap_chart` for any notes, red lines and options."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.snapping.nearest import SnapOptions, snap_chart
from mug.snapping.options import DIVISORS

KEYS = 5
# Eighths of a ms: sums and differences are exact, so that a shift changes no comparison.
moments = st.integers(-8000, 80000).map(lambda n: n / 8)
columns = st.integers(0, KEYS - 1)
taps = st.builds(Rice, columns, moments)
holds = st.builds(
    lambda column, start, length: LongNote(column, start, start + length / 8),
    columns,
    moments,
    st.integers(1, 8000),
)
loose = st.lists(st.one_of(taps, holds), max_size=30)


@st.composite
def near_grid(draw) -> list[HitObject]:
    """Notes near lines of a quarter or a sixth of 400 ms, many to a column, chords as well."""
    notes: list[HitObject] = []
    for _ in range(draw(st.integers(1, 30))):
        line = draw(st.integers(0, 40)) * 400 / draw(st.sampled_from([1, 2, 3, 4]))
        start = round(8 * line) / 8 + draw(st.integers(-120, 120)) / 8
        column = draw(columns)
        if draw(st.booleans()):
            notes.append(Rice(column, start))
        else:
            notes.append(LongNote(column, start, start + draw(st.integers(1, 12)) * 50.0))
    return notes


note_sets = st.one_of(loose, near_grid())
red_sets = st.one_of(
    st.just([TimingPoint(0.0, 400.0)]),
    st.lists(
        st.builds(TimingPoint, moments, st.integers(1200, 6400).map(lambda n: n / 8)),
        min_size=1,
        max_size=3,
    ),
)
# Built in the test: the checker of signatures draws random numbers, which strategies must not.
option_sets = st.fixed_dictionaries(
    {
        "star_rating": st.sampled_from([None, 1.0, 2.5, 3.0, 5.0, 6.0]),
        "divisors": st.sampled_from([None, DIVISORS, (1,), (4,), (3, 4), (5, 7)]),
        "tolerance_ms": st.sampled_from([None, 0.0, 5.0, 20.0, 60.0]),
        "jitter_ms": st.sampled_from([None, 0.0, 8.0]),
        "unfit": st.sampled_from(["keep", "move", "drop"]),
    }
)
thorough = settings(max_examples=30, deadline=None)


def moved(note: HitObject, by: float) -> HitObject:
    if isinstance(note, LongNote):
        return replace(note, start_ms=note.start_ms + by, end_ms=note.end_ms + by)
    return replace(note, start_ms=note.start_ms + by)


def rounded(note: HitObject) -> HitObject:
    if isinstance(note, LongNote):
        return LongNote(note.column, float(round(note.start_ms)), float(round(note.end_ms)))
    return Rice(note.column, float(round(note.start_ms)))


def longer(note: HitObject) -> dict[str, float]:
    """An end that is later even in whole ms."""
    return {"end_ms": note.end_ms + 1.0} if isinstance(note, LongNote) else {}


def assert_no_collision(notes) -> None:
    for column in range(KEYS):
        own = sorted((n for n in notes if n.column == column), key=lambda n: n.start_ms)
        assert all(n.last_ms > n.start_ms for n in own if isinstance(n, LongNote))
        assert all(b.start_ms > a.last_ms for a, b in itertools.pairwise(own))


@thorough
@given(note_sets, red_sets, option_sets)
def test_twice_is_once(notes, reds, options):
    options = SnapOptions(**options)
    once = snap_chart(notes, reds, options)
    again = snap_chart(once.hit_objects, reds, options)
    assert again.hit_objects == once.hit_objects
    assert (again.moves, again.tail_moves, again.removed) == ({}, {}, ())


@thorough
@given(note_sets, red_sets, option_sets)
def test_whole_milliseconds_of_the_result_stay(notes, reds, options):
    options = SnapOptions(**options)
    got = snap_chart(notes, reds, options)
    if got.settled:  # what stays 1.9 ms from its line may round to 2.4; files have whole ms
        notes = [rounded(replace(n, **longer(n))) for n in notes]
        got = snap_chart(notes, reds, options)
    written = [rounded(n) for n in got.hit_objects]
    assert_no_collision(written)
    again = snap_chart(written, reds, options)
    assert list(again.hit_objects) == written


@thorough
@given(note_sets, red_sets, option_sets)
def test_every_note_is_accounted_for(notes, reds, options):
    options = SnapOptions(**options)
    got = snap_chart(notes, reds, options)
    assert_no_collision(got.hit_objects)
    lost = {r.index for r in got.removed if r.index not in got.sources}
    assert sorted([*got.sources, *lost]) == list(range(len(notes)))
    assert all(r.hit_object == notes[r.index] and r.reason for r in got.removed)
    taps_now = {r.index for r in got.removed} - lost
    for index, after in zip(got.sources, got.hit_objects, strict=True):
        before = notes[index]
        assert after.column == before.column
        assert isinstance(after, Rice) == (isinstance(before, Rice) or index in taps_now)
        move = got.moves.get(index, 0.0)
        assert after.start_ms == pytest.approx(before.start_ms + move, abs=1e-9)
        if isinstance(after, LongNote):
            move = got.tail_moves.get(index, 0.0)
            assert after.end_ms == pytest.approx(before.last_ms + move, abs=1e-9)
        if options.unfit != "move":
            assert abs(got.moves.get(index, 0.0)) <= got.tolerance_ms + 1e-5
    if options.unfit == "drop":
        assert not set(got.unfit) & set(got.sources)


@thorough
@given(note_sets, red_sets, option_sets)
def test_heads_lie_on_lines_that_are_allowed(notes, reds, options):
    options = SnapOptions(**options)
    got = snap_chart(notes, reds, options)
    ordered = sorted(reds, key=lambda r: r.time_ms)
    near = 2.0 if got.settled else 0.0
    for index, note in zip(got.sources, got.hit_objects, strict=True):
        if index in got.unfit and options.unfit == "keep":
            continue
        ruling = [r for r in ordered if r.time_ms <= note.start_ms + near] or ordered[:1]
        gaps = [abs(note.start_ms - r.time_ms) for r in ordered]
        for red in ruling[-3:]:
            for divisor in options.allowed(red.beat_ms):
                step = red.beat_ms / divisor
                since = note.start_ms - red.time_ms
                gaps.append(abs(since - round(since / step) * step))
        assert min(gaps) <= near + 1e-5


@thorough
@given(note_sets, red_sets, option_sets, st.integers(-80000, 80000))
def test_a_joint_shift_shifts_the_result(notes, reds, options, eighths):
    options = SnapOptions(**options)
    by = eighths / 8
    here = snap_chart(notes, reds, options)
    there = snap_chart(
        [moved(n, by) for n in notes], [replace(r, time_ms=r.time_ms + by) for r in reds], options
    )
    assert there.sources == here.sources
    assert there.unfit == here.unfit
    for a, b in zip(here.hit_objects, there.hit_objects, strict=True):
        np.testing.assert_allclose(
            [b.start_ms, b.last_ms], [a.start_ms + by, a.last_ms + by], atol=1e-6
        )


@thorough
@given(note_sets, red_sets, option_sets)
def test_mirrored_columns_mirror_the_result(notes, reds, options):
    options = SnapOptions(**options)

    def mirror(note):
        return replace(note, column=KEYS - 1 - note.column)

    plain = snap_chart(notes, reds, options)
    turned = snap_chart([mirror(n) for n in notes], reds, options)
    assert turned.hit_objects == tuple(mirror(n) for n in plain.hit_objects)
    assert (turned.sources, turned.beats) == (plain.sources, plain.beats)


@thorough
@given(note_sets, red_sets, option_sets, st.sets(st.integers(0, 29)))
def test_locked_notes_never_move(notes, reds, options, chosen):
    options = SnapOptions(**options)
    locked = {notes[i] for i in chosen if i < len(notes)}
    got = snap_chart(notes, reds, replace(options, locked=locked))
    after = dict(zip(got.sources, got.hit_objects, strict=True))
    for index, note in enumerate(notes):
        if note in locked:
            assert after[index] == note
            assert index not in got.unfit
    as_question = snap_chart(notes, reds, replace(options, locked=lambda note: note in locked))
    assert as_question.hit_objects == got.hit_objects


@thorough
@given(near_grid(), option_sets, st.sets(st.integers(0, KEYS - 1), max_size=2))
def test_nothing_meets_a_locked_note(notes, options, fixed):
    options = SnapOptions(**options)
    # Locked notes that do not meet each other: of each locked column, the earliest alone.
    first = {c: min((n.start_ms for n in notes if n.column == c), default=0) for c in fixed}
    kept = []
    for note in notes:
        is_lock = note.column in fixed and note.start_ms == first[note.column]
        if not (
            is_lock and any(n.column == note.column and n.start_ms == note.start_ms for n in kept)
        ):
            kept.append(note)
    locked = [n for n in kept if n.column in fixed and n.start_ms == first[n.column]]
    got = snap_chart(kept, [TimingPoint(0.0, 400.0)], replace(options, locked=locked))
    assert_no_collision(got.hit_objects)
    assert all(note in got.hit_objects for note in locked)
