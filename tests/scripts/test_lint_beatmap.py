"""The lint script, as a person runs it."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from script_calls import shell

from mug.audio.load import duration_ms
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.compare import bytes_changed_beside
from mug.beatmap.exact.document import open_chart
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.registry import write_any
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.cli import common
from mug.lint.rules import NOTICE

CALM = tuple(Rice(i % 4, 1000.0 + 500 * i) for i in range(20))
BROKEN = (*CALM, Rice(0, 1020.0))


def text(notes: tuple[Rice, ...]) -> str:
    beatmap = Beatmap(
        4,
        notes,
        (TimingPoint(0.0, 500.0),),
        general={"AudioFilename": "song.wav", "Mode": "3"},
        metadata={"Title": "T", "Artist": "A", "Creator": "C", "Version": "V"},
        difficulty={"CircleSize": "4"},
    )
    return osu.format(beatmap)


@pytest.fixture
def calm(tmp_path: Path) -> Path:
    path = tmp_path / "songs" / "calm.osu"
    path.parent.mkdir()
    path.write_text(text(CALM), encoding="utf-8")
    return path


@pytest.fixture
def broken(calm: Path) -> Path:
    path = calm.with_name("broken.osu")
    path.write_text(text(BROKEN), encoding="utf-8")
    return path


def test_a_calm_chart_is_fine_and_the_notice_is_there(calm: Path) -> None:
    done = shell("lint_beatmap.py", calm)
    assert done.returncode == common.OK, done.stderr
    assert "0 errors, 0 warnings, 0 notes" in done.stdout
    assert "4K, Easy (" in done.stdout
    assert NOTICE in done.stdout


def test_errors_are_an_exit_status(broken: Path) -> None:
    done = shell("lint_beatmap.py", broken, "--tier", "expert")
    assert done.returncode == common.FAILED
    assert "4K, Expert: 1 error, 0" in done.stdout
    assert "00:01:000  1        mini_jack  error" in done.stdout
    wrong = shell("lint_beatmap.py", broken, "--tier", "hrd")
    assert wrong.returncode == common.FAILED
    assert "Did you mean 'Hard'" in wrong.stderr


def test_a_folder_with_a_package_and_other_files(broken: Path) -> None:
    folder = broken.parent
    with zipfile.ZipFile(folder / "p.osz", "w") as archive:
        archive.writestr("in/x.osu", text((*CALM, Rice(0, 90000.0))))
        archive.writestr("copy.osu", text(CALM))
    other = text(CALM).replace("Mode: 3", "Mode: 1")
    assert other != text(CALM)
    (folder / "other.osu").write_text(other, encoding="utf-8")
    (folder / "torn.mc").write_text("{", encoding="utf-8")
    done = shell("lint_beatmap.py", folder, "--json")
    assert done.returncode == common.FAILED
    assert "torn.mc:1: this is not JSON" in done.stderr
    assert "Traceback" not in done.stderr
    found = json.loads(done.stdout)
    assert found["notice"] == NOTICE
    names = [Path(chart["file"]).name for chart in found["charts"]]
    assert names == ["broken.osu", "calm.osu", "x.osu"]  # the copy of calm.osu is not read twice
    rules = [[f["rule"] for f in chart["findings"]] for chart in found["charts"]]
    assert rules == [["mini_jack"], [], ["long_break"]]
    assert "1 of other game modes left out" in shell("lint_beatmap.py", folder).stdout


def test_rates(broken: Path) -> None:
    done = shell("lint_beatmap.py", broken.parent, "--rates")
    assert "| rule | severity | Easy | all | charts |" in done.stdout
    assert "| mini_jack | error | 3.16 | 3.16 | 1 |" in done.stdout  # 1 in two charts of 9.5 s
    few = shell("lint_beatmap.py", broken.parent, "--rates", "--least_notes", 21, "--json")
    assert json.loads(few.stdout)["mini_jack error"]["charts"] == 1
    assert json.loads(few.stdout)["mini_jack error"]["all"] == pytest.approx(60 / 9.5)
    none = shell("lint_beatmap.py", broken.parent, "--rates", "--keys", 7)
    assert none.returncode == common.OK
    assert "0 charts" in none.stdout


def test_notes_after_the_song(calm: Path) -> None:
    import numpy as np
    import soundfile

    silent = shell("lint_beatmap.py", calm, "--audio")
    assert silent.returncode == common.OK
    assert "The song's end is not looked at" in silent.stderr
    soundfile.write(calm.with_name("song.wav"), np.zeros(8000 * 10), 8000)
    assert duration_ms(calm.with_name("song.wav")) == pytest.approx(10000)
    done = shell("lint_beatmap.py", calm, "--audio")
    assert done.returncode == common.FAILED
    assert done.stdout.count("after_audio") == 1
    assert "begins 500 ms after the song" in done.stdout


def test_packages_and_lines_left_out_are_named(calm: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.osz", "w") as archive:
        archive.writestr("inside.osu", calm.read_text() + "nonsense\n")
        archive.writestr("Song.WAV", b"no sound")
    done = shell("lint_beatmap.py", tmp_path / "a.osz", "--audio")
    assert done.returncode == common.OK, done.stderr
    assert "a.osz/inside.osu: 1 x left out" in done.stderr
    assert "The song's end is not looked at" in done.stderr
    assert "not beside it" not in done.stderr
    strict = shell("lint_beatmap.py", tmp_path / "a.osz", "--strict")
    assert strict.returncode == common.FAILED
    assert f"{tmp_path}/a.osz/inside.osu:" in strict.stderr
    assert "mug-package-" not in done.stderr + strict.stderr


def test_a_package_without_a_chart_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.osz", "w") as package:
        package.writestr("song.mp3", "sound")
    done = shell("lint_beatmap.py", tmp_path / "a.osz")
    assert done.returncode == common.FAILED
    assert f"error: {tmp_path / 'a.osz'}: no chart is in the package" in done.stderr


@pytest.mark.parametrize("suffix", [".osu", ".qua", ".mc", ".sm"])
def test_fixes_leave_the_rest_of_the_file(broken: Path, tmp_path: Path, suffix: str) -> None:
    notes = (*CALM[:4], LongNote(3, 3000.0, 4000.0), Rice(3, 3500.0), *CALM[8:])
    chart = replace(osu.read(broken), hit_objects=notes)
    there = tmp_path / "songs" / f"one{suffix}"
    broken.unlink()
    if suffix == ".sm":  # a note within a hold is none there: one that is repeated too soon
        chart = replace(chart, hit_objects=(*CALM[:4], Rice(0, 1031.25), *CALM[8:]))
    write_any([chart], there)
    done = shell("lint_beatmap.py", there.parent, "--tier", "easy", "--fix", tmp_path / "fixed")
    assert "moved" in done.stdout, done.stderr
    old, new = open_chart(there), open_chart(tmp_path / "fixed" / there.name)
    notes_before, notes_after = (d.charts[0].beatmap.hit_objects for d in (old, new))
    assert 0 < len(set(notes_before) - set(notes_after)) < 3
    kept = set(notes_before) & set(notes_after)
    beside = bytes_changed_beside(old.files[""], new.files[""], 0, lambda note: note not in kept)
    assert beside == 0
    assert (tmp_path / "fixed" / "calm.osu").read_bytes() == broken.with_name(
        "calm.osu"
    ).read_bytes()


def test_copies_of_others_stay(broken: Path, tmp_path: Path) -> None:
    (tmp_path / "fixed").mkdir()
    (tmp_path / "fixed" / "broken.osu").write_text("mine")
    done = shell("lint_beatmap.py", broken, "--fix", tmp_path / "fixed", "--json")
    assert done.returncode == common.FAILED
    assert (tmp_path / "fixed" / "broken.osu").read_text() == "mine"
    done = shell("lint_beatmap.py", broken, "--fix", tmp_path / "fixed", "--json", "--overwrite")
    (report,) = json.loads(done.stdout)["charts"]
    assert report["changes"]
    assert report["left"]["error"] == 0
    assert len(osu.read(tmp_path / "fixed" / "broken.osu").hit_objects) == len(BROKEN)
