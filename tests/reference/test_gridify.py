"""The original's gridify: equal to its results, and an end where it had none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repository import load_golden

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.errors import DataError
from mug.reference.gridify import gridify

CASES = load_golden("gridify")[0]["cases"]


def from_line(line: str) -> HitObject:
    fields = line.split(",")
    column, start, hold = int(fields[0]) * 4 // 512, int(fields[2]), int(fields[3]) & 128
    if hold:
        return LongNote(column, start, int(fields[5].split(":")[0]))
    return Rice(column, start)


@pytest.mark.parametrize("name", sorted(name for name in CASES if "error" not in CASES[name]))
def test_equal_to_the_original(name):
    case = CASES[name]
    found = gridify([from_line(line) for line in case["in"]])
    assert found.bpm == pytest.approx(case["bpm"], rel=1e-6)
    assert found.offset_ms == pytest.approx(case["offset"], abs=1e-3)
    assert list(found.hit_objects) == [from_line(line) for line in case["out"]]


def test_the_recording_holds_long_notes():
    assert any(",128," in line for case in CASES.values() for line in case["in"])


def test_no_notes_are_an_error_with_a_remedy():
    assert "error" in CASES["empty"]
    with pytest.raises(DataError, match="no notes") as caught:
        gridify([])
    assert caught.value.remedy


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_times_that_are_no_numbers_are_refused(bad):
    for note in (Rice(0, bad), LongNote(0, 0.0, bad)):
        with pytest.raises(DataError, match="not a number"):
            gridify([Rice(1, 0.0), note])


def test_fields_travel_with_the_note():
    notes = [Rice(2, 1000.0, hitsound=8, sample="s"), LongNote(1, 1333.0, 2000.0, new_combo=4)]
    first, second = gridify(notes).hit_objects
    assert (first.column, first.hitsound, first.sample) == (2, 8, "s")
    assert (second.column, second.new_combo) == (1, 4)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(-1e5, 1e6), min_size=1, max_size=12))
def test_it_always_ends_within_the_range(times):
    found = gridify([Rice(0, t) for t in times])
    assert 150 <= found.bpm < 300
    assert np.isfinite(found.offset_ms)
    moved = np.array([n.start_ms for n in found.hit_objects]) - np.array(times)
    assert np.abs(moved).max() <= 11
