"""The page's parts that need neither a browser nor a server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repository import ROOT

from mug.beatmap.formats.safe_names import sanitise_name
from mug.errors import BeatmapError, ConfigError, GenerationError
from mug.features import FeatureSchema
from mug.pipeline.prompt import Prompt
from mug.ui import requests
from mug.ui.jobs.folders import JobFolders, StorageLimits, safe_name
from mug.ui.model import PageModel
from mug.ui.page import texts
from mug.ui.page.fragments import status
from mug.ui.page.sentences import sentence

WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d) *(\..*)?$", re.IGNORECASE)
SCHEMA = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")


# ------------------------------------------------------------------------------- texts


def test_the_page_says_its_texts_in_both_languages() -> None:
    assert texts.Texts("en")("waiting", place=3) == "In line: 3 before you"
    assert texts.Texts("zh")("waiting", place=3) == "排队中：前面还有 3 个"
    assert texts.Texts("zh")("yes") == "是"
    with pytest.raises(ConfigError, match="en or zh"):
        texts.Texts("fr")


# -------------------------------------------------------------------------------- requests


def test_a_prompt_survives_the_controls() -> None:
    prompt = {"sr": 3.5, "rank_status": "loved", "hb": True, "stream": True, "chordjack": False,
              "stream_ett": 18.0}  # fmt: skip
    assert requests.prompt_of(requests.controls_of(prompt)) == prompt
    assert requests.prompt_of(requests.controls_of({})) == {}
    assert Prompt.of(SCHEMA, requests.prompt_of(requests.controls_of(prompt))).positive == prompt


@given(
    st.lists(
        st.tuples(st.integers(-1000, 600_000), st.integers(20, 900), st.integers(1, 9)),
        min_size=1,
        max_size=5,
        unique_by=lambda line: line[0],
    )
)
def test_a_tempo_map_survives_its_text(lines: list[tuple[int, int, int]]) -> None:
    tempo = requests.tempo_of("\n".join(f"{a} {b} {c}" for a, b, c in lines))
    found = [(line.time_ms, round(line.bpm, 6), line.meter) for line in tempo.red_lines]
    assert found == sorted(lines)
    again = requests.tempo_of(requests.tempo_text(tempo))
    for one, other in zip(tempo.red_lines, again.red_lines, strict=True):
        assert one.time_ms == other.time_ms
        assert one.beat_ms == pytest.approx(other.beat_ms, rel=1e-8)


@pytest.mark.parametrize("text", ["100", "0 5 4", "a b", "0 120 x"])
def test_a_broken_tempo_map_gets_a_sentence(text: str) -> None:
    with pytest.raises(GenerationError, match=r"tempo"):
        requests.tempo_of(text)


def test_seeds_and_divisors() -> None:
    assert requests.seed_of(12) == 12
    assert requests.seed_of(-1) > 0
    assert requests.divisors("1, 2,4") == (1, 2, 4)
    assert requests.divisors(" ") is None
    with pytest.raises(GenerationError, match="whole"):
        requests.seed_of(1.5)
    with pytest.raises(GenerationError, match="1,2,4"):
        requests.divisors("one")


def test_what_to_avoid_names_the_line() -> None:
    assert requests.avoided("chordjack: true\nsr: 7", SCHEMA) == {"sr": 7, "chordjack": True}
    with pytest.raises(ConfigError, match="2"):
        requests.avoided("sr: 3\nsrr: 4", SCHEMA)


# ----------------------------------------------------------------------------- folders


def test_old_jobs_go_and_others_stay(tmp_path: Path) -> None:
    folders = JobFolders(tmp_path / "jobs", keep_hours=1)
    old, new = folders.new_job(), folders.new_job()
    (tmp_path / "jobs/notes.txt").write_text("mine")
    os.utime(old, (0, 0))
    assert folders.sweep() == 1
    assert not old.exists()
    assert new.exists()
    assert (tmp_path / "jobs/notes.txt").exists()


def test_too_many_and_too_large_files_go_the_oldest_first(tmp_path: Path) -> None:
    """By number and size, not by age alone; what a job still reads stays."""
    uploads = tmp_path / "uploads"
    folders = JobFolders(
        tmp_path / "jobs", uploads=uploads, limits=StorageLimits(number=4, size=1000)
    )
    for number in range(8):
        job, upload = folders.new_job(), uploads / f"{number}" / "song.ogg"
        upload.parent.mkdir(parents=True)
        for path, size in ((job / "chart.osu", 10), (upload, 400 if number > 5 else 10)):
            path.write_bytes(b"x" * size)
        when = time.time() - 100 + number
        os.utime(job, (when, when))
        os.utime(upload, (when, when))
    assert folders.sweep(in_use=[uploads / "1" / "song.ogg"]) == 4
    assert len(list(folders.root.iterdir())) == 4
    assert sorted(path.name for path in uploads.iterdir()) == ["1", "4", "5", "6", "7"]
    (uploads / "7" / "song.ogg").write_bytes(b"x" * 990)
    folders.sweep()
    assert sorted(path.name for path in uploads.iterdir()) == ["7"]


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    folders = JobFolders(tmp_path / "jobs")
    begun, edited, done = (folders.new_job() for _ in range(3))
    for job in (edited, done):
        (folders.new_revision(job).folder / "result.json").write_text("{}")
    folders.new_revision(edited)
    (begun / "song.ogg").write_bytes(b"OggS")
    folders.drop_unfinished()
    assert {path.name for path in folders.root.iterdir()} == {edited.name, done.name}
    assert [path.name for path in edited.iterdir()] == ["0001"]


def test_what_was_added_is_swept_soon(tmp_path: Path) -> None:
    folders = JobFolders(tmp_path / "jobs", limits=StorageLimits(number=1))
    folders.keep_swept(list)
    old, _ = folders.new_job(), folders.new_job()
    os.utime(old, (time.time() - 9, time.time() - 9))
    end = time.monotonic() + 20
    while old.exists() and time.monotonic() < end:
        folders.sweep_soon()
        time.sleep(0.01)
    assert not old.exists()


def test_only_files_of_revisions_can_be_found(tmp_path: Path) -> None:
    folders = JobFolders(tmp_path / "jobs")
    revision = folders.new_revision(folders.new_job())
    (revision.folder / "a chart.osu").write_text("x")
    (tmp_path / "secret").write_text("x")
    (revision.folder / "link").symlink_to(tmp_path / "secret")
    number = f"{revision.number:04d}"
    assert folders.file(revision.job, number, "a chart.osu") == revision.folder / "a chart.osu"
    for job, revised, name in (
        (revision.job, number, "link"),
        (revision.job, number, "../song.ogg"),
        ("..", number, "secret"),
        (revision.job, "..", "secret"),
    ):
        assert folders.file(job, revised, name) is None
    with pytest.raises(GenerationError, match="not here any more"):
        folders.find("../../etc/0001")


@given(st.text(max_size=200))
def test_safe_names_are_names(text: str) -> None:
    name = safe_name(text)
    assert name
    assert name == safe_name(name)
    assert len(name) <= 80
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert name not in (".", "..")


@pytest.mark.parametrize("text", ["CON", "nul", "com1.osu", "aux .x", "a. . .", "LPT¹"])
def test_safe_names_are_names_on_windows_too(text: str) -> None:
    assert safe_name(text) == sanitise_name(safe_name(text))
    assert not WINDOWS_DEVICES.match(safe_name(text))


# ------------------------------------------------------------------------------- model


def test_without_a_model_the_page_says_how_to_get_one(tmp_path: Path) -> None:
    none = PageModel(None)
    assert none.state == "none"
    with pytest.raises(Exception, match="make demo-training"):
        none.generator()
    for language in texts.LANGUAGES:
        assert "make demo-training" in status(none, texts.Texts(language))
    broken = tmp_path / "broken.ckpt"
    broken.write_bytes(b"nothing")
    failed = PageModel(broken, "cpu")
    failed.start()
    with pytest.raises(Exception, match="broken"):
        failed.generator()
    assert failed.state == "failed"


def test_sentences_show_no_folders() -> None:
    error = BeatmapError(
        "cannot be read", file="/srv/web/up/x.osu", value="opening '/srv/web/up/x.osu'", remedy="No"
    )
    assert sentence(error) == "x.osu: cannot be read: \"opening 'x.osu'\". No"


def test_the_page_begins_with_the_sampling_that_suits_its_model() -> None:
    """In a process of its own: Gradio leaves event loops behind."""
    code = """
import gradio as gr
from mug.pipeline.model.release import Release
from mug.ui.page.form import sampling_form
from mug.ui.page.texts import Texts
usual = Release(4, {"steps": 7, "guidance_scale": 2}).usual
with gr.Blocks(analytics_enabled=False):
    form = sampling_form(Texts("en"), usual)
print([form[name].value for name in ("steps", "guidance", "sampler", "reach_stars")])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["[7, 2, 'angular', True]"], done.stderr
