from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from random_music import music

from mug.audio.load import decode
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.prepare.cleaning import RULES, ChartRecord, CleaningLimits, broken_rule, rate_in_name
from mug.prepare.duplicates import DuplicateCandidate, edits_among, rate_between
from mug.prepare.fingerprint import SAME, bit_error, fingerprint
from mug.prepare.measurements import measurements_of, notes_hash, odd_scroll, row_times, rows_hash

GOOD = ChartRecord(
    "s/a.osu",
    "1",
    "s/a.mp3",
    "hash",
    4,
    300,
    500,
    60_000,
    "Someone",
    "Hard",
    0.0,
    0,
    61_000,
    1,
    0.8,
)


def test_a_good_chart_breaks_no_rule():
    assert broken_rule(GOOD, CleaningLimits(keys=4, opt_out=("another",))) is None
    assert broken_rule(replace(GOOD, duration_ms=None, agrees=None), CleaningLimits()) is None


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("wrong_keys", {"keys": 7}),
        ("too_short", {"objects": 19}),
        ("too_short", {"last_ms": 10_400}),
        ("robots", {"disallowed": 1}),
        ("opt_out", {"creator": " ANOTHER "}),
        ("rate_name", {"version": "Hard 1.1x"}),
        ("odd_scroll", {"odd_scroll": 0.31}),
        ("outside_audio", {"first_ms": -101}),
        ("outside_audio", {"duration_ms": 58_900}),
        ("off_audio", {"agrees": 0}),
    ],
)
def test_each_rule_alone(rule, change):
    limits = CleaningLimits(keys=4, opt_out=("another",))
    chart = replace(GOOD, **change)
    assert broken_rule(chart, limits)[0] == rule
    assert [name for name, asked in RULES.items() if asked(chart, limits)] == [rule]


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("1.1x", 1.1),
        ("Hyper x1.25", 1.25),
        ("[4K] Insane 0.95x", 0.95),
        ("Rate 1,05x", 1.05),
        ("1.0x", None),
        ("Lv. 1.5", None),
        ("4K Normal", None),
        ("v1.1xyz", None),
        ("x2", None),
        ("11.1x", None),
    ],
)
def test_rates_in_names(name, rate):
    assert rate_in_name(name) == rate


def notes(times, columns, lengths):
    made = [
        Rice(c, float(t)) if not n else LongNote(c, float(t), float(t + n))
        for t, c, n in zip(times, columns, lengths, strict=True)
    ]
    return tuple(sorted(made, key=lambda note: (note.start_ms, note.column)))


charts = st.integers(20, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(40, 900), min_size=n, max_size=n).map(lambda s: np.cumsum(s).tolist()),
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
        st.lists(st.sampled_from([0, 0, 30]), min_size=n, max_size=n),
    )
)


@given(chart=charts, shift=st.integers(-5000, 5000), rate=st.sampled_from([0.8, 0.95, 1.1, 1.5]))
@settings(max_examples=60, deadline=None)
def test_copies_are_found_whatever_the_shift_or_rate(chart, shift, rate):
    times, columns, lengths = chart
    original = notes(times, columns, lengths)
    shifted = notes(np.add(times, shift), columns, lengths)
    faster = notes(np.round(np.divide(times, rate)) + shift, columns, lengths)
    assert notes_hash(shifted) == notes_hash(original) != notes_hash(faster)
    assert rows_hash(shifted) == rows_hash(original) == rows_hash(faster)
    assert rate_between(row_times(original), row_times(faster)) == pytest.approx(rate, rel=0.01)
    assert rate_between(row_times(original), row_times(shifted)) == pytest.approx(1, abs=1e-9)
    moved = notes(times, [*columns[:-1], 3 - columns[-1]], lengths)
    assert notes_hash(moved) != notes_hash(original)
    assert rows_hash(moved) != rows_hash(original)


def test_other_rhythms_are_no_rate_edits():
    even = np.arange(20) * 100.0
    swung = even + 30 * (np.arange(20) % 2)
    assert rate_between(even, swung) is None
    assert rate_between(even, even[:-1]) is None
    assert rate_between(even[:5], even[:5]) is None


def test_which_copy_stays():
    times = np.arange(20) * 100.0
    charts = [
        DuplicateCandidate("a.osu", "Hard 1.2x", times / 1.2),
        DuplicateCandidate("b.osu", "Hard", times),
        DuplicateCandidate("c.osu", "Hard", times + 0.4),
    ]
    found = {one.path: one.rule for one in edits_among(charts)}
    assert found == {"a.osu": "rate_edit", "c.osu": "duplicate_notes"}
    kept = [replace(charts[0], kept_before=True), *charts[1:]]
    assert {one.path for one in edits_among(kept)} == {"b.osu", "c.osu"}


def scrolling(timing):
    objects = tuple(Rice(i % 4, i * 100.0) for i in range(101))
    return Beatmap(keys=4, hit_objects=objects, timing=tuple(timing))


def test_odd_scroll_is_a_share_of_the_playing_time():
    assert odd_scroll(scrolling([TimingPoint(0, 500.0)])) == 0
    assert odd_scroll(scrolling([])) == 0
    part = [TimingPoint(-900, 500.0), ScrollPoint(2000, 0.2), ScrollPoint(4000, 1.0)]
    assert odd_scroll(scrolling(part)) == pytest.approx(0.2)
    tempo = [TimingPoint(0, 500.0), TimingPoint(7000, 50.0)]
    assert odd_scroll(scrolling(tempo)) == pytest.approx(0.3)
    evened = [*tempo, ScrollPoint(7000, 0.1)]
    assert odd_scroll(scrolling(evened)) == pytest.approx(0.0)
    mild = [
        TimingPoint(0, 500.0),
        ScrollPoint(3000, 1.9),
        ScrollPoint(4000, 1.0),
        ScrollPoint(8000, 0.55),
    ]
    assert odd_scroll(scrolling(mild)) == 0


def test_facts_are_plain():
    beatmap = replace(scrolling([TimingPoint(0, 500.0)]), metadata={"Creator": "A", "Version": "B"})
    measurements = measurements_of(beatmap, "s/a.osu")
    assert (
        measurements.keys,
        measurements.objects,
        measurements.first_ms,
        measurements.last_ms,
    ) == (4, 101, 0, 10_000)
    assert (measurements.creator, measurements.version, measurements.disallowed) == (
        "A",
        "B",
        False,
    )
    assert np.frombuffer(measurements.row_times)[[0, -1]].tolist() == [0, 10_000]


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.ogg", {"compression_level": 1.0}), ("a.mp3", {"compression_level": 0.8})],
)
def test_copies_in_other_encodings_are_found(tmp_path, name, options):
    wave, rate = music(0)
    stereo = np.repeat(wave, 2, axis=1) * 0.5
    stereo = np.concatenate([np.zeros((1500, 2), np.float32), stereo])  # 68 ms later
    soundfile.write(tmp_path / name, stereo, rate, **options)
    copy = fingerprint(*decode(tmp_path / name))
    assert bit_error(fingerprint(wave, rate), copy) < SAME - 0.1
    other = fingerprint(*music(1))
    assert bit_error(other, copy) > SAME + 0.05
    faster = fingerprint(wave, round(rate * 1.1))
    assert bit_error(faster, copy) > SAME


def test_what_has_no_melody_is_like_nothing():
    rate = 8000
    for wave in (np.zeros((rate * 10, 1)), np.full((rate * 10, 2), 0.3), np.zeros((10, 1))):
        assert len(fingerprint(wave.astype(np.float32), rate)) == 0
    empty = np.zeros(0, np.uint32)
    assert bit_error(empty, empty) == 1
