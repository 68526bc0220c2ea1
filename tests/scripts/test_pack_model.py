"""From a run's checkpoint to the shipped model, and commands that take it by default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from composed_songs import VERY_SHORT, composed
from script_calls import Call, within
from shipped import ship_from

from mug.cli.charts import generate
from mug.cli.models import calibrate_model, demo, models, pack_model
from mug.data.feature_db import FeatureDB, FeatureRow
from mug.errors import CheckpointError, ConfigError
from mug.pipeline.model.checkpoint import read_checkpoint
from mug.pipeline.model.release import Release


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Call]:
    return {
        one.__name__.rpartition(".")[2]: within(one.main, "script.py", monkeypatch, capsys)
        for one in (calibrate_model, generate, models, pack_model, demo)
    }


@pytest.fixture(scope="module")
def run_folder(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as training leaves it, with averaged weights and raw ones."""
    folder = tmp_path_factory.mktemp("logs") / "2026_a"
    config, weights, _ = read_checkpoint(tiny_model_folder)
    raw = {name: torch.zeros_like(value) for name, value in weights.items()}
    content = {"state_dict": weights, "current_model_state": raw, "mug_config": config}
    (folder / "checkpoints").mkdir(parents=True)
    torch.save(content, folder / "checkpoints" / "last.ckpt")
    return folder


def test_packed_then_taken_by_default(
    calls: dict[str, Call],
    run_folder: Path,
    song: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shipped = tmp_path / "shipped"
    ship_from(monkeypatch, shipped)
    asked = ["--audio", song, "--out", tmp_path / "a.osz", "--sr", 1]
    nothing = calls["generate"](*asked)
    assert nothing.returncode == 1
    assert "make demo-training" in nothing.stderr
    done = calls["pack_model"](
        run_folder, shipped / "4k", "--range", "sr=0.5..6", "--steps", 2, "--guidance_scale", 1
    )
    assert done.returncode == 0, done.stderr
    assert "4 keys" in done.stdout
    assert "# A model" in (shipped / "4k" / "README.md").read_text(encoding="utf-8")
    assert "4k/model.safetensors" in (shipped / "SHA256SUMS").read_text(encoding="utf-8")
    made = calls["generate"](*asked)
    assert made.returncode == 0, made.stderr
    report = json.loads(made.stdout)
    assert report["request"]["steps"] == 2
    assert report["request"]["guidance_scale"] == 1
    own = json.loads(calls["generate"](*asked, "--steps", 1).stdout)
    assert own["request"]["steps"] == 1
    assert calls["generate"](*asked, "--keys", 7).returncode == 1
    wrong = calls["generate"](*asked, "--keys", 7, "--ckpt", shipped / "4k")
    assert "charts of 4 columns" in wrong.stderr
    assert f"shipped: {shipped / '4k'}" in calls["models"]().stdout


def test_the_averaged_weights_are_packed(
    calls: dict[str, Call], run_folder: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "card.md").write_text("# Mine\n", encoding="utf-8")
    (tmp_path / "reached.json").write_text('{"given": [1, 2], "reached": [1, 3]}', encoding="utf-8")
    own = ["--card", tmp_path / "card.md", "--reached", tmp_path / "reached.json"]
    assert calls["pack_model"](run_folder, tmp_path / "m", *own).returncode == 0
    _, packed, _ = read_checkpoint(tmp_path / "m")
    _, weights, _ = read_checkpoint(tiny_model_folder)
    assert all(
        torch.allclose(packed[name].float(), value.float(), rtol=1e-3, atol=1e-7)
        for name, value in weights.items()
    )
    assert (tmp_path / "m" / "README.md").read_text(encoding="utf-8").startswith("# Mine\n")
    assert (tmp_path / "m" / "reached.json").is_file()


def test_other_charts_are_not_put_into_place(
    calls: dict[str, Call], run_folder: Path, tmp_path: Path
) -> None:
    done = calls["pack_model"](run_folder, tmp_path / "m", "--least_same", 1.01)
    assert done.returncode == 1
    assert "makes other charts" in done.stderr
    assert not (tmp_path / "m").exists()


def test_a_folder_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        pack_model.checkpoint_of(tmp_path)


def test_the_range_of_training_comes_from_the_data_set(tmp_path: Path) -> None:
    rows = [FeatureRow(f"{i}.osu", features={"sr": 1 + i / 100}) for i in range(401)]
    with FeatureDB(tmp_path / "features.db", names=["sr"]) as opened:
        opened.upsert(rows)
    schema = "configs/mug/mania_beatmap_features.yaml"
    config = {
        "model": {"params": {"cond_stage_config": {"params": {"path_to_yaml": schema}}}},
        "data": {"params": {"common_params": {"txt_file": str(tmp_path / "beatmap.txt")}}},
    }
    assert pack_model.trained_ranges(config) == {"sr": (1.02, 4.98)}
    assert pack_model.ranges_of(["sr=0.5..7"]) == {"sr": (0.5, 7.0)}
    with pytest.raises(ConfigError, match=r"sr=0\.5\.\.7"):
        pack_model.ranges_of(["sr=0.5"])


def test_a_model_is_chosen_for_good(
    calls: dict[str, Call],
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ship_from(monkeypatch, tmp_path / "none")
    assert "no model here" in calls["models"]().stdout
    assert f"4 keys, chosen: {tiny_model_folder}" in calls["models"](
        "--use", tiny_model_folder
    ).stdout  # fmt: skip
    assert calls["models"]("--use", tmp_path / "gone").returncode == 1
    assert "no model here" in calls["models"]("--forget", 4).stdout


def test_the_demo_charts_a_song_with_the_shipped_model(
    calls: dict[str, Call],
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ship_from(monkeypatch, tmp_path / "shipped")
    out = ["--out", tmp_path / "demo", "--seconds", 8]
    none = calls["demo"](*out)
    assert none.returncode == 1
    assert "make demo-training" in none.stderr
    assert not (tmp_path / "demo").exists()
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "4k").symlink_to(tiny_model_folder)
    done = calls["demo"](*out)
    assert done.returncode == 0, done.stderr
    assert "Done in" in done.stdout
    names = ["demo.json", "demo.md", "demo.ogg", "demo.osz", "demo.png"]
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == names
    report = json.loads((tmp_path / "demo" / "demo.json").read_text(encoding="utf-8"))
    assert len(report["charts"]) == 3
    assert Release.beside(tiny_model_folder) == Release()


def test_the_stars_reached_are_measured_beside_the_model(
    calls: dict[str, Call], tiny_model_folder: Path, tmp_path: Path
) -> None:
    for file in tiny_model_folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    songs = composed(tmp_path / "songs", 1, 1, VERY_SHORT)
    asked = ["--ckpt", tmp_path, "--work", tmp_path / "work", "--songs", songs, "--steps", 1]
    done = calls["calibrate_model"](*asked, "--stars", "1,3")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "reached.json").read_text(encoding="utf-8"))
    assert found["given"] == [1.0, 3.0]
    assert (found["songs"], found["charts"]) == (1, 2)
    measured = (tmp_path / "work" / "measured.jsonl").read_bytes()
    assert calls["calibrate_model"](*asked, "--stars", "1,3").returncode == 0
    assert (tmp_path / "work" / "measured.jsonl").read_bytes() == measured
