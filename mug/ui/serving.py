"""Options of serving the page: address, login, limits. Free of Gradio: it loads at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Serving:
    """Options of serving the page.

    Args:
        host: address to listen on; only this computer by default.
        port: None takes the first free one from 7860 on.
        share: make a public address through Gradio's servers.
        auth: names and passwords that may enter; empty lets anyone in.
        language: of the first page; None goes by the browser.
        max_mb: size that an upload may have.
        max_gb: space that all jobs and uploads may take.
        job_gb: memory that one request may take.
        job_minutes: time that one request may take.
        hosts: further names of this server, as of a reverse proxy.
        proxies: addresses of reverse proxies, which say whom they speak for.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    share: bool = False
    auth: Sequence[tuple[str, str]] = ()
    language: str | None = None
    max_mb: int = 100
    max_gb: float = 10.0
    job_gb: float = 4.0
    job_minutes: float = 30.0
    hosts: Sequence[str] = ()
    proxies: Sequence[str] = ()

    @property
    def is_open(self) -> bool:
        """Return whether others than this computer's users can enter without a password."""
        return not self.auth and (self.share or self.host not in LOOPBACK)

    @property
    def trusted(self) -> tuple[str, ...]:
        """Addresses that say whom they speak for: proxies, and the tunnel of a public address."""
        return (*self.proxies, *(LOOPBACK[::2] if self.share else ()))

    def remarks(self, shared: str | None) -> list[str]:
        """Remarks for whoever starts the page.

        Args:
            shared: the public address; None without one.
        """
        said = []
        if shared:
            said.append(f"Everyone on the Internet finds it at {shared}")
        elif self.share:
            said.append("There is no public address: Gradio's servers could not be reached.")
        if self.is_open:
            said.append("Whoever finds the address may use it: --auth NAME:PASSWORD asks for one.")
        return said
