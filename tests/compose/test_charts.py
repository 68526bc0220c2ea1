"""Charts: playable, learnable, and harder from tier to tier, over many songs and key counts."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import rosu_pp_py

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import LongNote, Rice
from mug.clock import FrameClock
from mug.compose.charts import TIERS, grid_ticks, make_charts, moments, place_notes
from mug.compose.columns import ColumnPlanner
from mug.compose.composer import compose_song
from mug.errors import DataError

SEEDS = range(30)
BY_NAME = {tier.name: tier for tier in TIERS}


@pytest.fixture(scope="module")
def songs():
    return [compose_song(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def charts(songs):
    return [make_charts(song, audio_filename="audio.ogg", beatmapset_id=1) for song in songs]


def _columns(notes, keys):
    return [[n for n in notes if n.column == column] for column in range(keys)]


def _check_playable(song, tier, keys):
    notes = place_notes(song, tier, keys)
    assert notes
    for note in notes:
        assert 0 <= note.start_ms == round(note.start_ms)
        assert note.last_ms < song.duration_ms
        if isinstance(note, LongNote):
            assert note.end_ms - note.start_ms >= tier.hold_ms - 1
    assert notes == sorted(notes, key=lambda n: (n.start_ms, n.column))
    for column in _columns(notes, keys):
        for one, following in pairwise(column):
            assert following.start_ms - one.start_ms >= tier.column_gap_ms
            if isinstance(one, LongNote):
                assert following.start_ms - one.end_ms >= tier.release_ms
    return notes


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.name)
def test_every_chart_can_be_played(songs, tier):
    for song in songs:
        notes = _check_playable(song, tier, 4)
        uses = Counter(note.column for note in notes)
        assert sorted(uses) == [0, 1, 2, 3]
        assert max(uses.values()) <= 1.5 * min(uses.values()) + 3, "hands are balanced"


@pytest.mark.parametrize("keys", [1, 2, 5, 7, 10, 18])
def test_any_key_count(songs, keys):
    for song in songs[:6]:
        for tier in TIERS:
            notes = _check_playable(song, tier, keys)
            assert {note.column for note in notes} == set(range(keys))


def test_note_grid_can_hold_every_chart(songs):
    """A frame holds one start a column, and a hold's end lies in a frame of its own."""
    clock = FrameClock()
    for song in songs:
        for tier in TIERS:
            for column in _columns(place_notes(song, tier, 4), 4):
                frames = [clock.split_ms(note.start_ms)[0] for note in column]
                assert len(set(frames)) == len(frames)
                for note, following in pairwise([*column, None]):
                    if isinstance(note, LongNote):
                        end = clock.split_ms(note.end_ms)[0]
                        assert end > clock.split_ms(note.start_ms)[0]
                        if following is not None:
                            assert clock.split_ms(following.start_ms)[0] > end


def test_notes_are_onsets_and_holds_end_with_their_melody_note(songs):
    for song in songs:
        onsets = {round(event.time_ms) for event in song.events}
        ends = {(round(e.time_ms), round(e.time_ms + e.duration_ms)) for e in song.of(["melody"])}
        for tier in TIERS:
            for note in place_notes(song, tier, 4):
                assert note.start_ms in onsets
                if isinstance(note, LongNote):
                    assert (note.start_ms, note.end_ms) in ends


@pytest.mark.parametrize("name", ["Normal", "Hard", "Expert"])
def test_the_choice_is_a_rule_of_the_music(songs, name):
    """What sounds on the tier's grid decides alone whether there is a note."""
    tier = BY_NAME[name]
    wanted = total = 0
    for song in songs:
        grid = grid_ticks(song, tier)
        played = {note.start_ms for note in place_notes(song, tier, 4)}
        for moment in moments(song):
            event = next(iter(moment.values()))
            rule = event.tick % grid == 0 and bool(tier.sources & set(moment))
            hit = round(event.time_ms) in played
            assert rule or not hit
            wanted, total = wanted + (rule and hit), total + rule
    assert wanted / total > 0.995


def test_easy_holds_stand_alone(songs):
    for song in songs:
        notes = place_notes(song, TIERS[0], 4)
        holds = [n for n in notes if isinstance(n, LongNote)]
        for hold in holds:
            assert not any(hold.start_ms < n.start_ms < hold.end_ms for n in notes)


def test_difficulties_rise_and_spread(charts):
    ratings = np.array(
        [
            [
                rosu_pp_py.Difficulty().calculate(rosu_pp_py.Beatmap(content=osu.format(c))).stars
                for c in row
            ]
            for row in charts
        ]
    )
    assert (np.diff(ratings, axis=1) > 0.15).all()
    for mean, low, high in zip(
        ratings.mean(axis=0), (0.6, 1.2, 2.1, 3.0), (1.2, 1.9, 2.9, 4.0), strict=True
    ):
        assert low < mean < high
    assert (np.ptp(ratings, axis=0)[1:] > 0.8).all(), "songs of a tier differ"
    counts = np.array([[len(c.hit_objects) for c in row] for row in charts])
    assert (np.diff(counts, axis=1) > 0).all()


def test_chords_grow_with_the_tier(charts):
    for row in charts:
        widest = [max(Counter(n.start_ms for n in c.hit_objects).values()) for c in row]
        assert widest == sorted(widest)
        assert widest[0] <= 2
        assert widest[-1] == 3


def test_taps_and_holds_in_every_tier(charts):
    for tier, chosen in enumerate(zip(*charts, strict=True)):
        shares = [len(c.long_notes) / len(c.hit_objects) for c in chosen]
        assert np.mean(shares) > 0.05, TIERS[tier].name
        assert all(c.rice for c in chosen)


def test_charts_say_who_they_are(songs, charts):
    for song, row in zip(songs, charts, strict=True):
        assert [c.version for c in row] == ["Easy", "Normal", "Hard", "Expert"]
        for chart in row:
            assert (chart.mode, chart.keys, chart.creator) == (3, 4, "MuG compose")
            assert (chart.title, chart.artist) == (song.title, song.artist)
            assert "machine-made" in chart.metadata["Tags"]
            assert chart.beatmapset_id == 1
            assert chart.difficulty["CircleSize"] == "4"
            lines = [(p.time_ms, p.bpm, p.meter) for p in chart.red_lines]
            assert lines == [
                (s.time_ms, pytest.approx(s.bpm), song.metre.beats) for s in song.tempo.segments
            ]


def test_same_song_same_bytes(songs, charts):
    again = make_charts(compose_song(4), audio_filename="audio.ogg", beatmapset_id=1)
    assert [osu.format(c) for c in again] == [osu.format(c) for c in charts[4]]
    for chart in again:
        assert osu.parse(osu.format(chart)) == chart


def test_columns_follow_the_melody():
    """Where the melody rises, notes move right more often than left."""
    right = left = 0
    for seed in SEEDS:
        song = compose_song(seed)
        at = {n.start_ms: n.column for n in place_notes(song, BY_NAME["Normal"], 7)}
        pitch = {float(round(e.time_ms)): e.pitch for e in song.of(["melody"])}
        shared = sorted(set(at) & set(pitch))
        for a, b in pairwise(shared):
            step = (pitch[b] - pitch[a]) * (at[b] - at[a])
            right, left = right + (step > 0), left + (step < 0)
    assert right > 1.5 * left


def test_planner_waits_for_gaps_and_releases():
    planner = ColumnPlanner(1, gap_ms=100.0, release_ms=50.0)
    assert planner.choose(0.0, 2, None) == [0]
    planner.press(0, 0.0, 300.0)
    assert planner.holds_at(299.0) == 1
    assert planner.holds_at(300.0) == 0
    assert planner.choose(349.0, 1, None) == []
    assert planner.choose(350.0, 1, None) == [0]
    planner.press(0, 350.0)
    assert planner.choose(449.0, 1, None) == []


def test_planner_gives_chords_to_both_hands():
    planner = ColumnPlanner(4, 100.0, 50.0)
    assert planner.choose(0.0, 1, 1.0) == [3]
    first, second = planner.choose(0.0, 2, 0.0)
    assert first == 0
    assert planner.hand(second) == 1
    assert [planner.hand(c) for c in range(4)] == [-1, -1, 1, 1]
    assert [ColumnPlanner(3, 1.0, 1.0).hand(c) for c in range(3)] == [-1, 0, 1]


def test_planner_refuses_impossible_key_counts():
    with pytest.raises(DataError, match="1 to 18"):
        ColumnPlanner(0, 100.0, 50.0)


def test_a_chart_without_melody_has_taps_only():
    song = compose_song(0)
    drums = type(song)(
        **{name: getattr(song, name) for name in song.__slots__}
        | {"events": song.of(["kick", "snare"])}
    )
    assert all(isinstance(n, Rice) for n in place_notes(drums, BY_NAME["Hard"], 4))
