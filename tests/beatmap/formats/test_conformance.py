"""Conformance suite of the chart formats: it runs over the registry; test_fuzz.py does too."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from chart_strategies import worst_ms

from benchmarks import round_trips
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.registry import CHARTS, FORMATS, PACKAGES, kind_of, read_any, write_any
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError

CHART = Beatmap(
    keys=4,
    hit_objects=(Rice(0, 500.0), Rice(3, 750.0), LongNote(1, 1000.0, 1500.0), Rice(0, 1625.0)),
    timing=(TimingPoint(0.0, 500.0), ScrollPoint(1000.0, 0.5)),
    general={"AudioFilename": "song.ogg", "Mode": "3"},
    metadata={"Title": "T", "Artist": "A", "Creator": "C", "Version": "Hard"},
    events=('0,0,"bg.jpg",0,0',),
)


@pytest.mark.parametrize(("one", "two"), list(product(CHARTS, CHARTS)))
def test_every_format_into_every_other_and_back(tmp_path: Path, one: str, two: str) -> None:
    write_any([CHART], tmp_path / f"a{one}")
    (first,) = read_any(tmp_path / f"a{one}", losses=LossReport())
    write_any([first], tmp_path / f"b{two}")
    (second,) = read_any(tmp_path / f"b{two}", losses=LossReport())
    write_any([second], tmp_path / f"c{one}")
    (third,) = read_any(tmp_path / f"c{one}", losses=LossReport())
    assert worst_ms(third, CHART) <= 1.0
    assert (third.title, third.artist, third.keys) == ("T", "A", 4)
    assert third.audio_filename == "song.ogg"
    assert third.red_lines[0].beat_ms == pytest.approx(500.0)


@pytest.mark.parametrize(("one", "two"), list(product(CHARTS, CHARTS)))
def test_there_and_back_nothing_changes_without_a_word(one: str, two: str) -> None:
    """The short form of `benchmarks/round_trips.py`."""
    crowded = replace(CHART, hit_objects=(*CHART.hit_objects, Rice(0, 1626.5), Rice(2, 1637.25)))
    for chart in (CHART, crowded):
        found = round_trips.trip(chart, one, two)
        assert found.refused == ""
        assert not found.silent
    calm = round_trips.trip(CHART, one, two)
    assert (calm.lost, calm.worst_ms <= 1.0) == (0, True)


@pytest.mark.parametrize("suffix", list(PACKAGES))
def test_packages_are_the_same_bytes_each_time(tmp_path: Path, suffix: str) -> None:
    for name in ("one", "two"):
        write_any([CHART], tmp_path / f"{name}{suffix}", files={"song.ogg": b"sound"})
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    with zipfile.ZipFile(tmp_path / f"one{suffix}") as archive:
        assert len(archive.namelist()) == 2
        assert archive.read("song.ogg") == b"sound"
    (chart,) = read_any(tmp_path / f"one{suffix}", losses=LossReport())
    assert worst_ms(chart, CHART) <= 1.0


@pytest.mark.parametrize("suffix", CHARTS)
def test_the_content_decides_where_the_suffix_does_not(tmp_path: Path, suffix: str) -> None:
    """Formats of one family recognise each other's files: there the last one listed counts."""
    path = tmp_path / f"a{suffix}"
    write_any([CHART], path)
    assert kind_of(path) == suffix
    text = path.read_text(encoding="utf-8").lstrip("\ufeff")
    family = [other for other, format_ in FORMATS.items() if format_.recognises(text)]
    assert suffix in family
    assert {FORMATS[other].game for other in family} == {FORMATS[suffix].game}
    assert kind_of(path.rename(tmp_path / "chart.txt")) == family[-1]


@pytest.mark.parametrize("suffix", PACKAGES)
def test_a_package_is_known_by_its_content(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_any([CHART], path)
    assert kind_of(path) == suffix
    assert kind_of(path.rename(tmp_path / "package.txt")) == ".osz"


def test_what_is_no_chart_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("hello")
    with pytest.raises(BeatmapError, match="known format"):
        kind_of(tmp_path / "b.txt")
    with pytest.raises(BeatmapError, match="cannot read"):
        kind_of(tmp_path / "none.osu")
    with pytest.raises(BeatmapError, match="no such format"):
        write_any([CHART], tmp_path / "a.txt")


@pytest.mark.parametrize("suffix", CHARTS)
def test_a_file_holds_one_chart_or_all_of_a_song(tmp_path: Path, suffix: str) -> None:
    path, two = tmp_path / f"a{suffix}", [CHART, replace(CHART, hit_objects=CHART.hit_objects[1:])]
    if not FORMATS[suffix].several:
        with pytest.raises(BeatmapError, match="holds one chart, not 2"):
            write_any(two, path)
        assert not list(tmp_path.iterdir())
        return
    write_any(two, path)
    assert sorted(len(chart.hit_objects) for chart in read_any(path, losses=LossReport())) == [3, 4]


@pytest.mark.parametrize("suffix", CHARTS)
def test_the_same_charts_are_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    for name in ("one", "two"):
        write_any([CHART], tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", CHARTS)
def test_names_of_formats_are_suffixes_of_games(suffix: str) -> None:
    assert suffix.startswith(".")
    assert suffix == suffix.lower()
    assert FORMATS[suffix].game
    assert FORMATS[suffix].package in ("", *PACKAGES)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a.qua", "Mode: Keys4", "Mode: Keys4\nMode: Keys4"),
        ("a.mc", '"endbeat":[3,0,1]', '"endbeat":[1,0,1]'),
        ("a.osu", "CircleSize:4", "CircleSize:99"),
        ("a.sm", "#OFFSET:", "#OFFSET:x;#OFFSET:"),
    ],
)
def test_losses_are_sentences_not_codes(tmp_path: Path, name: str, old: str, new: str) -> None:
    losses = LossReport()
    write_any([CHART], tmp_path / name)
    text = (tmp_path / name).read_text(encoding="utf-8")
    (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
    read_any(tmp_path / name, losses=losses)
    assert losses
    assert not [loss for loss in losses if loss.what.startswith("chart.")]


@pytest.mark.parametrize("suffix", CHARTS)
def test_what_no_reader_would_take_is_not_written(tmp_path: Path, suffix: str) -> None:
    far = replace(CHART, hit_objects=(Rice(0, 3e9),))
    with pytest.raises(BeatmapError, match=r"beyond 2\^31 ms|measures"):
        write_any([far], tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())
