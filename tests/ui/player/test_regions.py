"""Regions, locks and findings, by pointer and by keys."""

from __future__ import annotations

from itertools import pairwise

import pytest
from player_pages import Documents, Show, drag, events_of, listen, middle_of

pytestmark = pytest.mark.browser


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
        """p.setRegion({start_ms: 2000, end_ms: 3000}); p.loop = true;
        await p.seek(2000); const seen = []; let back = 0;
        p.onFrame = (now) => { if (now < seen.at(-1)) back += 1; seen.push(now); };
        await p.play(); while (back < 2) await new Promise(requestAnimationFrame);
        p.pause(); return seen;"""
    )
    assert all(after < 3000 for before, after in pairwise(times) if before >= 3000)
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
