"""Songs: deterministic, within their style, in key, formed."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import pytest

from mug.compose.composer import compose_song
from mug.compose.drums import bar_pattern
from mug.compose.harmony import SCALES, progression
from mug.compose.plan import TAIL_MS, draw_plan, share_bars
from mug.compose.score import PITCHED
from mug.compose.style import SongStyle
from mug.errors import ConfigError

SEEDS = range(60)


@pytest.fixture(scope="module")
def songs():
    return [compose_song(seed) for seed in SEEDS]


def test_same_seed_same_song_other_seed_other_song(songs):
    assert [compose_song(seed) for seed in SEEDS[:5]] == songs[:5]
    assert len({song.events for song in songs}) == len(songs)


def test_style_bounds_hold(songs):
    style = SongStyle()
    for song in songs:
        assert 30_000 <= song.duration_ms <= 60_000
        assert all(60 <= segment.bpm <= 320 for segment in song.tempo.segments)
        assert style.lead_in_ms[0] <= song.tempo.segments[0].time_ms <= style.lead_in_ms[1]
        assert style.loudness_db[0] <= song.loudness_db <= style.loudness_db[1]


def test_songs_differ_as_a_collection_should(songs):
    first = songs[:24]
    assert len({song.bpm for song in first}) >= 20
    assert Counter(song.metre.name for song in first).keys() == {"4/4", "3/4", "6/8"}
    assert len({song.mode for song in first}) >= 3
    assert len({tuple(s.kind for s in song.sections) for song in first}) >= 4
    swings = {song.tempo.swing for song in songs}
    assert 0.5 in swings
    assert len(swings) >= 4
    assert any(len(song.tempo.segments) == 2 for song in songs)
    densities = [len(song.events) / song.duration_ms * 1000 for song in songs]
    assert max(densities) > 1.8 * min(densities)


def test_a_narrow_style_is_obeyed():
    style = SongStyle(
        seconds=(20.0, 25.0),
        tempo=(128.0, 128.0),
        wide_tempo_p=0.0,
        tempo_change_p=0.0,
        metres={"3/4": 1.0},
        modes={"dorian": 1.0},
        swing_p=0.0,
        lead_in_ms=(500.0, 500.0),
        loudness_db=(-20.0, -20.0),
        density=(0.5, 0.5),
        room=(0.0, 0.0),
    )
    for seed in range(10):
        song = compose_song(seed, style)
        assert 20_000 <= song.duration_ms <= 25_000
        assert (song.bpm, song.tempo.swing, song.metre.name) == (128.0, 0.5, "3/4")
        assert (song.mode, song.loudness_db, song.timbre.room) == ("dorian", -20.0, 0.0)
        assert song.tempo.segments[0].time_ms == 500.0


def test_every_event_has_the_time_of_its_place(songs):
    for song in songs:
        end = song.tempo.ms(float(song.bars * song.metre.beats))
        assert song.duration_ms == end + TAIL_MS
        for event in song.events:
            assert event.time_ms == song.tempo.tick_ms(event.tick)
            assert event.time_ms <= end
            assert event.duration_ms > 0
            assert 0 < event.velocity <= 1
        assert list(song.events) == sorted(song.events, key=lambda e: e.tick)
        struck = [(e.tick, e.instrument, e.pitch) for e in song.events]
        assert len(set(struck)) == len(struck), "one stroke at a time"


def test_pitched_notes_are_in_key(songs):
    for song in songs:
        scale = {(song.key + step) % 12 for step in SCALES[song.mode]}
        assert {event.pitch % 12 for event in song.of(PITCHED)} <= scale


def test_bass_plays_the_root_at_the_bar_line():
    plan = draw_plan(3, SongStyle())
    song = compose_song(3)
    for section in song.sections:
        for index in range(section.bars):
            tick = (section.first_bar + index) * song.metre.bar
            roots = [e.pitch % 12 for e in song.of(["bass"]) if e.tick == tick]
            degree = progression(plan, section.kind)[index % 4]
            assert roots == [(song.key + SCALES[song.mode][degree % 7]) % 12]


def test_melody_is_one_voice_and_covers_verse_and_chorus(songs):
    for song in songs:
        melody = song.of(["melody"])
        for one, following in pairwise(melody):
            assert one.time_ms + one.duration_ms <= following.time_ms + 1e-6
        for section in song.sections:
            if section.kind in ("verse", "chorus", "break"):
                start = section.first_bar * song.metre.bar
                bars = {(e.tick - start) // song.metre.bar for e in melody}
                assert 0 in bars


def test_drums_follow_the_form(songs):
    for song in songs:
        for section in song.sections:
            first = section.first_bar * song.metre.bar
            ticks = range(first, first + section.bars * song.metre.bar)
            played = Counter(e.instrument for e in song.events if e.tick in ticks)
            if section.kind == "break":
                assert played["snare"] == played["hat"] == 0
            if section.kind in ("verse", "chorus"):
                assert played["crash"] == 1
                assert played["kick"] >= section.bars
                assert played["snare"] >= section.bars - 1


def test_returning_sections_return():
    plan = draw_plan(7, SongStyle())
    assert bar_pattern(plan, "verse") == bar_pattern(plan, "verse")
    song = next(
        s for s in map(compose_song, range(50)) if [x.kind for x in s.sections].count("chorus") == 2
    )
    one, two = (s for s in song.sections if s.kind == "chorus")
    shift = (two.first_bar - one.first_bar) * song.metre.bar
    until = (one.first_bar + min(one.bars, two.bars, 2)) * song.metre.bar - song.metre.bar
    span = range(one.first_bar * song.metre.bar, until)
    melody = {(e.tick, e.pitch) for e in song.of(["melody"])}
    assert {(t + shift, p) for t, p in melody if t in span} == {
        (t, p) for t, p in melody if t - shift in span
    }


@pytest.mark.parametrize("bars", [2, 7, 12, 31])
def test_bars_are_dealt_out_whole(bars):
    form = ("verse", "chorus")
    sections = share_bars(form, bars)
    assert [s.kind for s in sections] == list(form)
    assert sum(s.bars for s in sections) == bars
    assert all(s.bars > 0 for s in sections)
    assert sections[1].first_bar == sections[0].bars


def test_truth_is_plain_and_exact(songs):
    for song in songs[:10]:
        truth = json.loads(json.dumps(song.truth()))
        assert len(truth["beats"]) == song.bars * song.metre.beats + 1
        assert truth["downbeats"] == truth["beats"][:: song.metre.beats]
        assert truth["tempo"][0]["time_ms"] == truth["beats"][0]
        assert truth["sections"][-1]["end_ms"] == truth["beats"][-1]
        for name, times in truth["onsets"].items():
            assert times == sorted({round(e.time_ms, 3) for e in song.of([name])})
        assert sum(len(notes) for notes in truth["notes"].values()) == len(song.of(PITCHED))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seconds", (60.0, 30.0)),
        ("tempo", (0.0, 100.0)),
        ("swing_p", 1.5),
        ("metres", {"5/4": 1.0}),
        ("modes", {"major": 0.0}),
    ],
)
def test_impossible_styles_are_refused(field, value):
    with pytest.raises(ConfigError, match=field):
        SongStyle(**{field: value})
