"""The `.osu` reader and writer: round trips, the rules of lines, and what is refused."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from beatmap_strategies import beatmaps
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu.lines import column_of, x_of
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError


def chart(objects: str = "", timing: str = "", extra: str = "", keys: int = 4, **kwargs) -> Beatmap:
    text = (
        f"osu file format v14\n\n[General]\nMode: 3\n\n[Difficulty]\nCircleSize:{keys}\n"
        f"{extra}\n[TimingPoints]\n{timing}\n[HitObjects]\n{objects}\n"
    )
    return osu.parse(text, **kwargs)


@settings(max_examples=80, deadline=None)
@given(beatmaps())
def test_what_is_written_reads_back_equal(beatmap: Beatmap) -> None:
    text = osu.format(beatmap)
    again = osu.parse(text)
    assert again == beatmap
    assert osu.format(again) == text
    assert osu.parse("\ufeff" + text.replace("\n", "\r\n")) == beatmap


@settings(max_examples=200)
@given(st.integers(1, 18), st.floats(-1000, 1500))
def test_column_is_the_clamped_floor(keys: int, x: float) -> None:
    expected = min(max(math.floor(Fraction(x) * keys / 512), 0), keys - 1)
    assert column_of(x, keys) == expected


def test_each_column_is_written_in_its_own_middle() -> None:
    for keys in range(1, 19):
        xs = [x_of(column, keys) for column in range(keys)]
        assert [column_of(x, keys) for x in xs] == list(range(keys))
        assert all(abs(x - (c + 0.5) * 512 / keys) < 1 for c, x in enumerate(xs))
    assert [x_of(c, 4) for c in range(4)] == [64, 192, 320, 448]


def test_positions_off_the_field_fall_into_the_outer_columns() -> None:
    found = chart("-5,192,1,1,0\n512,192,2,1,0\n127.9,192,3,1,0\n128,192,4,1,0")
    assert [note.column for note in found.hit_objects] == [0, 3, 0, 1]


@pytest.mark.parametrize("kind", [128, 132, 128 | 16, 129])
def test_bit_seven_makes_a_hold_whatever_the_other_bits(kind: int) -> None:
    (note,) = chart(f"64,192,100,{kind},2,350:1:2:3:40:a.wav").hit_objects
    assert note == LongNote(0, 100.0, 350.0, 2, "1:2:3:40:a.wav", kind & 116)


def test_samples_and_combos_of_taps_survive() -> None:
    notes = chart("64,192,100,5,8,0:0:0:70:a, b.wav\n64,192,101,1,0\n64,192,1.25,1").hit_objects
    assert notes == (
        Rice(0, 100.0, 8, "0:0:0:70:a, b.wav", 4),
        Rice(0, 101.0, 0, ""),
        Rice(0, 1.25, 0, ""),
    )


def test_fields_are_split_at_the_first_colon() -> None:
    found = chart(extra="[Metadata]\nVersion: It: has: colons\nTitle:Re:End\n[Editor]\nTags :a//b")
    assert found.version == "It: has: colons"
    assert found.title == "Re:End"
    assert found.editor == {"Tags": "a//b"}


def test_red_and_green_lines() -> None:
    timing = chart(
        timing="10,500\n20,-200\n30.5,400,3,2,1,50,1,8\n40,-50,4,1,0,60,0,1\n50,100,4,1,0,60,0\n"
        "60,-150,4,1,0,60,1,0"
    ).timing
    assert timing == (
        TimingPoint(10.0, 500.0),
        ScrollPoint(20.0, 0.5),
        TimingPoint(30.5, 400.0, 3, 2, 1, 50, 8),
        ScrollPoint(40.0, 2.0, volume=60, effects=1),
        ScrollPoint(50.0, 1.0, volume=60),
        ScrollPoint(60.0, 1 / 1.5, volume=60),
    )


def test_numbers_keep_their_text() -> None:
    lines = "355,476.190476190476,4,2,1,60,1,0\n355,-133.333333333333,4,1,0,100,0,0"
    assert lines in osu.format(chart(timing=lines))
    objects = "64,192,1000,1,0,0:0:0:0:\n64,192,1000.25,128,0,2000.125:0:0:0:0:"
    assert objects in osu.format(chart(objects))


def test_sliders_and_spinners_are_holds_of_their_length() -> None:
    found = chart(
        "256,352,500,2,0,L|256:208,3,140\n0,0,9000,12,0,9500,0:0\n"
        "256,0,20000,2,0,L|1:1,1,140.3,0|0,0:0|0:0,1:1",
        "355,400\n0,-50\n10000,-200",
        "SliderMultiplier:1",
    ).hit_objects
    assert found == (
        LongNote(2, 500.0, 500.0 + 3 * 140 / 100 * 400, 0, ""),
        LongNote(0, 9000.0, 9500.0, 0, "0:0", 4),
        LongNote(2, 20000.0, 20000.0 + math.floor(140.3 / 100 * 400 * 2), 0, "1:1"),
    )


def test_files_before_version_5_are_24_ms_early() -> None:
    text = (
        "osu file format v4\n[General]\nMode: 3\n[Difficulty]\nCircleSize:4\n"
        "[TimingPoints]\n100,500\n[HitObjects]\n64,192,1000,1,0\n64,192,1000.1,128,0,1100:0\n"
    )
    early = osu.parse(text)
    assert early.timing[0].time_ms == 124.0
    assert [n.start_ms for n in early.hit_objects] == [1024.0, 1024.1]
    assert early.hit_objects[1].last_ms == 1124.0
    assert "64,192,1000.1,128,0,1100:0" in osu.format(early)
    assert osu.parse(text.replace("v4", "v5")).hit_objects[0].start_ms == 1000.0


def test_events_comments_and_unknown_sections_survive() -> None:
    extra = (
        '// about difficulty\n[Events]\n//Storyboard Layer 0\nSprite,Pass,Centre,"a b.png",1,2\n'
        " F,0,1,2,0,1\n__M,1\n[Colours]\nCombo1 : 1,2,3\n\n[Later]\nanything = at all\n"
    )
    found = chart("// first\n64,192,5,1,0 // tail", extra=extra)
    assert found.events[1:] == ('Sprite,Pass,Centre,"a b.png",1,2', " F,0,1,2,0,1", "__M,1")
    assert found.other == {"Colours": ("Combo1 : 1,2,3",), "Later": ("anything = at all",)}
    assert found.comments == {
        "Difficulty": ("// about difficulty",),
        "HitObjects": ("// first", "// tail"),
    }
    assert osu.parse(osu.format(found)) == found


BAD_OBJECTS = {
    "64,192": "at least four fields",
    "nan,192,5,1,0": "x is not a finite number",
    "64,192,inf,1,0": "the time is not a finite number",
    "64,192,1e300,1,0": "beyond 2^31",
    "64,192,1_0,1,0": "the time is not a finite number",
    "9999999,192,5,1,0": "far off the field",
    "64,192,5,0,0": "no kind of object",
    "64,192,5,512,0": "eight bits",
    "64,192,5,1.5,0": "the type is not a whole number",
    "64,192,5,128,0,4:0:0:0:0:": "ends before it starts",
    "64,192,5,128,0": "the end is not a finite number",
    "64,192,5,8,0": "at least six fields",
    "64,192,5,8,0,4": "ends before it starts",
    "64,192,5,2,0,L|1:1": "at least eight fields",
    "64,192,5,2,0,L|1:1,1,1e30": "beyond 2^31",
    "nonsense": "at least four fields",
}
BAD_TIMING = {
    "5": "two to eight fields",
    "5,nan": "the length of a beat is not a finite number",
    "5,0": "longer than 0 ms",
    "5,1e999": "longer than 0 ms",
    "5,-1e999": "the scroll speed is out of range",
    "5,500,-1": "the metre is negative",
    "5,500,4,x": "the sample set is not a finite number",
    "1,2,3,4,5,6,7,8,9": "two to eight fields",
}


@pytest.mark.parametrize(
    ("section", "line", "reason"),
    [("objects", *item) for item in BAD_OBJECTS.items()]
    + [("timing", *item) for item in BAD_TIMING.items()]
    + [("extra", "no colon here", "expected `key: value`")],
)
def test_a_malformed_line_is_an_error_or_is_reported(section: str, line: str, reason: str) -> None:
    with pytest.raises(BeatmapError, match=re.escape(reason)) as caught:
        chart(**{section: line}, path=Path("a.osu"))
    number = {"extra": 8, "timing": 10, "objects": 12}[section]
    assert (str(caught.value.file), caught.value.line) == ("a.osu", number)
    assert caught.value.value == line

    skipped: list[osu.SkippedLine] = []
    found = chart(**{section: line}, strict=False, skipped=skipped)
    assert found == chart()
    ((at, text, why),) = [(entry.line, entry.text, entry.reason) for entry in skipped]
    assert (at, text) == (number, line)
    assert reason in why


def test_lines_left_out_are_logged_when_nobody_collects_them(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        chart("nonsense", strict=False)
    assert "nonsense" in caplog.text


def test_a_key_written_twice_is_reported() -> None:
    extra = "[Metadata]\nTitle:one\nTitle:two\nArtist:same\nArtist:same"
    skipped: list[osu.SkippedLine] = []
    assert chart(extra=extra, strict=False, skipped=skipped).title == "two"
    assert [entry.text for entry in skipped] == ["Title:one"]
    with pytest.raises(BeatmapError, match="twice"):
        chart(extra=extra)


@pytest.mark.parametrize(
    ("mode", "name"),
    [("0", "osu!,"), ("1", "osu!taiko"), ("2", "osu!catch"), ("7", "mode 7"), (None, "osu!,")],
)
@pytest.mark.parametrize("strict", [True, False])
def test_charts_of_other_modes_are_named(mode: str | None, name: str, strict: bool) -> None:
    line = "" if mode is None else f"Mode: {mode}"
    with pytest.raises(BeatmapError, match=name):
        osu.parse(f"osu file format v14\n[General]\n{line}\n[HitObjects]\nx\n", strict=strict)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no sections"),
        ("PK\x03\x04 rubbish", "no sections"),
        ("[General]\nMode: three", "Mode is not"),
        ("[General]\nMode: 3", "CircleSize, the number of columns, is missing"),
        ("[General]\nMode: 3\n[Difficulty]\nCircleSize:0", "1 to 18"),
        ("[General]\nMode: 3\n[Difficulty]\nCircleSize:19", "1 to 18"),
        ("[General]\nMode: 3\n[Difficulty]\nCircleSize:NaN", "not a finite"),
        ("[General]\nMode: 3\n[Difficulty]\nCircleSize:4\nSliderMultiplier:x", "SliderMultiplier"),
    ],
)
def test_files_that_are_no_mania_chart(text: str, reason: str) -> None:
    for strict in (True, False):
        with pytest.raises(BeatmapError, match=reason):
            osu.parse(text, strict=strict)


def test_the_header_may_be_missing_but_not_be_rubbish() -> None:
    body = "[General]\nMode: 3\n[Difficulty]\nCircleSize:4\n"
    assert osu.parse(body).file_format == 14
    assert osu.parse(f"\n\n osu file format v9 \n{body}").file_format == 9
    skipped: list[osu.SkippedLine] = []
    found = osu.parse(f"ow osu file format v7\nhello\n{body}", strict=False, skipped=skipped)
    assert found.file_format == 7
    assert [entry.text for entry in skipped] == ["ow osu file format v7", "hello"]
    with pytest.raises(BeatmapError, match="expected `osu file format"):
        osu.parse(f"hello\n{body}")


GOOD = Beatmap(keys=4)


@pytest.mark.parametrize(
    "bad",
    [
        replace(GOOD, keys=19),
        replace(GOOD, general={"Mode": "1"}),
        replace(GOOD, difficulty={"CircleSize": "7"}),
        replace(GOOD, metadata={"Title": "a\n[HitObjects]"}),
        replace(GOOD, metadata={"Title:": "a"}),
        replace(GOOD, metadata={"": "a"}),
        replace(GOOD, events=("[HitObjects]",)),
        replace(GOOD, events=("a\rb",)),
        replace(GOOD, other={"General": ()}),
        replace(GOOD, other={"x]\n[y": ()}),
        replace(GOOD, comments={"Nowhere": ("// a",)}),
        replace(GOOD, comments={"General": ("Mode: 1",)}),
        GOOD.with_objects([Rice(4, 0.0)]),
        GOOD.with_objects([Rice(-1, 0.0)]),
        GOOD.with_objects([Rice(0, math.nan)]),
        GOOD.with_objects([Rice(0, 1e12)]),
        GOOD.with_objects([Rice(0, 0.0, sample="a\nb")]),
        GOOD.with_objects([Rice(0, 0.0, new_combo=128)]),
        GOOD.with_objects([LongNote(0, 10.0, 9.0)]),
        replace(GOOD, timing=(TimingPoint(0.0, 0.0),)),
        replace(GOOD, timing=(TimingPoint(math.inf, 500.0),)),
        replace(GOOD, timing=(ScrollPoint(0.0, -1.0),)),
        replace(GOOD, timing=(TimingPoint(0.0, 500.0, meter=0),)),
    ],
)
def test_what_the_format_cannot_hold_is_refused(bad: Beatmap) -> None:
    assert osu.parse(osu.format(GOOD)).keys == 4
    with pytest.raises(BeatmapError):
        osu.format(bad)


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("utf-8", "夜明け é"),
        ("utf-8-sig", "夜明け é"),
        ("utf-16", "夜明け é"),
        ("cp932", "夜明けまで"),
        ("cp932", "東方"),
        ("latin-1", "Café déjà"),
        ("latin-1", "Ünï"),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, title: str) -> None:
    path = tmp_path / "a.osu"
    text = osu.format(replace(GOOD, metadata={"Title": title})).replace("\n", "\r\n")
    path.write_bytes(text.encode(encoding))
    found = osu.read(path)
    assert found.title == title
    assert found.path == path


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.osu").write_bytes(b"\xff\xfeabc")
    with pytest.raises(BeatmapError, match=r"a\.osu.*byte-order"):
        osu.read(tmp_path / "a.osu")
    with pytest.raises(BeatmapError, match=r"b\.osu"):
        osu.read(tmp_path / "b.osu")


def test_write_is_utf8_with_windows_line_ends_and_whole_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.osu"
    good = replace(GOOD, metadata={"Title": "夜"}, difficulty={"CircleSize": "4"})
    good = replace(good, general={"Mode": "3"})
    osu.write(good, path)
    assert path.read_bytes().startswith(b"osu file format v14\r\n")
    assert "夜".encode() in path.read_bytes()
    with pytest.raises(BeatmapError):
        osu.write(GOOD.with_objects([Rice(9, 0.0)]), path)
    with pytest.raises(BeatmapError, match="Unicode"):
        osu.write(replace(GOOD, metadata={"Title": "\ud800"}), path)
    assert osu.read(path) == good
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=300)
@given(st.text(max_size=200) | st.text("0123456789,:-.|[]\nGeneralMode ", max_size=80))
def test_any_text_reads_or_is_a_beatmap_error(text: str) -> None:
    body = f"[General]\nMode:3\n[Difficulty]\nCircleSize:4\n[TimingPoints]\n{text}\n"
    body += f"[HitObjects]\n{text}"
    for strict in (True, False):
        try:
            found = osu.parse(body, strict=strict, skipped=[])
        except BeatmapError:
            continue
        assert osu.parse(osu.format(found)) == found
