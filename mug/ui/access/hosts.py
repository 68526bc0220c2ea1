"""Host names that the page answers to, and pages that may call it.

A page elsewhere can make a browser on this computer call the server: by a name of its own that it
points here (DNS rebinding), or by a form that it sends across. Both show in headers that a page
cannot set: `Host`, `Origin` and `Sec-Fetch-Site`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}

Place = tuple[str, int | None]
"""Name in lower case and port; None for the usual port."""


class Hosts:
    """Host names that are known.

    Numeric addresses are always known: no name leads to them, so that none can be pointed here.

    Args:
        allowed: further names, as of a reverse proxy; `*.example.org` stands for all below it.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        here = socket.gethostname().lower()
        self._own = {"localhost", here, f"{here}.local"}
        self._allowed = {name.strip().lower().rstrip(".") for name in allowed}

    def allow(self, name: str) -> None:
        """Add a name that is known only once the server runs, as that of a tunnel."""
        self._allowed.add(name.lower())

    def knows(self, host: str) -> bool:
        """Return whether a `Host` header names this server."""
        place = _place(f"//{host}")
        return place is not None and self._knows_name(place[0])

    def _knows_name(self, name: str) -> bool:
        if name in self._own or name.endswith(".localhost") or self._is_allowed(name):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_allowed(self, name: str) -> bool:
        above = (f"*.{name.split('.', at)[-1]}" for at in range(1, 1 + name.count(".")))
        return name in self._allowed or any(one in self._allowed for one in above)

    def is_foreign(self, headers: Mapping[str, str]) -> bool:
        """Return whether a page of another site sent a request.

        Programs send neither header. A link from another site may lead here.

        Args:
            headers: of the request; `host` is known.
        """
        origin = headers.get("origin")
        if origin is not None:
            place, own = _place(origin), _place(f"//{headers.get('host', '')}")
            usual = _PORTS.get(urlsplit(origin).scheme) if place else None
            if place is None or own is None:
                return True
            same = (place[0], place[1] or usual) == (own[0], own[1] or usual)
            return not same and not self._is_allowed(place[0])
        site = headers.get("sec-fetch-site", "none")
        return site not in ("none", "same-origin") and headers.get("sec-fetch-mode") != "navigate"


def _place(url: str) -> Place | None:
    """Return name and port of an address; None where there are none."""
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not name or parts.username is not None or parts.path or parts.query:
        return None
    return name.rstrip("."), port
