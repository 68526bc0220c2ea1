"""Routes besides Gradio's own: the player, its documents and sounds, downloads."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Mapping
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mug.ui.jobs.files import PREVIEW_SOUND
from mug.ui.jobs.folders import JobFolders
from mug.ui.player.page import PLAYER_FOLDER

PAGE_FOLDER = Path(__file__).with_name("page")

_SHOWN = {".json": "application/json", ".png": "image/png"}
_SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}


def routes(folders: JobFolders) -> list[BaseRoute]:
    """The routes, all below `/mug/`.

    Args:
        folders: whose files may be fetched, by who knows a job's name; the guard asks for the
            login.
    """
    mimetypes.add_type("text/javascript", ".js")

    async def job_file(request: Request) -> Response:
        found = folders.file(**request.path_params)
        if found is None:
            return PlainTextResponse("not here", status_code=404)
        kind = _SHOWN.get(found.suffix)
        disposition = "inline" if kind else "attachment"
        return FileResponse(
            found,
            media_type=kind or "application/octet-stream",
            filename=found.name,
            content_disposition_type=disposition,
            headers=_SAFE,
        )

    async def sound(request: Request) -> Response:
        found = folders.sound(request.path_params["job"], PREVIEW_SOUND)
        if found is None:
            return PlainTextResponse("not here", status_code=404)
        return FileResponse(found, media_type="audio/ogg", headers=_SAFE)

    return [
        # Code and style are in the repository for all to see; the login page asks for them too.
        Mount("/mug/player", _Assets(directory=PLAYER_FOLDER)),
        Mount("/mug/page", _Assets(directory=PAGE_FOLDER)),
        Route("/mug/jobs/{job}/{number}/{name}", job_file),
        Route("/mug/sound/{job}", sound),
    ]


class _Assets(StaticFiles):
    """Scripts and styles of folders in which Python modules lie, too."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Return a file with its facts; no file where the page has no use for it."""
        return super().lookup_path(path) if path.endswith((".js", ".css")) else ("", None)


_GRADIO_LOCALES = {"en": "en", "zh": "zh-CN"}

# Scripts of this type run in the order of the page. Gradio's `head=` would not do: its own script
# adds those later, and shows the page without waiting for them.
_BEFORE_GRADIO = '<script type="module" src="/mug/page/page.js"></script>'
_AFTER_GRADIO = """<link rel="icon" href="data:,">
<script type="module" src="/mug/player/mug-player.js"></script>
<script type="module" src="/mug/player/mug-workbench.js"></script>
"""


def at_the_head(languages: Mapping[str, str], *, by_browser: bool) -> Middleware:
    """Put the page's scripts into its head, the first of them before Gradio's.

    Gradio's own words, which follow the browser, follow the page instead: Gradio's script asks
    `navigator.language`.

    Args:
        languages: `en` or `zh` by the page's path.
        by_browser: whether the browser's preference decides between the languages.
    """
    return Middleware(_AtTheHead, languages=languages, by_browser=by_browser)


class _AtTheHead:
    """Adds to the head of the pages."""

    def __init__(self, app: ASGIApp, languages: Mapping[str, str], by_browser: bool) -> None:
        self._app, self._languages, self._by_browser = app, languages, by_browser

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and its answer back, with the scripts where it is a page."""
        language = self._languages.get(scope.get("path", ""))
        if scope["type"] != "http" or language is None:
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = b""

        async def send_changed(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            headers = MutableHeaders(raw=start["headers"])
            if headers.get("content-type", "").startswith("text/html"):
                body = _with_scripts(body, language, by_browser=self._by_browser)
                headers["content-length"] = str(len(body))
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, send_changed)


def _with_scripts(page: bytes, language: str, *, by_browser: bool) -> bytes:
    locale = _GRADIO_LOCALES[language]
    line = f'Object.defineProperty(navigator, "language", {{get: () => "{locale}"}})'
    # Gradio's own script sets the same once it has run: the page says one language all the time.
    spoken = f'lang="{locale}"' + (" data-automatic" if by_browser else "")
    page = page.replace(b'lang="en"', spoken.encode(), 1)
    first = f"<head><script>{line}</script>{_BEFORE_GRADIO}"
    page = page.replace(b"<head>", first.encode(), 1)
    return page.replace(b"</head>", f"{_AFTER_GRADIO}</head>".encode(), 1)
