"""The examples of docs/extending.md, put into a copy of the repository; the suites run there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from repository import ROOT

BLOCK = re.compile(r"^```(?:python|yaml)\n# (in )?(\S+?)(?:: (\w+))?\n(.*?)^```$", re.M | re.S)
SUITES = {
    "heun": ("tests/diffusion/samplers/test_conformance.py",),
    ".lanes": ("tests/beatmap/formats/test_conformance.py", "tests/beatmap/formats/test_fuzz.py"),
    "all_held": ("tests/lint/test_conformance.py",),
    "chord_share": ("tests/difficulty/test_conformance.py",),
    "stack": ("tests/diffusion/test_denoisers.py",),
}
AS_MANY = 40
"""Tests that run on the examples, at least."""


def blocks() -> list[tuple[bool, str, str | None, str]]:
    """Whether it is an entry, the file, the name of the registry, and the code of each block."""
    text = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    found = [(bool(entry), file, name, code) for entry, file, name, code in BLOCK.findall(text)]
    assert text.count("\n```python") + text.count("\n```yaml") == len(found)
    return found


def insert(source: str, registry: str, code: str) -> str:
    """Put import lines before the others, and the rest at the end of the registry."""
    lines = code.splitlines(keepends=True)
    imports = [line for line in lines if line.startswith(("from ", "import "))]
    entry = "".join(line for line in lines if line not in imports).lstrip("\n")
    begin = re.search(rf"^{registry}\b.* = [({{]\n", source, re.M)
    assert begin is not None, registry
    end = re.compile(r"^[)}]", re.M).search(source, begin.end())
    assert end is not None
    source = source[: end.start()] + entry + source[end.start() :]
    return re.sub(r"^from mug", "".join(imports) + "from mug", source, count=1, flags=re.M)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with all examples in it."""
    folder = tmp_path_factory.mktemp("extended")
    for name in ("mug", "tests", "configs", "scripts", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name)  # what is compiled already, too
    shutil.copy(ROOT / "pyproject.toml", folder)
    for is_entry, file, registry, code in blocks():
        path = folder / file
        if not is_entry:
            assert not path.exists()
            path.write_text(code, encoding="utf-8")
        elif registry:
            path.write_text(insert(path.read_text(encoding="utf-8"), registry, code), "utf-8")
        else:
            with path.open("a", encoding="utf-8") as handle:
                handle.write(code)
    return folder


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_the_suites_run_on_every_example(copy: Path) -> None:
    names = " or ".join(SUITES)
    suites = [suite for found in SUITES.values() for suite in found]
    said = run(copy, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", names, *suites)
    passed = re.findall(r"::\w+\[(.+)\] PASSED", said)
    assert len(passed) >= AS_MANY
    for name in SUITES:
        assert any(name in parameters for parameters in passed), name


def test_what_reads_the_registries_knows_them(copy: Path) -> None:
    assert "heun" in run(copy, "scripts/generate.py", "--help")
    assert ".lanes" in run(copy, "scripts/lint_beatmap.py", "--help")


def test_the_examples_keep_the_style(copy: Path) -> None:
    files = [file for is_entry, file, _, _ in blocks() if not is_entry]
    run(copy, "-m", "ruff", "check", *files)
    run(copy, "-m", "ruff", "format", "--check", *files)
