"""The benchmark's command line: refusals, the synthetic pack, going on, several processes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from composed_songs import composed, style
from forks import Forks
from script_calls import Call, within

from mug.cli.models import evaluate
from mug.evaluation import cost
from mug.evaluation.jobs import Setting, model_pieces, songs_in, work
from mug.evaluation.made import ModelRun
from mug.evaluation.rows import CHARTS, COST, EDITING, PARTS, SWEEP
from mug.evaluation.songs import load_songs
from mug.pipeline.request import GenerationRequest

STYLE = style(10.0, 12.0)


@pytest.fixture(scope="module")
def human(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return composed(tmp_path_factory.mktemp("human"), 2, 2, STYLE)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    return within(evaluate.main, "evaluate.py", monkeypatch, capsys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--parts", "sweeps"), "no such part"),
        (("--parts", "sweep"), "these parts are about a model"),
        (("--parts", "all"), "these parts are about a model"),
        (("--parts", "sweep", "--checkpoint", "x", "--charts", "y"), "in the part of that name"),
        (("--seeds", 0), "at least 1"),
        (("--checkpoint", "nowhere.ckpt"), "no such checkpoint"),
    ],
)
def test_what_cannot_be_done_is_reported(
    human: Path,
    tmp_path: Path,
    call: Call,
    words: tuple[object, ...],
    said: str,
) -> None:
    done = call("--songs", human, "--out", tmp_path, *words)
    assert done.returncode == 1
    assert said in done.stderr


def test_a_synthetic_pack_needs_no_data_and_a_run_goes_on(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "PACK_STYLE", STYLE)
    words = ("--synthetic", 1, "--out", tmp_path)
    assert call(*words).returncode == 0
    first = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert first["version"] == 3
    assert len(first["songs"]) == 1
    assert {column["kind"] for column in first["columns"]} == {"people", "baseline"}
    assert first["distances"]["why_not"]
    done = {p: p.stat().st_mtime_ns for p in (tmp_path / "rows").iterdir()}
    lost = min(done)
    lost.unlink()  # as after a stop
    assert call(*words).returncode == 0
    again = {p: p.stat().st_mtime_ns for p in (tmp_path / "rows").iterdir()}
    assert set(again) == set(done)
    assert {p for p in done if done[p] != again[p]} == {lost}
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8")) == first


def test_several_processes_find_the_same(human: Path, tmp_path: Path, forks: Forks) -> None:
    found = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        words = ("--songs", human, "--out", out, "--workers", workers)
        done = forks.run("scripts/evaluate.py", *words)
        assert done.returncode == 0, done.stderr
        files = (path for path in out.rglob("*") if path.is_file())
        found.append({path.relative_to(out): path.read_bytes() for path in files})
    assert found[0] == found[1]


def test_results_of_another_program_stay_unless_overwrite_is_given(
    human: Path, tmp_path: Path, call: Call
) -> None:
    (tmp_path / "results.json").write_text("mine")
    done = call("--songs", human, "--out", tmp_path)
    assert done.returncode == 1
    assert "results.json" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_composed_songs_are_found_done_where_the_results_are_moved(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "PACK_STYLE", STYLE)
    assert call("--synthetic", 1, "--out", tmp_path / "here").returncode == 0
    (tmp_path / "here").rename(tmp_path / "there")
    before = {p.name for p in (tmp_path / "there" / "rows").iterdir()}
    assert call("--synthetic", 1, "--out", tmp_path / "there").returncode == 0
    assert {p.name for p in (tmp_path / "there" / "rows").iterdir()} == before


def test_pieces_of_a_model_are_charts_or_songs_and_the_cost_comes_last(human: Path) -> None:
    songs = load_songs(human, 4)
    jobs = model_pieces(PARTS, songs)
    kinds = [job.kind for job in jobs]
    assert kinds.count(CHARTS) == kinds.count(EDITING) == 4
    assert kinds.count(SWEEP) == kinds.count(COST) == 2
    assert kinds[-2:] == [COST, COST]


def test_other_settings_are_other_pieces(human: Path, tmp_path: Path) -> None:
    (job, *_) = model_pieces((COST,), load_songs(human, 4))
    setting = Setting(human, None, 4, tmp_path / "m", ModelRun(), tmp_path)
    marks = {
        job.mark(setting, "w"),
        job.mark(setting, "another"),
        job.mark(replace(setting, threads=2), "w"),
        job.mark(replace(setting, run=ModelRun(how=GenerationRequest(Path(), steps=7))), "w"),
        replace(job, kind=SWEEP).mark(setting, "w"),
    }
    assert len(marks) == 5
    assert job.mark(setting, "w") == job.mark(replace(setting, device="cpu"), "w")


def test_the_cost_is_measured_in_a_process_of_its_own(
    human: Path, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "LONG_S", 15.0)
    run = ModelRun(how=GenerationRequest(Path(), steps=1))
    setting = Setting(human, None, 4, tiny_model_folder, run, tmp_path, threads=1)
    song = songs_in(human, 4)[0]
    (job, *_) = model_pieces((COST,), [song])
    mark = tmp_path / "row.json"
    work(setting, job, mark)
    (row,) = json.loads(mark.read_text(encoding="utf-8"))
    assert row["part"] == COST
    assert row["figures"]["same_file"] == 1.0
    assert row["figures"]["peak_memory_mib"] > 50
