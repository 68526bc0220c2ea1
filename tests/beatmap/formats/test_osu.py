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
from mug.beatmap.formats.loss_report import LossReport
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


@pytest.mark.parametrize("kind", [128, 132, 128 | 16, 128 | 512])
def test_bit_seven_makes_a_hold_whatever_the_other_bits(kind: int) -> None:
    (note,) = chart(f"64,192,100,{kind},2,350:1:2:3:40:a.wav").hit_objects
    assert note == LongNote(0, 100.0, 350.0, 2, "1:2:3:40:a.wav", kind & 116)


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        (129, Rice(0, 100.0, 2, "350,2,140")),
        (1 | 2 | 8, Rice(0, 100.0, 2, "350,2,140")),
        (2 | 8 | 128, LongNote(0, 100.0, 1100.0, 2, "")),
        (8 | 128, LongNote(0, 100.0, 350.0, 2, "")),
    ],
)
def test_of_several_kinds_the_games_first_one_counts(kind: int, note: LongNote | Rice) -> None:
    """Circle, slider, spinner, hold: `ConvertHitObjectParser` looks at the bits in this order."""
    rest = "350" if kind == 136 else "L|164:192,2,140" if kind == 138 else "0:0"
    (found,) = chart(f"64,192,100,{kind},2,{rest}", "0,500").hit_objects
    sample = "0:0" if isinstance(note, Rice) else ""
    assert found == replace(note, sample=sample)


def test_samples_and_combos_of_taps_survive() -> None:
    objects = "64,192,100,5,8,0:0:0:70:a, b.wav\n64,192,101,1,0\n64,192,1.25,1,0"
    notes = chart(objects).hit_objects
    assert notes == (
        Rice(0, 100.0, 8, "0:0:0:70:a, b.wav", 4),
        Rice(0, 101.0, 0, ""),
        Rice(0, 1.25, 0, ""),
    )


def test_fields_are_split_at_the_first_colon() -> None:
    found = chart(extra="[Metadata]\nVersion: It: has: colons\nTitle:Re:End\nTags :a//b")
    assert found.version == "It: has: colons"
    assert found.title == "Re:End"
    assert found.metadata["Tags"] == "a//b"


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
    "64,192": "at least five fields",
    "64,192,5,1": "at least five fields",
    "nan,192,5,1,0": "x is not a finite number",
    "64,top,5,1,0": "y is not a finite number",
    "64,192,inf,1,0": "the time is not a finite number",
    "64,192,1e300,1,0": "beyond 2^31",
    "64,192,1_0,1,0": "the time is not a finite number",
    "9999999,192,5,1,0": "far off the field",
    "64,192,5,0,0": "no kind of object",
    "64,192,5,512,0": "no kind of object",
    "64,192,5,1.5,0": "the type is not a whole number",
    "64,192,5,1,0,loud": "a number of the sample is not a finite number",
    "64,192,5,1,0,0:0:x": "a number of the sample is not a finite number",
    "64,192,5,128,0,late:0": "the end is not a finite number",
    "64,192,5,8,0": "at least six fields",
    "64,192,5,2,0,L|1:1": "at least seven fields",
    "64,192,5,2,0,L|1:1,9001": "more than 9000 repeats",
    "64,192,5,2,0,B|1:1|2:2,1": "has no length",
    "64,192,5,2,0,L|1:1,1,1e30": "longer than",
    "nonsense": "at least five fields",
}
BAD_TIMING = {
    "5": "at least two fields",
    "5,nan": "the length of a beat is not a finite number",
    "5,1e999": "endless",
    "5,-1e999": "the scroll speed is out of range",
    "5,500,-1": "the metre is not above 0",
    "5,500,4,x": "the sample set is not a finite number",
    "5,500,4,1,0,100,,0": "the red-line flag is not a finite number",
}
GOOD_OBJECT = "64,192,1,1,0"


@pytest.mark.parametrize(
    ("section", "line", "reason"),
    [("objects", *item) for item in BAD_OBJECTS.items()]
    + [("timing", *item) for item in BAD_TIMING.items()]
    + [("extra", "no colon here", "expected `key: value`")],
)
def test_a_malformed_line_is_an_error_or_is_left_out(section: str, line: str, reason: str) -> None:
    given = {"objects": GOOD_OBJECT, section: line}
    if section == "objects":
        given = {"objects": f"{line}\n{GOOD_OBJECT}"}
    with pytest.raises(BeatmapError, match=re.escape(reason)) as caught:
        chart(**given, path=Path("a.osu"), strict=True)
    number = {"extra": 8, "timing": 10, "objects": 12}[section]
    assert (str(caught.value.file), caught.value.line) == ("a.osu", number)
    assert caught.value.value == line

    losses = LossReport()
    found = chart(**given, losses=losses, path=Path("a.osu"))
    assert found == chart(GOOD_OBJECT)
    (loss,) = losses
    assert reason in loss.what
    assert (loss.count, loss.places) == (1, (f"a.osu:{number} {line!r}",))


READ_OTHERWISE = [
    ("64,192,5,128,0,4:0:0:0:0:", LongNote(0, 5.0, 5.0, sample="0:0:0:0:"), "ends before"),
    ("64,192,5,128,0", LongNote(0, 5.0, 5.0, sample=""), "no end"),
    ("64,192,5,128,0,", LongNote(0, 5.0, 5.0, sample=""), "no end"),
    ("64,192,5,8,0,4", LongNote(0, 5.0, 5.0, sample=""), "ends before"),
    ("1,2,3,4,5,6,1,8,9", TimingPoint(1.0, 2.0, 3, 4, 5, 6, 8), "more than eight"),
    ("5,NaN,4,1,0,100,0,0", ScrollPoint(5.0, 1.0), "no number"),
    ("5,-nan,4,1,0,100,0,0", ScrollPoint(5.0, 1.0), "no number"),
    ("5,0", TimingPoint(5.0, 6.0), "0 ms"),
    ("5,1e-999", TimingPoint(5.0, 6.0), "0 ms"),
]


@pytest.mark.parametrize(("line", "value", "reason"), READ_OTHERWISE)
def test_what_the_game_reads_otherwise_than_written(line: str, value, reason: str) -> None:
    note = isinstance(value, (Rice, LongNote))
    given = {"objects": line} if note else {"timing": line, "objects": GOOD_OBJECT}
    losses = LossReport()
    found = chart(**given, losses=losses)
    assert (found.hit_objects if note else found.timing) == (value,)
    (loss,) = losses
    assert loss.count == 1
    assert reason in loss.what
    with pytest.raises(BeatmapError, match=reason):
        chart(**given, strict=True)


def test_a_chart_is_refused_when_no_note_is_left() -> None:
    with pytest.raises(
        BeatmapError, match=r"nothing.*2 notes.*at least five fields.*nonsense"
    ) as e:
        chart("nonsense\n64,192", path=Path("a.osu"))
    assert e.value.line == 12
    assert not chart("").hit_objects  # it never had any


def test_a_comment_cuts_every_line_but_metadata() -> None:
    found = chart(
        "64,192,1,1,0,0:0:0:0://first",
        "0,500//a",
        extra="OverallDifficulty:8//od\n[Metadata]\nTitle:a//b\n[TimingPoints] // now",
    )
    assert found.hit_objects == (Rice(0, 1.0),)
    assert found.timing == (TimingPoint(0.0, 500.0),)
    assert found.difficulty["OverallDifficulty"] == "8"
    assert found.title == "a//b"
    assert osu.parse(osu.format(found)) == found
    for section in ("general", "editor", "difficulty"):
        with pytest.raises(BeatmapError, match="key: value"):
            osu.format(replace(found, **{section: {"x": "a//b"}}))


def test_lines_left_out_are_logged_when_nobody_collects_them(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        chart(f"nonsense\n{GOOD_OBJECT}")
    assert "nonsense" in caplog.text


def test_a_key_written_twice_is_counted() -> None:
    extra = "[Metadata]\nTitle:one\nTitle:two\nArtist:same\nArtist:same"
    losses = LossReport()
    assert chart(extra=extra, losses=losses).title == "two"
    assert [loss.places for loss in losses] == [("line 9 'Title:one'",)]
    with pytest.raises(BeatmapError, match="twice"):
        chart(extra=extra, strict=True)


@pytest.mark.parametrize(
    ("lines", "keys", "reason"),
    [
        ("CircleSize:7\nCircleSize:many", 7, "not a finite"),
        ("CircleSize:many", 5, "missing"),
        ("", 5, "missing"),
        ("CircleSize:0", 1, "not 1 to 18"),
        ("CircleSize:40", 18, "not 1 to 18"),
        ("CircleSize:NaN\nCircleSize:6", 6, "twice"),
    ],
)
def test_columns_of_a_chart_that_does_not_say_them_well(lines: str, keys: int, reason: str) -> None:
    text = f"[General]\nMode: 3\n[Difficulty]\n{lines}\n[HitObjects]\n{GOOD_OBJECT}\n"
    losses = LossReport()
    found = osu.parse(text, losses=losses)
    assert found.keys == keys
    assert any(reason in loss.what for loss in losses)
    assert osu.parse(osu.format(found)).keys == keys
    with pytest.raises(BeatmapError):
        osu.parse(text, strict=True)


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
        ("[General]\nMode: 0\nMode: three", "osu!,|Mode is not|twice"),
    ],
)
def test_files_that_are_no_mania_chart(text: str, reason: str) -> None:
    for strict in (True, False):
        with pytest.raises(BeatmapError, match=reason):
            osu.parse(text, strict=strict)


def test_a_number_that_is_none_is_left_out() -> None:
    text = "[General]\nMode: 3\n[Difficulty]\nCircleSize:4\nSliderMultiplier:x"
    losses = LossReport()
    assert "SliderMultiplier" not in osu.parse(text, losses=losses).difficulty
    assert [loss.count for loss in losses] == [1]
    with pytest.raises(BeatmapError, match="SliderMultiplier"):
        osu.parse(text, strict=True)


def test_fields_above_the_first_section_are_general() -> None:
    text = "osu file format v14\nAudioFilename: a.ogg\nMode: 3\n[Difficulty]\nCircleSize:4\n"
    assert osu.parse(text).general == {"AudioFilename": "a.ogg", "Mode": "3"}
    with pytest.raises(BeatmapError):
        osu.parse(text, strict=True)


def test_the_header_may_be_missing_but_not_be_rubbish() -> None:
    body = "[General]\nMode: 3\n[Difficulty]\nCircleSize:4\n"
    assert osu.parse(body).file_format == 14
    assert osu.parse(f"\n\n osu file format v9 \n{body}").file_format == 9
    losses = LossReport()
    found = osu.parse(f"ow osu file format v7\nhello\n{body}", losses=losses)
    assert found.file_format == 7
    assert [loss.places for loss in losses] == [
        ("line 1 'ow osu file format v7'", "line 2 'hello'")
    ]
    with pytest.raises(BeatmapError, match="expected `osu file format"):
        osu.parse(f"hello\n{body}", strict=True)


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
        ("cp949", "한국 노래"),
        ("gbk", "中文歌曲"),
        ("cp1251", "Русская песня"),
        ("cp1252", "Déjà—vu créée"),
        ("cp950", "告白氣球"),
        ("utf-16-le", "夜明け é"),
        ("utf-16-be", "夜明け é"),
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
            found = osu.parse(body, strict=strict, losses=LossReport())
        except BeatmapError:
            continue
        assert osu.parse(osu.format(found)) == found
