"""A page that runs in a process of its own, as `python webui.py` starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from repository import ROOT

from mug.compose.composer import compose_song
from mug.compose.score import Song
from mug.compose.sound import render, write_audio
from mug.compose.style import SongStyle


@dataclass(frozen=True)
class Running:
    """A page that is served.

    Args:
        address: where, without a slash at the end.
        folder: where it keeps its jobs.
        song: a song of twelve seconds to drop.
        pid: of the server.
    """

    address: str
    folder: Path
    song: Path
    pid: int


def composed_song(seconds: float = 12.0) -> Song:
    """A song at 150 beats a minute."""
    style = SongStyle(
        seconds=(seconds, seconds), tempo=(150.0, 150.0), wide_tempo_p=0.0, tempo_change_p=0.0,
        metres={"4/4": 1.0}, swing_p=0.0,
    )  # fmt: skip
    return compose_song(4, style)


def write_song(path: Path, seconds: float = 12.0) -> Path:
    """The sound of a composed song."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, render(composed_song(seconds)))
    return path


@contextmanager
def running(folder: Path, checkpoint: Path, *arguments: str) -> Iterator[Running]:
    """Serves a page that keeps its files below a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(ROOT / "webui.py"), "--ckpt", str(checkpoint), "--device", "cpu",
               "--port", str(port), "--out", str(folder / "webui"), *arguments]  # fmt: skip
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(folder)},
        )
        try:
            while "The page is at" not in log.read_text():
                assert process.poll() is None, log.read_text()
                time.sleep(0.2)
            song = write_song(folder / "composed.ogg")
            yield Running(f"http://127.0.0.1:{port}", folder / "webui", song, process.pid)
        finally:
            process.terminate()
            process.wait()
