"""From a chart to its prompt on the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from repository import ROOT

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.registry import write_any
from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.features import FeatureSchema
from mug.pipeline.prompt import load_prompt, prompt_of_chart

SCHEMA = FeatureSchema.from_yaml("configs/mug/features_2.yaml")


def call(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts/beatmap_to_prompt.py"), *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def chart(version: str, gap_ms: float) -> Beatmap:
    return Beatmap(
        keys=4,
        hit_objects=tuple(Rice(i % 4, 500.0 + gap_ms * i) for i in range(80)),
        timing=(TimingPoint(0.0, 500.0),),
        general={"AudioFilename": "a.mp3", "Mode": "3"},
        metadata={"Title": "T", "Artist": "A", "Creator": "C", "Version": version},
        difficulty={"CircleSize": "4"},
    )


HARD = chart("Hard", 125.0)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "song.osz"
    write_any([chart("Easy", 250.0), HARD], path)
    return path


def test_a_chart_becomes_a_prompt_file(package: Path, tmp_path: Path) -> None:
    out = tmp_path / "prompt.yaml"
    done = call(package, "--chart", "Hard", "--out", out)
    assert done.returncode == 0, done.stderr
    assert load_prompt(out, SCHEMA) == prompt_of_chart(HARD, SCHEMA)


def test_every_chart_is_shown(package: Path) -> None:
    shown = call(package)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("sr: ") == 2
    assert "# A - T [Easy]" in shown.stdout
    assert shown.stdout.index("[Easy]") < shown.stdout.index("[Hard]")


def test_a_chart_by_number_at_a_rate(package: Path) -> None:
    first = call(package, "--chart", 1, "--rate", 1.5)
    assert first.returncode == 0, first.stderr
    assert "[Easy]" in first.stdout
    faster = prompt_of_chart(chart("Easy", 250.0), SCHEMA, rate=1.5)
    assert f"sr: {faster.positive['sr']}" in first.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--out", "never.yaml"], "--chart"),
        (["--chart", "Herd"], "'Hard'"),
        (["--chart", 3], "Easy"),
        (["--rate", 0], "rate"),
    ],
)
def test_mistakes_are_one_sentence(package: Path, args: list[object], said: str) -> None:
    failed = call(package, *args)
    assert failed.returncode == 1
    assert said in failed.stderr.splitlines()[-1]
    assert "Traceback" not in failed.stderr
    assert not (ROOT / "never.yaml").exists()
