"""Requests to a served page that are sent as they stand: dots, foreign hosts and all."""

from __future__ import annotations

import re
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from pages import Running

Answer = tuple[int, dict[str, str], bytes]
FORM = "application/x-www-form-urlencoded"


def ask(
    page: Running,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    *,
    source: str = "127.0.0.1",
    **headers: str,
) -> Answer:
    """Status, headers and body of an answer.

    Args:
        page: that is asked.
        path: with its query.
        method: of HTTP.
        body: that is sent.
        source: address of this computer that asks; each `127.x.x.x` is another visitor.
        headers: with `_` for `-`.
    """
    link = HTTPConnection(urlsplit(page.address).netloc, timeout=60, source_address=(source, 0))
    link.request(method, path, body, {name.replace("_", "-"): v for name, v in headers.items()})
    answer = link.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    link.close()
    return found


def upload(page: Running, name: str, data: bytes, **headers: str) -> tuple[int, bytes]:
    """Status and body of the answer to a file."""
    line = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = line.encode() + data + b"\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    status, _, said = ask(page, "/gradio_api/upload", "POST", body, Content_Type=kind, **headers)
    return status, said


def log_in(page: Running, name: str, password: str, **headers: str) -> Answer:
    """The answer to a name and a password."""
    form = urlencode({"username": name, "password": password}).encode()
    return ask(page, "/login", "POST", form, Content_Type=FORM, **headers)


def cookie_of(answer: Answer) -> str:
    """What a browser sends after a login."""
    (found, *_) = re.findall(r"access-token-[^;]+", answer[1]["set-cookie"])
    return found
