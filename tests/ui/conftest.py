"""A composed song with charts, a folder with the player, and pages that show it in Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import launched, serve
from pages import Running, running
from player_pages import CLICKS_MS, Show, Shown

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.compose.charts import TIERS, make_charts
from mug.compose.composer import compose_song
from mug.compose.sound import SAMPLE_RATE, render, write_audio
from mug.compose.style import SongStyle
from mug.ui.player.document import PlayerFinding, SongView, outline, player_document
from mug.ui.player.page import PLAYER_FOLDER

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<body style="margin:0"><script type="module" src="/player/mug-player.js"></script>
<mug-player {attributes}></mug-player></body></html>"""

BENCH = PAGE.format(attributes='src="/green.json"').replace(
    "</body>",
    """<script type="module" src="/player/mug-workbench.js"></script>
<mug-workbench lang="en" data-tempo="500 120 4" data-readings='[
{"bpm": 120, "offset_ms": 500, "confidence": 0.9},
{"bpm": 240, "offset_ms": 250, "confidence": 0.1}]'>
</mug-workbench></body>""",
)


def keyed_chart(keys: int, hit_objects: list[Rice | LongNote], name: str = "chart") -> Beatmap:
    """A chart at 120 BPM from 500 ms on."""
    return Beatmap(
        keys=keys,
        hit_objects=tuple(hit_objects),
        timing=(TimingPoint(500.0, 500.0),),
        metadata={"Title": "Clicks", "Artist": "tests", "Version": name},
        difficulty={"OverallDifficulty": "8"},
    )


def _composed(folder: Path) -> dict[str, Any]:
    style = SongStyle(
        seconds=(16.0, 16.0),
        tempo=(150.0, 150.0),
        wide_tempo_p=0.0,
        tempo_change_p=0.0,
        metres={"4/4": 1.0},
        swing_p=0.0,
        density=(0.7, 0.7),
    )
    song = compose_song(4, style)
    wave = render(song)
    write_audio(folder / "song.ogg", wave)
    charts = make_charts(song, TIERS[::-1], audio_filename="song.ogg", beatmapset_id=1)
    first = charts[0].sorted_objects()
    findings = [
        PlayerFinding(first[9].start_ms, (first[9].column,), "mini-jack", "warning", "Two notes."),
        PlayerFinding(first[40].start_ms, (0, 1), "balance", "info", "Left.", first[60].start_ms),
    ]
    view = SongView(waveform=outline(wave, SAMPLE_RATE), duration_ms=1000 * len(wave) / SAMPLE_RATE)
    return player_document(charts, "song.ogg", [findings, [], [], []], song=view)


def _clicks(folder: Path) -> dict[str, Any]:
    """Eight seconds with a click every 250 ms, and a chart with a note on each."""
    wave = np.zeros(8 * SAMPLE_RATE, dtype=np.float32)
    for ms in CLICKS_MS:
        start = ms * SAMPLE_RATE // 1000
        wave[start : start + 40] = 0.7
    write_audio(folder / "clicks.wav", wave)
    notes = [Rice(i % 4, float(ms)) for i, ms in enumerate(CLICKS_MS)]
    holds = [LongNote(i % 4, float(ms), ms + 200.0) for i, ms in enumerate(CLICKS_MS)]
    charts = [keyed_chart(4, notes, "taps"), keyed_chart(4, holds, "holds")]
    view = SongView(waveform=outline(wave, SAMPLE_RATE), duration_ms=8000.0)
    return player_document(charts, "clicks.wav", song=view)


def _green(clicks: dict[str, Any]) -> dict[str, Any]:
    """The clicks with two changes of the scroll speed."""
    document = json.loads(json.dumps(clicks))
    document["candidates"][0]["scroll"] = [
        {"time_ms": 1000.0, "velocity": 0.5},
        {"time_ms": 2000.0, "velocity": 1.25},
    ]
    return document


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a page would serve it: the player, two songs, a broken one."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "player").symlink_to(PLAYER_FOLDER)
    documents = {"song": _composed(folder), "clicks": _clicks(folder)}
    documents["green"] = _green(documents["clicks"])
    (folder / "broken.mp3").write_bytes(b"this is no sound" * 20)
    for name, url in (("broken", "broken.mp3"), ("missing", "nowhere.ogg")):
        document = json.loads(json.dumps(documents["clicks"]))
        document["audio"]["url"] = url
        documents[name] = document
    documents["old"] = {"schema": "mug-player/0"}
    for name, document in documents.items():
        text = json.dumps(document, allow_nan=False)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
        page = PAGE.format(attributes=f'src="/{name}.json"')
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    (folder / "bench.html").write_text(BENCH, encoding="utf-8")
    (folder / "empty.html").write_text(PAGE.format(attributes=""), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def documents(site: Path) -> dict[str, Any]:
    """The documents that the site serves, by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in site.glob("*.json")}


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    with serve(site) as url:
        yield url


@pytest.fixture(scope="package")  # its event loop must not outlive these tests
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="package")
def page(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> Iterator[Running]:
    """The web page with the tiny model, served."""
    with running(tmp_path_factory.mktemp("page"), tiny_model_folder) as served:
        yield served


@pytest.fixture(scope="package")
def small_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A page without a model that takes uploads of one megabyte."""
    folder = tmp_path_factory.mktemp("small")
    with running(folder, folder / "none.ckpt", "--max_mb", "1") as served:
        yield served


@pytest.fixture(scope="package")
def empty_page(chromium: Any, address: str) -> Iterator[Shown]:
    """A page with an empty player, for arithmetic; a page for each test would take longer."""
    context = chromium.new_context()
    shown = Shown(context.new_page())
    shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
    shown.page.goto(f"{address}/empty.html")
    yield shown
    context.close()


@pytest.fixture
def empty(empty_page: Shown) -> Iterator[Shown]:
    """The page with an empty player; no error may have been thrown in it."""
    yield empty_page
    assert empty_page.complaints == []


@pytest.fixture
def show(chromium: Any, address: str) -> Iterator[Show]:
    """Opens pages; afterwards none may have logged an error or asked for anything outside."""
    opened: list[Shown] = []
    contexts: list[Any] = []

    def open_page(
        name: str, *, ready: bool = True, url: str | None = None, **context: Any
    ) -> Shown:
        settings = {"viewport": {"width": 1200, "height": 900}, "color_scheme": "dark"} | context
        contexts.append(chromium.new_context(**settings))
        shown = Shown(contexts[-1].new_page())
        shown.page.on(
            "console",
            lambda m: shown.complaints.append(m.text) if m.type in ("error", "warning") else None,
        )
        shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
        shown.page.on("request", lambda request: shown.requests.append(request.url))
        opened.append(shown)
        shown.page.goto(url or f"{address}/{name}.html")
        if ready:
            shown.page.wait_for_function("document.querySelector('mug-player').player")
            shown.run("await p.ready")
            shown.settle()
        return shown

    yield open_page
    complaints = [text for shown in opened for text in shown.complaints]
    outside = [
        url
        for shown in opened
        for url in shown.requests
        if not url.startswith((address, "data:", "file:"))
    ]
    for context in contexts:
        context.close()
    assert complaints == []
    assert outside == []
