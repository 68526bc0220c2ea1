"""Digest of everything that makes a figure: rows that other code or data made are made again.

It covers the modules that judge and generate charts, all modules of `mug` that these import,
directly or not, the data files beside them, and the versions of the other packages that they
import. Files are read, never imported.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path

import mug

PACKAGE = Path(mug.__file__).parent
ROOTS = (
    "mug.evaluation.columns",
    "mug.evaluation.cost",
    "mug.evaluation.editing",
    "mug.evaluation.figures",
    "mug.evaluation.jobs",
    "mug.evaluation.made",
    "mug.evaluation.rows",
    "mug.evaluation.songs",
    "mug.evaluation.sweep",
    # What a model's config names, so that no module imports it.
    "mug.cond",
    "mug.diffusion",
    "mug.firststage",
)
"""Modules that make figures; of a package, all its modules."""

_TEXTS = "messages"  # package whose data files are sentences: no figure depends on them


@lru_cache
def code_digest(package: Path = PACKAGE, extra: Sequence[Path] = ()) -> str:
    """Return the digest of the code and data that make figures.

    Args:
        package: folder of the package `mug`.
        extra: further Python files that make figures, and import what makes them.
    """
    digest = hashlib.sha256()
    for file in figure_files(package, extra):
        name = file.relative_to(package) if file.is_relative_to(package) else file.name
        digest.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    modules = _modules(package, extra)
    others = {name.partition(".")[0] for names in modules.values() for name in names} - {"mug"}
    for name in sorted(others - sys.stdlib_module_names):
        digest.update(f"{name} {_version(name)}\n".encode())
    return digest.hexdigest()[:16]


def figure_files(package: Path = PACKAGE, extra: Sequence[Path] = ()) -> list[Path]:
    """Return the files of `code_digest`, sorted: modules, and data files of their packages."""
    found = _modules(package, extra)
    folders = {file.parent for file in found if file.is_relative_to(package)}
    data = {
        file
        for folder in folders - {package / _TEXTS}
        for file in folder.iterdir()
        if file.is_file() and file.suffix not in (".py", ".pyc")
    }
    return sorted(found.keys() | data)


@lru_cache
def _modules(package: Path, extra: Sequence[Path]) -> dict[Path, tuple[str, ...]]:
    """Modules that make figures, and what each of them imports."""
    found: dict[Path, tuple[str, ...]] = {}
    waiting = [file for root in ROOTS for file in _all_of(package, root)] + list(extra)
    while waiting:
        file = waiting.pop()
        if file not in found:
            text = file.read_text(encoding="utf-8")
            found[file] = _imported(text, registry=file.stem == "registry")
            inside = (name for name in found[file] if name.startswith("mug."))
            waiting += [other for name in inside for other in _files_of(package, name)]
    return found


def _all_of(package: Path, name: str) -> list[Path]:
    """The modules below a dotted name."""
    place = package.joinpath(*name.split(".")[1:])
    inside = sorted(place.rglob("*.py")) if place.is_dir() else []
    return [*_files_of(package, name), *inside]


def _files_of(package: Path, name: str) -> list[Path]:
    """The module that a dotted name leads to, be it one of its attributes, and its packages."""
    files, place = [], package
    for part in name.split(".")[1:]:
        place = place / part
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                files.append(file)
    return files


@cache
def _imported(text: str, *, registry: bool) -> tuple[str, ...]:
    """Dotted names that a module imports anywhere, and those that a registry has as texts."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names += (f"{node.module}.{alias.name}" for alias in node.names)
        elif (
            registry
            and isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.startswith("mug.")
        ):
            names.append(node.value)
    return tuple(names)


def _version(name: str) -> str:
    """Versions of the distributions that have a package; empty where it is not installed."""
    return " ".join(metadata.version(found) for found in _distributions().get(name, ()))


@lru_cache
def _distributions() -> dict[str, list[str]]:
    return {name: sorted(found) for name, found in metadata.packages_distributions().items()}
