"""Scripts as the shell calls them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from repository import ROOT

from mug.cli.common import run


@dataclass(frozen=True)
class Done:
    """What a call left behind."""

    returncode: int
    stdout: str
    stderr: str


Call = Callable[..., Done]


def within(
    main: Callable[[], int],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    """Calls a script's `main` within this process, and none starts: that takes longer."""

    def called(*args: object) -> Done:
        monkeypatch.setattr(sys, "argv", [name, *map(str, args)])
        monkeypatch.setattr("mug.threads.cores", lambda: 1)
        code = run(main, when_stopped="")
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return called


def shell(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs `scripts/NAME` in a process of its own, from the repository's root."""
    return subprocess.run(
        [sys.executable, f"scripts/{name}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
