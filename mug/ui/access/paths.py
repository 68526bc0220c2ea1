"""Paths that are served at all, and those of the login."""

from __future__ import annotations

from collections.abc import Iterable

_API = "/gradio_api"
_LOGIN = {
    "/",
    "/login",
    "/login/",
    "/theme.css",
    f"{_API}/theme.css",
    "/favicon.ico",
    "/robots.txt",
}
_STARTS = f"{_API}/startup-events"
_LOGIN_BELOW = ("/assets/", "/static/", "/svelte/", "/mug/page/", "/mug/player/")
_SERVED = {
    "/config", "/config/", "/logout", "/manifest.json",
    *(f"{_API}/{name}" for name in (
        "app_id", "cancel", "info", "info/", "login_check", "openapi.json", "queue/data",
        "queue/join", "reset", "reset/", "startup-events", "upload", "upload_progress", "user",
    )),
}  # fmt: skip
_SERVED_BELOW = (
    "/mug/jobs/", "/mug/sound/",
    *(f"{_API}/{name}" for name in ("api/", "call/", "file=", "heartbeat/", "run/")),
)  # fmt: skip


class Paths:
    """Paths of the page; whatever else Gradio brings with it stays closed.

    Args:
        pages: paths of the page in each language.
    """

    def __init__(self, pages: Iterable[str]) -> None:
        self._pages = {*pages}
        self.starting = True
        """Open for Gradio alone, which asks its own server as it starts."""

    def is_login(self, path: str) -> bool:
        """Return whether the login needs a path: the page, which asks for it, with its code."""
        own = self.starting and path == _STARTS
        return own or path in _LOGIN or path in self._pages or _below(path, _LOGIN_BELOW)

    def is_served(self, path: str) -> bool:
        """Return whether the page or a program needs a path."""
        return self.is_login(path) or path in _SERVED or _below(path, _SERVED_BELOW)


def _below(path: str, roots: tuple[str, ...]) -> bool:
    return path.startswith(roots) and ".." not in path.split("/")
