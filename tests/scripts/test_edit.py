"""The command line of editing, as a user calls it."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from script_calls import Call, within

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.document import open_chart
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu import patch as osu_patch
from mug.beatmap.formats.registry import PACKAGES, write_any
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.cli.charts.edit import main
from mug.pipeline.provenance import is_machine_made


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    return within(main, "edit_beatmap.py", monkeypatch, capsys)


@pytest.fixture
def chart(song: Path, tmp_path: Path) -> Path:
    """A chart beside its song."""
    (tmp_path / "clicks.wav").write_bytes(song.read_bytes())
    notes = [Rice(i % 4, 125.0 * i) for i in range(38)]
    notes[8:9] = [LongNote(0, 1000.0, 1400.0)]
    beatmap = Beatmap(
        4,
        tuple(notes),
        (TimingPoint(0.0, 500.0),),
        general={"AudioFilename": "clicks.wav"},
        metadata={"Version": "Hard", "Tags": "own words"},
    )
    path = tmp_path / "chart.osu"
    osu.write(beatmap, path)
    return path


def test_variations_of_bars_leave_the_rest_of_the_file(
    call: Call, tiny_model_folder: Path, chart: Path, tmp_path: Path
) -> None:
    before = chart.read_bytes()
    asked = [chart, "--ckpt", tiny_model_folder, "--steps", 2, "--from_bar", 2, "--to_bar", 2]
    asked += ["--no-mark"]
    done = call(*asked, "--columns", "1,3", "--count", 2, "--out", tmp_path / "new.osu")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert chart.read_bytes() == before
    files = [tmp_path / "new-1.osu", tmp_path / "new-2.osu"]
    assert [entry["file"] for entry in report] == [str(path) for path in files]
    assert [entry["bytes_changed_outside"] for entry in report] == [0, 0]
    assert report[0]["region"] == {"start_ms": 2000.0, "end_ms": 4000.0, "columns": [0, 2]}
    assert files[0].read_bytes() != files[1].read_bytes()
    old = osu.read(chart).hit_objects
    for path in files:
        chars = [n for n in osu.read(path).hit_objects if n not in old]
        assert chars
        assert all(2000 <= n.start_ms < 4000 and n.column in (0, 2) for n in chars)
        assert osu_patch.read(path).beatmap.metadata == osu.read(chart).metadata
        assert json.loads(path.with_suffix(".json").read_text())["made_by"]["seed"] == 0
    again = call(*asked, "--columns", "1,3", "--count", 2, "--out", tmp_path / "again.osu")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again-2.osu").read_bytes() == files[1].read_bytes()


def test_the_tags_alone_change_outside_the_part(
    call: Call, tiny_model_folder: Path, chart: Path, tmp_path: Path
) -> None:
    asked = [chart, "--ckpt", tiny_model_folder, "--steps", 1, "--from_ms", 3000, "--lock_holds"]
    done = call(*asked, "--own_prompt", "--out", tmp_path / "new.osu")
    assert done.returncode == 0, done.stderr
    marked = osu.read(tmp_path / "new.osu")
    assert is_machine_made(marked)
    assert marked.metadata["Tags"].endswith("own words")
    old, new = chart.read_bytes().splitlines(), (tmp_path / "new.osu").read_bytes().splitlines()
    end = old.index(b"[HitObjects]")
    assert [a for a, b in zip(old[:end], new[:end], strict=True) if a != b] == [b"Tags:own words"]
    assert json.loads(done.stdout)[0]["made_by"]["prompt"]["sr"] > 0


@pytest.mark.parametrize("suffix", [".sm", ".ssc", ".qua", ".mc", ".osz", ".mcz"])
def test_a_part_of_a_chart_of_another_game_is_written_into_its_file(
    call: Call, tiny_model_folder: Path, chart: Path, tmp_path: Path, suffix: str
) -> None:
    there = tmp_path / f"song{suffix}"
    packed = {"clicks.wav": chart.with_name("clicks.wav"), "notes.txt": b"kept"}
    beatmap = replace(osu.read(chart), hit_objects=osu.read(chart).hit_objects[:30])
    write_any([beatmap], there, files=packed if suffix in PACKAGES else None)
    asked = [there, "--ckpt", tiny_model_folder, "--steps", 1, "--from_ms", 2000, "--to_ms", 3000]
    done = call(*asked, "--out", tmp_path / f"new{suffix}")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert report["bytes_changed_outside"] == 0
    assert report["added"] > 0
    old, new = open_chart(there), open_chart(tmp_path / f"new{suffix}")
    assert is_machine_made(new.charts[0].beatmap)
    changed = set(new.charts[0].beatmap.hit_objects) ^ set(old.charts[0].beatmap.hit_objects)
    assert all(2000 <= note.start_ms < 3000 for note in changed)
    if old.archive is not None:
        with zipfile.ZipFile(tmp_path / f"new{suffix}") as archive:
            assert archive.read("notes.txt") == b"kept"


def test_a_list_of_edits_and_its_way_back(
    call: Call, chart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = chart.read_bytes()
    edits = [{"op": "move", "notes": [0], "to": [{"column": 3, "start_ms": 7}]}, {"op": "mirror"}]
    (tmp_path / "edits.json").write_text(json.dumps(edits))
    out, undo = tmp_path / "new.osu", tmp_path / "undo.json"
    done = call(chart, "--out", out, "--edits", tmp_path / "edits.json", "--undo", undo)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["charts"] == [{"difficulty": "Hard", "notes": 38}]
    assert Rice(0, 7.0) in osu.read(out).hit_objects
    monkeypatch.setattr("sys.stdin", io.StringIO(undo.read_text()))
    back = call(out, "--out", tmp_path / "back.osu", "--edits", "-")
    assert back.returncode == 0, back.stderr
    assert (tmp_path / "back.osu").read_bytes() == before
    refused = call(chart, "--out", out, "--edits", tmp_path / "edits.json")
    assert refused.returncode != 0
    assert "new.osu" in refused.stderr


def test_one_of_several_charts_is_chosen(call: Call, chart: Path, tmp_path: Path) -> None:
    hard = osu.read(chart)
    easy = replace(hard, metadata={**hard.metadata, "Version": "Easy"})
    write_any([hard, easy], tmp_path / "song.sm")
    (tmp_path / "edits.json").write_text('[{"op": "delete", "notes": [0]}]')
    asked = [tmp_path / "song.sm", "--edits", tmp_path / "edits.json", "--out", tmp_path / "a.sm"]
    done = call(*asked)
    assert done.returncode != 0
    assert "1 Hard, 2 Easy" in done.stderr
    for wanted, left in (("Easy", [38, 37]), ("1", [37, 38])):
        done = call(*asked, "--difficulty", wanted, "--overwrite")
        assert done.returncode == 0, done.stderr
        assert [entry["notes"] for entry in json.loads(done.stdout)["charts"]] == left


@pytest.mark.parametrize(
    ("edits", "said"), [("{", "JSON"), ("{}", "map"), ("[3]", "map"), (None, "no such file")]
)
def test_a_list_that_is_none_is_refused(
    call: Call, chart: Path, tmp_path: Path, edits: str | None, said: str
) -> None:
    if edits is not None:
        (tmp_path / "edits.json").write_text(edits)
    done = call(chart, "--out", tmp_path / "a.osu", "--edits", tmp_path / "edits.json")
    assert done.returncode != 0
    assert said in done.stderr
    assert not (tmp_path / "a.osu").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "nothing of the chart would be left"),
        (["--from_ms", "1", "--from_bar", "1"], "twice"),
        (["--from_bar", "0"], "from 1"),
        (["--columns", "5"], "columns 0 to 3"),
        (["--from_ms", "1", "--out", "made.txt"], ".osu"),
        (["--from_ms", "1", "--audio", "nowhere.mp3"], "nowhere.mp3"),
    ],
)
def test_mistakes_are_one_sentence(
    call: Call, tiny_model_folder: Path, chart: Path, tmp_path: Path, wrong: list[str], said: str
) -> None:
    there = sorted(tmp_path.iterdir())
    asked = [chart, "--ckpt", tiny_model_folder, "--steps", 1, "--out", tmp_path / "new.osu"]
    done = call(*asked, *wrong)
    assert done.returncode in (1, 2)
    assert said in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == there
