"""The Docker image, as far as it can be tested without an engine."""

from __future__ import annotations

import json
import shlex
from fnmatch import fnmatch
from pathlib import Path

import pytest
from repository import ROOT

from mug.cli import webui
from mug.cli.main import COMMANDS

Step = tuple[str, str]


def _steps() -> list[Step]:
    """Instruction and argument of each line."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in pairs]


def _all(name: str) -> list[str]:
    return [rest for instruction, rest in _steps() if instruction == name]


def test_it_begins_with_an_image_and_every_instruction_is_one() -> None:
    steps = _steps()
    assert steps[0][0] == "FROM"
    known = {"FROM", "ENV", "WORKDIR", "COPY", "ARG", "RUN", "USER", "VOLUME", "EXPOSE",
             "ENTRYPOINT", "CMD"}  # fmt: skip
    assert {name for name, _ in steps} <= known
    assert "ADD" not in known  # which fetches from elsewhere
    assert ":latest" not in steps[0][1]
    assert ":" in steps[0][1]


def test_page_and_commands_run_as_a_user_without_rights() -> None:
    names = [name for name, _ in _steps()]
    (user,) = _all("USER")
    assert user.partition(":")[0] not in ("root", "0")
    assert not any(word in " ".join(_all("RUN")) for word in ("sudo", "setcap", "chmod u+s"))
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "RUN" not in names[names.index("USER") :]


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"
    kept = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    copied = [source for rest in _all("COPY") for source in rest.split()[:-1]]
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source, one) for one in kept), source
    assert {*kept} <= {*copied}, "the image's context holds more than it copies"


def test_packages_come_from_the_lock_file_alone() -> None:
    installs = [part for run in _all("RUN") for part in run.split("&&") if "pip install" in part]
    assert len(installs) == 2
    for install in installs:
        words = shlex.split(install)
        locked = "--require-hashes" in words and "requirements.lock" in words
        assert locked or {"--no-index", "--no-deps"} <= {*words}, install
    assert "apt-get" not in " ".join(_all("RUN"))


def test_its_command_is_one_that_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,), (line,) = _all("ENTRYPOINT"), _all("CMD")
    assert json.loads(entry) == ["mug"]
    command, *arguments = json.loads(line)
    assert COMMANDS[command][0] == "mug.cli.webui:command"
    serving = webui.serving_of(webui.parser().parse_args(arguments))
    assert [str(serving.port)] == _all("EXPOSE")
    out = webui.parser().parse_args(arguments).out
    (volume,) = _all("VOLUME")
    assert Path(volume) in out.parents
