"""Malody: beats as fractions, several tempi, the offset of the sound."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from chart_strategies import whole_ms_charts, worst_ms
from hypothesis import given, settings

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats import beats
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.malody import read as malody
from mug.beatmap.formats.malody import write as malody_write
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.scroll import velocity_steps
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError, ModeError

META = {"mode": 0, "mode_ext": {"column": 5}, "song": {"title": "T", "artist": "A"}, "id": 9}
SOUND = {"beat": [0, 0, 1], "sound": "a.ogg", "offset": 250, "type": 1}


def tree(**parts: object) -> str:
    time = [{"beat": [0, 0, 1], "bpm": 120}, {"beat": [2, 0, 1], "bpm": 60.0}]
    return json.dumps({"meta": META, "time": time, "note": [SOUND]} | parts)


def test_a_file_by_hand() -> None:
    notes = [
        {"beat": [1, 1, 4], "column": 4},
        {"beat": [1, 0, 2], "endbeat": [3, 1, 2], "column": 0, "sound": "k.wav", "vol": 60},
        SOUND,
    ]
    effects = [{"beat": [1, 0, 1], "scroll": 0.5}, {"beat": [4, 0, 1], "sign": 3}]
    losses = LossReport()
    chart = malody.parse(tree(note=notes, effect=effects), losses=losses)
    # Beat 0 is 250 ms before the sound; beats last 500 ms, and 1000 ms from beat 2 (750 ms) on.
    assert chart.hit_objects == (
        Rice(4, 375.0),
        LongNote(0, 250.0, 2250.0, sample="0:0:0:60:k.wav"),
    )
    assert chart.timing == (
        TimingPoint(-250.0, 500.0),
        ScrollPoint(250.0, 0.5),
        TimingPoint(750.0, 1000.0),
        ScrollPoint(750.0, 0.5),  # scroll speeds outlast tempo changes in Malody
        TimingPoint(2750.0, 1000.0, 3),
        ScrollPoint(2750.0, 0.5),
    )
    assert (chart.keys, chart.title, chart.audio_filename) == (5, "T", "a.ogg")
    assert not losses
    assert osu.parse(osu.format(chart)) == chart
    again = malody.parse(malody_write.format(chart))
    assert (again.hit_objects, again.timing) == (chart.hit_objects, chart.timing)
    assert "id:9" in again.other["Malody"]


def test_the_sound_may_begin_on_another_beat() -> None:
    sound = SOUND | {"beat": [4, 0, 1], "offset": 0}
    chart = malody.parse(tree(note=[{"beat": [3, 0, 1], "column": 0}, sound]))
    assert chart.hit_objects == (Rice(0, -1000.0),)


@settings(max_examples=30, deadline=None)
@given(whole_ms_charts(max_keys=18))
def test_notes_tempo_and_speeds_survive(chart: Beatmap) -> None:
    losses = LossReport()
    again = malody.parse(malody_write.format(chart, losses=losses))
    assert worst_ms(again, chart) <= 0.5
    assert losses.count(malody_write.MOVED) == 0
    new, old = velocity_steps(again.timing), velocity_steps(chart.timing)
    assert [v for _, v in new] == [v for _, v in old]
    assert [t for t, _ in new] == pytest.approx([t for t, _ in old], abs=0.5)
    assert (again.title, again.artist, again.version) == (chart.title, chart.artist, chart.version)


def test_losses_are_counted() -> None:
    chart = Beatmap(4, (Rice(0, 0.4, 2), Rice(1, 9.0, 0, "1:0:0:0:")), metadata={"Tags": "x"})
    losses = LossReport()
    malody_write.format(chart, losses=losses)
    assert {loss.what: loss.count for loss in losses} == {
        "hit sounds": 1,
        beats.NO_TEMPO: 1,
        "hit samples": 1,
    }
    found = LossReport()
    extra = [{"beat": [0, 0, 1], "sound": "x.wav"}, {"beat": [0, 0, 1], "column": 1, "x": 1}]
    malody.parse(tree(note=[SOUND, *extra], effect=[{"beat": [0, 0, 1], "jump": 2}]), losses=found)
    assert {loss.what: loss.count for loss in found} == {
        "sound events": 1,
        "notes: x": 1,
        "effects: jump": 1,
    }


def test_other_modes_are_named() -> None:
    with pytest.raises(ModeError, match="Catch"):
        malody.parse(tree(meta=META | {"mode": 3}))


BAD_ENTRIES = [
    (tree(time=[]), "no tempo"),
    (tree(time=[{"beat": [0, 0, 1], "bpm": 0}]), "not above 0"),
    (tree(time=[{"beat": [0, 0, 1], "bpm": 1e308}]), "bpm"),
    (tree(time=[{"beat": [0, 0, 1], "bpm": "fast"}]), "not a number"),
    (tree(note=[{"beat": [0, 0, 0], "column": 0}]), "denominator"),
    (tree(note=[{"beat": [10**30, 0, 1], "column": 0}]), "beyond"),
    (tree(note=[{"beat": [0, 0, 1], "column": 5}]), "0 ... 4"),
    (tree(note=[{"beat": [0, 0, 1], "column": "left"}]), "not a number"),
    (tree(note=[{"beat": [9999999, 0, 1], "column": 0}]), "time of a note"),
    (tree(note=5), "not a list"),
    (tree(note=[5]), "not a list"),
    (tree().replace("120", "NaN"), "bpm"),
    (tree().replace("120", "1" * 5000), "not JSON|bpm"),
    ('{"meta":' + "[" * 100_000, "not JSON"),
    ("[1]", "one map"),
    ("{", "not JSON"),
]


@pytest.mark.parametrize(("text", "says"), BAD_ENTRIES)
def test_mistakes_are_named(text: str, says: str) -> None:
    with pytest.raises(BeatmapError, match=says):
        malody.parse(text, losses=LossReport(), strict=True)
    losses, said = LossReport(), ""
    try:
        malody.parse(text, losses=losses)
    except BeatmapError as error:  # nothing else is in most of these charts
        said = str(error)
    assert re.search(f"{says}|no tempo", said or str(losses))


@pytest.mark.parametrize(
    "bad",
    [
        {"beat": [2, 0, 1], "column": 5},
        {"beat": [2, 0, 1], "column": 1.5},
        {"beat": [2, 0, 0], "column": 1},
        {"beat": [2, 0], "column": 1},
        {"beat": [2, 0, 1], "column": None},
        {"beat": [2, 0, 1], "endbeat": "later", "column": 1},
    ],
)
def test_one_bad_note_is_left_out(bad: dict) -> None:
    losses = LossReport()
    chart = malody.parse(tree(note=[{"beat": [1, 0, 1], "column": 0}, bad, SOUND]), losses=losses)
    assert [note.column for note in chart.hit_objects] == [0]
    (loss,) = losses
    assert loss.count == 1
    assert "note 2" in loss.places[0]


def test_parts_of_a_beat_may_be_negative() -> None:
    places = [[2, 1, 2], [2, -1, -2], [3, -1, 2], [3, 1, -2]]
    notes = [{"beat": place, "column": 0} for place in places]
    chart = malody.parse(tree(note=[*notes, SOUND]), losses=LossReport())
    assert len({note.start_ms for note in chart.hit_objects}) == 1


def test_a_hold_that_ends_before_it_starts_has_no_length() -> None:
    notes = [{"beat": [2, 0, 1], "endbeat": [1, 0, 1], "column": 0}, SOUND]
    losses = LossReport()
    (note,) = malody.parse(tree(note=notes), losses=losses).hit_objects
    assert isinstance(note, LongNote)
    assert note.end_ms == note.start_ms
    assert [loss.count for loss in losses] == [1]


def test_the_song_is_the_sound_of_its_type() -> None:
    hit = {"beat": [0, 0, 1], "sound": "hit.wav", "vol": 50, "type": 0}
    song = {"beat": [0, 0, 1], "sound": "a.ogg", "offset": 250, "type": 1}
    tap = {"beat": [1, 0, 1], "column": 0}
    for notes in ([hit, tap, song], [song, tap, hit], [tap, hit, song]):
        chart = malody.parse(tree(note=notes), losses=LossReport())
        assert chart.audio_filename == "a.ogg"
        assert chart.hit_objects[0].start_ms == chart.red_lines[0].beat_ms - 250
    without = malody.parse(tree(note=[hit | {"type": 5}, tap]), losses=LossReport())
    assert without.audio_filename == "hit.wav"


@pytest.mark.real_data
def test_real_charts_survive(real_data: Path) -> None:
    paths = sorted((real_data / "corpus/mc").rglob("*.mc"))
    counts = {}
    for path in paths:
        losses = LossReport()
        chart = malody.read(path, losses=losses)
        again = malody.parse(malody_write.format(chart, losses=losses))
        assert worst_ms(again, chart) < 0.01
        assert (again.timing, again.metadata) == (chart.timing, chart.metadata)
        assert not losses
        counts[path.stem] = (len(chart.hit_objects), len(chart.long_notes))
    # Entries with a column, and those of them with an end, counted by another program.
    assert counts == {
        "1574436578": (1059, 108),
        "1626341674": (762, 203),
        "1651047750": (791, 118),
    }


def test_numbers_written_as_text_count() -> None:
    notes = [{"beat": [1, 0, 1], "column": "4"}, {"beat": [2, 0, 1], "column": "x"}]
    losses = LossReport()
    time = [{"beat": [0, 0, 1], "bpm": "120"}]
    chart = malody.parse(tree(note=[*notes, SOUND], time=time), losses=losses)
    assert chart.hit_objects == (Rice(4, 250.0),)
    said = [loss.what for loss in losses]
    assert "column is written as a text; the number in it counts" in said
    assert "left out: column is not a number" in said
    with pytest.raises(BeatmapError, match="written as a text"):
        malody.parse(tree(note=[*notes, SOUND], time=time), strict=True)
