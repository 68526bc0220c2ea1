"""Connections whose request never comes to its end are hung up; those that work are not."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from mug.ui.access.connections import limited

HEAD_S = 0.15
_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


async def _app(scope: Any, _receive: Any, send: Any) -> None:
    """Answers after twice the time that a head may take."""
    if scope["type"] == "http":
        await asyncio.sleep(2 * HEAD_S)
        head = {"type": "http.response.start", "status": 200}
        await send({**head, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server with the limit."""
    config = uvicorn.Config(_app, port=0, log_level="critical", lifespan="off", ws="none")
    config.load()
    config.http_protocol_class = limited(config.http_protocol_class, 8, head_s=HEAD_S)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def _open(port: int) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port), timeout=5.0)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def _trickle(link: socket.socket) -> float:
    """Send a head byte by byte without end; the seconds until the server hangs up."""
    began = time.monotonic()
    try:
        link.sendall(_HEAD)
        while time.monotonic() - began < 3.0:
            link.sendall(b"X")
            time.sleep(HEAD_S / 5)
    except OSError:
        return time.monotonic() - began
    return 9.0


def _ask(link: socket.socket) -> bytes:
    link.sendall(_HEAD + b"\r\n")
    said = b""
    while not said.endswith(b"ok"):
        said += link.recv(1000)
    return said


def test_a_head_that_does_not_end_is_hung_up(port: int) -> None:
    with _open(port) as link:
        assert _trickle(link) < 4 * HEAD_S


def test_a_connection_that_says_nothing_is_hung_up(port: int) -> None:
    with _open(port) as link:
        assert link.recv(1) == b""


def test_slow_answers_and_further_requests_are_served_but_no_slow_second_head(port: int) -> None:
    with _open(port) as link:
        for _ in range(2):
            assert _ask(link).startswith(b"HTTP/1.1 200")
        assert _trickle(link) < 4 * HEAD_S
