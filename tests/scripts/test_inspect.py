"""What made a chart, read back on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from repository import ROOT

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.registry import write_any
from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.pipeline.provenance import Provenance, stamp

MADE = Provenance(version="0.1.0", prompt={"sr": 4.5, "rc": True}, seed=11, sampler="ddim")
CHART = Beatmap(
    keys=4,
    hit_objects=(Rice(0, 500.0), Rice(1, 1000.0)),
    timing=(TimingPoint(0.0, 500.0),),
    general={"AudioFilename": "a.mp3", "Mode": "3"},
    metadata={"Title": "T", "Artist": "A", "Creator": "C", "Version": "V"},
    difficulty={"CircleSize": "4"},
)


def call(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts/inspect_beatmap.py"), *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("suffix", [".osu", ".osz", ".sm", ".qua", ".mc"])
def test_every_format_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_any([stamp(CHART, MADE)], path)
    done = call(path, "--json")
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)
    assert entry["provenance"] == MADE.to_dict()
    assert entry["machine_made"] is True


def test_charts_with_and_without_a_record_side_by_side(tmp_path: Path) -> None:
    plain = replace(CHART, metadata={**CHART.metadata, "Version": "hand"})
    path = tmp_path / "set.osz"
    write_any([stamp(CHART, MADE), plain], path)
    done = call(path)
    assert done.returncode == 0, done.stderr
    assert "  prompt: sr=4.5, rc=True" in done.stdout
    assert "  seed: 11" in done.stdout
    assert done.stdout.count("nothing recorded") == 1


def test_charts_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    path = tmp_path / "set.osz"
    taiko = osu.format(CHART).replace("Mode: 3", "Mode: 1").encode()
    write_any([stamp(CHART, MADE)], path, files={"taiko.osu": taiko, "broken.osu": b"nothing"})
    done = call(path)
    assert done.returncode == 0, done.stderr
    assert "  seed: 11" in done.stdout
    assert "1 x charts of other game modes" in done.stderr
    assert "1 x charts that are broken" in done.stderr


def test_damage_is_said_with_the_file(tmp_path: Path) -> None:
    made = stamp(CHART, MADE)
    tags = made.metadata["Tags"]
    path = tmp_path / "bad.osu"
    osu.write(replace(made, metadata={**made.metadata, "Tags": tags[:-3]}), path)
    done = call(path)
    assert done.returncode == 1
    assert "bad.osu" in done.stdout
    assert "damaged" in done.stdout


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    missing = call(tmp_path / "none.osu")
    assert missing.returncode == 1
    assert "none.osu" in missing.stderr
