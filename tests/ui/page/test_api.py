"""The page through its API: upload, generate, edit, read a chart; limits and refusals."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import psutil
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from pages import ROOT, Running

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu.package import extract
from mug.pipeline.request import Region
from mug.ui.jobs.operations import MAX_SONG_MS


@contextmanager
def client_of(page: Running) -> Iterator[Client]:
    """One visitor."""
    made = Client(page.address, verbose=False)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def client(page: Running) -> Iterator[Client]:
    with client_of(page) as made:
        yield made


def _make(client: Client, page: Running, **asked: object) -> tuple[dict, list[Path]]:
    settings = {"count": 2, "steps": 2, "seed": 7, "prompt": {"sr": 3.0}} | asked
    report, files = client.predict(audio=handle_file(page.song), api_name="/generate", **settings)
    return report, [Path(file) for file in files]


@pytest.fixture(scope="module")
def made(client: Client, page: Running) -> tuple[dict, list[Path]]:
    return _make(client, page)


def test_the_calls_have_names_and_typed_arguments(client: Client) -> None:
    found = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(found) == {"/generate", "/edit", "/chart_to_prompt"}
    names = [argument["parameter_name"] for argument in found["/generate"]["parameters"]]
    assert names[:3] == ["audio", "prompt", "negative"]
    assert {"seed", "steps", "bpm", "offset_ms"} < set(names)


def test_generated_files_parse_and_say_the_same(
    made: tuple[dict, list[Path]], tmp_path: Path
) -> None:
    report, files = made
    suffixes = {file.suffix for file in files}
    assert {".osz", ".osu", ".zip", ".qp", ".mcz", ".json", ".md", ".png"} <= suffixes
    charts = [osu.read(file) for file in files if file.suffix == ".osu"]
    assert [len(chart.hit_objects) for chart in charts] == [
        chart["reached"]["notes"] for chart in report["charts"]
    ]
    package = next(file for file in files if file.suffix == ".osz")
    inside = [osu.read(path) for path in extract(package, tmp_path) if path.suffix == ".osu"]
    assert {chart.hit_objects for chart in inside} == {chart.hit_objects for chart in charts}
    with zipfile.ZipFile(package) as archive:
        assert "audio.ogg" in archive.namelist()


def test_same_seed_same_charts_for_two_visitors(
    made: tuple[dict, list[Path]], page: Running
) -> None:
    with client_of(page) as other:
        busy = other.submit(audio=handle_file(page.song), steps=3, seed=1, api_name="/generate")
        with client_of(page) as third:
            report, files = _make(third, page)
        busy.result()
    read = [
        [osu.read(f).hit_objects for f in some if f.suffix == ".osu"] for some in (files, made[1])
    ]
    assert read[0] == read[1]
    assert report["key"] != made[0]["key"]


def test_an_edit_keeps_what_lies_outside(made: tuple[dict, list[Path]], client: Client) -> None:
    report, _ = made
    region = Region(3000.0, 7000.0, frozenset({0, 1}))
    _, files = client.predict(
        key=report["key"], chart=1, start_ms=3000, end_ms=7000, columns=[0, 1], variations=2,
        seed=3, api_name="/edit",
    )  # fmt: skip
    before, *variations = [osu.read(Path(file)) for file in files if file.endswith(".osu")]
    assert len(variations) == 2
    for after in variations:
        kept = [[n for n in one.hit_objects if not region.holds(n)] for one in (before, after)]
        assert kept[0] == kept[1]
    assert any(set(after.hit_objects) != set(before.hit_objects) for after in variations)


def test_charts_are_brought_to_the_stars_asked_for(client: Client, page: Running) -> None:
    options = {"prompt": {"sr": 2.0}, "seed": 5, "count": 1, "candidates": 2}
    plain, brought = (
        abs(_make(client, page, **options, reach_stars=how)[0]["charts"][0]["reached"]["sr"] - 2)
        for how in (False, True)
    )
    assert brought <= 0.25 < plain


def test_a_chart_gives_its_prompt(made: tuple[dict, list[Path]], client: Client) -> None:
    package = next(file for file in made[1] if file.suffix == ".osz")
    found = client.predict(chart=handle_file(package), api_name="/chart_to_prompt")
    assert len(found) == 2
    stars = {chart["reached"]["sr"] for chart in made[0]["charts"]}
    assert {round(one["prompt"]["sr"], 3) for one in found} == {round(value, 3) for value in stars}
    assert all("sr:" in one["yaml"] for one in found)


def test_the_example_of_the_documentation_runs(
    page: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs/webui.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for shown, here in (
        ("http://127.0.0.1:7860", page.address),
        ("song.mp3", str(page.song)),
        ("steps=50", "steps=2"),
    ):
        assert shown in example
        example = example.replace(shown, here)
    exec(compile(example, "docs/webui.md", "exec"), {})
    assert "sr:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"prompt": {"srr": 3.0}}, "srr"),
        ({"prompt": {"sr": "hard"}}, "sr"),
        ({"bpm": 5.0, "offset_ms": 0.0}, "10 to "),
        ({"negative": "stream: [1"}, "YAML"),
    ],
)
def test_what_cannot_be_gets_a_sentence(
    client: Client, page: Running, asked: dict, sentence: str
) -> None:
    with pytest.raises(AppError, match=sentence):
        _make(client, page, **asked)


def test_a_broken_song_gets_a_sentence_without_folders(
    client: Client, page: Running, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"this is no sound" * 50)
    with pytest.raises(AppError, match=r"broken\.mp3") as caught:
        client.predict(audio=handle_file(broken), steps=2, api_name="/generate")
    assert str(page.folder) not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_song_that_is_too_long_gets_a_sentence(
    client: Client, page: Running, tmp_path: Path
) -> None:
    song = tmp_path / "long.flac"
    samples = np.zeros(int(8 * (MAX_SONG_MS + 2000)), dtype=np.int16)
    samples[::4000] = 900
    soundfile.write(song, samples, 8000)
    with pytest.raises(AppError, match=r"long\.flac: it is longer than 900"):
        client.predict(audio=handle_file(song), steps=1, api_name="/generate")
    assert not list((page.folder / "jobs").glob("*/song.flac"))


def test_the_server_itself_never_imports_torch(
    made: tuple[dict, list[Path]], page: Running
) -> None:
    """Its modules' libraries are in its memory; the worker that made the charts has them."""
    server = psutil.Process(page.pid)
    assert "libtorch" not in _libraries(server)
    assert any("libtorch" in _libraries(one) for one in server.children(recursive=True))


def _libraries(process: psutil.Process) -> str:
    return " ".join(Path(one.path).name for one in process.memory_maps())


def test_only_files_of_known_jobs_are_served(made: tuple[dict, list[Path]], page: Running) -> None:
    key = made[0]["key"]
    with urlopen(f"{page.address}/mug/jobs/{key}/player.json") as answer:
        assert answer.headers["content-type"] == "application/json"
    refused = [
        f"/mug/jobs/{key}/nothing.osu",
        f"/mug/jobs/{key}/..%2f..%2f..%2fcomposed.ogg",
        "/mug/jobs/AAAAAAAAAAAAAAAAAAAAAA/0001/player.json",
        f"/mug/jobs/{key[:-4]}....%2f/0001/state.json",
        "/mug/sound/..",
        "/gradio_api/file=/etc/passwd",
    ]
    for path in refused:
        with pytest.raises(HTTPError, match=r"40[34]"):
            urlopen(page.address + path)
