"""A visitor of the page in a browser: what every visit begins with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

_KEPT: WeakSet[Any] = WeakSet()
READY = "document.querySelector('mug-player')?.player"
PATIENCE_MS = 120_000  # a machine may have much else to do
QUIET = """new Promise((still) => {
  let timer = setTimeout(still, 400);
  new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(still, 400); })
    .observe(document.body, { childList: true, subtree: true });
})"""

SHOWN = """([field, name]) =>
  document.querySelector(`${field} .file-preview`)?.innerText.replace(/\\s/g, "").includes(name)"""
"""Gradio shows a name whole while it travels; afterwards its stem and its ending, side by side."""


@contextmanager
def visit(chromium: Any, address: str) -> Iterator[Any]:
    """Opens a page; afterwards it must have had no error and asked for nothing outside.

    What fails in between tells what the page asked for, logged and showed last.
    """
    outside: list[str] = []
    errors: list[str] = []
    story: deque[str] = deque(maxlen=60)
    context = _kept_context(chromium)
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE_MS)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda said: story.append(f"{said.type}: {said.text}"))
    tab.on("response", lambda got: story.append(f"{got.status} {got.request.method} {got.url}"))
    tab.on("requestfailed", lambda asked: story.append(f"{asked.failure}: {asked.url}"))
    inside = (address.removesuffix("/zh"), "data:", "blob:")
    tab.on(
        "request",
        lambda asked: None if asked.url.startswith(inside) else outside.append(asked.url),
    )
    tab.goto(address)
    try:
        settle(tab)
        yield tab
    except Exception as error:
        error.add_note("\n".join(["The page's last words:", *story, *errors]))
        error.add_note("It shows:\n" + tab.inner_text("body"))
        raise
    finally:
        _as_new(context, tab)
    assert errors == []
    assert outside == []


def _kept_context(chromium: Any) -> Any:
    """The context of the last visit, with what it has read of the page; a new one beside others."""
    for context in chromium.contexts:
        if context in _KEPT and not context.pages:
            return context
    # Without motion: a page that still glides to its charts would move away below a pointer.
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    _KEPT.add(context)
    return context


def _as_new(context: Any, tab: Any) -> None:
    """Forgets the visitor; the page's files stay read, as in a browser that was here before."""
    tab.evaluate("localStorage.clear()")
    for page in context.pages:
        page.close()
    context.clear_cookies()
    context.clear_permissions()


@contextmanager
def held(tab: Any, pattern: str) -> Iterator[Callable[[], None]]:
    """Holds back what the page asks for; yields a function that waits until it has asked."""
    waiting: list[Any] = []

    def await_one() -> None:
        while not waiting:
            tab.wait_for_timeout(20)

    tab.route(pattern, lambda route: waiting.append(route))
    try:
        yield await_one
    finally:
        for route in waiting:
            route.continue_()
        tab.unroute(pattern)


def settle(tab: Any) -> None:
    """Waits until the page has been built and stands still, as a person does before they act."""
    tab.wait_for_selector("#mug-song input[type=file]", state="attached")
    tab.evaluate(QUIET)


def drop_song(tab: Any, song: Path) -> None:
    """Drops a song and waits until the page has it."""
    drop(tab, "#mug-song", song)


def drop(tab: Any, field: str, file: Path) -> None:
    """Drops a file on a field and waits until the page has it and shows its name."""
    with tab.expect_response(lambda got: "/upload?" in got.url) as answer:
        tab.set_input_files(f"{field} input[type=file]", str(file))
    assert answer.value.ok, f"{answer.value.status} {answer.value.status_text}"
    tab.wait_for_function(SHOWN, arg=[field, "".join(file.name.split())])


def unfold(tab: Any, title: str) -> None:
    """Opens a folded part."""
    tab.click(f".mug-fold > button:has-text('{title}')")


def write_number(tab: Any, label: str, value: float) -> None:
    """Writes into the number beside a slider."""
    field = tab.get_by_label(f"number input for {label}", exact=True)
    field.fill(str(value))
    field.press("Tab")


def await_player(tab: Any) -> None:
    """Waits for a player whose sound is there."""
    tab.wait_for_function(f"{READY}?.engine.buffer")
