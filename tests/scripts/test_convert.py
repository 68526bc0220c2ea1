"""The conversion script, as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from script_calls import shell

from mug.beatmap.formats.registry import read_any
from mug.cli import common as _common

SM = """#TITLE:T;#ARTIST:A;#MUSIC:a.ogg;#OFFSET:0;#BPMS:0=120;
#NOTES:dance-single:me:Hard:5:0:
1000
0M00
0010
0001
;
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    path = tmp_path / "song" / "a.sm"
    path.parent.mkdir()
    path.write_text(SM)
    (path.parent / "a.ogg").write_bytes(b"sound")
    return path


def test_file_and_package_and_folder(chart: Path, tmp_path: Path) -> None:
    single = shell("convert_beatmap.py", chart, tmp_path / "out" / "b.osu")
    assert single.returncode == _common.OK, single.stderr
    assert "1 charts in 2 files" in single.stdout
    assert "1 x mines" in single.stdout
    (found,) = read_any(tmp_path / "out" / "b.osu")
    assert [note.start_ms for note in found.hit_objects] == [0.0, 1000.0, 1500.0]
    assert (tmp_path / "out" / "a.ogg").read_bytes() == b"sound"

    packed = shell("convert_beatmap.py", chart.parent, tmp_path / "b.qp")
    assert packed.returncode == _common.OK, packed.stderr
    unpacked = shell("convert_beatmap.py", tmp_path / "b.qp", tmp_path / "folder", "--to", "mc")
    assert unpacked.returncode == _common.OK, unpacked.stderr
    assert (tmp_path / "folder" / "a.ogg").read_bytes() == b"sound"
    (again,) = (tmp_path / "folder").glob("*.mc")
    assert len(read_any(again)[0].hit_objects) == 3


def test_failures_are_listed(chart: Path, tmp_path: Path) -> None:
    (chart.parent / "b.mc").write_text("{")
    done = shell("convert_beatmap.py", chart.parent, tmp_path / "out", "--to", "osu")
    assert done.returncode == _common.FAILED
    assert "1 charts in 2 files" in done.stdout
    assert "Not converted: 1" in done.stdout
    assert "this is not JSON" in done.stdout
    nothing = shell("convert_beatmap.py", chart, tmp_path / "out")
    assert nothing.returncode == _common.FAILED
    assert "Give --to" in nothing.stderr
    assert "Traceback" not in nothing.stderr + done.stderr


def test_lines_that_cannot_be_read_are_named(chart: Path, tmp_path: Path) -> None:
    chart.write_text(chart.read_text().replace("0=120;", "0=120,later,8=60;"))
    done = shell("convert_beatmap.py", chart, tmp_path / "a.qua")
    assert done.returncode == _common.OK, done.stderr
    assert "left out: BPMS is not `beat=value`: a.sm:1 'later'" in done.stdout
    strict = shell("convert_beatmap.py", chart, tmp_path / "b.qua", "--strict")
    assert strict.returncode == _common.FAILED
    assert "a.sm:1: BPMS is not `beat=value`: 'later'" in strict.stderr
    assert not (tmp_path / "b.qua").exists()
