"""Charts that are edited: nothing else changes, what is written reads back, all can be undone."""

from __future__ import annotations

import codecs
import json
import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from chart_strategies import whole_ms_charts
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks import exact_edits
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.changes import NoteChange
from mug.beatmap.exact.document import Document, open_chart
from mug.beatmap.exact.operations import note_from, note_to, replacement
from mug.beatmap.exact.stepmania import nearest_row
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.registry import CHARTS, encode
from mug.beatmap.formats.stepmania.timing import StepTiming
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError

CHART = Beatmap(
    keys=4,
    hit_objects=(Rice(0, 500.0), Rice(3, 750.0), LongNote(1, 1000.0, 1500.0), Rice(0, 1625.0)),
    timing=(TimingPoint(0.0, 500.0),),
    general={"AudioFilename": "song.ogg", "Mode": "3"},
    metadata={"Title": "Ü 日本", "Artist": "A", "Creator": "C", "Version": "Hard", "Tags": "x"},
)
DRESSES = ("plain", "\r", "\r\n", "utf-8-sig", "utf-16", "utf-16-be", "no end", "blanks", "remarks")


def written(suffix: str, charts: list[Beatmap], dress: str = "plain") -> bytes:
    """A file of a format, as other programs might write it."""
    text = encode(charts, suffix, LossReport()).decode()
    lines = text.replace("\r\n", "\n").split("\n")
    if dress == "remarks" and suffix in (".sm", ".ssc"):
        lines = [
            f"{line}  // {n}" if line.strip("0123") == "" else line for n, line in enumerate(lines)
        ]
    elif dress == "remarks" and suffix == ".qua":
        lines = [line + "   # remark" * line.startswith("- Start") for line in lines]
    elif dress == "remarks" and suffix == ".osu":
        lines = [f"{line} // remark" if line[:1].isdigit() else line for line in lines]
    if dress == "blanks":
        lines = [line + "  " for line in lines]
    ending = dress if dress in ("\r", "\r\n") and suffix != ".qua" else "\n"
    text = ending.join(lines)
    if dress == "remarks" and suffix == ".mc":
        text = json.dumps(json.loads(text), indent=3, ensure_ascii=False)
    if dress == "no end":
        text = text.rstrip()
    if dress == "utf-16-be":
        return text.encode("utf-16-be")
    return text.encode(dress) if dress.startswith("utf") else text.encode()


def opened(suffix: str, data: bytes) -> Document:
    """A document of a file of the format."""
    return open_chart(data, path=Path(f"song{suffix}"))


def edited(document: Document, *edits: dict) -> Document:
    """The document after operations that went through JSON, proved to be undone and done again."""
    done = document.apply(json.loads(json.dumps(edits)))
    back = done.document.apply(json.loads(json.dumps(done.undo)))
    assert back.document.data == document.data
    assert back.document.apply(back.undo).document.data == done.document.data
    return done.document


@pytest.mark.parametrize("suffix", CHARTS)
@settings(max_examples=8)
@given(
    charts=st.lists(whole_ms_charts(max_keys=9), min_size=1, max_size=2),
    dress=st.sampled_from(DRESSES),
    seed=st.integers(0, 1 << 30),
)
def test_random_edits_change_nothing_else(
    suffix: str, charts: list[Beatmap], dress: str, seed: int
) -> None:
    charts = charts if suffix in (".sm", ".ssc") else charts[:1]
    with_notes = [c for c in charts if c.hit_objects and c.keys in (3, 4, 5, 6, 7, 8, 9)]
    data = written(suffix, with_notes or [CHART], dress)
    found = exact_edits.try_document(opened(suffix, data), data, random.Random(seed), 4)
    assert found.failures == []


@pytest.mark.parametrize("suffix", CHARTS)
@pytest.mark.parametrize("dress", DRESSES)
def test_a_note_is_moved_to_where_it_is_put(suffix: str, dress: str) -> None:
    document = opened(suffix, written(suffix, [CHART], dress))
    move = {"op": "move", "notes": [{"column": 3, "start_ms": 750}]}
    after = edited(document, {**move, "to": [{"column": 2, "start_ms": 1250}]})
    assert [(n.column, n.start_ms) for n in after.charts[0].beatmap.hit_objects] == [
        (0, 500.0),
        (1, 1000.0),
        (2, pytest.approx(1250.0)),
        (0, pytest.approx(1625.0)),
    ]
    assert [note for note in after.charts[0].beatmap.hit_objects if isinstance(note, LongNote)]


@pytest.mark.parametrize("suffix", CHARTS)
def test_every_operation_does_what_it_says(suffix: str) -> None:
    document = opened(suffix, written(suffix, [CHART]))

    def places(*edits: dict) -> list[tuple]:
        notes = edited(document, *edits).charts[0].beatmap.sorted_objects()
        return [(n.column, round(n.start_ms, 2), round(n.last_ms, 2)) for n in notes]

    assert places({"op": "mirror"}) == [
        (3, 500, 500), (0, 750, 750), (2, 1000, 1500), (3, 1625, 1625)
    ]  # fmt: skip
    assert places({"op": "delete", "notes": [0, 3]}) == [(3, 750, 750), (1, 1000, 1500)]
    assert places({"op": "delete", "notes": {"from_ms": 700, "columns": [0, 1]}}) == [
        (0, 500, 500), (3, 750, 750)
    ]  # fmt: skip
    assert places({"op": "delete"}) == []
    assert places({"op": "delete"}, {"op": "add", "notes": [note_to(Rice(1, 250.0))]}) == [
        (1, 250, 250)
    ]
    assert places({"op": "set_end", "notes": [2], "end_ms": 1750})[2] == (1, 1000, 1750)
    assert places({"op": "set_end", "notes": [2], "end_ms": None})[2] == (1, 1000, 1000)
    assert places({"op": "set_end", "notes": [0], "end_ms": 750})[0] == (0, 500, 750)
    assert places({"op": "move", "notes": [1], "by_ms": 250, "by_columns": -1}) == [
        (0, 500, 500), (1, 1000, 1500), (2, 1000, 1000), (0, 1625, 1625)
    ]  # fmt: skip
    pasted = {"op": "paste", "notes": [note_to(CHART.hit_objects[2])], "at_ms": 3000}
    assert places(pasted)[-1] == (1, 3000, 3500)
    assert places({"op": "move", "notes": [3], "to": [{"start_ms": 9000.0}]})[-1] == (0, 9000, 9000)
    assert places({"op": "shift", "by_ms": 40})[1:3] == [(3, 790, 790), (1, 1040, 1540)]
    faster = places({"op": "tempo", "time_ms": 0, "bpm": 240})
    assert faster[:3] == [(0, 250, 250), (3, 375, 375), (1, 500, 750)]
    assert faster[3][:2] == (0, pytest.approx(812.5, abs=0.5))
    assert places({"op": "tempo", "bpm": 240, "keep": "times"}) == places()


@pytest.mark.parametrize("suffix", CHARTS)
def test_tempo_and_offset_move_the_grid(suffix: str) -> None:
    document = opened(suffix, written(suffix, [CHART]))
    shifted = edited(document, {"op": "shift", "by_ms": -12.5}).charts[0].beatmap
    old = document.charts[0].beatmap.red_lines[0]
    assert shifted.red_lines[0].time_ms == pytest.approx(old.time_ms - 12.5)
    faster = edited(document, {"op": "tempo", "bpm": 125}).charts[0].beatmap.red_lines[0]
    assert (faster.time_ms, faster.bpm) == (pytest.approx(old.time_ms), pytest.approx(125.0))


@pytest.mark.parametrize("suffix", CHARTS)
@pytest.mark.parametrize("dress", ["plain", "utf-16"])
def test_tags_are_one_more_thing_that_an_edit_sets(suffix: str, dress: str) -> None:
    for tags in ("one two", 'odd: "#;\\', "x"):
        untagged = replace(CHART, metadata={**CHART.metadata, "Tags": ""})
        for chart in (CHART, untagged):
            document = opened(suffix, written(suffix, [chart], dress))
            after = edited(document, {"op": "tags", "text": tags})
            assert after.charts[0].beatmap.metadata.get("Tags") == tags
            assert after.charts[0].beatmap.hit_objects == document.charts[0].beatmap.hit_objects


@pytest.mark.parametrize("suffix", CHARTS)
def test_what_cannot_be_written_is_refused(suffix: str) -> None:
    document = opened(suffix, written(suffix, [CHART]))
    for edit, match in (
        ({"op": "fly"}, "no such edit"),
        ({"op": "add", "notes": [{"column": 4, "start_ms": 0}]}, "column 4"),
        ({"op": "add", "notes": [{"column": 0, "start_ms": "x"}]}, "needs a number: start_ms"),
        ({"op": "add", "notes": [{"column": 0.5, "start_ms": 0}]}, "needs a number: column"),
        ({"op": "add", "notes": [{"column": 0, "start_ms": 9, "end_ms": 8}]}, "ends before"),
        ({"op": "add"}, "needs a list: notes"),
        ({"op": "add", "notes": [7]}, "not a map"),
        ({"op": "move", "notes": [9]}, "no such hit object"),
        ({"op": "move", "notes": [0], "to": []}, "another number of places"),
        ({"op": "delete", "notes": [{"column": 0, "start_ms": 1}]}, "no such hit object"),
        ({"op": "replace", "changes": [[0, None], [0, None]]}, "changes a note twice"),
        ({"op": "replace", "changes": [0]}, "needs a list: changes"),
        ({"op": "tempo", "bpm": 0}, "not above 0"),
        ({"op": "tempo", "bpm": 100, "keep": "calm"}, "keep is beats or times"),
        ({"op": "tags", "text": 3}, "needs a text"),
        ({"op": "patch", "splices": [[0, "nothing", ""]]}, "does not fit"),
        ({"op": "patch", "splices": [0]}, "does not fit"),
        ({"op": "mirror", "chart": 1}, "no such chart"),
        ({}, "needs a text: op"),
    ):
        with pytest.raises(BeatmapError, match=match):
            document.apply([{"op": "mirror"}, edit])


def test_lines_of_osu_keep_what_they_say_besides() -> None:
    """The place within a column, samples, and blanks: of a moved line two numbers change."""
    data = written(".osu", [CHART]).replace(
        b"448,192,750,1,0,0:0:0:0:", "400 ,77, 750 ,5,2,1:2:3:40:ä, b.wav // no".encode()
    )
    after = edited(opened(".osu", data), {"op": "move", "notes": [1], "by_ms": 5}).data
    assert after == data.replace(b" 750 ", b" 755 ")
    moved = edited(opened(".osu", data), {"op": "move", "notes": [1], "by_columns": -3}).data
    assert moved == data.replace(b"400 ,77, 750", b"64 ,77, 750")


def test_items_of_quaver_keep_their_other_keys() -> None:
    data = (
        b"Mode: Keys4\nTitle: 'a'\nHitObjects:\n  - Lane: 2\n    EditorLayer: 3 # four\n"
        b"    StartTime: '100'\n    Unknown: [1, 2]\n\n# between\n  - {StartTime: 200, Lane: 1}\n"
        b"TimingPoints: []\n"
    )
    document = opened(".qua", data)
    after = edited(document, {"op": "move", "notes": [0], "to": [{"column": 0, "start_ms": 150}]})
    expected = data.replace(b"'100'", b"150").replace(b"Lane: 2", b"Lane: 1")
    assert after.data == expected
    hold = edited(document, {"op": "set_end", "notes": [1], "end_ms": 300})
    assert b"- {EndTime: 300, StartTime: 200, Lane: 1}" in hold.data
    behind = edited(document, {"op": "move", "notes": [0], "by_ms": 900}).data
    assert behind.index(b"StartTime: 1000") > behind.index(b"StartTime: 200")
    assert b"EditorLayer: 3 # four\n    StartTime: 1000\n    Unknown: [1, 2]\n" in behind


@pytest.mark.parametrize(
    "notes", ["HitObjects: []", "HitObjects:", "HitObjects:   []  # none", "Other: 1", ""]
)
def test_the_first_note_of_a_quaver_chart(notes: str) -> None:
    data = f"Mode: Keys4\n{notes}\nTimingPoints: []".encode()
    two = [note_to(Rice(0, 10.0)), note_to(LongNote(3, 20.0, 40.0))]
    after = edited(opened(".qua", data), {"op": "add", "notes": two})
    assert len(after.charts[0].beatmap.hit_objects) == 2
    assert edited(after, {"op": "delete"}).charts[0].beatmap.hit_objects == ()


def test_quaver_lists_in_brackets() -> None:
    data = b"Mode: Keys4\nHitObjects: [{StartTime: 1, Lane: 1}, {StartTime: 5, Lane: 2, X: 1}]\n"
    document = opened(".qua", data)
    assert edited(document, {"op": "delete", "notes": [0]}).data == data.replace(
        b"{StartTime: 1, Lane: 1}, ", b""
    )
    added = edited(document, {"op": "add", "notes": [note_to(Rice(3, 3.0))]}).data
    assert b"Lane: 1}, {StartTime: 3, Lane: 4}, {StartTime: 5" in added


def test_elements_of_malody_keep_their_other_keys() -> None:
    data = written(".mc", [CHART]).replace(
        b'{"beat":[1,1,2],"column":3}', b'{ "x": "}]" , "beat" : [ 1, 2, 4 ] , "column":3,"y":[]}'
    )
    document = opened(".mc", data)
    after = edited(document, {"op": "move", "notes": [1], "by_ms": 125}).data
    assert after == data.replace(b"[ 1, 2, 4 ]", b"[ 1, 3, 4 ]")
    hold = edited(document, {"op": "set_end", "notes": [1], "end_ms": 1000})
    assert hold.charts[0].beatmap.hit_objects[1] == LongNote(3, 750.0, 1000.0)
    tap = edited(hold, {"op": "set_end", "notes": [1], "end_ms": None}).data
    assert tap.replace(b" ", b"") == data.replace(b" ", b"")


def test_keys_that_cannot_be_found_are_refused() -> None:
    data = written(".mc", [CHART]).replace(b'"column":3', b'"col\\u0075mn":3')
    with pytest.raises(BeatmapError, match="cannot be edited in place"):
        opened(".mc", data)


def test_a_malody_beat_that_no_line_has_is_written_as_it_is() -> None:
    done = opened(".mc", written(".mc", [CHART])).apply(
        [{"op": "add", "notes": [note_to(Rice(2, 1234.0))]}]
    )
    assert done.moved == ()
    starts = [note.start_ms for note in done.document.charts[0].beatmap.hit_objects]
    assert min(abs(start - 1234.0) for start in starts) < 0.01


def test_stepmania_moves_a_note_to_its_nearest_row_and_says_so() -> None:
    document = opened(".sm", written(".sm", [CHART]))
    done = document.apply([{"op": "add", "notes": [note_to(Rice(2, 1234.0))]}])
    (moved,) = done.moved
    assert moved.asked == Rice(2, 1234.0)
    assert moved.written.start_ms == pytest.approx(1229.1667, abs=1e-3)
    assert moved.by_ms == pytest.approx(-4.8333, abs=1e-3)
    assert moved.written in done.document.charts[0].beatmap.hit_objects


def test_only_the_measure_of_an_edit_is_divided_again() -> None:
    first = b"1000 // one\n0M00\n0000\n0000\n, // measure 1\n  0010\n"
    easy = b";\n#NOTES:dance-single::Easy:1:0:0001\n0000\n0000\n0000\n;"
    head = b"#TITLE:t;\n#OFFSET:0;\n#BPMS:0=120;\n#NOTES:\n dance-single:\n :\n Hard:\n 1:\n 0:\n"
    document = opened(".sm", head + first + b"0100\n" + easy)
    assert len(document.charts) == 2
    third = edited(document, {"op": "add", "notes": [note_to(Rice(3, 2000 + 500 / 3))]}).data
    rows = b"0001\n" + b"0000\n" * 4 + b"0100\n" + b"0000\n" * 5
    assert third == head + first + rows + easy
    beyond = edited(document, {"op": "add", "notes": [note_to(Rice(0, 6000.0))]}).data
    later = b",\n0000\n0000\n0000\n0000\n,\n1000\n0000\n0000\n0000\n"
    assert beyond == head + first + b"0100\n" + later + easy
    with pytest.raises(BeatmapError, match="something else stands"):
        document.apply([{"op": "add", "notes": [note_to(Rice(1, 500.0))]}])
    with pytest.raises(BeatmapError, match="something else stands"):
        document.apply([{"op": "add", "notes": [note_to(Rice(0, 1.0))]}])


def test_a_note_within_a_hold_would_break_it() -> None:
    document = opened(".sm", written(".sm", [CHART]))
    with pytest.raises(BeatmapError, match="would not read as it was edited"):
        document.apply([{"op": "add", "notes": [note_to(Rice(1, 1250.0))]}])


def test_lifts_and_rolls_stay_what_they_are() -> None:
    body = (
        b"#TITLE:t;#OFFSET:0;#BPMS:0=120;#NOTES:dance-single::Hard:1:0:\n"
        b"L400\n0000\n0300\n1[5]0M0\n;"
    )
    after = edited(opened(".sm", body), {"op": "mirror", "notes": [0, 1, 2]}).data
    assert after == body.partition(b"L4")[0] + b"004L\n0000\n0030\n00M1[5]\n;"


@settings(max_examples=30)
@given(
    st.dictionaries(st.integers(0, 800), st.floats(20, 900), min_size=1, max_size=5),
    st.dictionaries(st.integers(1, 800), st.floats(0.01, 3), max_size=4),
    st.integers(0, 900),
)
@example({0: 120.0}, {}, 0)
def test_the_nearest_row_of_a_rows_time_is_due_at_that_time(
    bpms: dict[int, float], stops: dict[int, float], row: int
) -> None:
    timing = StepTiming(
        bpms={Fraction(at, 48): bpm for at, bpm in bpms.items()},
        stops={Fraction(at, 48): stop for at, stop in stops.items()},
    )
    time_s = timing.time_s(Fraction(row, 48))
    found = nearest_row(timing, time_s)
    assert found is not None
    assert timing.time_s(found) == pytest.approx(time_s, abs=1e-9)


@given(st.integers(0, 17), st.integers(-9000, 9000), st.integers(0, 99), st.booleans())
def test_notes_as_maps_read_back(column: int, start: int, length: int, hold: bool) -> None:
    rest = (4, "1:2:3:4:a.wav", 4) if length % 2 else ()
    note = (
        LongNote(column, float(start), float(start + length), *rest)
        if hold
        else Rice(column, start + 0.25, *rest)
    )
    assert note_from(json.loads(json.dumps(note_to(note)))) == note


def test_a_replacement_is_an_operation() -> None:
    document = opened(".osu", written(".osu", [CHART]))
    edit = replacement([NoteChange(0, None), NoteChange(None, Rice(2, 600.0))])
    notes = edited(document, edit).charts[0].beatmap.hit_objects
    assert notes[0] == Rice(2, 600.0)
    assert len(notes) == 4


def test_old_files_of_osu_are_early() -> None:
    """Below version 5 the game plays everything 24 ms later than it is written."""
    data = written(".osu", [CHART]).replace(b"v14", b"v4")
    document = opened(".osu", data)
    assert document.charts[0].beatmap.hit_objects[0].start_ms == 524.0
    after = edited(document, {"op": "move", "notes": [0], "by_ms": 1})
    assert after.data == data.replace(b",500,1,", b",501,1,")
    slower = edited(document, {"op": "tempo", "time_ms": 24, "bpm": 60})
    assert slower.charts[0].beatmap.hit_objects[0].start_ms == 1024.0


def test_shifts_move_breaks_sounds_and_bookmarks_too() -> None:
    data = written(".osu", [CHART]).replace(
        b"[Events]", b'[Editor]\r\nBookmarks: 10,20\r\n[Events]\r\n2,100,300\r\nSample,50,0,"a",1'
    )
    after = edited(opened(".osu", data), {"op": "shift", "by_ms": 5}).data
    assert b"Bookmarks: 15,25\r\n" in after
    assert b"2,105,305\r\n" in after
    assert b'Sample,55,0,"a",1' in after


def test_sliders_of_other_modes_become_holds_where_they_are_edited_alone() -> None:
    slider = b"64,192,500,2,0,L|164:192,1,100"
    data = written(".osu", [CHART]).replace(b"64,192,500,1,0,0:0:0:0:", slider)
    document = opened(".osu", data)
    length = document.charts[0].beatmap.hit_objects[0].last_ms - 500.0
    assert length > 0
    assert edited(document, {"op": "move", "notes": [1], "by_ms": 1}).data.count(slider) == 1
    moved = edited(document, {"op": "move", "notes": [0], "by_ms": 1}).charts[0].beatmap
    assert moved.hit_objects[0].last_ms == 501.0 + length


@pytest.mark.parametrize("page", ["cp932", "gbk", "cp949", "cp1251"])
def test_old_code_pages_stay(page: str) -> None:
    title = {"cp932": "ソ表", "gbk": "繁體中文", "cp949": "한국어", "cp1251": "Привет"}[page]
    text = json.dumps({
        "meta": {"mode": 0, "mode_ext": {"column": 4}, "song": {"title": title * 6}},
        "time": [{"beat": [0, 0, 1], "bpm": 120}],
        "note": [{"beat": [1, 0, 1], "column": 0, "sound": title}, {"sound": "a"}],
    }, ensure_ascii=False)  # fmt: skip
    data = text.encode(page)
    after = edited(opened(".mc", data), {"op": "move", "notes": [0], "by_columns": 2})
    assert after.data == data.replace(b'"column": 0', b'"column": 2')
    assert codecs.lookup(page).decode(after.data)[0].count(title) == 7
