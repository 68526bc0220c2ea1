"""Every chart of the corpus and every real chart, against recorded counts, columns and times."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.errors import BeatmapError

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def recorded(real_data: Path) -> dict:
    everything = json.loads((real_data / "golden.json").read_text(encoding="utf-8"))
    found = {k: v for k, v in everything["computed"]["parse"].items() if k.endswith(".osu")}
    assert len(found) > 120
    return found


def _objects_as_written(beatmap: Beatmap, path: Path) -> tuple[int, list[int]]:
    """Sliders and spinners in the file, which the recorded `n_ln` does not count."""
    kinds = [
        int(line.split(",")[3])
        for line in path.read_text("utf-8-sig").partition("[HitObjects]")[2].splitlines()
        if line.count(",") > 3
    ]
    assert len(kinds) == len(beatmap.hit_objects)
    return sum(1 for kind in kinds if kind & (2 | 8)), kinds


def test_mania_charts_have_the_recorded_objects(real_data: Path, recorded: dict) -> None:
    charts = {k: v for k, v in recorded.items() if v["type"].startswith("mania")}
    assert len(charts) >= 37
    for name, expected in charts.items():
        beatmap = osu.read(real_data / name)
        others, _ = _objects_as_written(beatmap, real_data / name)
        assert f"mania-{beatmap.keys}k" == expected["type"], name
        assert len(beatmap.hit_objects) == expected["n_objects"], name
        assert len(beatmap.long_notes) == expected["n_ln"] + others, name
        assert (beatmap.title, beatmap.version) == (expected["title"], expected["version"])
        first = min((note.start_ms for note in beatmap.hit_objects), default=None)
        assert first == expected["first_ms"], name


def test_charts_of_other_modes_are_named(real_data: Path, recorded: dict) -> None:
    charts = {k: v["type"] for k, v in recorded.items() if not v["type"].startswith("mania")}
    assert len(charts) > 80
    for name, mode in charts.items():
        with pytest.raises(BeatmapError) as caught:
            osu.read(real_data / name, strict=False)
        says = str(caught.value)
        suffix = {"osu": "osu!,", "taiko": "osu!taiko,", "catch": "osu!catch,"}[mode]
        assert f"a chart of {suffix}" in says or "no sections" in says, name


def test_columns_and_times_equal_the_games_own(real_data: Path, recorded: dict) -> None:
    """Spinners have a random column in the game and the one of their position here."""
    compared = 0
    for name in recorded:
        path = real_data / name
        expectation = path.with_name(f"{path.stem}-expected-conversion.json")
        if not recorded[name]["type"].startswith("mania") or not expectation.exists():
            continue
        mappings = json.loads(expectation.read_text(encoding="utf-8"))["Mappings"]
        expected = [entry for mapping in mappings for entry in mapping["Objects"]]
        beatmap = osu.read(path)
        _, kinds = _objects_as_written(beatmap, path)
        found = sorted(
            zip(beatmap.hit_objects, kinds, strict=True), key=lambda pair: pair[0].start_ms
        )
        assert len(found) == len(expected), name
        for (note, kind), entry in zip(found, expected, strict=True):
            assert note.start_ms == entry["StartTime"], name
            assert note.last_ms == pytest.approx(entry["EndTime"], abs=1e-6), name
            if not kind & 8:
                assert note.column == entry["Column"], name
            compared += 1
    assert compared > 1500


def test_charts_survive_being_written(real_data: Path, recorded: dict) -> None:
    paths = [real_data / k for k, v in recorded.items() if v["type"].startswith("mania")]
    paths += sorted((real_data / "songs").rglob("*.osu"))[::4]
    assert len(paths) >= 46
    for path in paths:
        beatmap = osu.read(path)
        assert osu.parse(osu.format(beatmap)) == beatmap, path


def test_last_object_need_not_be_the_latest(real_data: Path) -> None:
    name = "corpus/osu/ppy-osu/general/mania-last-object-not-latest.osu"
    beatmap = osu.read(real_data / name)
    assert beatmap.hit_objects[-1].start_ms == 2494.0
    assert beatmap.last_ms == 2582.0


def test_published_decoder_values(real_data: Path) -> None:
    """Scroll speeds and titles that other projects assert for these files."""
    folder = real_data / "corpus/osu/quaver-api"
    (colon,) = folder.glob("uma vs*.osu")
    assert osu.read(colon).title == "Re:End of a Dream"
    slow = osu.read(real_data / "corpus/osu/ppy-osu/general/mania-0-01-sv.osu")
    assert [point.velocity for point in slow.green_lines] == [0.01]
    assert slow.red_lines[0].bpm == pytest.approx(170.0)
