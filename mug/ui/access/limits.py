"""Limits by address: open requests, uploads in an hour, failed logins."""

from __future__ import annotations

import ipaddress
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_MB = 1_000_000
_HOUR_S, _LOGIN_S = 3600.0, 60.0
_MOST_ADDRESSES = 10_000


@dataclass(frozen=True)
class AddressLimits:
    """Numbers that one address may have.

    Args:
        requests: open at a time, the page's own streams among them; of connections, too.
        uploads: at a time.
        uploads_hour: number of uploads in an hour.
        upload_bytes_hour: their size together.
        upload_bytes: of one upload.
        body_bytes: of any other request.
        failed_logins: in a minute.
    """

    requests: int = 128
    uploads: int = 6
    uploads_hour: int = 600
    upload_bytes_hour: int = 2500 * _MB
    upload_bytes: int = 101 << 20
    body_bytes: int = 4 * _MB
    failed_logins: int = 10

    @classmethod
    def of(cls, max_mb: int, max_gb: float) -> AddressLimits:
        """Return those for uploads of `max_mb` where all files may have `max_gb`."""
        each = (
            max_mb + 1
        ) << 20  # Gradio, too, counts these in 1,024s; a form has more than a file
        return cls(upload_bytes=each, upload_bytes_hour=max(2 * each, int(max_gb * 1000 * _MB / 4)))


@dataclass
class _Held:
    """Counts of one address."""

    requests: int = 0
    uploads: int = 0
    sent: deque[tuple[float, int]] = field(default_factory=deque)
    failures: deque[float] = field(default_factory=deque)


class AddressBook:
    """Counts of each address at the moment. One thread, that of the server, uses it.

    Args:
        limits: of each address.
        uploaded: is called after each upload.
        clock: in seconds.
    """

    def __init__(
        self,
        limits: AddressLimits,
        uploaded: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits, self._uploaded, self._clock = limits, uploaded, clock
        self._held: dict[str, _Held] = {}

    def enter(self, address: str) -> bool:
        """Count a request; whether it may be open beside the others."""
        held = self._of(address)
        if held.requests >= self.limits.requests:
            return False
        held.requests += 1
        return True

    def leave(self, address: str) -> None:
        """Take a request back."""
        self._of(address).requests -= 1

    def begin_upload(self, address: str, size: int) -> bool:
        """Count an upload; whether this address may send so many bytes more.

        Args:
            address: whose it is.
            size: that its header states.
        """
        held, limits = self._of(address), self.limits
        now = self._clock()
        while held.sent and held.sent[0][0] < now - _HOUR_S:
            held.sent.popleft()
        full = sum(one for _, one in held.sent) + size > limits.upload_bytes_hour
        if full or held.uploads >= limits.uploads or len(held.sent) >= limits.uploads_hour:
            return False
        held.uploads += 1
        return True

    def end_upload(self, address: str, sent: int) -> None:
        """Take an upload back, and remember what it sent."""
        held = self._of(address)
        held.uploads -= 1
        held.sent.append((self._clock(), sent))
        self._uploaded()

    def may_log_in(self, address: str) -> bool:
        """Return whether an address has tries left."""
        failures = self._of(address).failures
        while failures and failures[0] < self._clock() - _LOGIN_S:
            failures.popleft()
        return len(failures) < self.limits.failed_logins

    def failed_login(self, address: str) -> None:
        """Count a wrong password."""
        self._of(address).failures.append(self._clock())

    def _of(self, address: str) -> _Held:
        if address not in self._held and len(self._held) >= _MOST_ADDRESSES:
            self._forget()
        return self._held.setdefault(address, _Held())

    def _forget(self) -> None:
        """Drop addresses that hold nothing, those that came first before all others."""
        idle = [name for name, one in self._held.items() if not one.requests and not one.uploads]
        for name in idle[: max(1, _MOST_ADDRESSES // 10)]:
            del self._held[name]


def address_of(host: str | None) -> str:
    """Name of an address for its limits: of IPv6 the network of 64 bits, of which one has all.

    Args:
        host: as the connection or a trusted proxy says it.
    """
    try:
        found = ipaddress.ip_address((host or "").partition("%")[0])
    except ValueError:
        return host or "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
