"""Visitors who are quicker than the page: what is on its way is held back until they have acted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from page_visits import PATIENCE_MS, held, visit
from pages import Running

pytestmark = pytest.mark.browser

OURS = "**/mug/page/page.js"
HEAD = ".mug-head [data-act=language]"

# Acts in the very moment in which the page's head appears, and notes at which path that was.
AT_FIRST_SIGHT = """(() => {
  const seen = new MutationObserver(() => {
    const head = document.querySelector('.mug-head');
    if (!head) return;
    seen.disconnect();
    const before = sessionStorage.getItem('seen') ?? '';
    sessionStorage.setItem('seen', before + location.pathname);
    if (before) return;
    const act = (%s);
    act(head);
  });
  seen.observe(document, {childList: true, subtree: true});
})()"""
CLICK = "(head) => head.querySelector('[data-act=%s]').click()"
DROP = """() => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(1_200_000)], 'long.wav'));
  const drop = new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: files});
  sessionStorage.setItem('kept', !document.querySelector('.mug-head').dispatchEvent(drop)); }"""


STARTED = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd > 0"


def _open_late(tab: Any, address: str) -> bool:
    """Opens a page whose own script is late; whether Gradio has shown something meanwhile."""
    with held(tab, OURS):
        with tab.expect_event("requestfinished", lambda asked: "/assets/index-" in asked.url):
            tab.goto(address, wait_until="commit")
        tab.wait_for_timeout(1000)
        if not tab.evaluate(STARTED):
            return False
        tab.wait_for_selector(HEAD)  # Gradio does not wait: nor does the visitor
        return True


@contextmanager
def _opened(chromium: Any, address: str, act: str = "() => {}", **context: Any) -> Iterator[Any]:
    """A page whose own script is late, and a visitor who acts at first sight."""
    made = chromium.new_context(**context)
    tab = made.new_page()
    tab.set_default_timeout(PATIENCE_MS)
    tab.add_init_script(AT_FIRST_SIGHT % act)
    _open_late(tab, address)
    yield tab
    made.close()


def _stored(tab: Any, name: str) -> str | None:
    return tab.evaluate("(name) => localStorage.getItem(name)", name)


def test_nothing_is_shown_before_somebody_listens(chromium: Any, small_page: Running) -> None:
    context = chromium.new_context()
    tab = context.new_page()
    assert not _open_late(tab, small_page.address)
    tab.wait_for_selector(HEAD)
    context.close()


@pytest.mark.parametrize(("path", "chosen"), [("/", "zh"), ("/zh", "en")])
def test_a_choice_of_language_at_first_sight_is_kept(
    chromium: Any, small_page: Running, path: str, chosen: str
) -> None:
    locale = {"zh": "en-US", "en": "zh-CN"}[chosen]  # the browser would have the other
    with _opened(chromium, small_page.address + path, CLICK % "language", locale=locale) as tab:
        tab.wait_for_selector(f".mug-head[data-language={chosen}]")
        assert _stored(tab, "mug-language") == chosen
        assert tab.evaluate("location.search") == ""
        tab.goto(small_page.address)
        tab.wait_for_selector(f".mug-head[data-language={chosen}]")


def test_a_choice_of_language_needs_no_listener(chromium: Any, small_page: Running) -> None:
    """In another tab, too: the link has it."""
    context = chromium.new_context(locale="zh-CN")
    tab = context.new_page()
    tab.goto(f"{small_page.address}/zh")
    with context.expect_page() as opened:
        tab.click(HEAD, button="middle")
    other = opened.value
    other.wait_for_selector(".mug-head[data-language=en]")
    assert _stored(other, "mug-language") == "en"
    context.close()


def test_a_theme_at_first_sight_is_kept(chromium: Any, small_page: Running) -> None:
    with _opened(chromium, small_page.address, CLICK % "theme", color_scheme="light") as tab:
        tab.wait_for_selector("html[data-theme=dark] body.dark")
        assert _stored(tab, "mug-theme") == "dark"
        tab.emulate_media(color_scheme="dark")
        tab.emulate_media(color_scheme="light")  # what was chosen outlasts the system's change
        tab.reload()
        tab.wait_for_selector(HEAD)
        tab.wait_for_selector("html[data-theme=dark] body.dark")


def test_a_file_at_first_sight_is_looked_at(chromium: Any, small_page: Running) -> None:
    """It neither replaces the page nor is sent."""
    with _opened(chromium, small_page.address, DROP) as tab:
        tab.wait_for_selector(HEAD)
        assert tab.evaluate("sessionStorage.getItem('kept')") == "true"


def test_the_browsers_language_comes_before_anything_is_shown(
    chromium: Any, small_page: Running
) -> None:
    """Nobody's song goes with a page that is replaced under their hands."""
    with _opened(chromium, small_page.address, locale="zh-CN") as tab:
        tab.wait_for_selector(".mug-head[data-language=zh]")
        assert tab.evaluate("sessionStorage.getItem('seen')") == "/zh"


def test_what_is_written_while_tags_are_read_stays(
    chromium: Any, small_page: Running, tmp_path: Path
) -> None:
    with visit(chromium, small_page.address) as tab:
        title, artist = tab.get_by_label("Title"), tab.get_by_label("Artist")
        artist.fill("Before")
        with held(tab, "**/gradio_api/run/predict") as waiting:
            tab.set_input_files("#mug-song input[type=file]", str(small_page.song))
            tab.wait_for_selector("#mug-song .file-preview")
            waiting()
            title.fill("My own")
        tab.wait_for_function("(field) => field.value === ''", arg=artist.element_handle())
        assert title.input_value() == "My own"
