"""Listeners: the streams that each tab and each program holds open."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Message, Receive, Scope

_API = "/gradio_api"


class Presence:
    """Open streams of events, by the tab that a browser or a program names.

    A call without a queue names no tab here; it counts for its whole address.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tabs: Counter[str] = Counter()
        self._unnamed: Counter[str] = Counter()

    @asynccontextmanager
    async def listening(
        self, scope: Scope, receive: Receive, address: str
    ) -> AsyncIterator[Receive]:
        """Count a request while its client is there, where it is a stream.

        Args:
            scope: of the request.
            receive: of the request.
            address: that sent it.

        Yields:
            The `receive` to use instead.
        """
        tab = _tab_of(scope)
        if tab is None:
            yield receive
        elif not tab:
            with self._counted(self._unnamed, address):
                yield receive
        else:
            stream = _Stream(await receive(), receive)
            counted = asyncio.create_task(self._until_gone(tab, stream))
            try:
                yield stream.receive
            finally:
                counted.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await counted

    async def _until_gone(self, tab: str, stream: _Stream) -> None:
        with self._counted(self._tabs, tab):
            await stream.watch()

    @contextmanager
    def _counted(self, counter: Counter[str], name: str) -> Iterator[None]:
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


class _Stream:
    """Request of a stream, of which it is known at once when the client hangs up.

    Gradio would notice with the next event that it sends.

    Args:
        first: the request itself.
        receive: what comes after it.
    """

    def __init__(self, first: Message, receive: Receive) -> None:
        self._first: Message | None = first
        self._receive, self._gone = receive, asyncio.Event()

    async def watch(self) -> None:
        """Wait until the client hangs up."""
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self._gone.set()

    async def receive(self) -> Message:
        """The request, and then its end."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        await self._gone.wait()
        return {"type": "http.disconnect"}


def _tab_of(scope: Scope) -> str | None:
    """The tab that a stream is for; empty for an unnamed one, None for another request."""
    path: str = scope["path"]
    if path == f"{_API}/queue/data":
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        return str(asked.get("session_hash", [""])[0])
    if path.startswith(f"{_API}/heartbeat/"):
        return path.removeprefix(f"{_API}/heartbeat/")
    if path.startswith(f"{_API}/call/"):
        return (
            _tab_of_event(scope["app"], path.rpartition("/")[2])
            if scope["method"] == "GET"
            else None
        )
    return "" if path.startswith((f"{_API}/run/", f"{_API}/api/")) else None


def _tab_of_event(app: Any, event: str) -> str:
    """The tab that an event is for: one that a program named, or the event itself."""
    found = app.get_blocks()._queue.event_ids_to_events.get(event)
    return event if found is None else str(found.session_hash)
