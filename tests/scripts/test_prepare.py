import subprocess
import sys

import pytest

from mug.cli import common as _common
from mug.errors import DataError


def run(root, *arguments):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=root, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def songs(tmp_path):
    import numpy as np
    import soundfile

    for song in range(2):
        folder = tmp_path / "songs" / f"{song} song"
        folder.mkdir(parents=True)
        soundfile.write(folder / "a.wav", np.full(800, song / 4, np.float32), 8000)
        notes = "".join(f"64,192,{i * 200},1,0,0:0:0:0:\n" for i in range(50))
        (folder / "a.osu").write_text(
            "osu file format v14\n\n[General]\nAudioFilename: a.wav\nMode: 3\n\n[Difficulty]\n"
            f"CircleSize:4\n\n[TimingPoints]\n0,400,4,1,0,100,1,0\n\n[HitObjects]\n{notes}"
        )
    return tmp_path / "songs"


def test_both_scripts_twice(root, songs, tmp_path):
    out = tmp_path / "out"
    collecting = ("scripts/prepare_beatmap.py", "--song_dir", songs, "--out_dir", out, "--cs", 4)
    measuring = ("scripts/prepare_beatmap_features.py", "--beatmap_txt", out / "beatmap.txt")
    for command in (collecting, (*measuring, "--workers", 1)):
        first, second = run(root, *command), run(root, *command)
        assert first.returncode == second.returncode == 0, first.stderr + second.stderr
        assert "2 charts" in first.stdout
        assert "Nothing new" not in first.stdout
        assert "Nothing new" in second.stdout
    assert (out / "features.db").is_file()


def test_a_mistake_is_one_line_and_an_exit_code(root, tmp_path):
    result = run(
        root, "scripts/prepare_beatmap.py", "--song_dir", tmp_path / "no", "--out_dir", tmp_path
    )
    assert result.returncode == _common.FAILED
    assert "error: " in result.stderr
    assert "no such folder of songs" in result.stderr
    assert "Traceback" not in result.stderr
    assert run(root, "scripts/prepare_beatmap.py", "--songs", "x").returncode == _common.MISUSED


def test_ctrl_c_is_a_sentence(capsys):
    def stopped():
        raise KeyboardInterrupt

    assert _common.run(stopped, when_stopped="All is kept.") == 130
    assert "Stopped. All is kept." in capsys.readouterr().err


def test_errors_become_one_line(capsys):
    def fails():
        raise DataError("it broke", remedy="Mend it")

    assert _common.run(fails, when_stopped="") == 1
    assert capsys.readouterr().err == "error: it broke. Mend it\n"
