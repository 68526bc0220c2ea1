"""The page in a real browser: drop a song, generate, play, download, edit, snap again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_visits import READY, await_player, drop_song, held, visit
from pages import Running

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tab(chromium: Any, page: Running) -> Iterator[Any]:
    """A tab in which charts were generated; no errors, and nothing is asked for from outside."""
    with visit(chromium, page.address) as made:
        drop_song(made, page.song)
        made.click("#mug-generate")
        await_player(made)
        yield made


def _shown(tab: Any) -> list[list[list[float]]]:
    """Notes of each candidate in the player's document."""
    source = tab.evaluate("document.querySelector('mug-player').getAttribute('src')")
    document = json.loads(tab.evaluate("(url) => fetch(url).then((r) => r.text())", source))
    return [
        sorted(
            map(
                list, zip(*(one["notes"][k] for k in ("column", "start_ms", "end_ms")), strict=True)
            )
        )
        for one in document["candidates"]
    ]


def _notes(chart: Beatmap) -> list[list[float]]:
    return sorted([n.column, float(n.start_ms), float(n.last_ms)] for n in chart.hit_objects)


def _downloaded(tab: Any, folder: Path) -> list[Beatmap]:
    """The charts behind the page's links."""
    charts = []
    for link in tab.query_selector_all(".mug-file[download$='.osu']"):
        with tab.expect_download() as download:
            link.click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        charts.append(osu.read(path))
    return charts


def _await_new_player(tab: Any, press: str) -> None:
    before = tab.evaluate("document.querySelector('mug-player').getAttribute('src')")
    tab.click(press)
    tab.wait_for_function(
        f"(old) => {READY} && document.querySelector('mug-player').getAttribute('src') !== old",
        arg=before,
    )


def test_the_preview_shows_the_notes_of_the_files(tab: Any, tmp_path: Path) -> None:
    charts = _downloaded(tab, tmp_path)
    assert len(charts) == 2
    assert _shown(tab) == [_notes(chart) for chart in charts]


def test_the_preview_moves(tab: Any) -> None:
    """The clock runs, and the lanes show something else than before."""
    lanes = "document.querySelector('mug-player').shadowRoot.querySelector('canvas').toDataURL()"
    tab.evaluate(f"{READY}.seek(0)")
    tab.evaluate("new Promise(requestAnimationFrame)")
    still = tab.evaluate(lanes)
    tab.evaluate(f"{READY}.play()")
    tab.wait_for_function(f"{READY}.timeMs() > 300")
    tab.evaluate(f"{READY}.pause()")
    tab.evaluate("new Promise(requestAnimationFrame)")
    assert tab.evaluate(f"{READY}.timeMs()") > 300
    assert tab.evaluate(lanes) != still


def test_editing_needs_a_region_and_keeps_the_rest(tab: Any, tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    before = _downloaded(tab, tmp_path / "before")[0]
    tab.evaluate(f"{READY}.setRegion({{start_ms: 3000, end_ms: 8000, columns: [1, 2]}})")
    tab.wait_for_selector(".mug-region[data-on]")
    _await_new_player(tab, "#mug-remake")
    same, *variations = _downloaded(tab, tmp_path)
    assert _notes(same) == _notes(before)
    assert len(variations) == 2

    def outside(chart: Beatmap) -> list[list[float]]:
        inside = lambda n: n[1] >= 3000 and n[2] < 8000 and n[0] in (1, 2)  # noqa: E731
        return [note for note in _notes(chart) if not inside(note)]

    for chart in variations:
        assert outside(chart) == outside(before)
    assert any(_notes(chart) != _notes(before) for chart in variations)


def test_the_sound_takes_nothing_back_that_was_done_before_it_came(tab: Any) -> None:
    """Neither a selected region nor the part of the page that somebody looks at."""
    again = "{ const one = document.querySelector('mug-player'); one.replaceWith(one.cloneNode()) }"
    tab.evaluate("scrollTo(0, 0)")
    with held(tab, "**/mug/sound/*") as asked:
        tab.evaluate(again)
        tab.wait_for_function(READY)
        asked()
        top = tab.evaluate("document.querySelector('mug-player').getBoundingClientRect().y")
        assert 0 <= top < 40
        tab.evaluate(f"{READY}.setRegion({{start_ms: 3000, end_ms: 8000}})")
        tab.wait_for_selector(".mug-region[data-on]")
        tab.evaluate("scrollTo(0, 0)")
    tab.evaluate(f"{READY}.ready")
    assert tab.query_selector(".mug-region[data-on]")
    assert tab.evaluate("scrollY") == 0


def _raw(page: Running, tab: Any) -> list[Any]:
    """The notes that were generated, as the revision that is shown remembers them."""
    source = tab.evaluate("document.querySelector('mug-player').getAttribute('src')")
    _, _, _, job, number, _ = source.split("/")
    return json.loads((page.folder / "jobs" / job / number / "state.json").read_text())["raw"]


def test_a_dragged_red_line_snaps_the_same_notes_again(
    tab: Any, page: Running, tmp_path: Path
) -> None:
    bench = "document.querySelector('mug-workbench')?.bench"
    tab.wait_for_function(f"{bench}?.player")
    tab.evaluate("document.querySelector('mug-workbench').scrollIntoView({block: 'center'})")
    before, raw = tab.evaluate(f"{bench}.text"), _raw(page, tab)
    first = tab.evaluate(f"{bench}.lines[0].time_ms")
    tab.evaluate(f"{READY}.seek({first} + 200)")
    box = "document.querySelector('mug-workbench').bench.view.wave.getBoundingClientRect()"
    x, y = tab.evaluate(f"[{box}.left + {bench}.scale.x({first}), {box}.top + 12]")
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 20, y)
    tab.mouse.move(x + 40, y)
    tab.mouse.up()
    assert tab.evaluate(f"{bench}.text") != before
    for name, value in (("time_ms", "100"), ("bpm", "120")):
        tab.fill(f"mug-workbench input[data-line='0'][data-field='{name}']", value)
        tab.keyboard.press("Tab")
    _await_new_player(tab, "#mug-snap")
    chart = _downloaded(tab, tmp_path)[0]
    assert [(line.time_ms, line.bpm) for line in chart.red_lines] == [(100.0, 120.0)]
    assert _raw(page, tab) == raw
    tab.wait_for_function(f"{bench}?.player && {bench}.text === '100 120 4'")


def test_an_earlier_version_comes_back(tab: Any) -> None:
    _await_new_player(tab, "#mug-snap")
    tab.click("#mug-history input")
    _await_new_player(tab, "[role=option] >> nth=0")
    assert "/0001/" in tab.evaluate("document.querySelector('mug-player').getAttribute('src')")


def test_a_phone_sees_no_sideways_scroll(tab: Any) -> None:
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.wait_for_function("innerWidth === 390 && document.documentElement.scrollWidth <= 391")
    tab.set_viewport_size({"width": 1280, "height": 900})


def test_the_other_language_is_a_page_of_its_own(tab: Any, page: Running) -> None:
    other = tab.context.browser.new_page()
    other.goto(f"{page.address}/zh", wait_until="commit")
    other.wait_for_selector("html[lang=zh-CN]", state="attached")  # as it is sent
    other.wait_for_selector("text=生成谱面")
    assert other.evaluate("document.documentElement.lang") == "zh-CN"  # and after Gradio's script
    with other.expect_navigation():
        other.click("[data-act=language]")
    assert other.evaluate("localStorage.getItem('mug-language')") == "en"
    other.wait_for_selector("html[lang=en]", state="attached")
    other.close()
