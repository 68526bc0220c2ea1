"""Commands write over nothing that is somebody else's; what they made before they replace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from script_calls import within

from mug.cli.common import FAILED
from mug.cli.models import calibrate_model, compose, demo, train_scorer
from mug.cli.prepare import feature_figures
from mug.cli.prepare import filter as filter_charts
from mug.compose.collection import CollectionOptions, folder_name
from mug.compose.composer import compose_song
from mug.compose.style import SongStyle
from mug.data.feature_db import FeatureDB
from mug.prepare.features import DB_NAME
from mug.prepare.filtering import check_lists
from mug.prepare.report.bins import feature_distributions
from mug.prepare.report.draw import bars_png
from mug.render.png import is_own_png

FOREIGN = "somebody's own work\n"


def _calibrate(folder):
    words = ["--work", folder / "work", "--out", folder / "reached.json"]
    return calibrate_model.main, words


def _measured(folder):
    words = ["--work", folder, "--out", folder / "reached.json"]
    return calibrate_model.main, words


def _filter(folder):
    FeatureDB(folder / DB_NAME, ("sr",)).close()
    (folder / "beatmap.txt").write_text("")
    return filter_charts.main, [folder / "beatmap.txt"]


COMMANDS = {
    "scorer.safetensors": lambda folder: (
        train_scorer.main,
        ["--songs", folder, "--out", folder],
    ),
    "sr.png": lambda folder: (feature_figures.main, ["--out", folder]),
    "reached.json": _calibrate,
    "measured.jsonl": _measured,
    "clean.txt": _filter,
    "manifest.jsonl": _filter,
    "val.txt": _filter,
    "demo.osz": lambda folder: (demo.main, ["--out", folder]),
    "demo.ogg": lambda folder: (demo.main, ["--out", folder, "--seconds", 10]),
    "demo.png": lambda folder: (demo.main, ["--out", folder]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_somebody_elses_file_stays(name, tmp_path, monkeypatch, capsys):
    main, words = COMMANDS[name](tmp_path)
    (tmp_path / name).write_text(FOREIGN)
    before = sorted(tmp_path.rglob("*"))
    done = within(main, "command.py", monkeypatch, capsys)(*words)
    assert done.returncode == FAILED
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / name) in done.stderr
    assert (tmp_path / name).read_text() == FOREIGN
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_of_the_songs_name_stays_unless_overwrite_is_given(tmp_path, monkeypatch, capsys):
    style = SongStyle(seconds=(10.0, 12.0))
    song = compose_song(0, style)
    folder = tmp_path / folder_name(song)
    folder.mkdir()
    mine = {"notes.md": FOREIGN, "chart.osu": "osu file format v14\nBeatmapSetID:7\n"}
    for name, text in mine.items():
        (folder / name).write_text(text)
    called = within(compose.main, "compose_songs.py", monkeypatch, capsys)
    words = ["--out", tmp_path, "--count", 1, "--min_s", 10, "--max_s", 12, "--difficulties", 1]
    done = called(*words)
    assert done.returncode == FAILED
    assert str(folder) in done.stderr
    assert {path.name: path.read_text() for path in folder.iterdir()} == mine
    done = called(*words, "--overwrite")
    assert done.returncode == 0, done.stderr
    assert {name: (folder / name).read_text() for name in mine} == mine
    made = {"audio.ogg", "truth.json"} | {path.name for path in folder.glob("*Easy*.osu")}
    assert {path.name for path in folder.iterdir()} == made | set(mine)
    assert len(made) == 3
    # What was made here is made again unasked, and only its own files go.
    again = called(*words, "--audio", "wav")
    assert again.returncode == 0, again.stderr
    assert {path.name for path in folder.iterdir()} == made - {"audio.ogg"} | {"audio.wav", *mine}
    assert CollectionOptions().difficulties == 4  # one was asked for above


def test_own_files_are_known(tmp_path: Path) -> None:
    from mug.features import FeatureSchema
    from mug.pipeline.judge.calibration import MeasuredStars, is_measured, measure_missing

    file = tmp_path / "measured.jsonl"
    measure_missing(file, "run", [("song", 0)], (1.0, 2.0), lambda *_: (1.5, 2.5))
    assert is_measured(file)
    with file.open("a") as handle:
        handle.write('{"run": "ru')  # a kill has cut it
    assert is_measured(file)
    assert MeasuredStars("run", "song", 0, 1.0, 1.5) in measure_missing(
        file, "run", [("song", 0)], (1.0, 2.0), pytest.fail
    )
    schema = FeatureSchema.from_yaml("configs/mug/features_2.yaml")
    (name, distribution), *_ = feature_distributions(schema, [{}]).items()
    bars_png(distribution, tmp_path / f"{name}.png")
    assert is_own_png(tmp_path / f"{name}.png")


def test_lists_of_charts_that_the_database_knows_are_ours(tmp_path: Path) -> None:
    FeatureDB(tmp_path / DB_NAME, ("sr",)).close()
    (tmp_path / "clean.txt").write_text("")
    line = {"origin": "a", "kept": False, "decisions": []}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(line) + "\n")
    (tmp_path / "train.txt").write_text(FOREIGN)
    check_lists(tmp_path, split=False, overwrite=False)
    check_lists(tmp_path, split=True, overwrite=True)
