"""Limits of connections: how many an address has open, and how long a request's head may take."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from mug.ui.access.limits import address_of

HEAD_S = 20.0
"""Seconds from the first byte of a request, or from opening a connection, to the head's end."""


def limited(
    protocol: Callable[..., asyncio.Protocol],
    most: int,
    free: Collection[str] = (),
    head_s: float = HEAD_S,
) -> Callable[..., asyncio.Protocol]:
    """A protocol that hangs up on an address with too many connections, and on slow heads.

    Args:
        protocol: of the server, one object a connection.
        most: connections that an address may have.
        free: addresses without a limit: proxies, whose connections are those of many.
        head_s: seconds that the head of a request may take.
    """
    held: Counter[str] = Counter()

    def made(*args: Any, **options: Any) -> asyncio.Protocol:
        inner = protocol(*args, **options)
        make, lose, receive = inner.connection_made, inner.connection_lost, inner.data_received
        address, head = "", _Head(inner, head_s)

        def connection_made(transport: asyncio.BaseTransport) -> None:
            nonlocal address
            assert isinstance(transport, asyncio.Transport)
            peer = transport.get_extra_info("peername")
            found = address_of(peer[0] if peer else None)
            if found not in free and held[found] >= most:
                transport.abort()
                return
            address = found
            held[address] += 1
            head.begin(transport)
            make(transport)

        def data_received(data: bytes) -> None:
            head.before_data()
            receive(data)
            head.after_data()

        def connection_lost(error: Exception | None) -> None:
            head.end()
            if not address:
                return
            held[address] -= 1
            if not held[address]:
                del held[address]
            lose(error)

        inner.connection_made = connection_made  # type: ignore[method-assign]
        inner.data_received = data_received  # type: ignore[method-assign]
        inner.connection_lost = connection_lost  # type: ignore[method-assign, assignment]
        return inner

    return made


class _Head:
    """Time limit of the head that a connection waits for; uvicorn has one between requests only.

    Both protocols of uvicorn make a `cycle` of each request whose head is whole.
    """

    def __init__(self, protocol: Any, seconds: float) -> None:
        self._protocol, self._seconds = protocol, seconds
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last: Any = None

    def begin(self, transport: asyncio.Transport) -> None:
        """Wait for the first head."""
        self._transport = transport
        self._wait()

    def before_data(self) -> None:
        """Wait for the next head where the request before was answered."""
        if self._timer is None and self._last is not None and self._last.response_complete:
            self._wait()

    def after_data(self) -> None:
        """Wait no longer where the head is whole, or another protocol has taken over."""
        cycle = getattr(self._protocol, "cycle", None)
        taken = self._transport is not None and (
            self._transport.get_protocol() is not self._protocol
        )
        if taken or cycle is not self._last:
            self._last = cycle
            self.end()

    def end(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._seconds, self._transport.abort)
