"""Mini-jacks: equal to the original's results, and what must hold for any chart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repository import load_golden

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.errors import DataError
from mug.reference.minijacks import remove_minijacks

CASES = load_golden("minijack")[0]["cases"]


def from_line(line: str) -> HitObject:
    fields = line.split(",")
    column, start, hold = int(fields[0]) * 4 // 512, int(fields[2]), int(fields[3]) & 128
    if hold:
        return LongNote(column, start, int(fields[5].split(":")[0]))
    return Rice(column, start)


@pytest.mark.parametrize("name", sorted(CASES))
def test_equal_to_the_original(name):
    case = CASES[name]
    notes = [from_line(line) for line in case["in"]]
    got = remove_minijacks(notes, case["jack_interval"])
    assert got == [from_line(line) for line in case["out"]]


def test_fields_travel_with_the_note():
    notes = [Rice(0, 0.0), Rice(0, 80.0, hitsound=4, sample="s"), Rice(1, 160.0)]
    moved = remove_minijacks(notes, 90)[1]
    assert moved == Rice(2, 80.0, hitsound=4, sample="s")


def test_the_interval_itself_is_a_mini_jack_and_more_is_not():
    for distance, changes in ((90.0, True), (90.5, False)):
        notes = [Rice(0, 0.0), Rice(0, distance), Rice(3, 200.0)]
        assert (remove_minijacks(notes, 90.0) != notes) is changes


def test_a_release_blocks_for_fifty_milliseconds():
    for end, column in ((950.0, 2), (949.0, 1)):
        hold = LongNote(1, 800.0, end)
        notes = [hold, Rice(0, 940.0), Rice(0, 1000.0), Rice(3, 1100.0)]
        assert remove_minijacks(notes, 90.0)[2].column == column


def test_the_end_of_a_stream_stays():
    notes = [Rice(0, 0.0), Rice(0, 80.0), Rice(1, 85.0)]
    assert remove_minijacks(notes, 90.0) == notes
    assert remove_minijacks([]) == []


def test_other_key_counts_are_refused():
    with pytest.raises(DataError, match="four columns"):
        remove_minijacks([Rice(4, 0.0)])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3000)), max_size=60))
def test_notes_only_change_column_or_go(raw):
    notes = sorted((Rice(c, float(t)) for c, t in set(raw)), key=lambda n: n.start_ms)
    got = remove_minijacks(notes, 90.0)
    assert len(got) <= len(notes)
    left = [note.start_ms for note in notes]
    for note in got:
        left.remove(note.start_ms)  # every remaining note has the time of one that was there
    assert [n.start_ms for n in got] == sorted(n.start_ms for n in got)


def test_a_playable_chart_is_not_touched():
    notes = [Rice(i % 4, 50.0 * i) for i in range(100)]
    assert remove_minijacks(notes, 90.0) == notes
