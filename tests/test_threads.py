"""Threads that wait let others work: in every program, before anything reads the environment."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from repository import ROOT

from mug.threads import PASSIVE, wait_passively

PROGRAMS = [ROOT / "main.py", ROOT / "webui.py", *sorted((ROOT / "scripts").glob("*.py"))]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_programs_begin_with_it(program: Path) -> None:
    tree = ast.parse(program.read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    first, second, *_ = map(ast.unparse, block.body)
    assert (first, second) == ("from mug.threads import wait_passively", "wait_passively()")
    before = {line for node in tree.body for line in [ast.unparse(node)] if "import" in line}
    assert not any("numpy" in line or "torch" in line for line in before - {ast.unparse(block)})


def test_the_command_begins_with_it() -> None:
    probe = """
import os
from mug.cli.main import main
try:
    main(["models", "--help"])
finally:
    print(os.environ["GOMP_SPINCOUNT"])"""
    clean = {k: v for k, v in os.environ.items() if k not in PASSIVE}
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, env=clean, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "0", done.stderr


def test_what_a_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PASSIVE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    wait_passively()
    assert [os.environ.get(name) for name in PASSIVE] == ["ACTIVE", None, None, None]
    monkeypatch.delenv("OMP_WAIT_POLICY")
    with monkeypatch.context() as inside:
        for name in PASSIVE:
            inside.setenv(name, "")
            inside.delenv(name)
        wait_passively()
        assert {name: os.environ[name] for name in PASSIVE} == PASSIVE
