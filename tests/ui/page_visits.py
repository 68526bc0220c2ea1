"""A visitor of the page in a browser: what every visit begins with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

READY = "document.querySelector('mug-player')?.player"
PATIENCE_MS = 120_000  # a machine may have much else to do


@contextmanager
def visit(chromium: Any, address: str) -> Iterator[Any]:
    """Opens a page; afterwards it must have had no error and asked for nothing outside."""
    outside: list[str] = []
    errors: list[str] = []
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE_MS)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    inside = (address.removesuffix("/zh"), "data:", "blob:")
    tab.on(
        "request",
        lambda asked: None if asked.url.startswith(inside) else outside.append(asked.url),
    )
    tab.goto(address)
    tab.wait_for_selector("#mug-song input[type=file]", state="attached")
    yield tab
    context.close()
    assert errors == []
    assert outside == []


def drop_song(tab: Any, song: Path) -> None:
    """Drops a song and waits until the page has it."""
    tab.set_input_files("#mug-song input[type=file]", str(song))
    tab.wait_for_selector(f"text={song.name}")


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
