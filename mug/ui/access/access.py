"""The guard in front of Gradio's app, and what of the server it needs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from mug.ui.access.connections import limited
from mug.ui.access.guard import Guard
from mug.ui.access.hosts import Hosts
from mug.ui.access.limits import AddressBook, AddressLimits, address_of
from mug.ui.access.paths import Paths
from mug.ui.access.presence import Presence
from mug.ui.access.uploads import install
from mug.ui.serving import Serving
from mug.ui.sessions import Sessions

_MOST_FILES = 65_536
Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


class Access:
    """Access to one server.

    Args:
        serving: hosts, proxies and limits.
        pages: paths of the page in each language.
        uploaded: is called after each upload.
    """

    def __init__(
        self, serving: Serving, pages: Iterable[str], uploaded: Callable[[], None]
    ) -> None:
        self._uploaded = uploaded
        self._paths = Paths(pages)
        self._trusted = serving.trusted
        self._limits = AddressLimits.of(serving.max_mb, serving.max_gb)
        self._hosts = Hosts(serving.hosts)
        self.presence = Presence()

    def prepare(self) -> None:
        """Say whose `X-Forwarded-For` is believed, take file descriptors, guard uploads."""
        os.environ["FORWARDED_ALLOW_IPS"] = ",".join(self._trusted)  # uvicorn reads it
        _take_descriptors()
        install()

    def lifespan(self) -> Lifespan:
        """Return what Gradio's app runs as it starts: the guard gets before all else."""
        addresses = AddressBook(self._limits, self._uploaded)

        @asynccontextmanager
        async def guarded(app: Any) -> AsyncIterator[None]:
            app.state_holder = Sessions(self.presence.listens)
            app.state_holder.set_blocks(app.get_blocks())
            # Middleware that is handed to Gradio would come after its own.
            app.middleware_stack = Guard(
                app.middleware_stack, self._hosts, self._paths, addresses, self.presence
            )
            yield

        return guarded

    def opened(self, page: Any, shared: str | None) -> None:
        """Add what is known only once the server listens.

        Args:
            page: that was launched.
            shared: its public address; None without one.
        """
        self._paths.starting = False
        if shared:
            self._hosts.allow(urlsplit(shared).hostname or "")
        config = getattr(page, "server", None) and page.server.config
        if config:
            free = {address_of(one) for one in self._trusted}
            config.http_protocol_class = limited(
                config.http_protocol_class, self._limits.requests, free
            )


def _take_descriptors() -> None:
    """Raise the number of files that may be open: each connection is one."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
