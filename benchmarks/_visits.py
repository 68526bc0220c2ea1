"""Visitors of a served page by plain HTTP: each has an address of its own and its own numbers."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

ROOT = Path(__file__).resolve().parents[1]
_API = "/gradio_api"
_MIB = 1 << 20
_BOUNDARY = "x" + "y" * 20


@dataclass
class Server:
    """A page that is served.

    Args:
        port: of this computer.
        process: the server; its workers are its children.
        log: what it prints.
    """

    port: int
    process: psutil.Process
    log: Path

    def memory_mib(self) -> tuple[float, float]:
        """Memory of the server itself, and of its workers together."""
        own = self.process.memory_info().rss
        workers = sum(one.memory_info().rss for one in self.process.children(recursive=True))
        return own / _MIB, workers / _MIB


@contextmanager
def served(folder: Path, checkpoint: str | Path | None, *arguments: str) -> Iterator[Server]:
    """Serve a page that keeps its files in a folder; None has no model."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    model = ["--ckpt", str(checkpoint or folder / "none.ckpt")]
    command = [sys.executable, str(ROOT / "webui.py"), *model, "--device", "cpu",
               "--port", str(port), "--out", str(folder / "webui"), *arguments]  # fmt: skip
    log = folder / "log.txt"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        try:
            while "The page is at" not in log.read_text(encoding="utf-8"):
                if process.poll() is not None:
                    raise RuntimeError(log.read_text(encoding="utf-8"))
                time.sleep(0.1)
            yield Server(port, psutil.Process(process.pid), log)
        finally:
            process.terminate()
            process.wait()


class Visitor:
    """A visitor.

    Args:
        server: that is visited.
        address: of this computer, from which the requests come: any `127.x.x.x`.
    """

    def __init__(self, server: Server, address: str = "127.0.0.1") -> None:
        self._server, self.address = server, address

    def request(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Status and body of an answer; `_` in the name of a header stands for `-`."""
        with self.opened(path, method, body, headers) as answer:
            return answer.status, answer.read()

    def log_in(self, name: str, password: str) -> int:
        """The status of a login."""
        form = urlencode({"username": name, "password": password}).encode()
        kind = "application/x-www-form-urlencoded"
        return self.request("/login", "POST", form, Content_Type=kind)[0]

    def upload(self, path: Path) -> str:
        """Send a file; where the server keeps it."""
        head = f'Content-Disposition: form-data; name="files"; filename="{path.name}"'
        parts = f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode(), path.read_bytes(), b"\r\n"
        body = b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        status, said = self.request(f"{_API}/upload", "POST", body, Content_Type=kind)
        if status != 200:
            raise RuntimeError(f"{status}: {said!r}")
        (found,) = json.loads(said)
        return str(found)

    def join(self, call: str, data: list[Any]) -> str:
        """Ask for a call, and name the event; nobody listens yet."""
        body = json.dumps({"data": data}).encode()
        status, said = self.request(
            f"{_API}/call/{call}", "POST", body, Content_Type="application/json"
        )
        if status != 200:
            raise RuntimeError(f"{status}: {said!r}")
        return str(json.loads(said)["event_id"])

    def listen(self, call: str, event: str) -> Any:
        """Wait for what came of a call.

        Raises:
            RuntimeError: with the server's sentence, where it was refused.
        """
        with self.opened(f"{_API}/call/{call}/{event}") as answer:
            kind = ""
            for line in answer:
                text = line.decode().strip()
                if text.startswith("event:"):
                    kind = text.partition(":")[2].strip()
                elif text.startswith("data:") and kind in ("complete", "error"):
                    found = json.loads(text.partition(":")[2])
                    if kind == "error":
                        raise RuntimeError(str(found))
                    return found
        raise RuntimeError("the server hung up")

    def generate(self, song: str, *, seed: int = 1, steps: int = 2, **asked: Any) -> Any:
        """The report of charts for an uploaded song."""
        return self.listen(
            "generate", self.join("generate", generation(song, seed, steps, **asked))
        )[0]

    @contextmanager
    def opened(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[HTTPResponse]:
        """An answer that is still being sent; the end of the block hangs up."""
        link = HTTPConnection(
            "127.0.0.1", self._server.port, timeout=900, source_address=(self.address, 0)
        )
        try:
            named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
            link.request(method, path, body, named)
            yield link.getresponse()
        finally:
            link.close()


def generation(song: str, seed: int, steps: int, count: int = 1, candidates: int = 0) -> list[Any]:
    """Arguments of the call `generate`, in its order."""
    file = {"path": song, "meta": {"_type": "gradio.FileData"}}
    return [file, {"sr": 3.0}, "", count, candidates, steps, 5.0, "ddim", seed, 0.0, 0.0, False,
            False, {}, {}, ""]  # fmt: skip


def some_address(seed: int, number: int) -> str:
    """An address of this computer for one of many visitors."""
    return f"127.{1 + seed % 200}.{number // 250}.{1 + number % 250}"


def token() -> str:
    """A number that a client gives itself."""
    return secrets.token_hex(8)
