"""Enriching: what joins a chart first, by what rules, and that no rhythm is invented."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import note_strategies
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.lint.column_rules import pair_rule
from mug.lint.repair.fix import fix
from mug.pipeline.arrange.add_notes import adding_order
from mug.pipeline.arrange.sources import (
    ONSET_MS,
    OnsetTimes,
    allowed_lines,
    find_onsets,
    note_sources,
    on_lines,
    onset_lines,
)
from mug.pipeline.finish.options import FinishOptions
from mug.snapping.lines import BeatLines
from mug.tiers import LIMITS, Tier

RED = [TimingPoint(0.0, 400.0)]  # a bar lasts 1600 ms
LINES = BeatLines(RED)
SILENCE = OnsetTimes.nothing()

notes = note_strategies.notes(6000, 30)


@settings(max_examples=60, deadline=None)
@given(notes, notes, st.sets(st.integers(0, 60), max_size=20), st.sampled_from(Tier))
def test_added_notes_have_a_row_in_the_sources_and_keep_the_rules(
    raw: list[HitObject], others: list[HitObject], lines: set[int], tier: Tier
) -> None:
    chart = list(fix(raw, tier=tier, keys=4).hit_objects)
    sources = note_sources([raw, others], [100.0 * line for line in sorted(lines)])
    barred = {(note.start_ms, note.column) for note in others[:5]}
    added_notes = adding_order(chart, sources, SILENCE, RED, keys=4, tier=tier, barred=barred)
    assert {note.start_ms for note in added_notes} <= set(sources.rows)
    assert not {(note.start_ms, note.column) for note in added_notes} & barred
    new = {(note.start_ms, note.column) for note in added_notes}
    assert len(new) == len(added_notes)
    limits = LIMITS[tier]
    for column in range(4):
        own = sorted(
            (n for n in [*chart, *added_notes] if n.column == column), key=lambda n: n.start_ms
        )
        for first, second in pairwise(own):
            if {(n.start_ms, n.column) for n in (first, second)} & new:
                assert pair_rule(first, second, limits) is None
    if tier < Tier.INSANE:
        assert not any(_jacks(added_notes, chart, tier))
    for time in {note.start_ms for note in added_notes}:
        there = sum(note.start_ms == time for note in [*chart, *added_notes])
        assert there <= limits.chord_notes(4)
        assert there <= len({note.column for note in sources.rows[time]}) + 2
    assert (
        adding_order(chart, sources, SILENCE, RED, keys=4, tier=tier, barred=barred) == added_notes
    )


def _jacks(added_notes: Sequence[HitObject], chart: Sequence[HitObject], tier: Tier) -> list[bool]:
    """Whether each note makes a jack with one that was there when it joined."""
    found, there = [], list(chart)
    for note in added_notes:
        own = [other.start_ms for other in there if other.column == note.column]
        found.append(any(abs(note.start_ms - start) <= LIMITS[tier].jack_ms for start in own))
        there.append(note)
    return found


@pytest.mark.parametrize("tier", Tier)
def test_jacks_join_last_where_they_are_a_skill_of_the_tier(tier: Tier) -> None:
    chart: list[HitObject] = [Rice(0 if i % 2 else 3, 100.0 * i) for i in range(8)]
    wide: list[HitObject] = [Rice(column, 100.0 * i) for i in range(8) for column in range(4)]
    added_notes = adding_order(chart, note_sources([wide]), SILENCE, RED, keys=4, tier=tier)
    jacks = _jacks(added_notes, chart, tier)
    assert jacks == sorted(jacks)
    assert any(jacks) == (tier >= Tier.INSANE)


def test_stressed_rows_join_before_others_and_rows_before_chords() -> None:
    chart = [Rice(0, 0.0)]
    offered = [Rice(1, 400.0), Rice(2, 800.0), Rice(3, 1000.0), Rice(1, 1200.0)]
    onsets = OnsetTimes(np.array([800.0, 1000.0]), np.array([9.0, 3.0]))
    added_notes = adding_order(chart, note_sources([offered]), onsets, RED, keys=4, tier=Tier.HARD)
    first = [note.start_ms for note in added_notes[:4]]
    assert first[0] == 800.0
    assert sorted(first) == [400.0, 800.0, 1000.0, 1200.0]
    assert added_notes[0] == offered[1]  # the sources' own column, where all have rested


def test_a_passage_with_more_notes_grows_first() -> None:
    sparse = [Rice(i % 4, 400.0 * i) for i in range(16)]
    dense = [Rice(i % 4, 8000.0 + 200.0 * i) for i in range(32)]
    added_notes = adding_order(
        [Rice(0, 0.0)], note_sources([[*sparse, *dense]]), SILENCE, RED, keys=4, tier=Tier.HARD
    )
    assert all(note.start_ms > 6000 for note in added_notes[:8])


def test_holds_are_taken_over_where_there_is_room() -> None:
    hold, short = LongNote(1, 800.0, 1400.0), LongNote(2, 2000.0, 2010.0)
    sources = note_sources([[hold, short]])
    added_notes = adding_order([Rice(0, 0.0)], sources, SILENCE, RED, keys=4, tier=Tier.HARD)
    assert hold in added_notes
    assert Rice(2, 2000.0) in added_notes  # too short for a hold of the tier
    blocked = [Rice(1, 1200.0)]
    added_notes = adding_order(blocked, sources, SILENCE, RED, keys=4, tier=Tier.HARD)
    assert hold not in added_notes


def test_rows_between_lines_of_the_tier_stay_out() -> None:
    sources = note_sources([[Rice(1, 30.0), Rice(2, 200.0)]])
    added_notes = adding_order([Rice(0, 0.0)], sources, SILENCE, RED, keys=4, tier=Tier.HARD)
    assert {note.start_ms for note in added_notes} == {200.0}


def test_onsets_of_clicks_are_found_and_silence_has_none() -> None:
    rate = 22050
    wave = np.zeros(6 * rate, np.float32)
    clicks = np.arange(500.0, 5500.0, 250.0)
    for at in clicks:
        first = round(at * rate / 1000)
        wave[first : first + 300] += np.hanning(300).astype(np.float32)
    onsets = find_onsets(wave, rate)
    assert len(onsets.times_ms) == len(clicks)
    assert np.abs(onsets.times_ms - clicks).max() < ONSET_MS
    assert (onsets.accents(clicks) > 0).all()
    assert not onsets.accents(clicks + 60.0).any()
    for nothing in (find_onsets(np.zeros(rate, np.float32), rate), SILENCE):
        assert not nothing.accents(clicks).any()


@given(st.sets(st.integers(0, 5000), max_size=40), st.sampled_from([1.5, 3.0, 6.0, None]))
def test_lines_are_found_only_where_an_onset_is(times_ms: set[int], stars: float | None) -> None:
    onsets = OnsetTimes(np.array(sorted(times_ms), np.float64), np.ones(len(times_ms)))
    allowed = allowed_lines(FinishOptions(star_rating=stars), LINES)
    found = np.array(onset_lines(onsets, LINES, allowed, np.zeros(0)), np.float64)
    assert on_lines(found, LINES, allowed).all()
    for time in found:
        assert min(abs(time - onset) for onset in times_ms) <= ONSET_MS + 1


def test_triplets_are_found_where_the_charts_have_triplets() -> None:
    third = 400.0 / 3
    onsets = OnsetTimes(np.array([round(third), round(2 * third)], np.float64), np.ones(2))
    allowed = allowed_lines(FinishOptions(star_rating=3.0), LINES)
    assert onset_lines(onsets, LINES, allowed, np.array([0.0, third])) == (133.0, 267.0)
    assert onset_lines(onsets, LINES, allowed, np.array([0.0, 200.0])) == ()


@pytest.mark.parametrize(
    ("finish", "usable"),
    [
        (FinishOptions(star_rating=1.5), (0.0, 200.0)),
        (FinishOptions(star_rating=3.5), (0.0, 100.0, 200.0)),
        (FinishOptions(snapping="nearest", divisors=(4,)), (0.0, 100.0, 200.0)),
        (FinishOptions(snapping="none"), (0.0, 37.0, 100.0, 200.0)),
    ],
)
def test_a_tier_uses_its_own_lines(finish: FinishOptions, usable: tuple[float, ...]) -> None:
    times = np.array([0.0, 37.0, 100.0, 200.0])
    assert tuple(times[on_lines(times, LINES, allowed_lines(finish, LINES))]) == usable
