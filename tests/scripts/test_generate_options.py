"""Options of generation beyond one song and one prompt."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from script_calls import Call, within

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.timing_points import TimingPoint
from mug.cli.charts.generate import main
from mug.pipeline.provenance import provenance_of


def charts(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as opened:
        return {name: opened.read(name) for name in opened.namelist() if name.endswith(".osu")}


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    return within(main, "generate.py", monkeypatch, capsys)


def test_timing_prompt_and_spread_come_from_files(
    call: Call, tiny_model_folder: Path, song: Path, tmp_path: Path
) -> None:
    timed = Beatmap(4, (), (TimingPoint(60.0, 480.0, meter=3), TimingPoint(2000.0, 400.0)))
    osu.write(timed, tmp_path / "timed.osu")
    (tmp_path / "prompt.yaml").write_text("ln_ratio: 0.3\nnegative:\n  jackspeed: true\n")
    asked = ["--ckpt", tiny_model_folder, "--audio", song, "--steps", 1, "--ln_ratio", 0.1]
    asked += ["--timing_from", tmp_path / "timed.osu", "--prompt", tmp_path / "prompt.yaml"]
    done = call(*asked, "--spread", "easy,hard", "--out", tmp_path / "a.osz")
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
    call: Call, tiny_model_folder: Path, song: Path, tmp_path: Path
) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    (songs / "one.wav").write_bytes(song.read_bytes())
    (songs / "broken.mp3").write_bytes(b"no sound")
    asked = ["--ckpt", tiny_model_folder, "--audio", songs, "--steps", 1]
    first = call(*asked, "--out", tmp_path / "out")
    assert first.returncode == 1
    said = json.loads(first.stdout)
    assert said["done"] == [str(tmp_path / "out" / "one.osz")]
    assert "broken.mp3" in said["failed"][0]["song"]
    assert "broken.mp3" in first.stderr
    assert "Traceback" not in first.stderr
    (songs / "broken.mp3").unlink()
    written = (tmp_path / "out" / "one.osz").stat().st_mtime_ns
    again = call(*asked, "--out", tmp_path / "out")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["done_before"] == [str(tmp_path / "out" / "one.osz")]
    assert (tmp_path / "out" / "one.osz").stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--snapping", "voices"], "voice"),
        (["--tolerance", "sr"], "NAME=VALUE"),
        (["--tolerance", "rc=1", "--attempts", "2"], "tolerance"),
        (["--spread", "hardd"], "hard"),
        (["--spread", "all", "--attempts", "2", "--tolerance", "sr=1"], "once"),
        (["--timing_from", "nowhere.osu"], "nowhere.osu"),
        (["--timing_candidate", "99"], "reading"),
        (["--bpm", "120", "--offset_ms", "0", "--timing_from", "x.osu"], "twice"),
        (["--negative", "jackspeed"], "NAME=VALUE"),
    ],
)
def test_mistakes_are_one_sentence(
    call: Call, tiny_model_folder: Path, song: Path, tmp_path: Path, wrong: list[str], said: str
) -> None:
    asked = ["--ckpt", tiny_model_folder, "--audio", song, "--steps", 1]
    done = call(*asked, "--out", tmp_path / "a.osz", *wrong)
    assert done.returncode == 1
    assert said in done.stderr.strip().splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing_half_written(
    call: Call,
    tiny_model_folder: Path,
    song: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mug.pipeline.output import package

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(package, "write_osz", interrupted)  # the moment that would hurt most
        done = call(
            "--ckpt", tiny_model_folder, "--audio", song, "--steps", 1, "--out", tmp_path / "a.osz"
        )
    assert done.returncode == 130
    assert "Stopped" in done.stderr
    assert list(tmp_path.iterdir()) == []
