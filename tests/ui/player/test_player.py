"""The document of a player, and the page made of it: no browser needed."""

from __future__ import annotations

import fnmatch
import json
import math
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError, ConfigError
from mug.ui.player.document import (
    PlayerFinding,
    SongView,
    bar_times,
    density_curve,
    outline,
    player_document,
)
from mug.ui.player.page import PLAYER_FOLDER, audio_data_url, joined_modules, player_page


def chart(*notes: Rice | LongNote, keys: int = 4, **difficulty: str) -> Beatmap:
    return Beatmap(
        keys=keys,
        hit_objects=notes,
        timing=(TimingPoint(100.0, 400.0),),
        metadata={"Title": "A", "Artist": "B", "Version": "C"},
        difficulty=difficulty,
    )


times = st.floats(0, 300_000, allow_nan=False).map(lambda ms: round(ms, 3))
note_values = st.builds(
    lambda column, start, length: LongNote(column, start, start + length) if length > 1 else
    Rice(column, start),
    st.integers(0, 6), times, st.floats(0, 5000),
)  # fmt: skip


@given(st.lists(note_values, max_size=40))
def test_the_document_holds_the_notes_of_the_chart(notes: list[Rice | LongNote]) -> None:
    document = player_document([chart(*notes, keys=7)], "song.ogg")
    listed = document["candidates"][0]["notes"]
    found = sorted(zip(listed["column"], listed["start_ms"], listed["end_ms"], strict=True))
    assert found == sorted((note.column, note.start_ms, note.last_ms) for note in notes)
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_a_red_line_begins_a_bar_and_reaches_back_to_the_start() -> None:
    reds = [TimingPoint(5200.0, 300.0, meter=3), TimingPoint(2500.0, 500.0)]
    assert bar_times(reds, 7500.0) == [500.0, 2500.0, 4500.0, 5200.0, 6100.0, 7000.0]


@given(st.floats(1e-6, 5000), st.integers(1, 12), st.floats(-5000, 5000))
def test_bars_are_never_closer_than_a_tenth_of_a_second(beat: float, meter: int, at: float) -> None:
    bars = np.asarray(bar_times([TimingPoint(at, beat, meter)], 20_000.0))
    assert np.all(np.diff(bars) > 99.9)
    assert np.all((bars >= 0) & (bars <= 20_000))
    assert len(bars) >= 20_000 // max(beat * meter, 200.0)


@pytest.mark.parametrize(
    "red", [TimingPoint(0, 0.0), TimingPoint(0, math.nan), TimingPoint(0, 1, 0)]
)
def test_broken_timing_is_refused(red: TimingPoint) -> None:
    with pytest.raises(BeatmapError, match="above 0"):
        bar_times([red], 1000.0)


def test_density_counts_notes_a_second() -> None:
    curve = density_curve([100.0 * i for i in range(200)], 30_000.0)
    values = dict(
        zip(np.arange(len(curve["values"])) * curve["step_ms"], curve["values"], strict=True)
    )
    assert values[10_000.0] == 10.0
    assert values[25_000.0] == 0.0
    assert sum(curve["values"]) * curve["step_ms"] / 1000 == pytest.approx(200, rel=0.06)


def test_outline_is_loudest_where_the_sound_is() -> None:
    wave = np.zeros(48_000, dtype=np.float32)
    wave[24_000:36_000] = 0.25
    shape = outline(wave, 48_000)
    assert shape.step_ms * len(shape.peaks) == pytest.approx(1000.0)
    middle = len(shape.peaks) * 5 // 8
    assert (shape.peaks[middle], shape.rms[middle], shape.peaks[0]) == (255, 255, 0)
    assert outline(wave * 4, 48_000) == shape
    assert set(outline(np.zeros(9, dtype=np.float32), 48_000).peaks) == {0}
    assert outline(np.zeros(0, dtype=np.float32), 48_000).peaks == ()


def test_the_song_is_as_long_as_said_or_as_the_notes() -> None:
    notes = chart(Rice(0, 1000.0), LongNote(1, 1000.0, 4000.0))
    assert player_document([notes], "a")["duration_ms"] == 5000.0
    assert player_document([notes], "a", song=SongView(duration_ms=9.0))["duration_ms"] == 9.0


def test_names_and_stars_and_texts_reach_the_document() -> None:
    view = SongView(language="zh", title="T", texts={"zh": {"play": "放"}}, bindings={4: ["KeyA"]})
    document = player_document(
        [chart(OverallDifficulty="6.5"), chart()], "a", names=["x", "y"], star_ratings=[1.5, None],
        song=view,
    )  # fmt: skip
    first, second = document["candidates"]
    assert (first["name"], second["name"]) == ("x", "y")
    assert (first["stats"], second["stats"]) == ({"star_rating": 1.5}, {})
    assert (first["overall_difficulty"], second["overall_difficulty"]) == (6.5, 8.0)
    assert (document["title"], document["artist"]) == ("T", "B")
    assert document["texts"]["zh"]["play"] == "放"
    assert document["bindings"] == {"4": ["KeyA"]}


FINDING = PlayerFinding(10.0, (0,), "rule", "error", "Wrong.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"beatmaps": []}, "at least one"),
        ({"beatmaps": [chart(Rice(4, 0.0))]}, "column outside 4K"),
        ({"beatmaps": [chart(Rice(0, math.inf))]}, "no finite time"),
        ({"beatmaps": [chart(LongNote(0, 10.0, 5.0))]}, "ends before it begins"),
        ({"beatmaps": [chart(keys=19)]}, "1 to 18 columns"),
        ({"beatmaps": [chart(OverallDifficulty="hard")]}, "'hard'"),
        ({"names": ["a", "b"]}, "names must have one entry"),
        ({"findings": [[], []]}, "findings must have one entry"),
        ({"song": SongView(language="xx")}, "'xx'"),
        ({"findings": [[PlayerFinding(1.0, (9,), "r", "error", "m")]]}, "outside 4K"),
        ({"findings": [[PlayerFinding(1.0, (0,), "r", "bad", "m")]]}, "'bad'"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments: dict[str, object], words: str) -> None:
    given_arguments: dict[str, object] = {"beatmaps": [chart()], "audio_url": "a"} | arguments
    with pytest.raises((BeatmapError, ConfigError), match=words):
        player_document(**given_arguments)


def test_findings_are_copied_whole() -> None:
    document = player_document([chart()], "a", [[FINDING]])
    assert document["candidates"][0]["findings"] == [
        {"time_ms": 10.0, "end_ms": None, "columns": [0], "rule": "rule", "severity": "error",
         "message": "Wrong."}
    ]  # fmt: skip


def test_a_title_cannot_break_out_of_the_page() -> None:
    evil = "</script><script>alert(1)</script>"
    document = player_document([chart()], "a", song=SongView(title=evil))
    page = player_page(document, theme="dark")
    assert evil not in page
    inside = re.search(r'id="mug-player-document">(.*?)</script>', page, re.DOTALL)
    assert inside is not None
    assert json.loads(inside[1])["title"] == evil
    assert '<html lang="en" data-theme="dark">' in page


def test_a_theme_has_a_known_name() -> None:
    with pytest.raises(ConfigError, match="'pink'"):
        player_page(player_document([chart()], "a"), theme="pink")


def test_all_modules_are_in_the_page_and_none_asks_for_another() -> None:
    joined = joined_modules()
    workbench = {*PLAYER_FOLDER.glob("*bench*.js")}
    assert len(workbench) == 7
    for path in {*PLAYER_FOLDER.glob("*.js")} - workbench:
        assert f"const ${path.stem.replace('-', '_')} = " in joined, path.name
    assert re.findall(r"^\s*(?:import .* from|export) .*", joined, re.MULTILINE) == []


def _files() -> list[Path]:
    return [p for p in PLAYER_FOLDER.rglob("*") if p.is_file() and p.suffix != ".pyc"]


def test_modules_are_small_and_speak_to_nobody() -> None:
    for path in _files():
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") < 400, path.name
        assert re.findall(r"https?://(?!www\.w3\.org/)", text) == [], path.name


def test_sound_can_stand_in_the_document(tmp_path: Path) -> None:
    (tmp_path / "a.ogg").write_bytes(b"abc")
    assert audio_data_url(tmp_path / "a.ogg") == "data:audio/ogg;base64,YWJj"


def test_the_players_files_are_installed_with_the_package(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["mug.ui.player"]
    for path in _files():
        name = path.relative_to(PLAYER_FOLDER).as_posix()
        assert any(fnmatch.fnmatch(name, pattern) for pattern in (*patterns, "*.py")), name


def test_the_document_needs_no_deep_learning_package() -> None:
    code = (
        "import sys, mug.ui.player.document, mug.ui.player.page;"
        " print({'torch', 'gradio'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
