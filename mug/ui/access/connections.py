"""Limit of open connections by address, whether they ask for anything or not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from mug.ui.access.limits import address_of


def limited(
    protocol: Callable[..., asyncio.Protocol], most: int, free: Collection[str] = ()
) -> Callable[..., asyncio.Protocol]:
    """A protocol that hangs up on an address with too many connections.

    Args:
        protocol: of the server, one object a connection.
        most: connections that an address may have.
        free: addresses without a limit: proxies, whose connections are those of many.
    """
    held: Counter[str] = Counter()

    def made(*args: Any, **options: Any) -> asyncio.Protocol:
        inner = protocol(*args, **options)
        make, lose = inner.connection_made, inner.connection_lost
        address = ""

        def connection_made(transport: asyncio.BaseTransport) -> None:
            nonlocal address
            peer = transport.get_extra_info("peername")
            found = address_of(peer[0] if peer else None)
            if found not in free and held[found] >= most:
                assert isinstance(transport, asyncio.Transport)
                transport.abort()
                return
            address = found
            held[address] += 1
            make(transport)

        def connection_lost(error: Exception | None) -> None:
            if not address:
                return
            held[address] -= 1
            if not held[address]:
                del held[address]
            lose(error)

        inner.connection_made = connection_made  # type: ignore[method-assign]
        inner.connection_lost = connection_lost  # type: ignore[method-assign, assignment]
        return inner

    return made
