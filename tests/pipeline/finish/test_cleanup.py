"""Raw notes to a chart: whatever comes in, nothing that must not be broken is broken after."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.stars import star_rating
from mug.metrics.validity import violations
from mug.pipeline.finish.chart import chart_of
from mug.pipeline.finish.cleanup import Changes, Surroundings, finish_notes, fix_notes, snap_notes
from mug.pipeline.finish.options import FinishOptions

SONG_MS = 6000.4
EVERY = settings(max_examples=40, deadline=None)
KEYS = st.sampled_from([1, 2, 4, 5, 7, 10])
STARS = st.sampled_from([None, 1.0, 2.3, 3.0, 4.5, 6.5])
OPTIONS = st.fixed_dictionaries(
    {
        "snapping": st.sampled_from(["voice", "voice", "nearest", "none"]),
        "unfit": st.sampled_from(["move", "keep", "drop"]),
        "star_rating": STARS,
    }
)


@st.composite
def raw_notes(draw: st.DrawFn, keys: int) -> list[HitObject]:
    """As a bad network writes them: dense, on top of each other, before and after the song."""
    step = draw(st.sampled_from([3.7, 21.3, 62.5]))
    first = draw(st.sampled_from([-30.0, 500.0, 4800.0]))
    found = draw(
        st.lists(
            st.tuples(
                st.integers(0, keys - 1),
                st.integers(0, 120),
                st.sampled_from([None, None, 0.4, 8.0, 30.0, 41.5, 90.0, 400.0, 3000.0]),
            ),
            max_size=40,
        )
    )
    return [
        Rice(column, first + step * place)
        if length is None
        else LongNote(column, first + step * place, first + step * place + length)
        for column, place, length in found
    ]


@st.composite
def tempi(draw: st.DrawFn) -> tuple[TimingPoint, ...]:
    """One tempo from 40 to 320 beats a minute, or several."""
    beats = st.floats(187.5, 1500.0)
    first = TimingPoint(draw(st.floats(-200.0, 900.0)), draw(beats))
    times = draw(st.lists(st.floats(1000.0, 6500.0), max_size=3, unique=True))
    return (first, *(TimingPoint(time, draw(beats)) for time in sorted(times)))


def broken(notes, where, audio_ms=SONG_MS):
    chart = osu.parse(osu.format(chart_of(notes, FinishOptions(), where)))
    found = asdict(violations(chart, where.red_lines, keys=where.keys, audio_ms=audio_ms))
    return {kind: count for kind, count in found.items() if count}


@EVERY
@given(st.data())
def test_a_finished_chart_has_no_violation(data):
    keys = data.draw(KEYS)
    notes, reds = data.draw(raw_notes(keys)), data.draw(tempi())
    where = Surroundings(keys, reds, SONG_MS)
    done, changes = finish_notes(notes, FinishOptions(**data.draw(OPTIONS)), where)
    found = broken(done, where)
    if len(done) < keys:  # nobody can fill four columns with three notes
        assert set(found) <= {"empty_column"}
    else:
        assert found == {}
    lost = [changes.counts[kind] for kind in ("outside_song", "unplaced", "removed")]
    assert len(notes) <= len(done) + sum(lost)  # taps that were holds count as unplaced
    if done:
        assert star_rating(chart_of(done, FinishOptions(), where)) >= 0


@EVERY
@given(st.data())
def test_locked_notes_stay_and_no_new_one_breaks_anything(data):
    keys = data.draw(st.sampled_from([4, 7]))
    reds, options = data.draw(tempi()), FinishOptions(**data.draw(OPTIONS))
    where = Surroundings(keys, reds, SONG_MS)
    standing, _ = finish_notes(data.draw(raw_notes(keys)), options, where)
    standing = [note for note in standing if not 2000 <= note.start_ms < 4000]
    inside = snap_notes(data.draw(raw_notes(keys)), options, where, Changes())
    inside = [note for note in inside if 2000 <= note.start_ms < 4000]

    def locked(note):
        return not 2000 <= note.start_ms < 4000

    done = fix_notes([*standing, *inside], options, where, Changes(), locked)
    assert [note for note in done if locked(note)] == standing
    found = broken(done, where)
    if found:
        assert set(found) == {"empty_column"}
        columns = {note.column for note in done}
        assert len(columns) < keys
        free = [note.column for note in done if not locked(note)]
        assert all([n.column for n in done].count(column) == 1 for column in free)


def test_what_snapping_puts_after_the_song_goes_or_ends_with_it():
    """The line nearest to a raw note may lie behind the song's last sample."""
    where = Surroundings(4, (TimingPoint(0.0, 500.0),), 4990.0)
    raw = [
        *(Rice(column, 1000.0) for column in range(4)),
        Rice(0, 4985.0),
        LongNote(1, 4000.0, 4988.0),
        LongNote(2, 4870.0, 4989.0),
    ]
    changes = Changes()
    kept = snap_notes(raw, FinishOptions(star_rating=3.0), where, changes)
    assert [note for note in kept if note.start_ms > 1000] == [
        LongNote(1, 4000, 4875),
    ] + [note for note in kept if note.column == 2 and note.start_ms > 1000]
    assert broken(kept, where, audio_ms=4990.0) == {}
    assert changes.counts["outside_song"] == len(raw) - len(kept)


@pytest.mark.parametrize("snapping", ["voice", "nearest", "none"])
def test_notes_outside_the_song_are_left_out_and_counted(snapping):
    where = Surroundings(4, (TimingPoint(0.0, 500.0),), 4000.0)
    raw = [*(Rice(column, 1000.0) for column in range(4)), Rice(0, -20.0), Rice(1, 4400.0)]
    done, changes = finish_notes(raw, FinishOptions(snapping=snapping, star_rating=6.0), where)
    assert [note.start_ms for note in done] == [1000, 1000, 1000, 1000]
    assert changes.counts["outside_song"] == 2


def test_an_empty_column_gets_a_note():
    where = Surroundings(4, (TimingPoint(0.0, 500.0),), 60_000.0)
    raw = [Rice(column, 1000.0 + 1000 * place) for place, column in enumerate([0, 0, 0, 3, 1] * 8)]
    done, changes = finish_notes(raw, FinishOptions(star_rating=1.5), where)
    assert {note.column for note in done} == {0, 1, 2, 3}
    assert len(done) == len(raw)
    assert any("empty_column" in line for line in changes.listed)
