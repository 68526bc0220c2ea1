"""Charts kept in memory."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from flat_configs import TRAIN_DATA, build
from hypothesis import given
from hypothesis import strategies as st
from tiny_songs import make_songs

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import Rice
from mug.data.charts import Charts, TrainingChart
from mug.difficulty.skill_values import skill_values
from mug.difficulty.skills import ESTIMATE
from mug.difficulty.stars import star_rating


@given(st.lists(st.integers(0, 100)), st.integers(-5, 105), st.integers(0, 60))
def test_a_window_holds_what_starts_in_it(times: list[int], first: int, length: int) -> None:
    notes = tuple(Rice(i % 4, float(time)) for i, time in enumerate(times))
    found = TrainingChart.of(Beatmap(4, notes)).between(first, first + length).objects()
    assert sorted(found, key=repr) == sorted(
        (one for one in notes if first <= one.start_ms <= first + length), key=repr
    )


def test_a_changed_file_is_read_again_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    listed = make_songs(tmp_path, songs=3)
    paths = sorted(tmp_path.rglob("*.osu"))[:3]
    charts = Charts(kept=2)
    first = charts.read(paths[0])
    assert charts.read(paths[0]) is first
    beatmap = osu.read(paths[0])
    osu.write(beatmap.with_objects(beatmap.hit_objects[:-1]), paths[0])
    os.utime(paths[0], ns=(1, 1))
    assert len(charts.read(paths[0]).notes) == len(first.notes) - 1
    kept = charts.read(paths[0])
    charts.read(paths[1])
    charts.read(paths[2])
    assert charts.read(paths[0]) is not kept
    with pytest.raises(FileNotFoundError):
        charts.read(listed.parent / "none.osu")


def test_crops_are_what_the_whole_chart_holds_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes outside the window are passed over before encoding; nothing inside may be."""
    common = {"txt_file": make_songs(tmp_path, songs=3), "rate_p": 1.0, "rate": [0.7, 1.4]}
    dataset = build(TRAIN_DATA, **common, max_audio_frame=256, crop=True, random_p=0.5)
    keys = [(epoch, index) for epoch in range(10) for index in range(len(dataset))]
    crops = [dataset[key]["note"] for key in keys]
    monkeypatch.setattr(TrainingChart, "between", lambda self, *_: self.notes.by_time)
    for key, crop in zip(keys, crops, strict=True):
        assert np.array_equal(crop, dataset[key]["note"])
    assert len({crop.numpy().tobytes() for crop in crops}) > len(dataset)


def equal(one: TrainingChart, other: TrainingChart) -> bool:
    notes = one.notes.objects() == other.notes.objects()
    same = (one.path, one.keys, one.texts, one.rated, one.msd)
    return notes and same == (other.path, other.keys, other.texts, other.rated, other.msd)


def test_a_prepared_chart_is_the_chart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_songs(tmp_path, songs=1)
    path, folder = min(tmp_path.rglob("*.osu")), tmp_path / "prepared"
    expected = TrainingChart.of(osu.read(path), (0.8, 1.25))
    for _ in range(2):  # written, then read
        assert equal(Charts(folder=folder, rates=(0.8, 1.25)).read(path), expected)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[:-1], b"x" + whole[1:], whole[:40] + b"?" + whole[41:]):
        file.write_bytes(damaged)
        assert equal(Charts(folder=folder, rates=(0.8, 1.25)).read(path), expected)
        assert file.read_bytes() == whole
        assert "made again" in caplog.text
        caplog.clear()
    Charts(folder=folder).read(path)
    assert len(list(folder.iterdir())) == 2  # one without skill sets is another


def test_what_a_chart_says_at_other_rates_is_what_is_measured(tmp_path: Path) -> None:
    make_songs(tmp_path, songs=1)
    beatmap = osu.read(min(tmp_path.rglob("*.osu")))
    chart = TrainingChart.of(beatmap, (0.8, 1.25))
    assert chart.msd is not None
    assert chart.msd.rates == (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
    for rate in (0.8, 0.83, 0.9, 1.1000000001, 1.17, 1.25, 0.6, 1.9):  # two outside the table
        assert chart.skills(rate) == skill_values(beatmap, ESTIMATE, rate)
        assert chart.star_rating(rate) == star_rating(beatmap, rate)
