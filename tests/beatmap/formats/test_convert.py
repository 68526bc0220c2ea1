"""Every format into every other one: files, packages, folders."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from chart_strategies import whole_ms_charts, worst_ms
from hypothesis import HealthCheck, given, settings

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.convert import convert
from mug.beatmap.formats.loss_audit import ASPECTS, audit
from mug.beatmap.formats.loss_report import Loss, LossReport
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu.package import write_osz
from mug.beatmap.formats.registry import PACKAGES, for_osu, read_any, write_any
from mug.beatmap.formats.stepmania import write as stepmania_write
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError, ModeError

CHART = Beatmap(
    keys=4,
    hit_objects=(Rice(0, 500.0), Rice(3, 750.0), LongNote(1, 1000.0, 1500.0), Rice(0, 1625.0)),
    timing=(TimingPoint(0.0, 500.0), ScrollPoint(1000.0, 0.5)),
    general={"AudioFilename": "song.ogg", "Mode": "3"},
    metadata={"Title": "T", "Artist": "A", "Creator": "C", "Version": "Hard"},
    events=('0,0,"bg.jpg",0,0',),
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(whole_ms_charts())
def test_packages_hold_whole_ms_exactly(tmp_path: Path, chart: Beatmap) -> None:
    for suffix in (".osz", ".qp"):
        write_any([chart, chart], tmp_path / f"a{suffix}", files={"song.ogg": b"sound"})
        found = read_any(tmp_path / f"a{suffix}")
        assert [worst_ms(one, chart) for one in found] == [0.0, 0.0]


def test_what_osu_cannot_hold() -> None:
    chart = CHART.with_objects([Rice(0, 0.4), LongNote(1, 1.5, 9.75)])
    points = (TimingPoint(0.0, 500.0), ScrollPoint(1.0, 0.0), ScrollPoint(2.0, -3.0))
    losses = LossReport()
    fitted = for_osu(Beatmap(4, chart.hit_objects, points), losses)
    assert fitted.hit_objects == (Rice(0, 0.0), LongNote(1, 2.0, 10.0))
    assert [loss.count for loss in losses] == [2, 2]
    assert osu.parse(osu.format(fitted)).timing[1:] == (
        ScrollPoint(1.0, 0.01),
        ScrollPoint(2.0, 0.01),
    )


def test_every_aspect_is_counted() -> None:
    chart = osu.parse(
        "osu file format v14\n[General]\nMode:3\nPreviewTime:5\n[Editor]\nGridSize:4\n"
        "[Metadata]\nTitle:a\nTitleUnicode:b\nSource:s\nTags:t\nBeatmapID:7\n"
        '[Difficulty]\nCircleSize:4\nHPDrainRate:8\n[Events]\n//c\n0,0,"b.jpg"\n'
        'Sample,1,0,"x.wav",50\n2,1,2\n[TimingPoints]\n//d\n0,500,3,2,0,100,1,8\n5,-50,4,1,0,100,0,0\n'
        "[HitObjects]\n64,192,1,5,2,0:0:0:0:y.wav\n[Extra]\nq\n"
    )
    counts = {loss.what: loss.count for loss in audit(chart, frozenset())}
    assert counts == dict.fromkeys([*ASPECTS, "further sections"], 1)
    assert not audit(chart, ASPECTS, sections=frozenset({"Extra"}))
    with pytest.raises(ValueError, match="no such aspects"):
        audit(chart, frozenset({"smells"}))


def test_loss_reports_add_up() -> None:
    one, two = LossReport(), LossReport()
    one.add("mines", 2)
    one.add("notes moved", 1, worst_ms=0.5)
    one.add("nothing", 0)
    two.add("notes moved", 3, worst_ms=4.25)
    one.merge(two)
    assert list(one) == [Loss("mines", 2), Loss("notes moved", 4, 4.25)]
    assert str(one) == "2 x mines\n4 x notes moved (at most 4.25 ms)"
    assert (bool(two), bool(LossReport()), str(LossReport())) == (True, False, "nothing lost")


# ---------------------------------------------------------------------------- folders


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Two songs: charts of two formats with sound, and a package."""
    song = tmp_path / "in" / "song"
    write_any([CHART], song / "a.osu")
    write_any([CHART, CHART], song / "b.ssc")
    (song / "b.sm").write_bytes((song / "b.ssc").read_bytes())
    (song / "song.ogg").write_bytes(b"sound")
    (tmp_path / "in" / "secret.txt").write_text("secret")
    write_any([CHART], tmp_path / "in" / "pack.mcz", files={"song.ogg": b"sound", "bg.jpg": b"p"})
    return tmp_path / "in"


def test_a_folder_becomes_a_folder(library: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    done = convert(
        library, tmp_path / "out", "qua", progress=lambda now, all_: seen.append((now, all_))
    )
    assert (done.charts, done.missing, done.failed) == (4, ["bg.jpg"], [])
    names = sorted(p.relative_to(tmp_path / "out").as_posix() for p in done.written)
    assert names == [
        "pack/A - T (C) [Hard].qua",
        "pack/bg.jpg",
        "pack/song.ogg",
        "song/A - T (C) [Edit Hard].qua",
        "song/A - T (C) [Hard] (2).qua",
        "song/A - T (C) [Hard].qua",
        "song/song.ogg",
    ]
    assert seen == [(1, 2), (2, 2)]
    for path in done.written:
        if path.suffix == ".qua":
            assert worst_ms(read_any(path)[0], CHART) <= 1.0


def test_a_folder_becomes_packages(library: Path, tmp_path: Path) -> None:
    done = convert(library, tmp_path / "out", "osz")
    assert sorted(p.name for p in done.written) == ["pack.osz", "song.osz"]
    with zipfile.ZipFile(tmp_path / "out/pack.osz") as archive:
        assert sorted(archive.namelist()) == ["A - T (C) [Hard].osu", "bg.jpg", "song.ogg"]
    again = convert(tmp_path / "out", tmp_path / "again", "qp")
    assert (again.charts, len(again.written)) == (4, 2)


def test_several_songs_do_not_become_one_package(library: Path, tmp_path: Path) -> None:
    done = convert(library, tmp_path / "one.osz")
    assert done.written == [tmp_path / "one.osz"]
    assert "several songs" in str(done.failed[0])


def test_files_outside_the_folder_are_not_taken(library: Path, tmp_path: Path) -> None:
    text = (library / "song/a.osu").read_text().replace("song.ogg", "../secret.txt")
    (library / "song/a.osu").write_text(text)
    done = convert(library / "song/a.osu", tmp_path / "out.qp")
    assert "../secret.txt" in done.missing
    with zipfile.ZipFile(tmp_path / "out.qp") as archive:
        assert [name for name in archive.namelist() if "secret" in name] == []


def test_broken_charts_are_listed_and_the_rest_goes_on(library: Path, tmp_path: Path) -> None:
    (library / "song/broken.mc").write_text("{")
    (library / "bad.osz").write_bytes(b"PK\x03\x04 no archive")
    done = convert(library, tmp_path / "out", "osu")
    assert done.charts == 4
    assert sorted(error.file.name for error in done.failed) == ["bad.osz", "broken.mc"]


def test_a_package_needs_one_readable_chart(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.osz", "w") as archive:
        archive.writestr("taiko.osu", "osu file format v14\n[General]\nMode: 1\n")
    with pytest.raises(ModeError, match="taiko"):
        read_any(tmp_path / "a.osz")
    with zipfile.ZipFile(tmp_path / "a.osz", "a") as archive:
        archive.writestr("good.osu", osu.format(CHART))
    losses = LossReport()
    (chart,) = read_any(tmp_path / "a.osz", losses=losses)
    assert chart.path == tmp_path / "a.osz" / "good.osu"
    assert losses.count("charts of other game modes") == 1


def test_mistakes_of_a_request(library: Path, tmp_path: Path) -> None:
    with pytest.raises(BeatmapError, match="Give --to"):
        convert(library, tmp_path / "out")
    with pytest.raises(BeatmapError, match="Did you mean 'osz'"):
        convert(library, tmp_path / "out", "oszz")
    with pytest.raises(BeatmapError, match="no such file"):
        convert(tmp_path / "none", tmp_path / "out", "osu")
    with pytest.raises(BeatmapError, match="another format"):
        convert(library, tmp_path / "out.qp", "osz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BeatmapError, match="no charts"):
        convert(tmp_path / "empty", tmp_path / "out", "osu")
    with pytest.raises(BeatmapError, match="one chart, not 2"):
        convert(library / "song/b.ssc", tmp_path / "x.osu")


OSU = osu.format(CHART)


@pytest.mark.parametrize("name", ["Audio.OGG", "sub\\AUDIO.ogg"])
def test_sounds_go_along_whatever_their_letter_case(tmp_path: Path, name: str) -> None:
    there = tmp_path / "song" / name.replace("\\", "/").lower()
    there.parent.mkdir(parents=True)
    there.write_bytes(b"sound")
    (tmp_path / "song" / "a.osu").write_text(OSU.replace("song.ogg", name))
    done = convert(tmp_path / "song", tmp_path / "out.qp")
    assert done.missing == ["bg.jpg"]
    again = convert(tmp_path / "out.qp", tmp_path / "again.osz")
    assert again.missing == ["bg.jpg"]
    with zipfile.ZipFile(tmp_path / "again.osz") as archive:
        assert name.replace("\\", "/") in archive.namelist()


@pytest.mark.parametrize("page", ["cp1252", "cp437", "cp932", "cp949", "gbk", "cp1251", "utf-8"])
def test_names_in_old_packages(tmp_path: Path, page: str) -> None:
    """Names without a mark are in the code page of whoever packed them."""
    title = {"cp932": "夜明け", "cp949": "한국 노래", "gbk": "中文歌曲", "cp1251": "песня"}.get(
        page
    )
    name = f"{title or 'Café déjà'}.ogg"
    named = name.encode(page)
    with zipfile.ZipFile(tmp_path / "a.osz", "w") as archive:
        archive.writestr("a.osu", OSU.replace("song.ogg", name))
        archive.writestr("n" * len(named), b"sound")
    data = (tmp_path / "a.osz").read_bytes()  # the name's own bytes take the place of ASCII ones
    (tmp_path / "a.osz").write_bytes(data.replace(b"n" * len(named), named))
    done = convert(tmp_path / "a.osz", tmp_path / "b.qp")
    assert done.missing == ["bg.jpg"]
    assert not [loss for loss in done.losses if "another name" in loss.what]


def test_the_only_sound_of_a_package_and_the_first_of_stepmania(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.osz", "w") as archive:
        archive.writestr("a.osu", OSU)
        archive.writestr("other.mp3", b"sound")
    done = convert(tmp_path / "a.osz", tmp_path / "b.osz")
    assert [loss.what for loss in done.losses] == ["sounds under another name than the chart's"]
    (chart,) = read_any(tmp_path / "b.osz")
    assert chart.audio_filename == "other.mp3"
    (tmp_path / "song").mkdir()
    (tmp_path / "song" / "a.sm").write_text("#BPMS:0=120;#NOTES:dance-single:::1::1000;")
    (tmp_path / "song" / "found.ogg").write_bytes(b"sound")
    convert(tmp_path / "song" / "a.sm", tmp_path / "c.osz")
    assert read_any(tmp_path / "c.osz")[0].audio_filename == "found.ogg"


def test_errors_name_the_package_and_not_where_it_was_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.osz", "w") as archive:
        archive.writestr("inside/broken.osu", OSU.replace("CircleSize", "x").replace("Mode", "y"))
    for call in (
        lambda: read_any(tmp_path / "a.osz", losses=LossReport()),
        lambda: convert(tmp_path / "a.osz", tmp_path / "b.qp"),
    ):
        with pytest.raises(BeatmapError) as caught:
            call()
        assert caught.value.file == tmp_path / "a.osz" / "inside" / "broken.osu"
    with zipfile.ZipFile(tmp_path / "none.osz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(BeatmapError, match=r"none\.osz: no chart is in the package"):
        convert(tmp_path / "none.osz", tmp_path / "b.qp")


def test_packages_without_a_chart_are_not_written(tmp_path: Path) -> None:
    for suffix in PACKAGES:
        with pytest.raises(BeatmapError, match="no chart to write"):
            write_any([], tmp_path / f"a{suffix}", files={"song.ogg": b"sound"})
    with pytest.raises(BeatmapError, match="no chart to write"):
        write_osz(tmp_path / "a.osz", [], {"song.ogg": b"sound"})
    assert list(tmp_path.iterdir()) == []


def test_folders_that_are_links(library: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "a").symlink_to(library / "song", target_is_directory=True)
    (linked / "round").symlink_to(linked, target_is_directory=True)
    done = convert(linked, tmp_path / "out", "osz")
    assert (done.charts, done.failed) == (3, [])


def test_strict_refuses_what_is_left_out_else(tmp_path: Path) -> None:
    path = tmp_path / "a.osu"
    path.write_text(OSU + "nonsense\n")
    done = convert(path, tmp_path / "b.qua")
    (loss,) = [loss for loss in done.losses if "left out" in loss.what]
    assert loss.count == 1
    assert loss.places[0].startswith(f"a.osu:{len(OSU.splitlines()) + 1} ")
    with pytest.raises(BeatmapError, match="strict"):
        convert(path, tmp_path / "c.qua", strict=True)


def test_tags_are_no_genre(tmp_path: Path) -> None:
    chart = replace(CHART, metadata={**CHART.metadata, "Tags": "machine-made x"})
    for suffix in (".sm", ".ssc"):
        path = tmp_path / f"a{suffix}"
        write_any([chart], path)
        assert "#GENRE:;" in path.read_text()
        (again,) = read_any(path)
        assert again.metadata["Tags"] == "machine-made x"
        path.write_text(path.read_text().replace("#GENRE:;", "#GENRE:pop;"))
        (with_genre,) = read_any(path)
        write_any([with_genre], path)
        assert "#GENRE:pop;" in path.read_text()
        assert read_any(path)[0].metadata["Tags"] == "machine-made x"


@pytest.mark.real_data
def test_human_charts_into_every_format_and_back(real_data: Path, tmp_path: Path) -> None:
    """Quaver and Malody hold every note; StepMania all on rows, and counts the others."""
    paths = sorted((real_data / "songs").rglob("*.osu"))[::12]
    assert len(paths) >= 3
    for path, suffix in product(paths, (".qua", ".mc", ".ssc")):
        chart = osu.read(path)
        losses = write_any([chart], tmp_path / f"b{suffix}")
        (there,) = read_any(tmp_path / f"b{suffix}", losses=LossReport())
        write_any([there], tmp_path / "c.osu")
        back = osu.read(tmp_path / "c.osu")
        moved = losses.entries.get(stepmania_write.MOVED)
        allowed = 1.0 if moved is None else moved.worst_ms + 0.5
        assert worst_ms(back, chart) <= allowed, (path, suffix)
        assert moved is None or suffix == ".ssc"


def test_what_macos_keeps_beside_charts_is_no_chart(tmp_path: Path) -> None:
    osu.write(CHART, tmp_path / "songs" / "a.osu")
    (tmp_path / "songs" / "._a.osu").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(80))
    done = convert(tmp_path / "songs", tmp_path / "out", "qua")
    assert (done.charts, done.failed) == (1, [])
    (tmp_path / "songs" / "._b.osu").write_bytes(b"no chart and no fork")
    assert len(convert(tmp_path / "songs", tmp_path / "out", "qua").failed) == 1
