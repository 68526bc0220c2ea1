"""The timing workbench: its arithmetic, and lines moved with a real pointer and real keys."""

from __future__ import annotations

from typing import Any

import pytest
from player_pages import CLICKS_MS, Show, Shown

from mug.beatmap.timing_points import TimingPoint
from mug.ui import requests
from mug.ui.player.document import bar_times

pytestmark = pytest.mark.browser

MAP = "500 120 4\n4500.5 150.25 3\n6000 180 7"
BENCH = "const b = document.querySelector('mug-workbench').bench;"


@pytest.fixture
def bench(show: Show) -> Shown:
    """A page with a player and its workbench."""
    page = show("bench")
    page.page.wait_for_function("document.querySelector('mug-workbench')?.bench?.player")
    page.run(
        f"{BENCH} window.told = [];"
        "document.addEventListener('mug-tempo', (e) => window.told.push(e.detail.text));"
        "b.host.scrollIntoView({block: 'center'}); await p.seek(2000);"
    )
    page.settle()
    return page


def _text(page: Shown) -> str:
    return page.run(f"{BENCH} return b.text;")


def _place(page: Shown, ms: float, where: str) -> tuple[float, float]:
    """Where a time is on the screen: `flag`, `body` or `beat`."""
    return tuple(
        page.run(
            f"{BENCH} const box = b.view.wave.getBoundingClientRect();"
            "const y = {flag: 12, body: box.height / 2, beat: box.height - 12}[a.where];"
            "return [box.left + b.scale.x(a.ms), box.top + y];",
            {"ms": ms, "where": where},
        )
    )


def _drag(page: Shown, start: tuple[float, float], by: float) -> float:
    """Pulls from a place by so many pixels; the time that these stand for."""
    mouse = page.page.mouse
    mouse.move(*start)
    mouse.down()
    for share in (0.3, 0.7, 1.0):
        mouse.move(start[0] + share * by, start[1])
    mouse.up()
    return by / page.run(f"{BENCH} return b.scale.pixels;")


# ---- arithmetic


def test_the_text_of_a_map_is_the_servers(empty: Shown) -> None:
    texts = [MAP, "0 174.123456789 4", "-12.125 60 1\n 700，90，3", "10 120"]
    for text in texts:
        again = empty.logic("bench-map", "return m.mapText(m.parseMap(a));", text)
        assert requests.tempo_text(requests.tempo_of(again)) == requests.tempo_text(
            requests.tempo_of(text)
        )
    for text in ("", "x", "0 5 4", "0 120 x", "0 120 4\n0 130 4", "0 120 4 9"):
        assert empty.logic("bench-map", "return m.parseMap(a);", text) is None


def test_bars_are_the_servers(empty: Shown) -> None:
    maps = [[(500.0, 400.0, 4)], [(-300.0, 333.3, 3), (4000.0, 500.0, 4)], [(10.0, 3.0, 4)]]
    for lines in maps:
        reds = [TimingPoint(*line) for line in lines]
        shown = [dict(zip(("time_ms", "beat_ms", "meter"), line, strict=True)) for line in lines]
        found = empty.logic("timing", "return m.barTimes(a, 9000);", shown)
        assert found == pytest.approx(bar_times(reds, 9000.0))


def test_lines_move_between_their_neighbours(empty: Shown) -> None:

    def times(body: str) -> list[float]:
        head = f"const l = m.parseMap(`{MAP}`);"
        return empty.logic("bench-map", f"{head} return ({body}).map((line) => line.time_ms);")

    assert times("m.moved(l, 1, 4600)") == [500, 4600, 6000]
    assert times("m.moved(l, 1, 100)") == [500, 501, 6000]
    assert times("m.moved(l, 1, 9000)") == [500, 5999, 6000]
    assert times("m.shifted(l, -10)") == [490, 4490.5, 5990]
    assert times("m.shifted(l, -10, 2)") == [500, 4500.5, 5990]
    assert times("m.added(l, 2960).lines") == [500, 3000, 4500.5, 6000]
    assert times("m.added(l, 4400).lines") == [500, 4500.5, 6000]  # there is one already
    assert times("m.removed(l, 0)") == [4500.5, 6000]
    assert times("m.removed(m.removed(m.removed(l, 0), 0), 0)") == [6000]


def test_tempi_follow_a_beat_and_stay_in_their_range(empty: Shown) -> None:

    def tempi(body: str) -> list[float]:
        head = f"const l = m.parseMap(`{MAP}`);"
        return empty.logic("bench-map", f"{head} return ({body}).map((line) => line.bpm);")

    assert tempi("m.scaled(l, 2)") == [240, 300.5, 360]
    assert tempi("m.scaled(l, 0.5, 0)") == [60, 150.25, 180]
    assert tempi("m.scaled(l, 100)") == [120, 150.25, 180]  # out of range: as it was
    assert tempi("m.stretched(l, 0, 8, 500 + 8 * 480)") == [125, 150.25, 180]
    assert tempi("m.stretched(l, 0, 8, 400)") == [120, 150.25, 180]
    assert tempi("m.stretched(l, 0, -1, 100)") == [150, 150.25, 180]


def test_the_outline_has_every_click(bench: Shown) -> None:
    found = bench.run(
        f"{BENCH} const ms = 64000 / 44100;"
        "return b.outline.peaks.reduce((list, v, i) => (v > 0.9 ? [...list, i * ms] : list), []);"
    )
    heard = [ms for ms in found if not any(0 < ms - other < 5 for other in found)]
    assert heard == pytest.approx(list(CLICKS_MS), abs=2.0)


# ---- with a pointer and keys


def test_a_red_line_is_dragged_on_the_waveform(bench: Shown) -> None:
    bench.run(f"{BENCH} b.setZoom(60); await p.seek(800);")
    bench.settle()
    by_ms = _drag(bench, _place(bench, 500.0, "flag"), 60)
    ((line,),) = [requests.tempo_of(_text(bench)).red_lines]
    assert line.time_ms == pytest.approx(500.0 + by_ms, abs=0.6)
    assert line.bpm == 120.0
    assert bench.page.evaluate("window.told") == [_text(bench)]  # one pull, one message
    grid = bench.run("return p.model.grid.redLines[0].time_ms;")
    assert grid == pytest.approx(line.time_ms)
    bench.page.click("mug-workbench button[data-ref=undo]")
    assert _text(bench) == "500 120 4"


def test_a_beat_that_is_dragged_takes_the_tempo_along(bench: Shown) -> None:
    target = 2500.0 + _drag(bench, _place(bench, 2500.0, "beat"), 40)
    ((line,),) = [requests.tempo_of(_text(bench)).red_lines]
    assert line.time_ms == 500.0
    assert line.time_ms + 4 * line.beat_ms == pytest.approx(target, abs=1.0)


def test_pulling_the_sound_and_clicking_on_it_seek(bench: Shown) -> None:
    by_ms = _drag(bench, _place(bench, 2120.0, "body"), -50)
    assert bench.run("return p.timeMs();") == pytest.approx(2000.0 - by_ms, abs=1.0)
    bench.page.mouse.click(*_place(bench, 3120.0, "body"))
    assert bench.run("return p.timeMs();") == pytest.approx(3120.0, abs=8.0)
    assert _text(bench) == "500 120 4"


def test_clicks_are_heard_on_the_lines(bench: Shown) -> None:
    bench.page.click("mug-workbench button[data-ref=click]")
    events = "return p.engine.events.map((e) => [e.kind, e.ms]);"
    before = bench.run(events)
    assert {kind for kind, _ in before} == {"beat", "bar"}
    assert [ms for _, ms in before] == [*range(0, 8001, 500)]
    bench.page.click("mug-workbench button[data-nudge='10']")
    bench.page.click("mug-workbench button[data-scale='2']")
    after = bench.run(events)
    assert [ms for kind, ms in after if kind == "bar"] == [*range(510, 8000, 1000)]
    assert [ms for _, ms in after] == [*range(10, 8000, 250)]
    bench.page.click("mug-workbench button[data-ref=click]")
    assert {kind for kind, _ in bench.run(events)} == {"hit"}


def test_keys_nudge_and_choose(bench: Shown) -> None:
    keyboard = bench.page.keyboard
    bench.run(f"{BENCH} b.add(); b.view.wave.focus();")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowLeft"):
        keyboard.press(key)
    assert _text(bench) == "500 120 4\n1992 120 4"
    keyboard.press("Escape")
    keyboard.press("ArrowLeft")
    assert _text(bench) == "499 120 4\n1991 120 4"
    keyboard.press("Space")
    bench.page.wait_for_function("document.querySelector('mug-player').player.playing")
    keyboard.press("Space")
    assert not bench.run("return p.playing;")


def test_the_table_writes_and_puts_back(bench: Shown) -> None:
    field = "mug-workbench input[data-line='0'][data-field='{}']"
    for name, value, text in (
        ("time_ms", "512.5", "512.5 120 4"),
        ("bpm", "128", "512.5 128 4"),
        ("meter", "3", "512.5 128 3"),
        ("bpm", "5", "512.5 128 3"),
        ("meter", "", "512.5 128 3"),
    ):
        bench.page.fill(field.format(name), value)
        bench.page.keyboard.press("Tab")
        assert _text(bench) == text
    assert bench.page.input_value(field.format("bpm")) == "128"
    bench.page.click("mug-workbench button[data-ref=reset]")
    assert _text(bench) == "500 120 4"


def test_readings_fill_the_map(bench: Shown) -> None:
    bench.page.click("mug-workbench button[data-reading='1']")
    assert _text(bench) == "250 240 4"


def test_a_map_from_outside_is_shown_without_an_echo(bench: Shown) -> None:
    bench.run(f"{BENCH} b.setText(a); b.setText('nonsense');", MAP)
    assert _text(bench) == MAP
    assert bench.page.evaluate("window.told") == []
    assert len(bench.page.query_selector_all("mug-workbench tbody tr")) == 3


def test_lines_are_painted_where_they_are_said_to_be(bench: Shown) -> None:
    row = bench.run(
        f"{BENCH} const d = b.pen.getImageData(0, 60, b.width, 1).data;"
        "return a.map((ms) => [...d.slice(4 * Math.round(b.scale.x(ms))).slice(0, 3)]);",
        [500.0, 1000.0],
    )
    assert row[0][0] > row[0][1] + 80  # a red line
    assert row[1][1] > row[1][0] + 80  # a green one


def test_it_fits_a_phone_and_everything_has_a_name(bench: Shown) -> None:
    nameless: list[Any] = bench.run(
        f"{BENCH} return [...b.view.section.querySelectorAll('button, input, select, [tabindex]')]"
        ".filter((e) => !(e.getAttribute('aria-label') || e.labels?.length || e.innerText.trim()))"
        ".map((e) => e.outerHTML);"
    )
    assert nameless == []
    for width in (360, 390, 800):
        bench.page.set_viewport_size({"width": width, "height": 800})
        bench.settle()
        assert bench.run("return document.documentElement.scrollWidth <= innerWidth;"), width


def test_scroll_speeds_are_shown_on_the_lanes(bench: Shown) -> None:
    found = bench.run(
        "await p.seek(900); await new Promise(requestAnimationFrame); p._draw(0);"
        "const { yOf } = await import('/player/layout.js');"
        "const y = Math.round(yOf(p.layout, 1000, p.timeMs(), p.span));"
        "const x = p.layout.right + 4, r = devicePixelRatio;"
        "return [...p.lanes.pen.getImageData(x * r, y * r, 1, 1).data];"
    )
    assert found[1] > found[0] + 60
    assert found[3] == 255
