"""The server: strangers, greedy clients, thirty users at once, and memory over 300 generations.

One server without a model asks for a login, and answers strangers; another makes charts with the
shipped model. Each starts with the first try that needs it.
"""

from __future__ import annotations

import inspect
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gradio.routes
import numpy as np

from benchmarks._trust import FAILED, REFUSED, SURVIVED, Try
from benchmarks._visits import ROOT, Server, Visitor, generation, served, some_address
from mug.ui.access.paths import Paths

SECTION = "server"
FULL = 384
"""Of them 307 generations."""

USERS, CONNECTIONS = 30, 40
_EVERY = 12  # of so many tries two ask as strangers
_BUSY = 120  # of so many tries one each is a crowd, a greedy client and a hostile song
_GROWTH_MIB = 24.0  # of the server over all generations; the first ones import what is needed
_SETTLED = 20  # generations, after which memory must be flat
_LOGIN = ("me", "secret")
_PAGES = ("/", "/zh", "/zh/")

Outcome = tuple[str, str]
"""Result and detail of a try."""


def tries(count: int, seed: int, work: Path) -> Iterator[dict[str, Any]]:
    """Make `count` tries, each from the seed `seed`, `seed + 1` …, in an empty folder."""
    with ExitStack() as held:
        servers = Servers(work, held)
        for at in range(seed, seed + count):
            what, function = kind(at)
            began = time.monotonic()
            try:
                result, detail = function(servers, at)
            except (OSError, RuntimeError, ValueError) as error:
                result, detail = FAILED, f"{type(error).__name__}: {error}"
            seconds = time.monotonic() - began
            yield Try(what, at, result, seconds, servers.peak_mib(), detail[-300:]).as_dict()


class Servers:
    """The servers that were needed so far, and what is known of them."""

    def __init__(self, work: Path, held: ExitStack) -> None:
        self._work, self._held = work, held
        self._closed: Server | None = None
        self._charts: Server | None = None
        self._song: str | None = None
        self.curve: list[float] = []

    def closed(self) -> Server:
        """That which asks for a login, and has no model."""
        if self._closed is None:
            auth = ("--auth", ":".join(_LOGIN))
            self._closed = self._held.enter_context(served(self._work / "closed", None, *auth))
        return self._closed

    def charts(self) -> Server:
        """That which makes charts."""
        if self._charts is None:
            model = ROOT / "mug/models/4k"
            bounds = ("--job_gb", "1.5", "--job_minutes", "3")
            self._charts = self._held.enter_context(served(self._work / "charts", model, *bounds))
        return self._charts

    def song(self) -> str:
        """A song of twelve seconds that was uploaded."""
        if self._song is None:
            file = self._work / "song.wav"
            _write_clicks(file, 12.0)
            self._song = Visitor(self.charts()).upload(file)
        return self._song

    def peak_mib(self) -> float:
        """Memory of the largest server with its workers, now."""
        running = [one for one in (self._closed, self._charts) if one is not None]
        return max((sum(one.memory_mib()) for one in running), default=0.0)


def kind(seed: int) -> tuple[str, Callable[[Servers, int], Outcome]]:
    """Return the name of what a seed tries, and its function."""
    if seed % _EVERY == 1:
        return "all routes without login", _routes
    strangers = ("foreign host", _foreign_host), ("foreign origin", _foreign_origin)
    if seed % _EVERY == 2:
        return strangers[seed // _EVERY % 2]
    crowd = {3: (f"{USERS} users at once", _crowd), 4: ("a greedy client", _greedy),
             5: ("a song that takes too much", _hostile_song),
             6: ("a client that leaves", _leaves)}  # fmt: skip
    return crowd.get(seed % _BUSY, ("generation, memory flat", _generation))


# ---- strangers


def routes() -> list[tuple[str, str]]:
    """Method and path of every route that Gradio has, and of the page's own."""
    source = inspect.getsource(gradio.routes)
    found = re.findall(r"@(app|router)\.(get|post|head)\(\s*f?\"([^\"]+)\"", source)
    paths = [(m, ("/gradio_api" if kind == "router" else "") + path) for kind, m, path in found]
    paths += [("get", path) for path in ("/mug/jobs/{a}/0001/{b}", "/mug/sound/{a}", "/docs",
                                         "/redoc", "/openapi.json", "/queue/join")]  # fmt: skip
    return [(method.upper(), re.sub(r"{[^}]*}", "x", path)) for method, path in paths]


def _routes(servers: Servers, seed: int) -> Outcome:
    """Ask for each route with a method and a body that the seed decides."""
    draw, login = random.Random(seed), Paths(_PAGES)
    login.starting = False
    visitor = Visitor(servers.closed(), some_address(seed, 0))
    open_ = []
    for method, path in routes():
        method = draw.choice((method, method, "GET", "POST", "PUT", "OPTIONS", "HEAD"))
        body = draw.choice((None, b"{}", b"\xff" * 100)) if method in ("POST", "PUT") else None
        status, _ = visitor.request(path, method, body)
        if not login.is_login(path) and status not in (401, 404):
            open_.append(f"{method} {path}: {status}")
    return (FAILED, "; ".join(open_)) if open_ else (REFUSED, "")


def _foreign_host(servers: Servers, seed: int) -> Outcome:
    """Ask by a name that a stranger points here."""
    draw = random.Random(seed)
    name = "".join(draw.choices("abcxyz-0123.", k=draw.randint(1, 20)))
    hosts = (
        f"{name}.example",
        f"127.0.0.1.{name}.example",
        f"localhost.{name}a",
        f"{name}@localhost",
    )
    visitor = Visitor(servers.closed())
    found = {host: visitor.request("/", Host=host)[0] for host in hosts}
    bad = {host: status for host, status in found.items() if status not in (400, 421)}
    return (FAILED, str(bad)) if bad else (REFUSED, "")


def _foreign_origin(servers: Servers, seed: int) -> Outcome:
    """Send a file from another site's page."""
    visitor, port = Visitor(servers.closed()), servers.closed().port
    here = f"127.0.0.1:{port}"
    origins = ("null", f"http://a{seed}.example", f"http://localhost:{port + 1}",
               f"https://{here}.example", f"http://{here}@a.example")  # fmt: skip
    sent = {"Content_Type": "multipart/form-data; boundary=x"}
    found = {
        one: visitor.request("/gradio_api/upload", "POST", b"--x--\r\n", Origin=one, **sent)[0]
        for one in origins
    }
    bad = {one: status for one, status in found.items() if status != 403}
    return (FAILED, str(bad)) if bad else (REFUSED, "")


# ---- visitors


def _generation(servers: Servers, seed: int) -> Outcome:
    """Make a chart; the server's own memory stays where it was."""
    report = Visitor(servers.charts()).generate(servers.song(), seed=seed)
    if len(report["charts"]) != 1:
        return FAILED, "no chart"
    own, workers = servers.charts().memory_mib()
    curve = servers.curve
    curve.append(own)
    grown = own - curve[min(_SETTLED, len(curve)) - 1]
    detail = f"server {own:.1f} MiB, workers {workers:.1f} MiB, grown {grown:.1f} MiB"
    return (FAILED if grown > _GROWTH_MIB else SURVIVED), detail


def _crowd(servers: Servers, seed: int) -> Outcome:
    """Have many visitors ask at once: the same song and seed give all the same charts."""
    song, found, failed = servers.song(), [], []

    def visit(number: int) -> None:
        visitor = Visitor(servers.charts(), some_address(seed, number))
        try:
            report = visitor.generate(song, seed=7)
            found.append(str([chart["reached"] for chart in report["charts"]]))
        except (OSError, RuntimeError) as error:
            failed.append(str(error))

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(USERS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if failed or len(set(found)) != 1:
        return FAILED, f"{len(failed)} failed, {len(set(found))} results: {failed[:1]}"
    return SURVIVED, ""


def _greedy(servers: Servers, seed: int) -> Outcome:
    """Ask by many connections of one address; how long another visitor waits."""
    song, server = servers.song(), servers.charts()
    alone = _timed(lambda: Visitor(server, some_address(seed, 0)).generate(song, seed=seed))
    greedy = Visitor(server, some_address(seed, 1))
    events = [
        greedy.join("generate", generation(song, number, 40)) for number in range(CONNECTIONS)
    ]
    listening = [threading.Thread(target=_quietly, args=(greedy, event)) for event in events]
    for one in listening:
        one.start()
    beside = _timed(lambda: Visitor(server, some_address(seed, 2)).generate(song, seed=seed))
    for one in listening:
        one.join()
    one_job = 20 * alone  # the greedy one's charts have twenty times the steps
    detail = f"alone {alone:.1f} s, beside {CONNECTIONS} connections {beside:.1f} s"
    return (SURVIVED if beside < alone + one_job + 5 else FAILED), detail


def _hostile_song(servers: Servers, seed: int) -> Outcome:
    """Send a small file that says it is a very long song; others are served meanwhile."""
    path = servers.charts().log.with_name(f"silence{seed}.flac")
    _write_silence(path, seconds=3600.0 if seed % 2 else 890.0)
    visitor = Visitor(servers.charts(), some_address(seed, 1))
    try:
        visitor.generate(visitor.upload(path), seed=seed)
        said = "made"
    except RuntimeError as error:
        said = str(error)
    Visitor(servers.charts(), some_address(seed, 2)).generate(servers.song(), seed=seed)
    peak = servers.peak_mib()
    return (FAILED if peak > 4000 else REFUSED if said != "made" else SURVIVED), said


def _leaves(servers: Servers, seed: int) -> Outcome:
    """Ask for much, and never listen: the job ends, and another visitor is served."""
    visitor = Visitor(servers.charts(), some_address(seed, 1))
    visitor.join("generate", generation(servers.song(), seed, 200, 8, 32))
    seconds = _timed(
        lambda: Visitor(servers.charts(), some_address(seed, 2)).generate(servers.song(), seed=seed)
    )
    return (SURVIVED if seconds < 90 else FAILED), f"the next waited {seconds:.1f} s"


def _quietly(visitor: Visitor, event: str) -> None:
    try:
        visitor.listen("generate", event)
    except (OSError, RuntimeError):  # most of them are refused
        return


def _timed(function: Callable[[], object]) -> float:
    began = time.monotonic()
    function()
    return time.monotonic() - began


def _write_clicks(path: Path, seconds: float, rate: int = 22050) -> None:
    import soundfile

    wave = np.zeros(int(seconds * rate), np.float32)
    for start in range(0, len(wave) - 200, int(0.4 * rate)):
        wave[start : start + 200] = np.hanning(200)
    soundfile.write(path, wave, rate)


def _write_silence(path: Path, seconds: float, rate: int = 48000) -> None:
    import soundfile

    with soundfile.SoundFile(path, "w", rate, 8, format="FLAC", subtype="PCM_16") as sound:
        block = np.zeros((rate, 8), np.int16)
        for _ in range(int(seconds)):
            sound.write(block)
