"""Notices on sounds that cannot be read whole: reported by every command, and once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from script_calls import within

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu.package import pack
from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.cli.charts import convert, edit, generate, lint
from mug.cli.prepare import collect, measure

SAID = "the sound file ends early"


@pytest.fixture
def cut(song: Path, tmp_path: Path) -> Path:
    """A folder with two charts and a song that was cut."""
    folder = tmp_path / "songs" / "1 song"
    folder.mkdir(parents=True)
    data = song.read_bytes()
    (folder / "clicks.wav").write_bytes(data[: len(data) * 3 // 4])
    for version in ("Easy", "Hard"):
        beatmap = Beatmap(
            4,
            tuple(Rice(i % 4, (125.0 if version == "Hard" else 250.0) * i) for i in range(12)),
            (TimingPoint(0.0, 500.0),),
            general={"AudioFilename": "clicks.wav", "Mode": "3"},
            metadata={"Title": "T", "Artist": "A", "Creator": "C", "Version": version},
            difficulty={"CircleSize": "4"},
        )
        osu.write(beatmap, folder / f"{version}.osu")
    return folder


@pytest.mark.parametrize("command", ["generate", "edit", "lint", "convert", "measure"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_notice_is_reported_once(
    command, packed, cut, tiny_model_folder, tmp_path, monkeypatch, capsys, caplog
):
    source = cut
    if packed:
        source = tmp_path / "packages" / "songs.osz"
        source.parent.mkdir()
        pack(source, {path.name: path for path in cut.iterdir()})
    model = ["--ckpt", tiny_model_folder, "--steps", 2]
    out = tmp_path / "out"
    main, asked = {
        "generate": (
            generate.main,
            ["--audio", cut / "clicks.wav", "--out", out / "a.osz", *model],
        ),
        "edit": (edit.main, [cut / "Hard.osu", "--out", out / "a.osu", "--from_bar", 1, *model]),
        "lint": (lint.main, [source, "--audio"]),
        "convert": (convert.main, [source, out, "--to", "qua"]),
        "measure": (measure.main, ["--beatmap_txt", out / "beatmap.txt", "--workers", 1]),
    }[command]
    out.mkdir()
    if command == "measure":
        collecting = ["--song_dir", source.parent, "--out_dir", out]
        within(collect.main, "collect", monkeypatch, capsys)(*collecting)
    done = within(main, command, monkeypatch, capsys)(*asked)
    assert done.returncode == 0, done.stderr
    assert (done.stderr + caplog.text).count(SAID) == 1
    if command in ("generate", "edit"):
        report = json.loads(done.stdout)
        notices = report["timing"]["notices"] if command == "generate" else report[0]["notices"]
        assert [one["code"] for one in notices].count("audio.shorter_than_stated") == 1


@pytest.mark.parametrize("command", ["lint", "convert"])
def test_a_whole_song_has_no_notice(command, cut, song, tmp_path, monkeypatch, capsys):
    (cut / "clicks.wav").write_bytes(song.read_bytes())
    main = {"lint": lint.main, "convert": convert.main}[command]
    asked = [cut, "--audio"] if command == "lint" else [cut, tmp_path / "out", "--to", "qua"]
    done = within(main, command, monkeypatch, capsys)(*asked)
    assert done.returncode == 0, done.stderr
    assert "sound file" not in done.stderr
