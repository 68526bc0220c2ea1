"""Where a Chromium for the tests of the page is, and a server that they talk to."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REMEDY = "install Debian's chromium, run `playwright install chromium`, or set CHROMIUM to one"


def find_chromium() -> Path | None:
    """The browser that CHROMIUM names, Debian's, or Playwright's own; None where there is none."""
    named = os.environ.get("CHROMIUM")
    if named:
        return Path(named) if Path(named).is_file() else None
    kept = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache/ms-playwright"))
    places = [Path("/usr/bin/chromium"), *sorted(kept.glob("chromium-*/chrome-linux*/chrome"))]
    return next((place for place in places if place.is_file()), None)


def launch_arguments() -> list[str]:
    """Root may not use the sandbox; sound may start without a click."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [*sandbox, "--autoplay-policy=no-user-gesture-required"]


@contextmanager
def launched() -> Iterator[Any]:
    """A headless Chromium; its event loop must not outlive the tests that share it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(find_chromium()), args=launch_arguments()
        )
        yield browser
        browser.close()


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".ogg": "audio/ogg",
    }

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the tests look at what the browser saw."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serves a folder on the loopback; yields the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
