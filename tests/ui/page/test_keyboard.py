"""The whole journey by keyboard alone: upload, generate, play, edit a region, download."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_visits import READY, SHOWN, await_player, visit
from pages import Running

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu.package import extract

pytestmark = pytest.mark.browser

# What has the focus, down into the player's own tree; whether a selector picks it, and whether
# somebody who looks for it sees it.
FOCUS = """(selector) => {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  if (!one?.matches(selector)) return null;
  const style = getComputedStyle(one);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1; }"""
MOST_TABS = 150


@pytest.fixture
def tab(chromium: Any, page: Running) -> Iterator[Any]:
    with visit(chromium, page.address) as made:
        yield made


def _reach(tab: Any, selector: str, key: str = "Tab") -> None:
    """Goes on with a key until something has the focus, and shows it."""
    for _ in range(MOST_TABS):
        tab.keyboard.press(key)
        seen = tab.evaluate(FOCUS, selector)
        if seen is not None:
            assert seen, f"the focus on {selector} cannot be seen"
            return
    raise AssertionError(f"{selector} cannot be reached by {key}")


def _chosen(tab: Any, song: Path) -> None:
    """Presses Enter until the browser asks for a file, as a person would on a slow machine."""
    choosers: list[Any] = []
    tab.on("filechooser", lambda chooser: choosers.append(chooser))
    for _ in range(8):
        tab.keyboard.press("Enter")
        for _ in range(30):
            tab.wait_for_timeout(50)
            if choosers:
                choosers[0].set_files(str(song))
                return
    raise AssertionError("Enter does not open the place for a song")


def test_the_whole_journey_needs_no_pointer(tab: Any, page: Running, tmp_path: Path) -> None:
    _reach(tab, "#mug-song button")
    _chosen(tab, page.song)
    tab.wait_for_function(SHOWN, arg=["#mug-song", "composed.ogg"])
    _reach(tab, "#mug-generate")
    tab.keyboard.press("Enter")
    await_player(tab)

    _reach(tab, ".stage")
    tab.keyboard.press("Space")
    tab.wait_for_function(f"{READY}.timeMs() > 200")
    tab.keyboard.press("Space")
    assert not tab.evaluate(f"{READY}.playing")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("[")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("]")
    region = tab.evaluate(f"{READY}.region")
    assert region["end_ms"] > region["start_ms"]

    _reach(tab, "#mug-remake")
    tab.keyboard.press("Enter")
    tab.wait_for_function(f"{READY}?.model.candidates[1].name.includes('edit')")

    _reach(tab, ".mug-file.first", "Shift+Tab")
    with tab.expect_download() as download:
        tab.keyboard.press("Enter")
    package = tmp_path / "song.osz"
    download.value.save_as(package)
    charts = [osu.read(one) for one in extract(package, tmp_path) if one.suffix == ".osu"]
    assert len(charts) == 3
