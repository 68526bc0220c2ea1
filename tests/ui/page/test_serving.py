"""Who may enter, what may be asked for, what a start brings with it: a real server, real HTTP."""

from __future__ import annotations

import inspect
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
import pytest
from asking import ask, cookie_of, log_in, upload
from gradio_client import Client
from pages import ROOT, Running, running

from mug.cli import webui
from mug.errors import ConfigError
from mug.ui import app
from mug.ui.jobs.folders import JobFolders
from mug.ui.jobs.job import Job
from mug.ui.jobs.owner import Owner
from mug.ui.serving import Serving

USER = ("me", "a secret: 1")


def _job(folder: Path) -> str:
    """A job's folder with files, as the page would have made it; its key."""
    job = JobFolders(folder / "jobs").new_job()
    revision = job / "0001"
    revision.mkdir()
    (revision / "player.json").write_text("{}")
    (revision / "chart.osu").write_text("osu file format v14")
    (job / "preview.ogg").write_bytes(b"OggS")
    (job / "song.ogg").write_bytes(b"OggS")
    return f"{job.name}/0001"


# ---- the command line


def _serving(*line: str) -> Serving:
    return webui.serving_of(webui.parser().parse_args(line))


def test_by_default_only_this_computer_is_served_and_nothing_is_shared() -> None:
    serving = _serving()
    assert (serving.host, serving.share, serving.auth) == ("127.0.0.1", False, ())
    assert not serving.is_open
    assert serving.remarks(None) == []


def test_the_flags_say_what_they_do() -> None:
    assert _serving("--listen").host == "0.0.0.0"
    assert _serving("--host", "10.0.0.7").host == "10.0.0.7"
    assert _serving("--share").share
    assert _serving("--port", "7000").port == 7000
    assert _serving("--max_mb", "7").max_mb == 7
    named = _serving("--auth", "me:a:b", "--auth", "you:c")
    assert named.auth == (("me", "a:b"), ("you", "c"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (("--auth", "me"), "NAME:PASSWORD"),
        (("--auth", ":secret"), "NAME:PASSWORD"),
        (("--listen", "--host", "10.0.0.7"), "either"),
        (("--max_mb", "0"), "1 MB"),
        (("--max_gb", "0.3"), "four uploads"),
        (("--job_gb", "0"), "above 0"),
        (("--job_minutes", "nan"), "above 0"),
    ],
)
def test_flags_that_cannot_be_are_refused(line: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        _serving(*line)


def test_names_and_passwords_can_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "auth.txt"
    file.write_text("me:a:b\n\nyou:c\n")
    assert _serving("--auth_file", str(file)).auth == (("me", "a:b"), ("you", "c"))
    for text in ("", "me", "\n"):  # an open page would be a surprise
        file.write_text(text)
        with pytest.raises(ConfigError, match="NAME:PASSWORD"):
            _serving("--auth_file", str(file))
    with pytest.raises(ConfigError, match=r"gone\.txt"):
        _serving("--auth_file", str(tmp_path / "gone.txt"))


def test_hosts_proxies_and_bounds_are_options() -> None:
    given = _serving("--allow_host", "a.example", "--proxy", "10.0.0.1", "--job_gb", "2",
                     "--job_minutes", "5", "--max_gb", "3")  # fmt: skip
    assert (given.hosts, given.trusted) == (("a.example",), ("10.0.0.1",))
    assert (given.job_gb, given.job_minutes, given.max_gb) == (2.0, 5.0, 3.0)
    assert _serving("--share").trusted == ("127.0.0.1", "::1")  # its tunnel ends here
    assert _serving().trusted == ()


def test_an_open_page_is_reported() -> None:
    for line in (("--share",), ("--listen",), ("--host", "10.0.0.7")):
        assert _serving(*line).is_open
        assert "--auth" in _serving(*line).remarks(None)[-1]
        assert not _serving(*line, "--auth", "me:x").is_open
    assert "could not be reached" in _serving("--share").remarks(None)[0]
    assert "https://x.example" in _serving("--share").remarks("https://x.example")[0]


def _launched(folder: Path, monkeypatch: pytest.MonkeyPatch, *line: str) -> dict[str, Any]:
    """What a start with these flags hands to Gradio, which would ask its servers for an address."""
    signature, calls = inspect.signature(gr.Blocks.launch), []

    class Page(gr.Blocks):
        def __init__(self) -> None:
            """Builds nothing: a real page would open an event loop."""

        def launch(self, **arguments: object) -> tuple[None, str, str | None]:
            calls.append(signature.bind(self, **arguments).arguments)
            shared = "https://x.example" if arguments["share"] else None
            return None, "http://127.0.0.1:7860/", shared

    monkeypatch.setattr(app, "build", lambda service, serving: Page())
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))  # given back afterwards
    _, _, shared = app.serve(app.service_in(folder, None), _serving(*line))
    (arguments,) = calls
    assert (shared is not None) == arguments["share"]
    return arguments


def test_a_public_address_is_asked_for_only_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = _launched(tmp_path, monkeypatch)
    assert (plain["share"], plain["server_name"], plain["auth"]) == (False, "127.0.0.1", None)
    shared = _launched(tmp_path, monkeypatch, "--share", "--auth", "me:x", "--max_mb", "7")
    assert (shared["share"], shared["server_name"]) == (True, "127.0.0.1")
    assert (shared["auth"], shared["max_file_size"]) == ([("me", "x")], "7mb")
    same = ("self", "theme", "app_kwargs")  # objects made again at each start
    differ = {name for name in plain if name not in same and plain[name] != shared[name]}
    assert differ == {"share", "auth", "max_file_size"}


# ---- behind a password


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A page without a model that asks for a password and takes uploads of one megabyte."""
    folder = tmp_path_factory.mktemp("closed")
    flags = ("--auth", ":".join(USER), "--max_mb", "1")
    with running(folder, folder / "none.ckpt", *flags) as served:
        yield served


@pytest.fixture(scope="module")
def cookie(page: Running) -> str:
    """What a browser sends after the login."""
    return cookie_of(log_in(page, *USER))


def test_without_a_password_nothing_of_anyones_is_served(page: Running) -> None:
    key = _job(page.folder)
    own = [f"/mug/jobs/{key}/player.json", f"/mug/jobs/{key}/chart.osu",
           f"/mug/sound/{key.partition('/')[0]}",
           f"/gradio_api/file={page.folder.resolve()}/jobs/{key}/chart.osu", "/config",
           "/gradio_api/info"]  # fmt: skip
    for path in own:
        assert ask(page, path)[0] == 401, path
    assert upload(page, "a.ogg", b"x")[0] == 401
    forged = "; ".join(f"access-token{part}={secrets.token_urlsafe(16)}" for part in ("", "-un"))
    assert ask(page, own[0], Cookie=forged)[0] == 401


def test_a_password_opens_everything(page: Running, cookie: str) -> None:
    key = _job(page.folder)
    assert log_in(page, USER[0], "x")[0] == 400
    for path in (f"/mug/jobs/{key}/player.json", f"/mug/sound/{key.partition('/')[0]}"):
        assert ask(page, path, Cookie=cookie)[0] == 200
        assert ask(page, path, Cookie=cookie[:-1] + "~")[0] == 401


OTHER_LOOPBACK = "127.0.0.2"  # of this computer too, but not the address of a page by default


def test_by_default_one_address_of_this_computer_is_bound(page: Running) -> None:
    port = urlsplit(page.address).port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((OTHER_LOOPBACK, port), timeout=10)


def test_listening_on_all_addresses_still_asks_for_the_password(tmp_path: Path) -> None:
    flags = ("--listen", "--auth", ":".join(USER))
    with running(tmp_path, tmp_path / "none.ckpt", *flags) as served:
        other = replace(served, address=served.address.replace("127.0.0.1", OTHER_LOOPBACK))
        for page in (served, other):
            assert ask(page, "/config")[0] == 401
            assert log_in(page, USER[0], "x")[0] == 400
            token = cookie_of(log_in(page, *USER))
            assert ask(page, "/config", Cookie=token)[0] == 200


def test_programs_log_in_too(page: Running) -> None:
    client = Client(page.address, auth=USER, verbose=False)
    found = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    client.close()
    assert "/generate" in found


# ---- limits and paths


def test_a_file_that_is_too_large_gets_a_sentence(page: Running, cookie: str) -> None:
    assert upload(page, "a.ogg", b"x" * 900_000, Cookie=cookie)[0] == 200
    status, said = upload(page, "a.ogg", b"x" * 1_200_000, Cookie=cookie)
    assert status == 413
    assert b"size" in said.lower()
    assert b"Traceback" not in said


def test_no_path_leads_out(page: Running, cookie: str) -> None:
    key = _job(page.folder)
    job = key.partition("/")[0]
    root = (page.folder / "jobs").resolve()
    secret = page.folder / "secret.json"
    secret.write_text("mine")
    (root / job / "0001" / "link.json").symlink_to(secret.resolve())
    assert ask(page, f"/mug/jobs/{key}/player.json", Cookie=cookie)[0] == 200
    refused = [
        f"/mug/jobs/{key}/../../../secret.json",
        f"/mug/jobs/{key}/%2e%2e%2f%2e%2e%2f%2e%2e%2fsecret.json",
        f"/mug/jobs/{key}/..%5c..%5csecret.json",
        f"/mug/jobs/{key}/link.json",
        f"/mug/jobs/{job}/0001%2f../song.ogg",
        f"/mug/jobs/{job}/../secret.json",
        f"/mug/sound/{job}%2f..",
        "/mug/player/../../../../../webui.py",
        "/mug/page/%2e%2e/asks.py",
        "/mug/page/fragments.py",
        "/mug/player/document.py",
        f"/gradio_api/file={secret.resolve()}",
        f"/gradio_api/file={root}/../secret.json",
        f"/gradio_api/file={ROOT}/webui.py",
        "/gradio_api/file=/etc/hostname",
    ]
    assert ask(page, "/mug/page/page.js")[0] == 200
    for path in refused:
        status, _, said = ask(page, path, Cookie=cookie)
        assert status in (400, 403, 404), path
        assert b"mine" not in said


def test_names_of_uploads_stay_within_their_folder(page: Running, cookie: str) -> None:
    uploads = (page.folder / "uploads").resolve()
    for name in ("../../evil.ogg", "/etc/evil.ogg", "..\\\\evil.ogg", "a<b>|?.ogg"):
        status, said = upload(page, name, b"OggS", Cookie=cookie)
        assert status == 200
        (path,) = map(Path, json.loads(said))
        assert uploads in path.resolve().parents
        assert not set(path.name) & set('<>|?*"/\\')
    assert not list(page.folder.rglob("../evil*"))


def test_downloads_are_not_shown_as_pages(page: Running, cookie: str) -> None:
    key = _job(page.folder)
    _, headers, _ = ask(page, f"/mug/jobs/{key}/chart.osu", Cookie=cookie)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"].startswith("attachment")
    assert headers["content-type"] == "application/octet-stream"
    assert "private" in headers["cache-control"]


def test_old_jobs_and_uploads_are_deleted(tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    (uploads / "abc").mkdir(parents=True)
    folders = JobFolders(tmp_path / "jobs", keep_hours=1, uploads=uploads)
    job = folders.new_job()
    for name in ("old.ogg", "new.ogg"):
        (uploads / "abc" / name).write_bytes(b"OggS")
    long_ago = time.time() - 3700
    for path in (job, uploads / "abc" / "old.ogg"):
        os.utime(path, (long_ago, long_ago))
    assert folders.sweep() == 1
    assert not job.exists()
    assert [path.name for path in (uploads / "abc").iterdir()] == ["new.ogg"]


def test_a_song_that_is_used_again_is_not_the_oldest(tmp_path: Path) -> None:
    """Copies of results lie among the uploads, and there are many of them."""
    song, gone = tmp_path / "uploads/song.ogg", tmp_path / "gone.ogg"
    song.parent.mkdir()
    song.touch()
    os.utime(song, (time.time() - 3700,) * 2)
    Job(lambda _: None, Owner("someone"), (song, gone))
    JobFolders(tmp_path / "jobs", keep_hours=1, uploads=song.parent).sweep()
    assert song.exists()


# ---- the start


def test_nothing_heavy_is_read_before_the_address_is_printed(tmp_path: Path) -> None:
    """The import log of a real start, up to the line with the address."""
    command = [sys.executable, "-X", "importtime", str(ROOT / "webui.py"), "--device", "cpu",
               "--ckpt", str(tmp_path / "none.ckpt"), "--out", str(tmp_path / "webui")]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        before = []
        for line in process.stdout:
            if "The page is at" in line:
                break
            before.append(line)
        process.terminate()
        process.communicate()
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in before}
    assert {"gradio", "mug"} <= modules
    assert not modules & {"torch", "librosa", "numba", "pytorch_lightning", "omegaconf", "scipy"}
