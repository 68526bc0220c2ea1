"""Packages whose charts are edited: every other member keeps its bytes, name and place."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from mug.beatmap.exact.document import open_chart
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import Rice
from mug.errors import BeatmapError, ModeError

HEAD = (
    "osu file format v14\r\n\r\n[General]\r\nAudioFilename: a.mp3\r\nMode: 3\r\n\r\n[Metadata]\r\n"
    "Title:Ü\r\nTags:x\r\n\r\n[Difficulty]\r\nCircleSize:4\r\n\r\n[TimingPoints]\r\n"
    "0,500,4,1,0,100,1,0\r\n\r\n[HitObjects]\r\n"
)
CHART = HEAD + "64,192,1000,1,0,0:0:0:0:\r\n192,192,1500,128,0,2000:0:0:0:0:\r\n"


def package(*, note: str = "made by hand") -> bytes:
    """A package as a player might have it: odd order, odd names, packed in several ways."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.comment = note.encode()
        for name, content, method in (
            ("zz.mp3", b"\0sound" * 50, zipfile.ZIP_STORED),
            ("A - T [Hard].osu", CHART.encode(), zipfile.ZIP_DEFLATED),
            ("folder/", b"", zipfile.ZIP_STORED),
            ("A - T [Easy].osu", CHART.replace("1500", "1750").encode(), zipfile.ZIP_STORED),
            ("A - T [Catch].osu", CHART.replace("Mode: 3", "Mode: 2").encode(), 8),
            ("folder/ö.png", b"picture" * 30, zipfile.ZIP_DEFLATED),
        ):
            info = zipfile.ZipInfo(name, (2011, 11, 11, 11, 11, 10))
            info.compress_type = method
            info.comment = b"entry"
            archive.writestr(info, content)
    return made.getvalue()


def members(data: bytes) -> dict[str, tuple[bytes, object, object]]:
    """Contents, times and comments by name, in order."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {i.filename: (archive.read(i), i.date_time, i.comment) for i in archive.infolist()}


def test_other_members_stay_as_they_are() -> None:
    before = package()
    document = open_chart(before)
    assert document.data == before
    assert [place.member for place in document.charts] == ["A - T [Hard].osu", "A - T [Easy].osu"]
    assert [type(error) for error in document.left_out] == [ModeError]
    done = document.apply([{"op": "delete", "chart": 1, "notes": [0]}])
    after = done.document.data
    old, new = members(before), members(after)
    assert [*new] == [*old]
    assert [name for name in old if old[name] != new[name]] == ["A - T [Easy].osu"]
    expected = CHART.replace("1500", "1750").replace("64,192,1000,1,0,0:0:0:0:\r\n", "")
    assert new["A - T [Easy].osu"][0].decode() == expected
    assert after.endswith(b"made by hand")
    back = done.document.apply(done.undo)
    assert {n: m[0] for n, m in members(back.document.data).items()} == {
        n: m[0] for n, m in old.items()
    }


def test_bytes_before_and_streamed_entries(tmp_path: Path) -> None:
    """Archives that begin with something else, and those whose sizes follow their contents."""
    made = io.BytesIO()

    class Stream(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # without a place to go back to
            return made.write(data)

    with zipfile.ZipFile(Stream(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.osu", CHART)
        archive.writestr("b.mp3", b"sound" * 99)
    data = b"#!/bin/sh\n" + made.getvalue()
    path = tmp_path / "a.osz"
    path.write_bytes(data)
    done = open_chart(path, "a.osu").apply(
        [{"op": "add", "notes": [{"column": 3, "start_ms": 1234}]}]
    )
    done.document.write(tmp_path / "b.osz")
    written = (tmp_path / "b.osz").read_bytes()
    assert written.startswith(b"#!/bin/sh\nPK")
    found = members(written)
    assert found["b.mp3"][0] == b"sound" * 99
    chart = osu.parse(found["a.osu"][0].decode())
    assert Rice(3, 1234.0) in chart.hit_objects


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    document = open_chart(package(), "A - T [Easy].osu")
    assert len(document.charts) == 1
    with pytest.raises(BeatmapError, match="no such chart"):
        document.apply([{"op": "mirror", "chart": 1}])
    with pytest.raises(BeatmapError, match="no such chart file"):
        open_chart(package(), "A - T [Eazy].osu")
    with pytest.raises(BeatmapError, match="no such chart file"):
        document.apply([{"op": "patch", "member": "b", "splices": []}])
    with pytest.raises(BeatmapError, match="cannot read"):
        open_chart(tmp_path / "none.osz")
    (tmp_path / "empty.osz").write_bytes(package()[:-30])
    with pytest.raises(BeatmapError):
        open_chart(tmp_path / "empty.osz")
