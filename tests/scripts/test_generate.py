"""The command line of generation, as a user calls it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from audio_sounds import clicks, write_sound
from file_limits import largest_file
from forks import Forks
from repository import ROOT
from script_calls import Call, within

from mug.cli.charts import generate
from mug.cli.models import convert_checkpoint
from mug.pipeline.model.checkpoint import hash_weights, read_checkpoint


def call(script: str, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / script), *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    return within(generate.main, "generate.py", monkeypatch, capsys)


def charts(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as opened:
        return {name: opened.read(name) for name in opened.namelist() if name.endswith(".osu")}


def test_same_arguments_same_bytes(
    tiny_model_folder: Path, song: Path, tmp_path: Path, forks: Forks
) -> None:
    asked = ["--ckpt", tiny_model_folder, "--audio", song, "--steps", 2, "--sr", 3.5]
    asked += ["--ln_ratio", 0.2, "--rank_status", "ranked", "--title", "A: B", "--artist", "C"]
    first = call("generate.py", *asked, "--out", tmp_path / "a.osz", "--count", 2)
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert report["charts"][0]["asked"] == {"sr": 3.5, "ln_ratio": 0.2, "rank_status": "ranked"}
    assert report["charts"][1]["reached"]["notes"] >= 0
    again = forks.run("scripts/generate.py", *asked, "--out", tmp_path / "b.osz", "--count", 2)
    assert again.returncode == 0, again.stderr
    assert charts(tmp_path / "a.osz") == charts(tmp_path / "b.osz")
    assert len(charts(tmp_path / "a.osz")) == 2
    assert b"Title:A: B" in next(iter(charts(tmp_path / "a.osz").values()))


@pytest.mark.parametrize("name", ["s0.osz", "s0.json", "s0.md", "s0.png"])
def test_other_peoples_files_stay_unless_overwrite_is_given(
    called: Call, tiny_model_folder: Path, song: Path, tmp_path: Path, name: str
) -> None:
    out, foreign = tmp_path / "s0.osz", tmp_path / name
    asked = ["--ckpt", tiny_model_folder, "--audio", song, "--steps", 1, "--no_reach_stars"]
    asked += ["--out", out, "--picture", tmp_path / "s0.png"]
    foreign.write_text('{"mine": 1}')
    done = called(*asked)
    assert done.returncode == 1
    assert name in done.stderr
    assert "--overwrite" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {name}
    assert foreign.read_text() == '{"mine": 1}'


def test_own_files_are_replaced_and_others_where_overwrite_is_given(
    called: Call, tiny_model_folder: Path, song: Path, tmp_path: Path
) -> None:
    asked = ["--ckpt", tiny_model_folder, "--audio", song, "--steps", 1, "--no_reach_stars"]
    asked += ["--out", tmp_path / "s0.osz", "--picture", tmp_path / "s0.png"]
    (tmp_path / "s0.json").write_text("somebody's")
    assert called(*asked, "--overwrite").returncode == 0
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(made) == {"s0.osz", "s0.json", "s0.md", "s0.png"}
    assert called(*asked).returncode == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == made


def test_no_package_is_left_without_its_report(
    called: Call, tiny_model_folder: Path, song: Path, tmp_path: Path
) -> None:
    asked = ["--ckpt", tiny_model_folder, "--audio", song, "--steps", 1, "--no_reach_stars"]
    assert called(*asked, "--out", tmp_path / "a.osz").returncode == 0
    report = (tmp_path / "a.json").stat().st_size
    package = (tmp_path / "a.osz").stat().st_size
    (tmp_path / "b").mkdir()
    with largest_file((report + package) // 2):
        done = called(*asked, "--out", tmp_path / "b" / "a.osz")
    assert done.returncode == 1
    assert f"{tmp_path}/b/a." in done.stderr
    assert list((tmp_path / "b").iterdir()) == []


def test_songs_that_are_converted_give_the_same_bytes_in_another_folder(
    called: Call, tiny_model_folder: Path, tmp_path: Path
) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    for ending in ("wav", "flac"):
        write_sound(songs / f"{ending}.{ending}", clicks(3.2, 44100), 44100)
    asked = ["--ckpt", tiny_model_folder, "--audio", songs, "--steps", 1, "--no_reach_stars"]
    for out in ("one", "two"):
        assert called(*asked, "--out", tmp_path / out).returncode == 0
    one, two = (
        {
            path.relative_to(tmp_path / out).as_posix(): path.read_bytes()
            for path in (tmp_path / out).rglob("*")
            if path.is_file()
        }
        for out in ("one", "two")
    )
    assert len(one) == 2 * 4
    assert one == two


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--sr", "hard"], "hard"),
        (["--rank_status", "rankd"], "ranked"),
        (["--bpm", "120"], "offset"),
        (["--ckpt", "nowhere.ckpt"], "make demo-training"),
        (["--audio", "nowhere.mp3"], "nowhere.mp3"),
        (["--sampler", "dim"], "ddim"),
        (["--out", "made.zip"], ".osz"),
    ],
)
def test_mistakes_are_one_sentence(
    called: Call, tiny_model_folder: Path, song: Path, tmp_path: Path, wrong: list[str], said: str
) -> None:
    asked = ["--ckpt", tiny_model_folder, "--audio", song, "--steps", 1]
    done = called(*asked, "--out", tmp_path / "a.osz", *wrong)
    assert done.returncode in (1, 2)
    last = done.stderr.strip().splitlines()[-1]
    assert said in last
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_converts(
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    convert = within(convert_checkpoint.main, "convert_checkpoint.py", monkeypatch, capsys)
    done = convert(tiny_model_folder, tmp_path / "converted")
    assert done.returncode == 0, done.stderr
    said = re.search(r"sha256 ([0-9a-f]{64})", done.stdout)
    assert said
    config, weights, _ = read_checkpoint(tmp_path / "converted")
    before, tensors, _ = read_checkpoint(tiny_model_folder)
    assert said[1] == hash_weights(weights) == hash_weights(tensors)
    assert config == before
