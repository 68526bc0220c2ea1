"""Commands of the repository in processes of their own that start at once.

A process that imports torch and Lightning takes seconds before it does anything. Here one process
imports them, and each command runs in a fork of it: with its own memory, arguments, environment,
output and exit code, and it can be killed. The steps and workers of a command are forks in turn.
What a process imports and how it starts is for other tests to see.
"""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = (
    "mug.train",
    "mug.cli.models.evaluate",
    "mug.cli.models.train_scorer",
    "mug.cli.models.demo_training",
    "mug.cli.models.train_release",
    "mug.cli.models.fine_tune",
    "mug.cli.models.compose",
    "mug.cli.charts.generate",
    "mug.cli.prepare.collect",
    "mug.cli.prepare.measure",
)


class Fork:
    """A command that was started.

    Args:
        command: all words after `python`.
        cwd: folder it starts in.
        env: whole environment.
        server: address of the process that is forked.
    """

    def __init__(
        self, command: Sequence[object], cwd: Path, env: Mapping[str, str], server: Path
    ) -> None:
        self.args = [str(word) for word in command]
        self.folder = Path(tempfile.mkdtemp(dir=server.parent))
        self.out, self.errors = self.folder / "out", self.folder / "errors"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(server))
            self.answers = connection.makefile("r")
            request = {
                "command": self.args,
                "cwd": str(cwd),
                "env": dict(env),
                "out": str(self.out),
                "errors": str(self.errors),
            }
            connection.sendall(json.dumps(request).encode() + b"\n")
        self.pid = int(self.answers.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None where it still runs."""
        if self.returncode is None and select.select([self.answers], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self) -> subprocess.CompletedProcess[str]:
        """Wait for its end; what it printed."""
        if self.returncode is None:
            with self.answers:
                self.returncode = int(self.answers.readline())
        said, complained = (file.read_text("utf-8") for file in (self.out, self.errors))
        return subprocess.CompletedProcess(self.args, self.returncode, said, complained)


class Forks:
    """The process that has imported everything; it starts with the first command."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="forks"))
        self.address = self.folder / "socket"
        self.server: subprocess.Popen[bytes] | None = None

    def start(
        self, *command: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None
    ) -> Fork:
        """Start `python COMMAND` in a process group of its own."""
        if self.server is None:
            self.server = subprocess.Popen(
                [sys.executable, __file__, str(self.address)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            assert self.server.stdout is not None
            assert self.server.stdout.readline() == b"ready\n"
        return Fork(command, cwd, os.environ if env is None else env, self.address)

    def run(
        self, *command: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `python COMMAND` to its end."""
        return self.start(*command, cwd=cwd, env=env).wait()

    def step(
        self, command: list[str], cwd: Path, *, check: bool
    ) -> subprocess.CompletedProcess[str]:
        """Run what `subprocess.run` would, with its output in that of this process."""
        assert command[0] == sys.executable
        assert not check
        done = self.run(*command[1:], cwd=cwd)
        for descriptor, text in ((1, done.stdout), (2, done.stderr)):
            with open(descriptor, "w", encoding="utf-8", closefd=False) as stream:
                stream.write(text)
        return done

    def close(self) -> None:
        """End the process and remove what was kept."""
        if self.server is not None:
            self.server.communicate()  # the end of its input
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Processes that start at once."""
    made = Forks()
    yield made
    made.close()


@pytest.fixture
def forked_steps(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that run in forks, for a benchmark whose `main` is called here."""
    monkeypatch.setattr("mug.cli.steps.subprocess", SimpleNamespace(run=forks.step))


def _serve(address: str) -> None:
    """Fork for each request until the input ends."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        print("ready", flush=True)
        attending = set()
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
            connection, _ = listening.accept()
            attending -= {pid for pid in attending if os.waitpid(pid, os.WNOHANG)[0]}
            with connection:
                pid = os.fork()
                if pid == 0:
                    listening.close()
                    _attend(connection)
                attending.add(pid)
    for pid in attending:
        os.waitpid(pid, 0)


def _attend(connection: socket.socket) -> NoReturn:
    """Run one command in a fork; its id and, at its end, its exit code are the answer."""
    with connection.makefile("r") as lines:
        request = json.loads(lines.readline())
    pid = os.fork()
    if pid == 0:
        connection.close()
        os.setsid()
        for descriptor, name in ((0, os.devnull), (1, request["out"]), (2, request["errors"])):
            flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
            os.dup2(os.open(name, flags), descriptor)
        os.environ.clear()
        os.environ.update(request["env"])
        _become(request["command"], request["cwd"])
    threading.Thread(target=_end_with, args=(connection, pid), daemon=True).start()
    connection.sendall(f"{pid}\n".encode())
    status = os.waitpid(pid, 0)[1]
    with suppress(BrokenPipeError):
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _end_with(connection: socket.socket, pid: int) -> None:
    """Kill a command whose tests were stopped."""
    connection.recv(1)  # returns at its end
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _become(command: list[str], cwd: str) -> NoReturn:
    """Run `python COMMAND` as if this process had just started."""
    code = 0
    try:
        os.chdir(cwd)
        sys.argv = command
        if command[0] == "-m":
            sys.argv = command[1:]
            sys.path[0] = cwd
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = str(Path(command[0]).resolve().parent)
            runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        code = 1
    threading._shutdown()  # waits for threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _step(command: list[str], cwd: Path, *, check: bool) -> subprocess.CompletedProcess[str]:
    """Run a command's step in a fork of the command."""
    assert command[0] == sys.executable
    assert not check
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _become(command[1:], str(cwd))
    return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from mug.threads import wait_passively

    wait_passively()
    for name in IMPORTED:
        __import__(name)
    from mug.cli import steps

    context = multiprocessing.get_context
    multiprocessing.get_context = lambda method=None: context(method and "fork")  # type: ignore
    del sys.path[0]
    steps.subprocess = SimpleNamespace(run=_step)  # type: ignore[assignment]
    _serve(sys.argv[1])
    os._exit(0)  # nothing is left to clean up, and torch takes a second to do it
