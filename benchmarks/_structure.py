"""Measures of the source tree: folders, sizes, arguments, words, duplicates, imports.

Only the standard library; a file is read and parsed, never imported, so that any checkout of the
project can be measured, also one that lacks its dependencies.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path, PurePosixPath

SOURCES = ("mug/**/*.py", "scripts/**/*.py", "benchmarks/**/*.py", "main.py", "webui.py")
RUN = 6  # equal lines in a row that count as a duplicate

_OPENING = re.compile(r"(?:what|how|whether|where|which|who|whom|whose|when|why)\b", re.IGNORECASE)
_TAG = re.compile(
    r"<(?:!doctype|/?(?:a|article|b|body|button|circle|code|details|div|em|figure|footer|form|g"
    r"|h[1-6]|head|header|html|i|iframe|img|input|label|li|line|link|main|meta|nav|ol|option|p"
    r"|path|polygon|polyline|pre|rect|script|section|select|small|span|strong|style|sub|summary"
    r"|sup|svg|table|tbody|td|text|tfoot|th|thead|title|tr|tspan|u|ul)\b)",
    re.IGNORECASE,
)
_PRAGMA = re.compile(r"#\s*(?:noqa|type:|ruff:|mypy:|fmt:|pragma:)")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file of a checkout.

    Attributes:
        path: Relative to the checkout.
        text: Content of the file.
    """

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def lines(self) -> list[str]:
        """Lines without their ends."""
        return self.text.splitlines()

    @property
    def module(self) -> str:
        """Dotted name; that of the package for an `__init__.py`."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def is_package(self) -> bool:
        """True for an `__init__.py`."""
        return self.path.name == "__init__.py"


def read_sources(root: Path) -> list[Source]:
    """Read the Python files of `mug`, `scripts`, `benchmarks` and the two programs, by path."""
    found = sorted({path for pattern in SOURCES for path in root.glob(pattern)})
    return [
        Source(PurePosixPath(path.relative_to(root).as_posix()), path.read_text(encoding="utf-8"))
        for path in found
    ]


def count_modules_by_folder(sources: Iterable[Source]) -> Counter[str]:
    """Return folder → number of its modules, `__init__.py` not counted."""
    return Counter(str(source.path.parent) for source in sources if not source.is_package)


def function_lengths(sources: Iterable[Source]) -> dict[str, int]:
    """Return place → lines of each function and method, from `def` to its last line."""
    return {
        place: (node.end_lineno or node.lineno) - node.lineno + 1
        for place, node in _functions(sources)
    }


def argument_counts(sources: Iterable[Source]) -> dict[str, int]:
    """Return place → named arguments of each function and method, `self` and `cls` not counted."""
    return {place: _arguments(node) for place, node in _functions(sources)}


def dataclass_fields(sources: Iterable[Source]) -> dict[str, int]:
    """Return place → annotated fields of each dataclass (inherited fields not counted)."""
    return {
        f"{source.path}:{node.lineno} {node.name}": _fields(node)
        for source in sources
        for node in source.nodes
        if isinstance(node, ast.ClassDef) and any(map(_makes_dataclass, node.decorator_list))
    }


def docstrings(sources: Iterable[Source]) -> list[str]:
    """Return the docstrings of modules, classes and functions."""
    return [
        text
        for source in sources
        for node in source.nodes
        if isinstance(node, Documented) and (text := ast.get_docstring(node))
    ]


def opens_with_question(docstring: str) -> bool:
    """Tell whether a docstring opens with a question word ("What", "How", "Whether" …)."""
    return _OPENING.match(docstring) is not None


def repeated_class_names(sources: Iterable[Source]) -> dict[str, list[str]]:
    """Return public class names of `mug` that several modules define, with those modules."""
    places: dict[str, list[str]] = defaultdict(list)
    for source in _library(sources):
        for node in source.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(source.module)
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def comment_lines(source: Source) -> int:
    """Count lines that hold a comment for the reader; marks for tools (`noqa`) are passed over."""
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    return len(
        {
            token.start[0]
            for token in tokens
            if token.type == tokenize.COMMENT and not _PRAGMA.match(token.string)
        }
    )


def html_lines(source: Source) -> int:
    """Count lines of f-strings that hold an HTML or SVG tag."""
    spans = (
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in source.nodes
        if isinstance(node, ast.JoinedStr)
    )
    numbers = {number for span in spans for number in span}
    return sum(1 for number in numbers if _TAG.search(source.lines[number - 1]))


def import_edges(sources: Iterable[Source]) -> set[tuple[str, str]]:
    """Return (importing module, imported module) within `mug`.

    Imports inside functions and under `TYPE_CHECKING` count. `from mug.a import b` leads to the
    module `mug.a.b` where there is one, else to `mug.a`.
    """
    library = _library(sources)
    known = {source.module for source in library}
    return {
        (source.module, target)
        for source in library
        for name in _imported_names(source)
        if (target := _closest_module(name, known)) and target != source.module
    }


def package_edges(edges: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the arrows between the entries directly below `mug` (`mug.data.x` → `data`)."""
    short = ((a.split(".")[1], b.split(".")[1]) for a, b in edges if "." in a and "." in b)
    return {(a, b) for a, b in short if a != b}


def folder_edges(sources: Iterable[Source]) -> set[tuple[str, str]]:
    """Return the arrows between folders of `mug`, at every depth."""
    sources = list(sources)
    folder = {source.module: str(source.path.parent) for source in sources}
    pairs = ((folder[a], folder[b]) for a, b in import_edges(sources))
    return {(a, b) for a, b in pairs if a != b}


def duplicates(sources: Iterable[Source], run: int = RUN) -> list[tuple[str, str, int]]:
    """Find places that repeat one another.

    Lines are compared without indentation. Imports, docstrings, comments, blank lines and lines of
    brackets alone are passed over. Each pair of places is extended as far as it goes and stands
    once in the result.

    Args:
        sources: Files to compare, each with itself and with the others.
        run: Least number of equal lines.

    Returns:
        First place, second place (`path:line`), number of equal lines.
    """
    files = [(source.path, _code_lines(source)) for source in sources]
    places: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for number, (_, lines) in enumerate(files):
        texts = [text for _, text in lines]
        for start in range(len(texts) - run + 1):
            places[tuple(texts[start : start + run])].append((number, start))
    equal = {pair for found in places.values() for pair in combinations(found, 2)}
    found = []
    for first, second in sorted(equal):
        if (_moved(first, -1), _moved(second, -1)) in equal:
            continue  # the middle of a longer pair
        length = run
        while (_moved(first, length - run + 1), _moved(second, length - run + 1)) in equal:
            length += 1
        if first[0] == second[0]:  # a periodic list overlaps with itself
            length = min(length, second[1] - first[1])
        if length >= run:
            found.append((_place(files, first), _place(files, second), length))
    return found


def _moved(place: tuple[int, int], lines: int) -> tuple[int, int]:
    return place[0], place[1] + lines


def _place(files: list[tuple[PurePosixPath, list[tuple[int, str]]]], place: tuple[int, int]) -> str:
    path, lines = files[place[0]]
    return f"{path}:{lines[place[1]][0]}"


def _code_lines(source: Source) -> list[tuple[int, str]]:
    """Numbered lines that are compared with those of other places."""
    passed: set[int] = set()
    for node in source.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            passed.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        if isinstance(node, Documented) and ast.get_docstring(node, clean=False) is not None:
            text = node.body[0]
            passed.update(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    numbered = ((n, " ".join(line.split())) for n, line in enumerate(source.lines, start=1))
    return [
        (number, line)
        for number, line in numbered
        if number not in passed and not line.startswith("#") and re.search(r"\w", line)
    ]


def _library(sources: Iterable[Source]) -> list[Source]:
    return [source for source in sources if source.path.parts[0] == "mug"]


def _functions(sources: Iterable[Source]) -> Iterator[tuple[str, Function]]:
    for source in sources:
        owners = _owners(source)
        for node in source.nodes:
            if isinstance(node, Function):
                yield f"{source.path}:{node.lineno} {owners.get(node, '')}{node.name}", node


def _owners(source: Source) -> dict[ast.AST, str]:
    """Method → `Class.`, the class it stands in."""
    classes = (node for node in source.nodes if isinstance(node, ast.ClassDef))
    return {member: f"{owner.name}." for owner in classes for member in owner.body}


def _arguments(node: Function) -> int:
    names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def _makes_dataclass(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name == "dataclass"


def _fields(node: ast.ClassDef) -> int:
    annotated = (line for line in node.body if isinstance(line, ast.AnnAssign))
    return sum(1 for line in annotated if "ClassVar" not in ast.unparse(line.annotation))


def _imported_names(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(source, node)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _base(source: Source, node: ast.ImportFrom) -> str:
    """Dotted name behind `from`, relative imports resolved."""
    if not node.level:
        return node.module or ""
    parts = source.module.split(".")
    parts = parts[: len(parts) - node.level + source.is_package]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _closest_module(name: str, known: set[str]) -> str | None:
    """Longest prefix of a dotted name that is a module; none outside `mug`."""
    parts = name.split(".")
    for end in range(len(parts), 1, -1):
        if ".".join(parts[:end]) in known:
            return ".".join(parts[:end])
    return None
