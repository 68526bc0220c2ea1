"""What cannot be uploaded gets a sentence in the page's language, before a byte is sent."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_visits import SHOWN, drop, visit
from pages import Running

pytestmark = pytest.mark.browser

SENTENCES = {
    "": {
        "large_song": "has 1.2 MB; this page takes up to 1 MB. Convert it to mp3 or ogg, or cut",
        "other_song": "is no kind of sound that this page takes. Convert it to mp3",
        "large_chart": "Drop the chart's own file (.osu, .qua, .mc, .sm, .ssc) instead of",
        "drop": "Drop File Here",
    },
    "/zh": {
        "large_song": "有 1.2 MB，本页最大接受 1 MB。请转换为 mp3 或 ogg，或把歌曲剪短。",
        "other_song": "本页不接受“notes.txt”这类文件。请转换为 mp3",
        "large_chart": "请放入谱面文件本身（.osu, .qua, .mc, .sm, .ssc）",
        "drop": "将文件拖放到此处",
    },
}
TABS = {"": "Chart → prompt", "/zh": "谱面 → 提示"}

# Drops a file as a person would: from outside, onto an element.
DROP = """([selector, name, data]) => {
  const files = new DataTransfer();
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  files.items.add(new File([bytes], name));
  const target = document.querySelector(selector);
  const send = (kind) => target.dispatchEvent(
    new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: files}));
  send('dragenter'); send('dragover'); return !send('drop'); }"""


@pytest.fixture(scope="module", params=["", "/zh"])
def visited(request: pytest.FixtureRequest, chromium: Any, small_page: Running) -> Iterator[Any]:
    """A visitor of the English and of the Chinese page; what is uploaded is noted."""
    with visit(chromium, small_page.address + request.param) as made:
        made.path, made.sent = request.param, []
        made.on(
            "request",
            lambda asked: made.sent.append(asked.url) if "upload" in asked.url else None,
        )
        made.wait_for_function("window.mugPage && document.querySelector('.mug-upload-says')")
        yield made


@pytest.fixture
def tab(visited: Any) -> Any:
    """The same visitor, before whatever comes next."""
    visited.sent.clear()
    return visited


def _said(tab: Any, place: str) -> str:
    alert = tab.wait_for_selector(f".mug-upload-says[data-for={place}]:visible")
    assert alert.get_attribute("role") == "alert"
    return alert.inner_text()


def _quiet(tab: Any) -> bool:
    """Whether nothing was sent and Gradio has nothing to say in its own words."""
    return tab.sent == [] and tab.query_selector(".toast-body") is None


def _drop(tab: Any, onto: str, name: str, data: bytes) -> bool:
    """Whether the page kept the browser from opening the file instead."""
    return tab.evaluate(DROP, [onto, name, base64.b64encode(data).decode()])


def test_a_dropped_song_over_the_limit_too(tab: Any) -> None:
    for onto in ("#mug-song button", ".mug-title"):  # the place for songs, and beside it
        assert _drop(tab, onto, "long.wav", b"x" * 1_200_000)
        assert SENTENCES[tab.path]["large_song"] in _said(tab, "mug-song")
        assert tab.query_selector("[data-drop]") is None
        assert _quiet(tab)
    assert SENTENCES[tab.path]["drop"] in tab.inner_text("#mug-song")


def test_a_package_over_the_limit_gets_its_own_remedy(tab: Any, tmp_path: Path) -> None:
    tab.get_by_role("tab", name=TABS[tab.path]).click()
    package = tmp_path / "all.osz"
    package.write_bytes(b"x" * 1_200_000)
    tab.wait_for_selector("#mug-chart input[type=file]", state="attached")
    tab.set_input_files("#mug-chart input[type=file]", str(package))
    assert SENTENCES[tab.path]["large_chart"] in _said(tab, "mug-chart")
    assert _quiet(tab)


def test_a_song_over_the_limit_is_reported_at_once(tab: Any, tmp_path: Path) -> None:
    says = SENTENCES[tab.path]
    tab.get_by_role("tab").first.click()
    song = tmp_path / "long & wide.wav"
    song.write_bytes(b"x" * 1_200_000)
    tab.set_input_files("#mug-song input[type=file]", str(song))
    text = _said(tab, "mug-song")
    assert "“long & wide.wav”" in text
    assert says["large_song"] in text
    (tmp_path / "notes.txt").write_text("x")
    tab.set_input_files("#mug-song input[type=file]", str(tmp_path / "notes.txt"))
    assert says["other_song"] in _said(tab, "mug-song")
    assert _quiet(tab)
    song.write_bytes(b"x" * 2**20)
    drop(tab, "#mug-song", song)
    assert not tab.is_visible(".mug-upload-says[data-for=mug-song]")


def test_a_song_may_be_dropped_anywhere(chromium: Any, small_page: Running) -> None:
    with visit(chromium, small_page.address) as tab:
        tab.wait_for_function("window.mugPage")
        assert _drop(tab, ".mug-title", "beside.ogg", small_page.song.read_bytes())
        tab.wait_for_function(SHOWN, arg=["#mug-song", "beside.ogg"])
