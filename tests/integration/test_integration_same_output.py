"""Recordings of a checkout's output: what differs is found, and nothing else."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks._same_checkout import Checkout, without_serial
from benchmarks._same_compare import compare

ROOT = Path(__file__).resolve().parents[2]
CHART = """osu file format v14

[General]
AudioFilename: audio.ogg
Mode: 3

[Metadata]
Title:A title
Artist:An artist
Version:Hard

[Difficulty]
CircleSize:4

[TimingPoints]
0,500,4,1,0,100,1,0

[HitObjects]
64,192,500,1,0,0:0:0:0:
192,192,{second},1,0,0:0:0:0:
"""


def test_equal_recordings_are_called_equal(capsys):
    made = {"machine": {"torch": "2"}, "charts": {"a": "1\n2"}}
    assert compare(made, made) == 0
    assert capsys.readouterr().out.endswith("equal\n")


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"a": "1\n3", "b": "x"}, "charts/a:\n      @@ -2 +2 @@\n      -2\n      +3"),
        ({"a": "1\n2"}, "charts/b: gone"),
        ({"a": "1\n2", "b": "x", "c": "y"}, "charts/c: new\n      y"),
    ],
)
def test_a_difference_is_shown_and_fails(after, said, capsys):
    before = {"charts": {"a": "1\n2", "b": "x"}}
    assert compare(before, {"charts": after}) == 1
    assert said in capsys.readouterr().out


def test_what_changed_on_purpose_can_be_left_out():
    before, after = {"charts": {"a": "1", "b": "x"}}, {"charts": {"a": "1", "b": "y"}}
    assert compare(before, after, ["charts/b*"]) == 0


def test_recordings_without_a_part_in_common_are_not_equal():
    assert compare({"charts": {"a": "1"}}, {"data": {"a": "1"}}) == 1


def test_a_quick_recording_is_not_held_against_a_whole_one():
    quick, whole = {"machine": {"extent": "quick"}}, {"machine": {"extent": "whole"}}
    assert compare({**quick, "charts": {}}, {**whole, "charts": {}}) == 1


def test_an_ogg_file_is_known_by_its_sound_alone():
    def written(sound):
        handle = io.BytesIO()
        soundfile.write(handle, sound, 22050, format="OGG", subtype="VORBIS")
        return handle.getvalue()

    rng = np.random.default_rng(0)
    one, other = (rng.uniform(-0.5, 0.5, 22050) for _ in range(2))
    assert without_serial(written(one)) == without_serial(written(one))
    assert without_serial(written(one)) != without_serial(written(other))


def test_commands_of_a_checkout_are_recorded_without_its_folders(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for name, second in (("one", 500), ("two", 750)):
        (tmp_path / "in" / f"{name}.osu").write_text(CHART.format(second=second))
    checkout = Checkout(ROOT, tmp_path / "out", tmp_path / "in")
    tool = "scripts/convert_beatmap.py"
    found = checkout.commands(
        {
            name: [tool, tmp_path / "in" / f"{name}.osu", tmp_path / "out" / f"{name}.sm"]
            for name in ("one", "two", "none")
        }
    )
    assert found["one/code"] == "0"
    assert "<WORK>/one.sm" in found["one/printed"]
    assert found["none/code"] == "1"
    assert "<FIXTURE>/none.osu" in found["none/error"]
    files = checkout.files(tmp_path / "out", "files")
    assert set(files) == {"files/one.sm", "files/two.sm"}
    assert files["files/one.sm"] != files["files/two.sm"]
