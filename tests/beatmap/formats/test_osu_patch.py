"""Other objects in a file, every other byte as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu import patch as osu_patch
from mug.beatmap.hit_objects import LongNote, Rice
from mug.errors import BeatmapError, ModeError

TEXT = """osu file format v{version}

[General]
Mode: 3

[Metadata]
Title:夏
Tags:one two

[Difficulty]
CircleSize:4

[TimingPoints]
0,500,4,1,0,70,1,0

[HitObjects]
64,192,1000,1,0,0:0:0:0:
// between
192,192,2000,128,4,2500:0:0:0:30:hit.wav
448,192,1500,1,2,0:0:0:0: // late
"""


def chart(version: int = 14, line_break: str = "\n") -> osu_patch.ChartFile:
    text = TEXT.format(version=version).replace("\n", line_break)
    return osu_patch.of(text.encode())


def test_a_file_knows_the_lines_of_its_objects() -> None:
    read = chart()
    lines = read.data.split(b"\n")
    assert [lines[index][:3] for index in read.lines] == [b"64,", b"192", b"448"]
    assert [note.start_ms for note in read.beatmap.hit_objects] == [1000.0, 2000.0, 1500.0]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_new_lines_end_as_the_others_do(line_break: str) -> None:
    before = chart(line_break=line_break)
    after = osu_patch.replace_objects(before, [0], [Rice(3, 1200.0), LongNote(0, 3000.0, 3100.0)])
    gone = f"64,192,1000,1,0,0:0:0:0:{line_break}".encode()
    early = f"448,192,1200,1,0,0:0:0:0:{line_break}".encode()
    late = f"64,192,3000,128,0,3100:0:0:0:0:{line_break}".encode()
    kept = f"192,192,2000,128,4,2500:0:0:0:30:hit.wav{line_break}".encode()
    expected = before.data.replace(gone, b"").replace(kept, early + kept) + late
    assert after.data == expected


def test_times_of_early_files_are_written_as_they_are_read() -> None:
    before = chart(version=4)
    assert before.beatmap.hit_objects[0].start_ms == 1024.0
    after = osu_patch.replace_objects(before, [], [Rice(0, 5024.0)])
    assert after.data == before.data + b"64,192,5000,1,0,0:0:0:0:\n"
    assert after.beatmap.hit_objects[-1] == Rice(0, 5024.0)


@settings(max_examples=50, deadline=None)
@given(
    st.sets(st.integers(0, 2)),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4000)), max_size=6),
)
def test_taking_out_and_putting_in_again_is_nothing(
    removed: set[int], places: list[tuple[int, int]]
) -> None:
    before = chart()
    added = [Rice(column, float(time)) for column, time in places]
    after = osu_patch.replace_objects(before, sorted(removed), added)
    objects = after.beatmap.hit_objects
    kept = [n for i, n in enumerate(before.beatmap.hit_objects) if i not in removed]
    assert sorted(map(repr, objects)) == sorted(map(repr, [*kept, *added]))
    own = {repr(note) for note in kept}
    new = [index for index, note in enumerate(objects) if repr(note) not in own]
    if not {repr(note) for note in added} & own:
        assert osu_patch.lines_beside(after, new) == osu_patch.lines_beside(before, sorted(removed))


def test_one_field_changes_or_comes_to_be() -> None:
    before = chart(line_break="\r\n")
    after = osu_patch.with_field(before, "Metadata", "Tags", "three")
    assert after.data == before.data.replace(b"Tags:one two", b"Tags:three")
    new = osu_patch.with_field(before, "Metadata", "Source", "x")
    assert new.data == before.data.replace(b"[Metadata]\r\n", b"[Metadata]\r\nSource:x\r\n")
    assert new.beatmap.metadata["Source"] == "x"
    for section, value in (("Colours", "x"), ("Metadata", "two\nlines"), ("Metadata", "夏")):
        with pytest.raises(BeatmapError, match=r"ASCII|section"):
            osu_patch.with_field(before, section, "Tags", value)


def test_what_cannot_be_edited_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BeatmapError, match="UTF-16"):
        osu_patch.of(TEXT.format(version=14).encode("utf-16"))
    with pytest.raises(ModeError, match="mania"):
        osu_patch.of(TEXT.format(version=14).replace("Mode: 3", "Mode: 0").encode())
    with pytest.raises(BeatmapError, match="no such hit object"):
        osu_patch.replace_objects(chart(), [3], [])
    with pytest.raises(BeatmapError, match="cannot be written"):
        osu_patch.replace_objects(chart(), [], [Rice(4, 0.0)])
    bare = osu_patch.of(TEXT.format(version=14).split("[HitObjects]")[0].encode())
    with pytest.raises(BeatmapError, match="section"):
        osu_patch.replace_objects(bare, [], [Rice(0, 0.0)])
    with pytest.raises(BeatmapError, match="cannot read"):
        osu_patch.read(tmp_path / "nowhere.osu")


@pytest.mark.real_data
def test_real_charts_keep_every_other_byte(real_data: Path) -> None:
    files = sorted((real_data / "songs").rglob("*.osu"))[::4]  # several of each song
    edited = 0
    for path in files:
        try:
            before = osu_patch.read(path)
        except ModeError:
            continue
        notes = before.beatmap.hit_objects
        middle = range(len(notes) // 3, len(notes) // 2)
        added = [Rice(0, notes[index].start_ms + 7) for index in middle]
        after = osu_patch.replace_objects(before, middle, added)
        mine = {*added}
        new = [i for i, note in enumerate(after.beatmap.hit_objects) if note in mine]
        beside = osu_patch.lines_beside(after, new)
        assert b"".join(beside) == b"".join(osu_patch.lines_beside(before, middle)), path
        assert after.beatmap.with_objects(()) == before.beatmap.with_objects(()), path
        assert osu.parse(after.data.decode("utf-8-sig")).keys == before.beatmap.keys
        edited += 1
    assert edited >= 5
