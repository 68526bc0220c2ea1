"""The command line of generation, as a user calls it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mug.beatmap import osu
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.timing_points import TimingPoint
from mug.pipeline.checkpoint import hash_weights, read_checkpoint
from mug.pipeline.provenance import provenance_of

ROOT = Path(__file__).resolve().parents[2]


def call(script: str, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / script), *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def charts(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as opened:
        return {name: opened.read(name) for name in opened.namelist() if name.endswith(".osu")}


def test_same_arguments_same_bytes(tiny_model_folder: Path, song: Path, tmp_path: Path) -> None:
    asked = ["--ckpt", tiny_model_folder, "--audio", song, "--steps", 2, "--sr", 3.5]
    asked += ["--ln_ratio", 0.2, "--rank_status", "ranked", "--title", "A: B", "--artist", "C"]
    first = call("generate.py", *asked, "--out", tmp_path / "a.osz", "--count", 2)
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert report["charts"][0]["asked"] == {"sr": 3.5, "ln_ratio": 0.2, "rank_status": "ranked"}
    assert report["charts"][1]["reached"]["notes"] >= 0
    again = call("generate.py", *asked, "--out", tmp_path / "b.osz", "--count", 2)
    assert again.returncode == 0, again.stderr
    assert charts(tmp_path / "a.osz") == charts(tmp_path / "b.osz")
    assert len(charts(tmp_path / "a.osz")) == 2
    assert b"Title:A: B" in next(iter(charts(tmp_path / "a.osz").values()))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--sr", "hard"], "hard"),
        (["--rank_status", "rankd"], "ranked"),
        (["--bpm", "120"], "offset"),
        (["--ckpt", "nowhere.ckpt"], "make demo"),
        (["--audio", "nowhere.mp3"], "nowhere.mp3"),
        (["--sampler", "dim"], "ddim"),
        (["--out", "made.zip"], ".osz"),
        (["--snapping", "voices"], "voice"),
        (["--tolerance", "sr"], "NAME=VALUE"),
        (["--spread", "hardd"], "hard"),
        (["--spread", "all", "--candidates", "3"], "spread"),
        (["--timing_from", "nowhere.osu"], "nowhere.osu"),
    ],
)
def test_mistakes_are_one_sentence(
    tiny_model_folder: Path, song: Path, tmp_path: Path, wrong: list[str], said: str
) -> None:
    asked = ["--ckpt", tiny_model_folder, "--audio", song, "--steps", 1]
    done = call("generate.py", *asked, "--out", tmp_path / "a.osz", *wrong)
    assert done.returncode in (1, 2)
    last = done.stderr.strip().splitlines()[-1]
    assert said in last
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_timing_prompt_and_spread_come_from_files(
    tiny_model_folder: Path, song: Path, tmp_path: Path
) -> None:
    timed = Beatmap(4, (), (TimingPoint(60.0, 480.0, meter=3), TimingPoint(2000.0, 400.0)))
    osu.write(timed, tmp_path / "timed.osu")
    (tmp_path / "prompt.yaml").write_text("ln_ratio: 0.3\nnegative:\n  jackspeed: true\n")
    asked = ["--ckpt", tiny_model_folder, "--audio", song, "--steps", 1, "--ln_ratio", 0.1]
    asked += ["--timing_from", tmp_path / "timed.osu", "--prompt", tmp_path / "prompt.yaml"]
    done = call("generate.py", *asked, "--spread", "easy,hard", "--out", tmp_path / "a.osz")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["timing"]["source"] == "file timed.osu"
    assert report["timing"]["red_lines"] == 2
    assert report["nesting"][0]["share"] >= 0.8
    made = [osu.parse(data.decode()) for data in charts(tmp_path / "a.osz").values()]
    assert {chart.version for chart in made} == {"Easy", "Hard"}
    assert all(chart.red_lines == timed.red_lines for chart in made)
    record = provenance_of(made[0])
    assert record
    assert record.prompt["ln_ratio"] == 0.1
    assert record.negative_prompt == {"jackspeed": True}


def test_a_folder_is_worked_through_and_goes_on(
    tiny_model_folder: Path, song: Path, tmp_path: Path
) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    (songs / "one.wav").write_bytes(song.read_bytes())
    (songs / "broken.mp3").write_bytes(b"no sound")
    asked = ["--ckpt", tiny_model_folder, "--audio", songs, "--steps", 1]
    first = call("generate.py", *asked, "--out", tmp_path / "out")
    assert first.returncode == 1
    said = json.loads(first.stdout)
    assert said["done"] == [str(tmp_path / "out" / "one.osz")]
    assert "broken.mp3" in said["failed"][0]["song"]
    assert "broken.mp3" in first.stderr
    assert "Traceback" not in first.stderr
    (songs / "broken.mp3").unlink()
    written = (tmp_path / "out" / "one.osz").stat().st_mtime_ns
    again = call("generate.py", *asked, "--out", tmp_path / "out")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["done_before"] == [str(tmp_path / "out" / "one.osz")]
    assert (tmp_path / "out" / "one.osz").stat().st_mtime_ns == written


def test_a_checkpoint_converts(tiny_model_folder: Path, tmp_path: Path) -> None:
    done = call("convert_checkpoint.py", tiny_model_folder, tmp_path / "converted")
    assert done.returncode == 0, done.stderr
    said = re.search(r"sha256 ([0-9a-f]{64})", done.stdout)
    assert said
    config, weights, _ = read_checkpoint(tmp_path / "converted")
    before, tensors, _ = read_checkpoint(tiny_model_folder)
    assert said[1] == hash_weights(weights) == hash_weights(tensors)
    assert config == before
