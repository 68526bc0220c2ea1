"""The list of slow tests: it names tests that exist, and a run renews it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from repository import ROOT
from slow_tests import SLOW, function, read, renewed

pytest_plugins = ["pytester"]


def _defined(path: Path) -> set[str]:
    """Test functions of a file, those of classes as pytest names them."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        names |= {prefix + n.name for n in inside if isinstance(n, ast.FunctionDef)}
    return names


def test_the_list_names_tests_that_exist() -> None:
    """A renamed test would be in `make check` unseen: renew the list with it."""
    lines = read(SLOW)
    files = {line.partition("::")[0] for line in lines}
    assert {name for name in files if not (ROOT / name).is_file()} == set()
    known = {f"{name}::{test}" for name in files for test in _defined(ROOT / name)}
    assert set(lines) - known == set()
    assert lines == sorted(set(lines))


def test_what_did_not_run_stays_listed() -> None:
    listed = ["tests/a.py::test_now_fast", "tests/b.py::test_elsewhere"]
    took = {"tests/a.py::test_now_fast": 0.5, "tests/a.py::test_now_slow": 2.0}
    assert renewed(listed, took, 2.0) == ["tests/a.py::test_now_slow", "tests/b.py::test_elsewhere"]


def test_parameters_share_an_entry() -> None:
    assert function("tests/a.py::test_b[x::y[0]]") == "tests/a.py::test_b"


def test_a_run_lists_what_took_long(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each test that needs a slow fixture of its module is slow, not the first of them only."""
    pytester.makepyfile(
        repository="from pathlib import Path\nROOT = Path(__file__).parent\n",
        slow_tests=(ROOT / "tests/support/slow_tests.py").read_text(encoding="utf-8"),
        conftest='pytest_plugins = ["slow_tests"]\n',
        test_it="""
import time, pytest

@pytest.fixture(scope="module")
def made():
    time.sleep(0.3)

@pytest.fixture(scope="session")
def once():
    time.sleep(0.3)

def test_first(made): pass
def test_second(made): pass
def test_of_the_session(once): pass
def test_fast(): pass

@pytest.mark.parametrize("turn", range(4))
def test_in_turns(turn): time.sleep(0.1)
""",
    )
    slow = pytester.mkdir("tests") / "slow.txt"
    slow.write_text("test_it.py::test_fast\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    pytester.runpytest_subprocess("-n1", "--record-slow=0.25").assert_outcomes(passed=8)
    names = ("test_first", "test_in_turns", "test_second")
    assert read(slow) == [f"test_it.py::{name}" for name in names]
    done = pytester.runpytest_subprocess("-m", "slow", "-W", "ignore")
    done.assert_outcomes(passed=6)
