"""The player as a person meets it: a real page, a real sound, real keys and pointers."""

from __future__ import annotations

import bisect
import json
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from player_pages import Show, Shown, many_notes

from mug.ui.player import player_document
from mug.ui.player_page import audio_data_url, player_page

pytestmark = pytest.mark.browser

Documents = dict[str, Any]


def events_of(page: Shown, name: str) -> list[Any]:
    return page.page.evaluate(f"window.heard['{name}'] ?? []")


def listen(page: Shown, *names: str) -> None:
    page.page.evaluate(
        "(names) => { window.heard = {}; for (const name of names) { window.heard[name] = [];"
        " document.addEventListener(name, (e) => window.heard[name].push(e.detail)); } }",
        names,
    )


def middle_of(page: Shown, ref: str) -> tuple[float, float, float, float]:
    """Left, top, width and height of an element, without its border."""
    box = page.run(
        "const e = p.view[a], b = e.getBoundingClientRect();"
        "return [b.left + e.clientLeft, b.top + e.clientTop, e.clientWidth, e.clientHeight];",
        ref,
    )
    return tuple(box)


def drag(page: Shown, start: tuple[float, float], end: tuple[float, float]) -> None:
    mouse = page.page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    mouse.move(*end)
    mouse.up()


# ---- what is shown


def test_its_notes_are_those_of_the_document(show: Show, documents: Documents) -> None:
    page = show("song")
    for index, candidate in enumerate(documents["song"]["candidates"]):
        shown = page.run(
            "p.choose(a); const n = p.chart.notes;"
            "return {column: [...n.column], start_ms: [...n.starts], end_ms: [...n.ends]};",
            index,
        )
        assert shown == candidate["notes"]


def test_the_lanes_show_just_the_notes_of_the_moment(show: Show, documents: Documents) -> None:
    page = show("song")
    notes = documents["song"]["candidates"][0]["notes"]
    for at in (0.0, 5000.0, 11_111.0):
        drawn, (begin, end) = page.run(
            "await p.seek(a); await new Promise(requestAnimationFrame);"
            "const m = await import('/player/layout.js');"
            "return [p.lanes.drawn, m.shownSpan(p.layout, p.timeMs(), p.span)];",
            at,
        )
        wanted = [
            i
            for i, (start, last) in enumerate(zip(notes["start_ms"], notes["end_ms"], strict=True))
            if start <= end and last >= begin
        ]
        assert sorted(note["index"] for note in drawn) == wanted


def test_a_note_is_painted_where_it_is_said_to_be(show: Show) -> None:
    found = show("song").run(
        """await p.seek(p.chart.notes.starts[20] - 300); await new Promise(requestAnimationFrame);
        const { pen, ratio, palette, canvas } = p.lanes; const tone = [0, 1, 1, 0];
        const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
        const hex = (at) => '#' + [...data.slice(at, at + 3)]
          .map((x) => x.toString(16).padStart(2, '0')).join('');
        return p.lanes.drawn.filter((n) => n.y > 100 && n.y < p.layout.hitY - 20).map((n) => {
          const x = Math.floor((p.layout.left + (n.column + 0.5) * p.layout.lane) * ratio);
          const y = Math.floor((n.y + 4) * ratio);
          return [hex(4 * (y * canvas.width + x)), palette.columns[tone[n.column]]]; });"""
    )
    assert found
    assert all(painted == wanted for painted, wanted in found)


def test_thousands_of_notes_cost_no_more_than_those_shown(
    show: Show, site: Path, address: str
) -> None:
    document = player_document([many_notes(5000)], "/clicks.wav")
    (site / "many.json").write_text(json.dumps(document), encoding="utf-8")
    page = show("empty", ready=False)
    page.page.evaluate("document.querySelector('mug-player').setAttribute('src', '/many.json')")
    page.page.wait_for_function("document.querySelector('mug-player').player")
    drawn = page.run(
        "await p.ready; await p.seek(3000); await new Promise(requestAnimationFrame);"
        "return p.lanes.drawn.length;"
    )
    assert 10 < drawn < 60


# ---- time


def test_the_picture_moves_with_the_audio_clock(show: Show) -> None:
    """Every frame: each note lies where the time of the heard sample puts it."""
    frames = show("song").run(
        """const { readOutput } = await import('/player/engine.js'); const frames = []; let heard;
        p.onFrame = () => { if (!p.playing) return;
          const reading = readOutput(p.engine.context);
          const late = (performance.now() - reading.performanceTime) / 1000;
          heard = p.engine.anchor.songAt(reading.contextTime + late); };
        const draw = p.lanes.draw.bind(p.lanes);
        p.lanes.draw = (view) => { const layout = draw(view);
          if (p.playing) frames.push({now: view.now, heard, hit: layout.hitY, travel: layout.travel,
            span: view.span, notes: p.lanes.drawn.map((n) => [n.start, n.y])});
          return layout; };
        await p.play(); await new Promise((done) => setTimeout(done, 2500)); p.pause();
        return frames;"""
    )
    moving = [frame for frame in frames if frame["now"] > 200]
    assert len(moving) > 10
    assert sum(len(frame["notes"]) for frame in moving) > 50
    for frame in moving:
        for start, y in frame["notes"]:
            away = (start - frame["now"]) / frame["span"] * frame["travel"]
            assert y == pytest.approx(frame["hit"] - away, abs=1e-6)
    assert median(abs(frame["now"] - frame["heard"]) for frame in moving) <= 10
    assert moving[-1]["now"] - moving[0]["now"] > 1000
    assert all(after["now"] >= before["now"] for before, after in pairwise(moving))


TAP = """
class Tap extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) samples.forEach((x, i) => {
      if (Math.abs(x) > 0.2 && currentFrame + i - (this.last ?? -9999) > 4000) {
        this.last = currentFrame + i; this.port.postMessage(this.last); } });
    return true;
  }
}
registerProcessor('tap', Tap);
"""


@pytest.mark.parametrize("rate", [1.0, 0.75])
def test_what_is_heard_is_what_the_clock_says(show: Show, rate: float) -> None:
    """Clicks are caught on their way to the loudspeaker, and compared with the chart's times."""
    page = show("clicks")
    found = page.run(
        """await p.setRate(a.rate); p.set({hits: false}); p.engine._prepare();
        const { context, output } = p.engine;
        const url = URL.createObjectURL(new Blob([a.tap], {type: 'text/javascript'}));
        await context.audioWorklet.addModule(url);
        const tap = new AudioWorkletNode(context, 'tap'); const heard = [];
        tap.port.onmessage = (event) => heard.push(event.data);
        output.connect(tap).connect(context.destination);
        await p.play(); await new Promise((done) => setTimeout(done, 4000));
        const line = p.engine.anchor; const drift = p.drift(); p.pause();
        return {drift, heard: heard.map((frame) => line.songAt(frame / 44100))};""",
        {"tap": TAP, "rate": rate},
    )
    clicks = [float(ms) for ms in range(500, 7500, 250)]
    assert len(found["heard"]) >= 6
    assert found["heard"] == pytest.approx(clicks[: len(found["heard"])], abs=0.1)
    assert found["drift"]["readings"] > 20
    assert found["drift"]["worst"] <= 10


def test_seeking_by_bar_lands_on_the_bar(show: Show, documents: Documents) -> None:
    page = show("song")
    bars = documents["song"]["timing"]["bars"]
    page.page.locator(".stage").focus()
    for key, bar in (("ArrowRight", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        page.page.keyboard.press(key)
        page.settle()
        assert page.run("return p.timeMs();") == pytest.approx(bars[bar], abs=1e-6)
    page.page.get_by_label("Next bar").click()
    assert page.run("return p.timeMs();") == pytest.approx(bars[2], abs=1e-6)
    page.run("await p.play(); await p.seekBars(2); p.pause();")
    after = page.run("return p.timeMs();")
    assert bars[bisect.bisect(bars, after + 1) - 1] in bars[3:6]


def test_comparing_candidates_does_not_stop_the_sound(show: Show, documents: Documents) -> None:
    page = show("song")
    found = page.run(
        """await p.play(); await new Promise((done) => setTimeout(done, 600));
        const line = p.engine.anchor, sources = [...p.engine._sources], before = p.timeMs();
        p.choose(2); const after = p.timeMs();
        const same = p.engine.anchor === line && sources.every((s) => p.engine._sources.has(s));
        await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
        const shown = p.lanes.drawn.map((n) => [n.column, n.start]);
        p.pause(); return {same, step: after - before, sources: sources.length, shown};"""
    )
    assert found["same"]
    assert found["sources"] == 1
    assert 0 <= found["step"] < 60
    notes = documents["song"]["candidates"][2]["notes"]
    known = set(zip(notes["column"], notes["start_ms"], strict=True))
    assert {tuple(note) for note in found["shown"]} <= known


def test_keys_choose_candidates(show: Show) -> None:
    page = show("song")
    page.page.locator(".stage").focus()
    chosen = []
    for key in ("3", "x", "x", "1"):
        page.page.keyboard.press(key)
        chosen.append(page.run("return p.index;"))
    assert chosen == [2, 0, 2, 0]
    page.page.get_by_role("radio", name="Easy").click()
    assert page.run("return p.chart.name;") == "Easy"
    assert page.page.get_by_role("radio", name="Easy").get_attribute("aria-checked") == "true"


def test_another_rate_keeps_the_place(show: Show) -> None:
    found = show("song").run(
        """await p.seek(4000); await p.play(); await new Promise((d) => setTimeout(d, 500));
        const before = p.timeMs(); await p.setRate(0.5); const after = p.timeMs();
        const [s, t] = [p.timeMs(), performance.now()];
        await new Promise((d) => setTimeout(d, 1500));
        const speed = (p.timeMs() - s) / (performance.now() - t); p.pause();
        return [after - before, speed, p.engine.rate];"""
    )
    assert abs(found[0]) < 200
    assert found[1] == pytest.approx(0.5, abs=0.08)
    assert found[2] == 0.5


def test_the_audio_offset_moves_the_picture(show: Show) -> None:
    page = show("song")
    page.run("await p.seek(5000); p.set({offset: 40});")
    assert page.run("return p.timeMs();") == 4960
    page.run("await p.seek(5000);")
    assert page.run("return [p.timeMs(), p.engine.position];") == [5000, 5040]


def test_it_stops_at_the_end_and_begins_again(show: Show) -> None:
    page = show("clicks")
    page.run("await p.seek(7700); await p.play();")
    page.page.wait_for_function("!document.querySelector('mug-player').player.playing")
    assert page.run("return p.timeMs() >= 8000;")
    page.run("await p.play();")
    assert page.run("return p.timeMs() < 4000 && p.playing;")


# ---- playing along

# Keys are pressed as a person would, with the time stamps that the browser would give them.
PRESS_ALL = """p.choose(a.chart); p.setPlayAlong(true); const stage = p.view.stage;
const send = (kind, column, ms) => {
  const event = new KeyboardEvent(kind, {code: p.bindings[column], key: 'x', bubbles: true});
  const line = p.engine.anchor;
  const at = (line.contextAt(ms) - p.engine.clock.offset) * 1000;
  Object.defineProperty(event, 'timeStamp', {value: at}); stage.dispatchEvent(event); };
const todo = []; const notes = p.chart.notes;
for (let i = 0; i < a.count; i += 1) {
  const late = a.late, hold = notes.ends[i] > notes.starts[i];
  todo.push([notes.starts[i] + late, 'keydown', notes.column[i]]);
  todo.push([(hold ? notes.ends[i] : notes.starts[i] + 60) + late, 'keyup', notes.column[i]]); }
todo.sort((x, y) => x[0] - y[0]);
await new Promise(async (done) => {
  p.onFrame = (now) => { while (todo.length && todo[0][0] <= now) {
      const [ms, kind, column] = todo.shift(); send(kind, column, ms); }
    if (!todo.length) { p.onFrame = null; done(); } };
  await p.play(); });
p.pause(); await new Promise(requestAnimationFrame); return p.panels.result();"""


@pytest.mark.parametrize("chart", [0, 1])
def test_keys_at_the_exact_times_are_perfect(show: Show, chart: int) -> None:
    count = 12
    result = show("clicks").run(PRESS_ALL, {"chart": chart, "count": count, "late": 0})
    assert result["accuracy"] == 1
    assert result["counts"]["max"] == count * (1 + chart)
    assert result["max_combo"] == count * (1 + chart)
    assert abs(result["mean_error_ms"]) < 2


def test_late_keys_are_shown_as_late(show: Show) -> None:
    page = show("clicks")
    result = page.run(PRESS_ALL, {"chart": 0, "count": 10, "late": 60})
    assert result["counts"]["200"] == 10
    assert result["accuracy"] == pytest.approx(200 / 300)
    assert result["mean_error_ms"] == pytest.approx(60, abs=2)
    assert "late" in page.page.locator(".score").inner_text()
    page.page.get_by_text("Take from my hits").click()
    assert page.run("return p.settings.offset;") == pytest.approx(60, abs=2)


def test_untouched_notes_are_missed(show: Show) -> None:
    page = show("clicks")
    listen(page, "mug-result")
    page.run("await p.seek(5900); p.setPlayAlong(true); await p.play();")
    page.page.wait_for_function("window.heard['mug-result'].length")
    result = events_of(page, "mug-result")[0]
    assert result["accuracy"] == 0
    assert result["counts"]["miss"] == sum(1 for ms in range(500, 7500, 250) if ms >= 5900)


def test_real_keys_light_their_lanes(show: Show) -> None:
    page = show("clicks")
    page.page.get_by_role("button", name="Play along").click()
    for code, column in (("d", 0), ("f", 1), ("j", 2), ("k", 3)):
        page.page.keyboard.down(code)
        assert page.run("return [...p.pressed];") == [column]
        page.page.keyboard.up(code)
    assert page.run("return p.pressed.size;") == 0
    page.page.keyboard.press("Escape")
    assert page.run("return p.judge;") is None


def test_fingers_play_on_a_phone(show: Show) -> None:
    page = show("clicks", viewport={"width": 360, "height": 740}, has_touch=True)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 360
    found = page.run(
        """p.setPlayAlong(true); await p.seek(500); p.judge.reset(0);
        const b = p.view.stage.getBoundingClientRect(); const taps = [];
        p.host.addEventListener('mug-judgement', (e) => taps.push(e.detail.column));
        const send = (kind) => p.view.stage.dispatchEvent(new PointerEvent(kind, {pointerId: 7,
          pointerType: 'touch', bubbles: true, clientX: b.left + p.layout.left + 5,
          clientY: b.top + 200}));
        p.view.stage.setPointerCapture = () => {};
        send('pointerdown'); const during = [...p.pressed]; send('pointerup');
        return {taps, during, after: p.pressed.size, grade: p.judge.last.grade};"""
    )
    assert found == {"taps": [0], "during": [0], "after": 0, "grade": "max"}


# ---- regions, locks, findings


def test_dragging_on_the_waveform_selects_a_region(show: Show, documents: Documents) -> None:
    page = show("song")
    listen(page, "mug-region")
    duration = page.run("return p.durationMs;")
    left, top, width, _ = middle_of(page, "overview")
    begin, end = left + 0.25 * width, left + 0.5 * width
    page.page.keyboard.down("Alt")
    drag(page, (end, top + 10), (begin, top + 14))
    page.page.keyboard.up("Alt")
    region = events_of(page, "mug-region")[-1]
    pixel = duration / width
    assert region["start_ms"] == pytest.approx(0.25 * duration, abs=pixel)
    assert region["end_ms"] == pytest.approx(0.5 * duration, abs=pixel)
    assert region["columns"] == [0, 1, 2, 3]
    assert (region["locked"], region["candidate"]) == ([], 0)
    # Without Alt its edges lie on beats.
    page.page.get_by_role("button", name="Clear").click()
    assert events_of(page, "mug-region")[-1] is None
    drag(page, (begin, top + 10), (end, top + 10))
    region = events_of(page, "mug-region")[-1]
    red = documents["song"]["timing"]["red_lines"][0]
    for edge, near in (("start_ms", 0.25 * duration), ("end_ms", 0.5 * duration)):
        beats = (region[edge] - red["time_ms"]) / red["beat_ms"]
        assert beats == pytest.approx(round(beats), abs=1e-6)
        assert region[edge] == pytest.approx(near, abs=red["beat_ms"] / 2 + pixel)


def test_an_edge_of_the_region_can_be_moved(show: Show) -> None:
    page = show("song")
    page.run("p.setRegion({start_ms: 4000, end_ms: 8000, columns: [1, 2]});")
    listen(page, "mug-region")
    left, top, width, _ = middle_of(page, "overview")
    pixel = page.run("return p.durationMs;") / width
    page.page.keyboard.down("Alt")
    drag(page, (left + 8000 / pixel, top + 10), (left + 10_000 / pixel, top + 10))
    page.page.keyboard.up("Alt")
    region = events_of(page, "mug-region")[-1]
    assert region["start_ms"] == 4000
    assert region["end_ms"] == pytest.approx(10_000, abs=pixel)
    assert region["columns"] == [1, 2]


def test_shift_dragging_on_the_lanes_selects_columns(show: Show) -> None:
    page = show("song")
    listen(page, "mug-region")
    page.run("await p.seek(4000); await new Promise(requestAnimationFrame);")
    left, top, _, _ = middle_of(page, "stage")
    layout, span = page.run("return [p.layout, p.span];")
    x = [left + layout["left"] + (column + 0.5) * layout["lane"] for column in (1, 2)]
    page.page.keyboard.down("Shift")
    page.page.keyboard.down("Alt")
    drag(page, (x[0], top + layout["hitY"] - 50), (x[1], top + layout["hitY"] - 350))
    page.page.keyboard.up("Alt")
    page.page.keyboard.up("Shift")
    region = events_of(page, "mug-region")[-1]
    pixel = span / layout["travel"]
    assert region["columns"] == [1, 2]
    assert region["start_ms"] == pytest.approx(4000 + 50 * pixel, abs=pixel)
    assert region["end_ms"] == pytest.approx(4000 + 350 * pixel, abs=pixel)


def test_locked_columns_stay_out_of_regions(show: Show) -> None:
    page = show("song")
    listen(page, "mug-locks", "mug-region")
    page.page.get_by_label("Lock column 2").click()
    assert events_of(page, "mug-locks") == [{"columns": [1]}]
    page.run("p.setRegion({start_ms: 1000, end_ms: 2000});")
    assert events_of(page, "mug-region")[-1] == {
        "start_ms": 1000, "end_ms": 2000, "columns": [0, 2, 3], "locked": [1], "candidate": 0,
    }  # fmt: skip


def test_freeing_a_column_brings_back_only_what_was_selected(show: Show) -> None:
    page = show("song")
    found = page.run(
        """const seen = []; const keep = () => seen.push(p.region.columns);
        p.setRegion({start_ms: 1000, end_ms: 2000, columns: [0, 1]});
        p.setLock(1, true); keep(); p.setLock(1, false); keep(); p.choose(1); keep();
        p.setRegion({start_ms: 1000, end_ms: 2000});
        p.setLock(3, true); keep(); p.setLock(3, false); keep(); return seen;"""
    )
    assert found == [[0], [0, 1], [0, 1], [0, 1, 2], [0, 1, 2, 3]]


def test_brackets_select_from_the_keyboard(show: Show, documents: Documents) -> None:
    page = show("song")
    bars = documents["song"]["timing"]["bars"]
    page.run("await p.seek(a);", bars[2] + 3)
    page.page.locator(".stage").focus()
    page.page.keyboard.press("[")
    page.run("await p.seek(a);", bars[5] - 4)
    page.page.keyboard.press("]")
    region = page.run("return p.region;")
    assert region["start_ms"] == pytest.approx(bars[2])
    assert region["end_ms"] == pytest.approx(bars[5])


def test_a_region_can_be_looped(show: Show) -> None:
    page = show("clicks")
    times = page.run(
        """p.setRegion({start_ms: 2000, end_ms: 2500}); p.loop = true;
        await p.seek(2000); const seen = [];
        p.onFrame = (now) => seen.push(now); await p.play();
        await new Promise((d) => setTimeout(d, 2200)); p.pause(); return seen;"""
    )
    assert sum(1 for a, b in pairwise(times) if b < a - 200) >= 2
    assert max(times) < 2900
    assert min(times) >= 2000 - 1


def test_findings_are_marked_listed_and_shown(show: Show, documents: Documents) -> None:
    page = show("song")
    listen(page, "mug-finding")
    finding = documents["song"]["candidates"][0]["findings"][0]
    page.page.get_by_text(finding["message"]).first.click()
    page.settle()
    assert events_of(page, "mug-finding")[0]["rule"] == finding["rule"]
    beat = documents["song"]["timing"]["red_lines"][0]["beat_ms"]
    assert page.run("return p.timeMs();") == pytest.approx(finding["time_ms"] - beat)
    marks = page.run("return p.lanes.marks.filter((m) => m.index === 0);")
    left, top, _, _ = middle_of(page, "stage")
    page.page.mouse.move(left + marks[0]["x"] + 5, top + marks[0]["y"] + 5)
    tip = page.page.locator(".tip")
    assert finding["rule"] in tip.inner_text()
    page.page.keyboard.press("n")
    assert page.run("return p.finding;") == 1
    page.page.keyboard.press("Shift+N")
    assert page.run("return p.finding;") == 0
    page.page.get_by_role("radio", name="Easy").click()
    assert page.page.get_by_text("Nothing was found.").is_visible()


def test_clicking_the_overview_seeks(show: Show) -> None:
    page = show("song")
    left, top, width, height = middle_of(page, "overview")
    duration = page.run("return p.durationMs;")
    for share, y in ((0.3, 10.0), (0.7, height - 12)):
        page.page.mouse.click(left + share * width, top + y)
        page.settle()
        assert page.run("return p.timeMs();") == pytest.approx(
            share * duration, abs=duration / width
        )
    value = page.page.locator(".overview").get_attribute("aria-valuenow")
    assert int(value) == pytest.approx(0.7 * duration / 1000, abs=1)


def test_pulling_the_lanes_moves_the_song(show: Show) -> None:
    page = show("song")
    page.run("await p.seek(5000); await new Promise(requestAnimationFrame);")
    left, top, width, _ = middle_of(page, "stage")
    layout, span = page.run("return [p.layout, p.span];")
    drag(page, (left + width / 2, top + 150), (left + width / 2, top + 300))
    moved = page.run("return p.timeMs();") - 5000
    assert moved == pytest.approx(150 / layout["travel"] * span, abs=span / layout["travel"])


# ---- surroundings


@pytest.mark.parametrize(
    ("name", "words"),
    [("broken", "cannot decode"), ("missing", "could not be fetched (404)")],
)
def test_a_sound_that_cannot_be_played_is_a_sentence(show: Show, name: str, words: str) -> None:
    page = show(name)
    alert = page.page.get_by_role("alert")
    assert words in alert.inner_text()
    assert "\n" not in alert.inner_text()
    # The chart is there all the same, and runs silently.
    assert page.run("await p.seek(500); await new Promise(requestAnimationFrame);"
                    "return p.lanes.drawn.length;") > 0  # fmt: skip
    page.complaints[:] = [text for text in page.complaints if "404" not in text]


def test_a_document_of_another_kind_is_a_sentence(show: Show) -> None:
    page = show("old", ready=False)
    alert = page.page.get_by_role("alert")
    alert.wait_for()
    assert "mug-player/1" in alert.inner_text()


def test_dark_and_light_follow_the_page_and_the_system(show: Show) -> None:
    page = show("clicks", color_scheme="light")
    theme = "return [p.view.section.dataset.theme, p.lanes.palette.laneEven];"
    light = page.run(theme)
    page.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark = page.run(f"await new Promise(requestAnimationFrame); {theme}")
    assert (light[0], dark[0]) == ("light", "dark")
    assert light[1] != dark[1]
    page.page.evaluate("delete document.documentElement.dataset.theme")
    page.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    turned = "for (let i = 0; i < 200 && p.view.section.dataset.theme !== 'dark'; i++)"
    assert page.run(f"{turned} await new Promise(requestAnimationFrame); {theme}")[0] == "dark"
    assert page.run("return p.calm;") is True


def test_it_speaks_chinese(show: Show) -> None:
    page = show("clicks")
    page.page.evaluate("document.querySelector('mug-player').lang = 'zh'")
    page.page.get_by_role("button", name="试玩").wait_for()
    assert page.page.get_by_role("button", name="Play along").count() == 0


def test_everything_that_can_be_pressed_has_a_name(show: Show) -> None:
    page = show("song")
    nameless = page.run(
        "const pressable = 'button, input, select, canvas[role], [role=slider]';"
        "return [...p.view.section.querySelectorAll(pressable)].filter((e) =>"
        " !(e.getAttribute('aria-label') || e.innerText || e.closest('label')?.innerText))"
        ".map((e) => e.outerHTML);"
    )
    assert nameless == []
    assert "4 columns" in page.page.get_by_role("img").first.get_attribute("aria-label")


@pytest.mark.parametrize("width", [360, 700, 1240])
def test_it_fits_any_width(show: Show, width: int) -> None:
    page = show("song", viewport={"width": width, "height": 800})
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.run(
        "return [...p.view.section.querySelectorAll('button, canvas, input')].filter((e) => {"
        "const b = e.getBoundingClientRect();"
        "return b.width && (b.left < 0 || b.right > innerWidth); }).length;"
    )
    assert wide == 0


def test_settings_are_kept_between_visits(show: Show, address: str) -> None:
    page = show("clicks")
    page.run("p.set({speed: 23, up: true});")
    page.page.reload()
    page.page.wait_for_function("document.querySelector('mug-player').player")
    assert page.run("await p.ready; return [p.settings.speed, p.settings.up];") == [23, True]
    assert page.run("await new Promise(requestAnimationFrame); return p.layout.up;") is True


def test_one_file_holds_the_whole_player(
    show: Show, documents: Documents, site: Path, tmp_path: Path
) -> None:
    document = documents["clicks"] | {"audio": {"url": audio_data_url(site / "clicks.wav")}}
    target = tmp_path / "one.html"
    target.write_text(player_page(document), encoding="utf-8")
    page = show("one", url=target.as_uri())
    assert page.run("await p.play(); return p.playing && p.engine.durationMs;") == 8000
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []


def test_leaving_the_page_frees_the_sound(show: Show) -> None:
    page = show("clicks")
    state = page.page.evaluate(
        """async () => { const e = document.querySelector('mug-player');
        const p = e.player; await p.play();
        const { context } = p.engine; e.remove(); await new Promise((d) => setTimeout(d, 300));
        return [context.state, e.player, p.playing]; }"""
    )
    assert state == ["closed", None, False]
