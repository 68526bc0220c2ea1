"""The first that sees a request: it turns away what must not reach the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mug.ui.access.hosts import Hosts
from mug.ui.access.limits import AddressBook, address_of
from mug.ui.access.paths import Paths
from mug.ui.access.presence import Presence

_UPLOAD, _LOGIN = "/gradio_api/upload", ("/login", "/login/")
_LATER = {"Retry-After": "60"}


class Guard:
    """Wraps an app.

    Args:
        app: what answers those who may enter.
        hosts: names that are known.
        paths: what is served.
        addresses: what each address holds.
        presence: learns who listens.
    """

    def __init__(
        self, app: ASGIApp, hosts: Hosts, paths: Paths, addresses: AddressBook, presence: Presence
    ) -> None:
        self._app, self._hosts, self._paths = app, hosts, paths
        self._addresses, self._presence = addresses, presence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        address = address_of((scope.get("client") or (None,))[0])
        if not self._addresses.enter(address):
            await _say("too many requests of this address are open", 429)(scope, receive, send)
            return
        try:
            async with self._presence.listening(scope, receive, address) as watched:
                await self._counted(scope, watched, send, address)
        finally:
            self._addresses.leave(address)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        """The answer to a request that must not pass."""
        headers, path = Headers(scope=scope), scope["path"]
        if scope["type"] != "http":
            return _say("there are no web sockets here", 403)
        if len(headers.getlist("host")) != 1 or not self._hosts.knows(headers["host"]):
            return _say("this server has another name; --allow_host NAME adds one", 421)
        if len(headers.getlist("origin")) > 1 or self._hosts.is_foreign(headers):
            return _say("another site's page may not ask for this", 403)
        if not self._paths.is_served(path):
            return _say("not here", 404)
        if not self._paths.is_login(path) and not may_enter(scope["app"], headers):
            return _say("log in first", 401)
        return None

    async def _counted(self, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        """Pass a request on within the limits of uploads, bodies and logins."""
        limits, path = self._addresses.limits, scope["path"]
        posted = scope["method"] == "POST"
        is_upload, is_login = posted and path == _UPLOAD, posted and path in _LOGIN
        most = limits.upload_bytes if is_upload else limits.body_bytes
        stated = Headers(scope=scope).get("content-length", "0")
        size = int(stated) if stated.isdecimal() else 0
        if size > most:
            text = f"the size of a request is at most {most} bytes"
            await _say(text, 413)(scope, receive, send)
        elif is_login and not self._addresses.may_log_in(address):
            await _say("too many wrong passwords: wait a minute", 429)(scope, receive, send)
        elif is_upload and not self._addresses.begin_upload(address, size):
            text = "this address has sent enough for now: wait, and try again"
            await _say(text, 429)(scope, receive, send)
        else:
            body = _Body(receive, most)
            with self._upload(address, body) if is_upload else _nothing():
                await self._passed(scope, body, send, address if is_login else None)

    @contextmanager
    def _upload(self, address: str, body: _Body) -> Iterator[None]:
        try:
            yield
        finally:
            self._addresses.end_upload(address, body.size)

    async def _passed(self, scope: Scope, body: _Body, send: Send, login: str | None) -> None:
        """Pass a request on.

        Args:
            scope: of the request.
            body: what it sends.
            send: for the answer.
            login: the address, where the request is a login.
        """
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            if body.is_too_large and not begun:
                return  # what the app says of the error
            if message["type"] == "http.response.start":
                begun = True
                if login is not None and message["status"] >= 400:
                    self._addresses.failed_login(login)
            await send(message)

        try:
            await self._app(scope, body.receive, watched)
        except _TooLargeError:
            if not begun:
                await _say("the request's size is too large", 413)(scope, body.receive, send)


class _TooLargeError(Exception):
    """A request sends more than it may."""


class _Body:
    """Body of a request, counted, whatever its header says.

    Args:
        receive: of the request.
        most: bytes that it may have.
    """

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most = receive, most
        self.size = 0

    @property
    def is_too_large(self) -> bool:
        """Return whether it has sent more than it may."""
        return self.size > self._most

    async def receive(self) -> Message:
        """The next piece."""
        message = await self._receive()
        self.size += len(message.get("body", b""))
        if self.is_too_large:
            raise _TooLargeError
        return message


def may_enter(app: Any, headers: Headers) -> bool:
    """Return whether someone has logged in, where the page asks for a name and a password.

    Args:
        app: Gradio's, whose cookies these are.
        headers: of the request.
    """
    if app.auth is None and app.auth_dependency is None:
        return True
    cookies = cookie_parser(headers.get("cookie", ""))
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    token = next((cookies[name] for name in names if cookies.get(name)), None)
    return token is not None and token in app.tokens


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _say(text: str, status: int) -> PlainTextResponse:
    headers = _LATER if status == 429 else None
    return PlainTextResponse(text, status_code=status, headers=headers)
