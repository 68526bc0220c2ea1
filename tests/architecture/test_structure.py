"""The tree of folders: sizes, the page that describes it, and the drawing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from repository import ROOT

from benchmarks.draw_structure import FIGURE, draw

PAGE = ROOT / "docs" / "architecture.md"
MOST_MODULES = 20


def _packages() -> set[str]:
    """Folders below `mug` that hold modules, as they are written in the page."""
    found = (file.parent for file in (ROOT / "mug").rglob("__init__.py"))
    return {str(folder.relative_to(ROOT / "mug")) for folder in found} - {"."}


def _described() -> tuple[set[str], set[str]]:
    """Folders and top-level modules in the page's tree of `mug`."""
    block = re.search(r"^mug/\n((?:  .*\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert block is not None
    folders: set[str] = set()
    modules: set[str] = set()
    above: list[str] = []
    for line in block[1].splitlines():
        depth = (len(line) - len(line.lstrip())) // 2 - 1
        names = re.split(r"\s{3,}", line.strip())[0].split()
        above = above[:depth]
        modules |= {name for name in names if name.endswith(".py")}
        here = [name.rstrip("/") for name in names if name.endswith("/")]
        folders |= {"/".join([*above, name]) for name in here}
        above = [*above, *here[:1]]
    return folders, modules


def test_the_page_names_every_package_and_no_other() -> None:
    folders, modules = _described()
    assert folders == _packages()
    top = {file.name for file in (ROOT / "mug").glob("*.py")} - {"__init__.py"}
    assert modules == top


def test_the_page_and_the_contract_have_the_same_layers() -> None:
    text = PAGE.read_text(encoding="utf-8")
    written = re.findall(r"^\d+  ([a-z_ |]+?)(?:  .*)?$", text, re.MULTILINE)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert [line.strip() for line in written] == [re.sub("[()]", "", layer) for layer in layers]


def test_the_drawing_shows_the_code() -> None:
    """After a change: `python benchmarks/draw_structure.py`."""
    assert FIGURE.read_text(encoding="utf-8") == draw(ROOT)


def test_every_place_that_the_page_names_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index("Where to look:") : text.index("## Layers")]
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", table)
    assert len(named) > 5
    assert [name for name in named if not (ROOT / "mug" / name).is_file()] == []


def test_no_folder_is_crowded() -> None:
    folders = [ROOT / "mug", *(path for path in (ROOT / "mug").rglob("*") if path.is_dir())]
    sizes = {
        str(folder.relative_to(ROOT)): len(
            [file for file in folder.glob("*.py") if file.name != "__init__.py"]
        )
        for folder in folders
    }
    assert {name: size for name, size in sizes.items() if size > MOST_MODULES} == {}


def test_packages_have_a_description() -> None:
    bare = [
        name
        for name in _packages()
        if len(Path(ROOT, "mug", name, "__init__.py").read_text(encoding="utf-8").split()) < 3
    ]
    assert bare == []
