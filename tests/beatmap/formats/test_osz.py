"""Archives: nothing escapes, nothing explodes, equal content gives equal bytes."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu import package as osz
from mug.beatmap.formats.osu.package import (
    ArchiveLimits,
    chart_name,
    extract,
    sanitise_name,
    write_osz,
)
from mug.beatmap.hit_objects import Rice
from mug.errors import BeatmapError

RESERVED = {"con", "prn", "aux", "nul"} | {f"{n}{i}" for n in ("com", "lpt") for i in range(10)}
nasty = st.text(max_size=80) | st.text("./\\:ACONnul \u202e\x00\u0301é夜", max_size=30)


def make(path: Path, entries: dict[str, bytes] | list[tuple], method=zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries.items() if isinstance(entries, dict) else entries:
            archive.writestr(name, data)
    return path


@settings(max_examples=400)
@given(nasty, st.integers(16, 255))
def test_any_text_becomes_a_safe_name(text: str, size: int) -> None:
    name = sanitise_name(text, max_bytes=size)
    assert 0 < len(name.encode("utf-8")) <= size
    assert PurePosixPath(name).parts == (name,)
    assert name not in (".", "..")
    assert not set(name) & set('<>:"/\\|?*\u202e')
    assert all(c.isprintable() for c in name)
    assert not name.endswith((".", " "))
    assert name.split(".")[0].rstrip(" ").casefold() not in RESERVED
    assert sanitise_name(name, max_bytes=size) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Artist - Title (x) [4K]", "Artist - Title (x) [4K]"),
        ("夜明け.mp3", "夜明け.mp3"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("/abs", "_abs"),
        ("..", "untitled"),
        ("", "untitled"),
        ("con", "_con"),
        ("LPT1.tar.gz", "_LPT1.tar.gz"),
        ("nul .txt", "_nul .txt"),
        ("concert", "concert"),
        ("a: b?\n", "a_ b__"),
        ("what...", "what"),
        ("e\u0301", "é"),
    ],
)
def test_names_stay_close_to_the_text(text: str, name: str) -> None:
    assert sanitise_name(text) == name


def test_a_long_name_keeps_its_suffix() -> None:
    name = sanitise_name("夜" * 300 + ".osu")
    assert name.endswith("夜.osu")
    assert 190 <= len(name.encode()) <= 200


def test_extract_gives_every_file(tmp_path: Path) -> None:
    entries = {"a.osu": b"1", "sb/x.png": b"22", "sb\\y.png": b"333", "./z.txt": b""}
    found = extract(make(tmp_path / "a.osz", entries), tmp_path / "out")
    assert [p.relative_to(tmp_path / "out").as_posix() for p in found] == [
        "a.osu",
        "sb/x.png",
        "sb/y.png",
        "z.txt",
    ]
    assert [p.read_bytes() for p in found] == list(entries.values())
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.osu", "sb", "z.txt"]


ESCAPES = [
    "../a",
    "a/../../b",
    "/etc/x",
    "\\x",
    "..\\x",
    "a\\..\\..\\x",
    "C:\\x",
    "C:/x",
    "c:x",
    "\\\\server\\share\\x",
    ". ./x",
    "...",
    "a/.. /x",
]


@pytest.mark.parametrize("name", ESCAPES)
def test_an_entry_that_would_leave_the_folder_refuses_the_archive(
    tmp_path: Path, name: str
) -> None:
    archive = make(tmp_path / "a.osz", [("good.txt", b"1"), (name, b"2")])
    with pytest.raises(BeatmapError, match=r"outside the folder"):
        extract(archive, tmp_path / "deep" / "out")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [archive]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(nasty.filter(bool), min_size=1, max_size=4))
def test_whatever_the_names_nothing_lies_outside(tmp_path_factory, names: list[str]) -> None:
    base = tmp_path_factory.mktemp("z")
    with zipfile.ZipFile(base / "a.osz", "w") as archive:
        for name in dict.fromkeys(names):
            try:
                archive.writestr(name, b"x")
            except (UnicodeEncodeError, ValueError, IndexError):  # the zip writer's own limits
                continue
    out = base / "in" / "out"
    try:
        found = extract(base / "a.osz", out)
    except BeatmapError:
        found = []
    everything = {p for p in base.rglob("*") if p.is_file()} - {base / "a.osz"}
    assert everything == set(found)
    assert all(p.resolve().is_relative_to(out.resolve()) for p in everything)


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR):
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (kind | 0o777) << 16
        with pytest.raises(BeatmapError, match="link or a device"):
            extract(make(tmp_path / "a.osz", [(info, b"/etc/passwd")]), tmp_path / "out")


def test_a_link_in_the_folder_is_not_followed_out(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "out" / "sb").symlink_to(tmp_path / "outside")
    archive = make(tmp_path / "a.osz", {"sb/x": b"1"})
    with pytest.raises(BeatmapError, match="in the way"):
        extract(archive, tmp_path / "out")
    assert not list((tmp_path / "outside").iterdir())
    (tmp_path / "out" / "x").symlink_to(tmp_path / "outside" / "x")
    extract(make(tmp_path / "b.osz", {"x": b"1"}), tmp_path / "out")
    assert not list((tmp_path / "outside").iterdir())


@pytest.mark.parametrize(
    "names", [("a.osu", "A.OSU"), ("a", "a/b"), ("a/b", "A"), ("x", "./x"), ("é", "e\u0301")]
)
def test_two_entries_of_one_name_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    archive = make(tmp_path / "a.osz", [(name, b"1") for name in names])
    with pytest.raises(BeatmapError, match=r"same name|both a file"):
        extract(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_bomb_is_refused_by_what_it_declares(tmp_path: Path) -> None:
    bomb = make(tmp_path / "a.osz", {"a": bytes(20 << 20)})
    assert bomb.stat().st_size < 1 << 16
    with pytest.raises(BeatmapError, match="grows more than 200 times"):
        extract(bomb, tmp_path / "out")
    loose = ArchiveLimits(ratio=1e9)
    with pytest.raises(BeatmapError, match="an entry of more than"):
        extract(bomb, tmp_path / "out", limits=replace(loose, entry_bytes=1 << 20))
    with pytest.raises(BeatmapError, match="bytes in all"):
        extract(bomb, tmp_path / "out", limits=replace(loose, total_bytes=1 << 20))
    with pytest.raises(BeatmapError, match="entries"):
        extract(bomb, tmp_path / "out", limits=replace(loose, entries=0))
    with pytest.raises(BeatmapError, match="deep"):
        extract(make(tmp_path / "d.osz", {"a/" * 20 + "x": b""}), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [p.stat().st_size for p in extract(bomb, tmp_path / "out", limits=loose)] == [20 << 20]


def test_a_zip_bomb_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    bomb = make(tmp_path / "a.osz", {"a": bytes(4 << 20)})
    data = bytearray(bomb.read_bytes())
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 100)  # declared size in the directory
    bomb.write_bytes(data)
    with pytest.raises(BeatmapError):
        extract(bomb, tmp_path / "out")
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p != bomb]


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_damaged_archives_are_one_clear_error(tmp_path: Path, cut: int) -> None:
    path = make(tmp_path / "a.osz", {"a": os.urandom(500)})
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(BeatmapError, match=r"a\.osz.*damaged"):
        extract(path, tmp_path / "out")
    with pytest.raises(BeatmapError, match=r"none\.osz"):
        extract(tmp_path / "none.osz", tmp_path / "out")


def test_damaged_content_leaves_nothing_behind(tmp_path: Path) -> None:
    path = make(tmp_path / "a.osz", {"good": b"1", "a": b"content"}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"content", b"CONTENT"))
    with pytest.raises(BeatmapError, match="damaged"):
        extract(path, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_names_that_are_not_what_they_say_are_damage(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("ä.mp3", b"1")  # marked as UTF-8
    (tmp_path / "a.osz").write_bytes(data.getvalue().replace("ä".encode(), b"\xf5\xf5"))
    with pytest.raises(BeatmapError, match=r"a\.osz.*damaged"):
        extract(tmp_path / "a.osz", tmp_path / "out")


def test_old_japanese_names_are_read(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("XXXXXXXXXX.mp3", b"1")
    raw = data.getvalue().replace(b"XXXXXXXXXX", "夜明けまで".encode("cp932"))
    (tmp_path / "a.osz").write_bytes(raw)
    assert extract(tmp_path / "a.osz", tmp_path / "out")[0].name == "夜明けまで.mp3"


CHART = Beatmap(
    keys=4,
    hit_objects=(Rice(0, 100.0),),
    general={"Mode": "3", "AudioFilename": "audio.mp3"},
    metadata={"Title": "T", "Artist": "/../A", "Creator": "C", "Version": "V"},
    difficulty={"CircleSize": "4"},
)


def test_what_is_packed_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(b"ID3sound")
    files = {"audio.mp3": tmp_path / "song.mp3", "sb/bg.jpg": b"jpg"}
    same_name = CHART.with_objects([])
    write_osz(tmp_path / "a.osz", [CHART, same_name], files)
    found = {p.name: p for p in extract(tmp_path / "a.osz", tmp_path / "out")}
    assert found["audio.mp3"].read_bytes() == b"ID3sound"
    assert found["bg.jpg"].read_bytes() == b"jpg"
    name = chart_name(CHART)
    assert name == "_.._A - T (C) [V].osu"
    assert osu.read(found[name]) == CHART
    assert osu.read(found["_.._A - T (C) [V] (2).osu"]) == same_name
    assert len(found) == 4


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "one.mp3").write_bytes(b"sound")
    (tmp_path / "two.mp3").write_bytes(b"sound")
    os.utime(tmp_path / "two.mp3", (1, 1))
    (tmp_path / "two.mp3").chmod(0o600)
    write_osz(tmp_path / "1.osz", [CHART], {"a.mp3": tmp_path / "one.mp3", "b": b"x"})
    write_osz(tmp_path / "2.osz", [CHART], {"b": b"x", "a.mp3": tmp_path / "two.mp3"})
    assert (tmp_path / "1.osz").read_bytes() == (tmp_path / "2.osz").read_bytes()


@pytest.mark.parametrize("name", [*ESCAPES, "", "a//b", "con.txt", "a\x00b"])
def test_unsafe_names_are_not_packed(tmp_path: Path, name: str) -> None:
    with pytest.raises(BeatmapError, match="safe name"):
        write_osz(tmp_path / "a.osz", [], {name: b""})
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_old_archive(tmp_path: Path) -> None:
    write_osz(tmp_path / "a.osz", [CHART], {})
    before = (tmp_path / "a.osz").read_bytes()
    for files in ({"a": tmp_path / "missing"}, {"x": b"", "X": b""}, {chart_name(CHART): b""}):
        with pytest.raises(BeatmapError):
            write_osz(tmp_path / "a.osz", [CHART], files)
    with pytest.raises(BeatmapError):
        write_osz(tmp_path / "a.osz", [CHART.with_objects([Rice(9, 0.0)])], {})
    assert (tmp_path / "a.osz").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.osz"]


@pytest.mark.parametrize(
    "limits", [ArchiveLimits(entry_bytes=1 << 20), ArchiveLimits(total_bytes=1 << 20)]
)
def test_what_really_comes_out_is_counted_too(tmp_path: Path, limits: ArchiveLimits) -> None:
    """The second guard, without the first one that goes by what the archive declares."""
    bomb = make(tmp_path / "a.osz", {"a": bytes(4 << 20)})
    (tmp_path / "out").mkdir()
    with zipfile.ZipFile(bomb) as archive:
        plan = [(info, PurePosixPath(info.filename)) for info in archive.infolist()]
        with pytest.raises(BeatmapError, match="larger than it declares"):
            osz._inflate(archive, plan, tmp_path / "out", bomb, limits)
    assert (tmp_path / "out" / "a").stat().st_size <= 1 << 20


FORK = b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(80)


@pytest.mark.parametrize("name", ["__MACOSX/._a.osu", "._a.osu", "sub/._b.mp3"])
def test_what_macos_keeps_beside_files_is_left_out(tmp_path: Path, name: str) -> None:
    package = make(tmp_path / "a.osz", {"a.osu": b"x", name: FORK})
    assert [file.name for file in extract(package, tmp_path / "out")] == ["a.osu"]
    other = make(tmp_path / "b.osz", {"._a.osu": b"osu file format v14"})
    assert [file.name for file in extract(other, tmp_path / "other")] == ["._a.osu"]


NAMING = "osu file format v14\n[General]\nAudioFilename: {}\nMode: 3\n"


def old_zip(path: Path, entries: dict[bytes, bytes]) -> Path:
    """An archive whose names are bytes of some code page."""
    stand_ins = {f"{number:03d}".ljust(len(name), "x"): name for number, name in enumerate(entries)}
    make(path, dict(zip(stand_ins, entries.values(), strict=True)), zipfile.ZIP_STORED)
    data = path.read_bytes()
    for stand_in, name in stand_ins.items():
        data = data.replace(stand_in.encode(), name)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("cp1250", "Žluťoučký kůň.mp3"), ("cp1253", "Τραγούδι.mp3"), ("cp1254", "Şarkı ğüş.mp3"),
        ("cp1255", "שיר חדש.mp3"), ("cp874", "เพลง.mp3"), ("koi8_r", "песня.mp3"),
        ("euc_jp", "曲の名前.mp3"), ("johab", "노래.mp3"), ("cp866", "песня.mp3"),
        ("cp850", "Ñandú.mp3"), ("gbk", "歌曲文件.mp3"), ("cp1256", "أغنية.mp3"),
    ],
)  # fmt: skip
def test_the_sound_that_a_chart_names_decides_the_code_page(
    tmp_path: Path, page: str, name: str
) -> None:
    chart = NAMING.format(name).encode()
    entries = {name.encode(page): b"sound", b"other.mp3": b"-", b"a chart.osu": chart}
    files = extract(old_zip(tmp_path / "a.osz", entries), tmp_path / "out")
    assert [file.name for file in files] == [name, "other.mp3", "a chart.osu"]


def test_without_that_sound_the_letters_decide(tmp_path: Path) -> None:
    chart = NAMING.format("Žluťoučký.mp3").encode()
    entries = {"песня лета.mp3".encode("cp1251"): b"sound", b"a chart.osu": chart}
    files = extract(old_zip(tmp_path / "a.osz", entries), tmp_path / "out")
    assert files[0].name == "песня лета.mp3"
