"""Listeners: the streams that each tab and each program holds open."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

from starlette.types import Scope

_API = "/gradio_api"


class Presence:
    """Open streams of events, by the tab that a browser or a program names.

    A program that asks by `/call/` names none in its stream; it counts for its whole address.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tabs: Counter[str] = Counter()
        self._unnamed: Counter[str] = Counter()

    @contextmanager
    def listening(self, scope: Scope, address: str) -> Iterator[None]:
        """Count a request while it is open, where it is a stream.

        Args:
            scope: of the request.
            address: that sent it.
        """
        tab = _tab_of(scope)
        if tab is None:
            yield
            return
        counter, name = (self._tabs, tab) if tab else (self._unnamed, address)
        with self._lock:
            counter[name] += 1
        try:
            yield
        finally:
            with self._lock:
                counter[name] -= 1
                if not counter[name]:
                    del counter[name]

    def listens(self, tab: str) -> bool:
        """Return whether a tab has a stream open."""
        with self._lock:
            return bool(self._tabs[tab])

    def is_followed(self, address: str, tab: str) -> bool:
        """Return whether somebody waits for what a tab asked for."""
        with self._lock:
            return bool(self._tabs[tab] or self._unnamed[address])


def _tab_of(scope: Scope) -> str | None:
    """The tab that a stream is for; empty for an unnamed one, None for another request."""
    path: str = scope["path"]
    if path == f"{_API}/queue/data":
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        return str(asked.get("session_hash", [""])[0])
    if path.startswith(f"{_API}/heartbeat/"):
        return path.removeprefix(f"{_API}/heartbeat/")
    is_call = path.startswith((f"{_API}/call/", f"{_API}/run/", f"{_API}/api/"))
    return "" if is_call else None
