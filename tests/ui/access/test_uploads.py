"""An upload is kept whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from file_limits import largest_file
from gradio import route_utils
from starlette.datastructures import FormData, Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from mug.ui.access.uploads import NO_ROOM, WholeUploads, install

_PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.mp3"\r\n\r\n'


def _read(folder: Path, *pieces: bytes, leaves: bool = False) -> FormData:
    """Read an upload of these pieces; the visitor may hang up after them."""

    async def stream() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        if leaves:
            raise ClientDisconnect

    headers = Headers({"Content-Type": "multipart/form-data; boundary=x"})
    reader = WholeUploads(headers, stream(), max_file_size=1 << 20, upload_dir=folder)
    with ThreadPoolExecutor(1) as thread:  # a browser of other tests has a loop in this one
        return thread.submit(lambda: asyncio.run(reader.parse())).result()


def test_an_upload_is_read(tmp_path: Path) -> None:
    (found,) = _read(tmp_path, _PART, b"abc", b"\r\n--x--\r\n").getlist("files")
    assert isinstance(found, route_utils.GradioUploadFile)
    assert found.file.read() == b"abc"
    found.file.close()


def test_nothing_stays_of_an_upload_for_which_there_is_no_room(tmp_path: Path) -> None:
    with largest_file(1000), pytest.raises(HTTPException) as caught:
        _read(tmp_path, _PART, b"x" * 100_000, b"\r\n--x--\r\n")
    assert caught.value.status_code == NO_ROOM
    assert "File too large" in caught.value.detail
    assert not list(tmp_path.iterdir())


def test_nothing_stays_of_an_upload_that_is_broken_off(tmp_path: Path) -> None:
    with pytest.raises(ClientDisconnect):
        _read(tmp_path, _PART, b"x" * 1000, leaves=True)
    assert not list(tmp_path.iterdir())


def test_the_page_reads_uploads_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_utils, "GradioMultiPartParser", None)
    install()
    assert route_utils.GradioMultiPartParser is WholeUploads
