"""The probe of a checkpoint by the command: table, files, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from script_calls import Call, within
from tiny_songs import make_songs

from mug.cli.models import probe as probe_conditions


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    return within(probe_conditions.main, "probe_conditions.py", monkeypatch, capsys)


def test_it_prints_a_table_and_writes_what_it_found(
    probe: Call, tiny_model_folder: Path, tmp_path: Path
) -> None:
    songs, out = make_songs(tmp_path / "songs", songs=4, charts=1), tmp_path / "found"
    split = "data.params.common_params.split={train: 0, val: 1, test: 0}"
    cache = f"data.params.common_params.cache_dir={tmp_path / 'cache'}"
    sizes = ["--items", 3, "--batch_size", 2, "--draws", 1]
    done = probe(tiny_model_folder, "--data", songs, *sizes, split, "--out", out, cache)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 items of 3 song(s), 1 draws an item and tenth\n")
    assert "gain: another song's sound" in done.stdout
    content = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert [row["tenth"] for row in content["tenths"]] == list(range(10))
    assert {row["samples"] for row in content["tenths"]} == {3}
    assert {"gain_audio", "gain_silence", "gain_features"} <= content["scalars"].keys()
    assert f"wrote {out}.png" in done.stdout


def test_of_one_song_it_says_what_the_other_sound_is(
    probe: Call, tiny_model_folder: Path, tmp_path: Path
) -> None:
    songs = make_songs(tmp_path / "songs", songs=1, charts=2)
    split = "data.params.common_params.split={train: 0, val: 1, test: 0}"
    cache = f"data.params.common_params.cache_dir={tmp_path / 'cache'}"
    done = probe(tiny_model_folder, "--data", songs, "--items", 1, "--draws", 1, split, cache)
    assert "One song alone: for another song's sound, its own from elsewhere" in done.stdout


def test_a_part_that_the_config_lacks_is_refused(probe: Call, tiny_model_folder: Path) -> None:
    done = probe(tiny_model_folder, "--part", "test")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the checkpoint's config has no such part: 'test'")
