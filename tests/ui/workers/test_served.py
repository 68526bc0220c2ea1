"""A server whose visitors are greedy, leave, or bring a process down: the others are served."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil
import pytest
from pages import Running

from benchmarks._visits import Server, Visitor, generation
from mug.ui.jobs.queue import QueueLimits

LONG = {"steps": 200, "count": 8, "candidates": 32}


@pytest.fixture(scope="module")
def server(page: Running) -> Server:
    port = urlsplit(page.address).port
    assert port is not None
    return Server(port, psutil.Process(page.pid), page.folder.parent / "log.txt")


@pytest.fixture(scope="module")
def song(server: Server, page: Running) -> str:
    return Visitor(server).upload(page.song)


def _joined(visitor: Visitor, song: str, **how: int) -> str:
    settings = {"seed": 1, "steps": 2, **how}
    return visitor.join("generate", generation(song, **settings))


def _listening(visitor: Visitor, event: str) -> threading.Thread:
    def listen() -> None:
        try:
            visitor.listen("generate", event)
        except (OSError, RuntimeError):
            return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    return thread


def _worker(server: Server) -> psutil.Process:
    """The process that makes charts: it has read torch, and is the largest."""
    return max(server.process.children(recursive=True), key=lambda one: one.memory_info().rss)


def _begun(page: Running, visitor: Visitor, song: str) -> str:
    """The event of a long job, which runs by now: it has a folder."""
    jobs = page.folder / "jobs"
    before = {*jobs.iterdir()}
    event = _joined(visitor, song, **LONG)
    end = time.monotonic() + 60
    while {*jobs.iterdir()} == before:
        assert time.monotonic() < end
        time.sleep(0.02)
    return event


def test_visitors_at_once_get_the_same_charts(server: Server, song: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        visits = pool.map(
            lambda number: Visitor(server, f"127.0.4.{number}").generate(song, seed=7),
            range(1, 4),
        )
        found = [report["charts"][0]["reached"] for report in visits]
    assert all(one == found[0] for one in found)


def test_many_connections_of_one_client_wait_behind_a_visitor(server: Server, song: str) -> None:
    greedy = Visitor(server, "127.0.5.1")
    streams = [_listening(greedy, _joined(greedy, song, seed=number)) for number in range(12)]
    Visitor(server, "127.0.5.2").generate(song)
    assert any(one.is_alive() for one in streams)
    for one in streams:
        one.join()


def test_a_process_that_is_killed_takes_one_job_with_it(
    server: Server, song: str, page: Running
) -> None:
    visitor = Visitor(server, "127.0.6.1")
    event = _begun(page, visitor, song)
    _worker(server).kill()
    with pytest.raises(RuntimeError, match="process"):
        visitor.listen("generate", event)
    report = Visitor(server, "127.0.6.2").generate(song)
    assert len(report["charts"]) == 1
    assert all([*job.glob("*/result.json")] for job in (page.folder / "jobs").iterdir())


def test_who_hangs_up_leaves_the_line(server: Server, song: str, page: Running) -> None:
    leaving = Visitor(server, "127.0.7.1")
    event = _begun(page, leaving, song)
    with leaving.opened(f"/gradio_api/call/generate/{event}"):
        time.sleep(1.5)  # the server looks each second who listens
    began = time.monotonic()
    Visitor(server, "127.0.7.2").generate(song)
    assert time.monotonic() - began < QueueLimits().patience_s - 5
