"""What a revision's folder holds, also when a part of it cannot be made."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu import patch as osu_patch
from mug.beatmap.formats.registry import read_any
from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.pipeline.finish.cleanup import Changes
from mug.pipeline.judge.candidates import judge
from mug.pipeline.prompt import Prompt
from mug.ui.jobs.files import (
    PLAYER,
    RevisionContents,
    Written,
    charts_of,
    read_written,
    write_revision,
)
from mug.ui.jobs.folders import JobFolders, Revision
from mug.ui.page.fragments import downloads, player, report
from mug.ui.page.texts import Texts

RATE = 22050


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RevisionContents:
    song = tmp_path_factory.mktemp("song") / "audio.wav"
    wave = np.random.default_rng(0).normal(0, 0.1, 8 * RATE).astype(np.float32)
    soundfile.write(song, wave, RATE)
    notes = tuple(Rice(i % 4, 500.0 + 250 * i) for i in range(28))
    chart = Beatmap(
        keys=4,
        hit_objects=notes,
        timing=(TimingPoint(500.0, 500.0),),
        general={"AudioFilename": song.name, "Mode": "3"},
        metadata={"Title": "<b>A & B</b>", "Artist": "tests", "Version": "AI v1"},
        difficulty={"CircleSize": "4"},
    )
    judged = judge(chart, Prompt({"sr": 2.0}), Changes(), 8000.0, {})
    beat = {"bpm": 120.0, "offset_ms": 0.0, "red_lines": 1, "candidates": [], "source": "given"}
    charts = [{**judged.to_dict(), "seed": 1}]
    report = {"song": "audio", "notice": "", "timing": beat, "charts": charts}
    files = [osu_patch.of(osu.encode(chart))]
    return RevisionContents(files, report, song, wave, RATE, "generated")


@pytest.fixture
def revision(tmp_path: Path) -> Revision:
    folders = JobFolders(tmp_path / "jobs")
    return folders.new_revision(folders.new_job())


def test_everything_is_written_and_read_again(made: RevisionContents, revision: Revision) -> None:
    written = write_revision(revision, made, "en")
    assert written.failed == []
    kinds = {kind for kind, _ in written.files}
    assert kinds == {"osz", "osu", "report", "sm", "qua", "mc", "picture"}
    assert all((revision.folder / name).is_file() for _, name in written.files)
    assert read_written(revision) == written
    assert [one.data for one in charts_of(revision, written)] == [one.data for one in made.charts]


@pytest.mark.parametrize("count", [1, 2])
def test_downloads_carry_the_song_for_every_game(
    made: RevisionContents, revision: Revision, count: int
) -> None:
    (file,) = made.charts
    names = [f"AI v{number + 1}" for number in range(count)]
    charts = [osu_patch.with_field(file, "Metadata", "Version", name) for name in names]
    report = {**made.report, "charts": made.report["charts"] * count}
    written = write_revision(revision, replace(made, charts=charts, report=report), "en")
    packages = [name for kind, name in written.files if kind in ("osz", "sm", "qua", "mc")]
    assert sorted(Path(name).suffix for name in packages) == [".mcz", ".osz", ".qp", ".zip"]
    for name in packages:
        with zipfile.ZipFile(revision.folder / name) as archive:
            sound = archive.read(made.song.name)
        assert sound == made.song.read_bytes()
        read = read_any(revision.folder / name, losses=LossReport())
        assert len(read) == count
        assert {chart.audio_filename for chart in read} == {made.song.name}


def test_a_failed_preview_loses_no_chart(made: RevisionContents, revision: Revision) -> None:
    (revision.folder / PLAYER).mkdir()  # so that it cannot be written
    written = write_revision(revision, made, "en")
    assert not written.player
    assert [sentence.partition(":")[0] for sentence in written.failed] == ["Preview"]
    assert {"osz", "osu", "sm", "qua", "mc", "report", "picture"} == {k for k, _ in written.files}
    t = Texts("en")
    assert "mug-player" not in player(revision, written, t)
    assert t("no_preview") in player(revision, written, t)


def test_names_cannot_bring_markup(made: RevisionContents, revision: Revision) -> None:
    written = write_revision(revision, made, "zh")
    for html in (downloads(revision, written, Texts("zh")), report(revision, Texts("zh"))):
        assert "<b>A &" not in html
    hostile = Written(files=[("osu", '"><script>.osu')])
    assert "<script>" not in downloads(revision, hostile, Texts("en"))
