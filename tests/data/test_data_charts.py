"""Charts kept in memory."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_songs import make_songs

from mug.beatmap import osu
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import Rice
from mug.data.charts import Chart, Charts
from mug.data.dataset import OsuTrainDataset


@given(st.lists(st.integers(0, 100)), st.integers(-5, 105), st.integers(0, 60))
def test_a_window_holds_what_starts_in_it(times: list[int], first: int, length: int) -> None:
    notes = tuple(Rice(i % 4, float(time)) for i, time in enumerate(times))
    by_time = tuple(sorted(notes, key=lambda one: one.start_ms))
    chart = Chart(Beatmap(4, notes), by_time, np.array([one.start_ms for one in by_time]))
    found = chart.between(first, first + length)
    assert sorted(found, key=repr) == sorted(
        (one for one in notes if first <= one.start_ms <= first + length), key=repr
    )


def test_a_changed_file_is_read_anew_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    listed = make_songs(tmp_path, songs=3)
    paths = sorted(tmp_path.rglob("*.osu"))[:3]
    charts = Charts(kept=2)
    first = charts.read(paths[0])
    assert charts.read(paths[0]) is first
    changed = first.beatmap.with_objects(first.beatmap.hit_objects[:-1])
    osu.write(changed, paths[0])
    os.utime(paths[0], ns=(1, 1))
    assert len(charts.read(paths[0]).by_time) == len(first.by_time) - 1
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
    dataset = OsuTrainDataset(**common, max_audio_frame=256, crop=True, random_p=0.5)
    keys = [(epoch, index) for epoch in range(10) for index in range(len(dataset))]
    crops = [dataset[key]["note"] for key in keys]
    monkeypatch.setattr(Chart, "between", lambda self, *_: self.by_time)
    for key, crop in zip(keys, crops, strict=True):
        assert np.array_equal(crop, dataset[key]["note"])
    assert len({crop.numpy().tobytes() for crop in crops}) > len(dataset)
