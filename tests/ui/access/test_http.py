"""What the server answers to strangers: foreign hosts, foreign pages, no login, greed."""

from __future__ import annotations

import inspect
import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPException
from urllib.parse import urlsplit

import gradio.routes
import psutil
import pytest
from asking import ask, cookie_of, log_in, upload
from pages import Running, running

from mug.ui.access.limits import AddressLimits
from mug.ui.access.paths import Paths

USER = ("me", "secret")
HTML = ["/", "/zh"]
LIMITS = AddressLimits()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A page without a model that asks for a password, behind a proxy that it trusts."""
    folder = tmp_path_factory.mktemp("guarded")
    flags = ["--auth", ":".join(USER), "--max_mb", "1", "--allow_host", "charts.example.org",
             "--proxy", "127.0.0.9"]  # fmt: skip
    with running(folder, folder / "none.ckpt", *flags) as served:
        yield served


@pytest.fixture(scope="module")
def cookie(page: Running) -> str:
    return cookie_of(log_in(page, *USER))


def _routes() -> list[tuple[str, str]]:
    """Method and path of every route that Gradio has, and of the page's own."""
    source = inspect.getsource(gradio.routes)
    found = re.findall(r"@(app|router)\.(get|post|head)\(\s*f?\"([^\"]+)\"", source)
    assert len(found) > 60
    paths = [(m, ("/gradio_api" if kind == "router" else "") + path) for kind, m, path in found]
    paths += [("get", "/mug/jobs/{job}/0001/{name}"), ("get", "/mug/sound/{job}")]
    paths += [("get", path) for path in ("/docs", "/redoc", "/openapi.json", "/queue/join")]
    return [(method.upper(), re.sub(r"{[^}]*}", "x", path)) for method, path in paths]


def test_without_login_nothing_answers_but_the_login_itself(page: Running) -> None:
    login = Paths(HTML)
    login.starting = False
    for method, path in _routes():
        status, _, said = ask(page, path, method, b"{}" if method == "POST" else None)
        if login.is_login(path):
            continue
        assert status in (401, 404), (method, path)
        assert said in (b"log in first", b"not here", b""), (method, path)


def test_the_login_shows_nothing_of_the_page(page: Running, cookie: str) -> None:
    for path in HTML:
        _, _, said = ask(page, path)
        assert b"auth_required" in said
        assert b"mug-generate" not in said
        assert b"mug-generate" in ask(page, path, Cookie=cookie)[2]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_another_name_reaches_nothing(page: Running, cookie: str, host: str) -> None:
    for method, path in (("GET", "/"), ("GET", "/config"), ("POST", "/login"), ("OPTIONS", "/")):
        status, headers, _ = ask(page, path, method, Host=host, Cookie=cookie)
        assert status in (400, 421), path
        assert "access-control-allow-origin" not in headers


def test_two_names_at_once_reach_nothing(page: Running) -> None:
    place = urlsplit(page.address)
    with socket.create_connection((place.hostname, place.port), timeout=20) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert link.recv(100).split()[1] in (b"400", b"421")


def test_names_that_are_allowed_reach_the_page(page: Running) -> None:
    for host in ("charts.example.org", "localhost:1", "[::1]", "10.0.0.7"):
        assert ask(page, "/", Host=host)[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_another_sites_page_can_send_nothing(page: Running, cookie: str, origin: str) -> None:
    for headers in ({"Origin": origin}, {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "cors"}):
        sent = {**headers, "Cookie": cookie}
        before = len(list(page.folder.rglob("*")))
        assert upload(page, "a.ogg", b"OggS", **sent)[0] == 403
        assert len(list(page.folder.rglob("*"))) == before
        assert ask(page, "/gradio_api/queue/join", "POST", b"{}", **sent)[0] == 403
        assert ask(page, "/config", **sent)[0] == 403
        assert log_in(page, *USER, **headers)[0] == 403
        status, answered, _ = ask(page, "/config", "OPTIONS", **sent)
        assert status == 403
        assert "access-control-allow-origin" not in answered


def test_the_page_itself_can(page: Running, cookie: str) -> None:
    own = {"Origin": page.address, "Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "cors"}
    assert upload(page, "a.ogg", b"OggS", Cookie=cookie, **own)[0] == 200
    outside = {"Host": "charts.example.org", "Origin": "https://charts.example.org"}
    assert upload(page, "a.ogg", b"OggS", Cookie=cookie, **outside)[0] == 200
    linked = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert ask(page, "/", **linked)[0] == 200


def test_wrong_passwords_run_out_for_their_address_alone(page: Running) -> None:
    for _ in range(LIMITS.failed_logins):
        assert log_in(page, USER[0], "x", source="127.0.1.1")[0] == 400
    assert log_in(page, *USER, source="127.0.1.1")[0] == 429
    assert log_in(page, *USER, source="127.0.1.2")[0] == 200


def test_only_a_trusted_proxy_says_whom_it_speaks_for(page: Running) -> None:
    """An address cannot be made up: the limit follows the connection."""
    for number in range(LIMITS.failed_logins + 1):
        made_up = {"X_Forwarded_For": f"10.9.8.{number}"}
        status = log_in(page, USER[0], "x", source="127.0.2.1", **made_up)[0]
    assert status == 429
    for number in range(LIMITS.failed_logins + 1):
        told = {"X_Forwarded_For": f"10.9.8.{number}"}
        assert log_in(page, USER[0], "x", source="127.0.0.9", **told)[0] == 400


def test_bodies_are_bounded_whatever_their_header_says(page: Running, cookie: str) -> None:
    most = LIMITS.body_bytes
    status = ask(page, "/gradio_api/queue/join", "POST", b" " * (most + 1), Cookie=cookie)[0]
    assert status == 413
    place = urlsplit(page.address)
    head = (f"POST /gradio_api/upload HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookie}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n"
            "Transfer-Encoding: chunked\r\n\r\n")  # fmt: skip
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a%d"\r\n\r\n'
    with socket.create_connection((place.hostname, place.port), timeout=20) as link:
        link.sendall(head.encode())
        said = b""
        try:
            for number in range(5):  # each file is small enough
                block = part % number + b"x" * 800_000 + b"\r\n"
                link.sendall(b"%x\r\n%s\r\n" % (len(block), block))
            said = link.recv(100)
        except OSError:
            said = link.recv(100)
    assert said.split()[1] == b"413"


def test_connections_run_out_for_their_address_alone(page: Running) -> None:
    place = urlsplit(page.address)
    with ExitStack() as held:
        for _ in range(LIMITS.requests):
            held.enter_context(
                socket.create_connection(
                    (place.hostname, place.port), timeout=20, source_address=("127.0.3.1", 0)
                )
            )
        ask(page, "/", source="127.0.3.2")  # by then the server has taken them all
        with pytest.raises((ConnectionError, HTTPException)):
            ask(page, "/", source="127.0.3.1")
        assert ask(page, "/", source="127.0.3.2")[0] == 200
    assert ask(page, "/", source="127.0.3.1")[0] == 200


def test_a_form_of_many_files_is_one_upload(page: Running, cookie: str) -> None:
    line = '--x\r\nContent-Disposition: form-data; name="files"; filename="{}.ogg"\r\n\r\nOggS\r\n'
    body = ("".join(line.format(number) for number in range(3)) + "--x--\r\n").encode()
    kind = "multipart/form-data; boundary=x"
    status, _, said = ask(
        page, "/gradio_api/upload", "POST", body, Content_Type=kind, Cookie=cookie
    )
    assert (status, len(json.loads(said))) == (200, 3)


def test_calls_that_are_over_are_forgotten(page: Running, cookie: str) -> None:
    """Gradio kept two thirds of a MiB of each."""
    process = psutil.Process(page.pid)

    def call() -> None:
        sent = {"Cookie": cookie, "Content_Type": "application/json"}
        path = "/gradio_api/call/chart_to_prompt"
        status, _, said = ask(page, path, "POST", b'{"data": [null, 1]}', **sent)
        assert status == 200
        assert b"event: error" in ask(page, f"{path}/{json.loads(said)['event_id']}", **sent)[2]

    for _ in range(10):
        call()
    before = process.memory_info().rss
    for _ in range(30):
        call()
    assert process.memory_info().rss - before < 6 << 20
