"""The line of jobs, cancelling, spreads, charts as prompts: as visitors in a browser meet them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_visits import READY, await_player, drop, drop_song, settle, unfold, visit, write_number
from pages import Running

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu.package import extract
from mug.difficulty.stars import star_rating

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(chromium: Any, page: Running) -> Iterator[Any]:
    """A visitor with a song."""
    with visit(chromium, page.address) as made:
        drop_song(made, page.song)
        yield made


def _start_long_job(tab: Any) -> None:
    """Asks for what takes far longer than this test has patience for."""
    unfold(tab, "Sampling")
    write_number(tab, "Choose from", 32)
    write_number(tab, "Steps", 200)


def _unfinished(page: Running) -> list[Path]:
    """Jobs and revisions without a result."""
    jobs = [path for path in (page.folder / "jobs").iterdir() if path.is_dir()]
    revisions = [path for job in jobs for path in job.glob("[0-9]*")]
    empty = [job for job in jobs if not any(job.glob("[0-9]*"))]
    return [path for path in revisions if not (path / "result.json").exists()] + empty


def test_the_line_shows_places_and_a_cancel_leaves_nothing(
    tab: Any, chromium: Any, page: Running
) -> None:
    before = {path.name for path in (page.folder / "jobs").iterdir()}
    _start_long_job(tab)
    tab.click("#mug-generate")
    tab.wait_for_selector("text=/Step [0-9]+ of [0-9]+/")
    with visit(chromium, page.address) as second:
        drop_song(second, page.song)
        second.click("#mug-generate")
        second.wait_for_selector("text=In line: 1 before you")
        second.click("text=Cancel")
        tab.wait_for_selector("text=/Step [0-9]+ of [0-9]+ · about .+ left/")
        tab.click("text=Cancel")
        for one in (tab, second):
            one.wait_for_selector("text=Cancelled. What was there before is still here.")
            one.wait_for_selector("#mug-generate:not([disabled])")
    assert {path.name for path in (page.folder / "jobs").iterdir()} == before
    assert _unfinished(page) == []


def test_whoever_leaves_gives_their_place_to_the_next(
    tab: Any, chromium: Any, page: Running
) -> None:
    with visit(chromium, page.address) as first:
        drop_song(first, page.song)
        _start_long_job(first)
        first.click("#mug-generate")
        first.wait_for_selector("text=/Step [0-9]+ of [0-9]+/")
    unfold(tab, "Sampling")
    write_number(tab, "Steps", 2)
    tab.click("#mug-generate")
    await_player(tab)  # would take minutes with the other job before it
    assert _unfinished(page) == []


def test_a_spread_has_every_tier_to_play_and_to_take(
    tab: Any, page: Running, tmp_path: Path
) -> None:
    tab.get_by_label("A whole spread").check()
    unfold(tab, "Sampling")
    write_number(tab, "Steps", 2)
    tab.click("#mug-generate")
    await_player(tab)
    names = tab.evaluate(f"{READY}.model.candidates.map((one) => one.name)")
    assert len(names) == 5
    with tab.expect_download() as download:
        tab.click(".mug-file.first")
    package = tmp_path / "spread.osz"
    download.value.save_as(package)
    inside = [osu.read(path) for path in extract(package, tmp_path) if path.suffix == ".osu"]
    assert sorted(chart.version for chart in inside) == sorted(names)
    by_name = {chart.version: chart for chart in inside}
    stars = [star_rating(by_name[name]) for name in names if by_name[name].hit_objects]
    assert stars == sorted(stars)
    assert len(tab.query_selector_all(".mug-file[download$='.osu']")) == 5
    for index, name in enumerate(names):
        tab.evaluate(f"{READY}.choose({index})")
        shown = tab.evaluate(f"[{READY}.chart.name, {READY}.chart.notes.starts.length]")
        assert shown == [name, len(by_name[name].hit_objects)]


def test_a_chart_becomes_a_prompt_that_generates(tab: Any, tmp_path: Path) -> None:
    unfold(tab, "Sampling")
    write_number(tab, "Steps", 2)
    tab.click("#mug-generate")
    await_player(tab)
    with tab.expect_download() as download:
        tab.click(".mug-file[download$='.osu'] >> nth=0")
    chart = tmp_path / "one.osu"
    download.value.save_as(chart)
    tab.get_by_role("tab", name="Chart → prompt").click()
    drop(tab, "#mug-chart", chart)
    tab.click("#mug-measure")
    tab.get_by_role("button", name="Use for generating").click()
    tab.get_by_role("tab", name="Make charts").click()
    tab.wait_for_selector("#mug-generate:visible")
    stars = star_rating(osu.read(chart))
    field = tab.get_by_label("number input for Star rating", exact=True)
    tab.wait_for_function(
        "([e, v]) => Math.abs(Number(e.value) - v) < 0.051", arg=[field.element_handle(), stars]
    )
    old = tab.evaluate("document.querySelector('mug-player').getAttribute('src')")
    tab.click("#mug-generate")
    tab.wait_for_function(
        f"(old) => {READY} && document.querySelector('mug-player').getAttribute('src') !== old",
        arg=old,
    )
    asked = tab.text_content("tr:has(th:text-is('Star rating')) td >> nth=0")
    assert float(asked) == pytest.approx(stars, abs=0.06)


def test_the_chinese_page_speaks_chinese_of_errors_and_findings(
    chromium: Any, page: Running, tmp_path: Path
) -> None:
    broken = tmp_path / "坏.mp3"
    broken.write_bytes(b"this is no sound" * 50)
    with visit(chromium, f"{page.address}/zh") as tab:
        drop_song(tab, broken)
        tab.click("#mug-generate")
        tab.wait_for_selector("text=这不是音频文件，或者是无法读取的音频格式")
        tab.reload()
        settle(tab)
        drop_song(tab, page.song)
        tab.click("#mug-generate")
        await_player(tab)
        findings = tab.evaluate(f"{READY}.model.candidates.flatMap((one) => one.findings)")
        assert findings
        assert all(re.search("[\u4e00-\u9fff]", one["message"]) for one in findings)
        assert tab.evaluate("document.querySelector('mug-workbench').lang") == "zh"
