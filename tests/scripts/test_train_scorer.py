"""scripts/train_scorer.py from songs to a file, and on from a stopped run."""

from __future__ import annotations

import json

from safetensors import safe_open
from script_calls import within
from tiny_songs import make_songs

from mug.cli.common import FAILED, OK
from mug.cli.models.train_scorer import SCORER, STATE, main
from mug.rhythm.scorer import FORMAT, load_scorer


def test_a_folder_of_songs_becomes_a_scorer(tmp_path, monkeypatch, capsys):
    make_songs(tmp_path / "songs", songs=3, charts=2, seconds=6.0)
    train = within(main, "train_scorer.py", monkeypatch, capsys)
    words = ["--songs", tmp_path / "songs", "--out", tmp_path / "out", "--steps", 3, "--batch", 2]
    words += ["--width", 8, "--dilations", 1, 4, "--held_out", 0.5]
    done = train(*words)
    assert done.returncode == OK
    for said in ("held-out", "log-loss", "average precision", "metre only", "listening gain"):
        assert said in done.stdout
    file = tmp_path / "out" / SCORER
    assert load_scorer(file).options.width == 8
    with safe_open(file, framework="pt") as opened:
        about = json.loads(opened.metadata()[FORMAT])["about"]
    assert about["training"]["steps"] == 3
    assert (about["songs"], about["held_out_songs"], about["charts"]) == (2, 1, 4)
    before = file.read_bytes()
    file.unlink()
    assert (tmp_path / "out" / STATE).exists()
    judged = train(*words, "--judge", tmp_path / "songs", "--keys", 4)
    assert judged.returncode == OK
    assert "3 further songs" in judged.stdout
    assert file.read_bytes() == before
    refused = train(*words, "--seed", 1)
    assert refused.returncode == FAILED
    assert "other songs or options" in refused.stderr


def test_an_empty_folder_is_refused(tmp_path, monkeypatch, capsys):
    train = within(main, "train_scorer.py", monkeypatch, capsys)
    done = train("--songs", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == FAILED
    assert "no osu!mania chart" in done.stderr
