"""What the page serves besides Gradio's own: the player, its documents and sounds, downloads."""

from __future__ import annotations

import mimetypes
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
        folders: whose files may be fetched, by who knows a job's name.
    """
    mimetypes.add_type("text/javascript", ".js")

    async def job_file(request: Request) -> Response:
        if not _may_enter(request):
            return _closed()
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
        if not _may_enter(request):
            return _closed()
        found = folders.sound(request.path_params["job"], PREVIEW_SOUND)
        if found is None:
            return PlainTextResponse("not here", status_code=404)
        return FileResponse(found, media_type="audio/ogg", headers=_SAFE)

    return [
        # Code and style are in the repository for all to see; the login page asks for them too.
        Mount("/mug/player", StaticFiles(directory=PLAYER_FOLDER)),
        Mount("/mug/page", StaticFiles(directory=PAGE_FOLDER)),
        Route("/mug/jobs/{job}/{number}/{name}", job_file),
        Route("/mug/sound/{job}", sound),
    ]


_GRADIO_LOCALES = {"en": "en", "zh": "zh-CN"}


def speaking(languages: Mapping[str, str]) -> Middleware:
    """Makes Gradio's own words, which follow the browser, follow the page instead.

    Gradio's code asks `navigator.language`, before anything else of the page runs.

    Args:
        languages: `en` or `zh` by the page's path.
    """
    return Middleware(_Speaking, languages=languages)


class _Speaking:
    """Puts a line of script at the head of the pages."""

    def __init__(self, app: ASGIApp, languages: Mapping[str, str]) -> None:
        self._app, self._languages = app, languages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and its answer back, with the line where it is a page."""
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
                body = _spoken(body, language)
                headers["content-length"] = str(len(body))
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, send_changed)


def _spoken(page: bytes, language: str) -> bytes:
    locale = _GRADIO_LOCALES[language]
    line = f'Object.defineProperty(navigator, "language", {{get: () => "{locale}"}})'
    # Gradio's own script sets the same once it has run: the page says one language all the time.
    page = page.replace(b'lang="en"', f'lang="{locale}"'.encode(), 1)
    return page.replace(b"<head>", f"<head><script>{line}</script>".encode(), 1)


def _may_enter(request: Request) -> bool:
    """Whether someone has logged in, where the page asks for a name and a password.

    Gradio guards its own routes only; this reads the same cookie as these do.
    """
    app = request.app
    if app.auth is None and app.auth_dependency is None:
        return True
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    token = next((request.cookies[name] for name in names if request.cookies.get(name)), None)
    return token is not None and token in app.tokens


def _closed() -> Response:
    return PlainTextResponse("log in first", status_code=401)
