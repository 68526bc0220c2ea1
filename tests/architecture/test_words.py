"""The words of the house: the field's own, and one name for one thing."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import pytest
from repository import ROOT, syntax_tree

MUG = sorted((ROOT / "mug").rglob("*.py"))
SOURCES = [
    *MUG,
    *sorted((ROOT / "scripts").rglob("*.py")),
    *sorted((ROOT / "benchmarks").rglob("*.py")),
    *sorted(ROOT.glob("*.py")),
]

# Words that once named things here, by the term of the field that replaced them.
ANYWHERE = {
    "reach_stars": ("climb", "climbed", "climbs"),
    "add_notes": ("enrich", "enriched", "enriches"),
    "drop_notes, reduce": ("thinned", "thins"),
    "note sources": ("material",),
    "Job, job queue": ("ticket", "tickets", "workline"),
    "handlers": ("desk", "desks"),
    "a preference, a target": ("wish", "wishes", "wished"),
    "given, conditioned on, reported": ("told",),
    "estimated, detected, encoded": ("hear", "hears", "heard"),
    "SkipInit": ("unfilled",),
    "again, regenerate": ("anew",),
    "fix, correct": ("mend", "mends", "mended", "mending"),
    "conditioning lost": ("deaf",),
    "off-grid notes": ("strays",),
}

# These are plain English in a sentence, and no names.
IN_NAMES = {
    "ChartRequest, request": ("ask", "asks"),
    "offload": ("in_turns", "at_work"),
    "channels_last": ("frames_first",),
    "opt_out": ("robots",),
    "measurements": ("facts",),
    "drop_notes": ("thin",),
    "note place": ("offer", "offers"),
}

# Rules whose names are in users' data sets, and the tag of a beatmap.
KEPT = {"robots"}

OPENINGS = {"how", "what", "when", "where", "whether", "which", "who", "whose", "why"}


def _bodies(tree: ast.Module) -> Iterator[ast.Constant]:
    """Docstrings, those below constants too."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if (
                isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Constant)
                and isinstance(statement.value.value, str)
            ):
                yield statement.value


def _prose(text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Lines of comments and docstrings, without what stands in quotes and backticks."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for body in _bodies(tree):
        for number in range(body.lineno, (body.end_lineno or body.lineno) + 1):
            yield number, re.sub(r"`[^`]*`|(?<!\")\"[^\"]+\"(?!\")", "", lines[number - 1])


def _names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names that the code gives: of functions, classes, arguments and variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


@cache
def _parts(name: str) -> str:
    """A name as words with underscores between: `FixedUNet` is `_fixed_u_net_`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return f"_{spaced.lower().strip('_')}_"


def _pattern(words: dict[str, tuple[str, ...]], left: str, right: str) -> re.Pattern[str]:
    listed = "|".join(word for group in words.values() for word in group)
    return re.compile(rf"(?i){left}({listed}){right}")


PROSE = _pattern(ANYWHERE, r"(?<![\w-])", r"(?![\w-])")
NAMES = _pattern({**ANYWHERE, **IN_NAMES}, "_", "(?=_)")
INSTEAD = {word: instead for instead, words in {**ANYWHERE, **IN_NAMES}.items() for word in words}


def words_to_replace(text: str) -> list[str]:
    """Complaints about words in a file, each with what to say instead."""
    return complaints(text, ast.parse(text))


def complaints(text: str, tree: ast.Module) -> list[str]:
    """The same, where the file is parsed already."""
    prose = _prose(text, tree) if PROSE.search(text) else ()  # cutting a file into tokens is slow
    said = [
        f"line {number}: {found[1]!r}; say {INSTEAD[found[1].lower()]}"
        for number, line in prose
        for found in PROSE.finditer(line)
    ]
    return said + [
        f"line {number}: the name {name!r}; say {INSTEAD[found[1]]}"
        for number, name in _names(tree)
        if name not in KEPT and (found := NAMES.search(_parts(name)))
    ]


def test_words_are_the_fields() -> None:
    found = {
        str(p.relative_to(ROOT)): complaints(p.read_text("utf-8"), syntax_tree(p)) for p in SOURCES
    }
    assert {path: said for path, said in found.items() if said} == {}


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ('"""Notes that are mended."""', "line 1: 'mended'; say fix, correct"),
        ("x = 1  # made anew", "line 1: 'anew'; say again, regenerate"),
        ("def climb_up(): ...", "line 1: the name 'climb_up'; say reach_stars"),
        ("class DeafUNet: ...", "line 1: the name 'DeafUNet'; say conditioning lost"),
        ("def f(asks): ...", "line 1: the name 'asks'; say ChartRequest, request"),
        ("in_turns = 1", "line 1: the name 'in_turns'; say offload"),
    ],
)
def test_a_word_of_the_list_is_named_with_its_replacement(code: str, complaint: str) -> None:
    assert complaint in words_to_replace(code)


def test_strings_and_quoted_names_are_free() -> None:
    assert words_to_replace('x = {"heard": 1}\n"""The key `heard` of a report."""') == []


def test_docstrings_open_with_a_noun_or_an_imperative() -> None:
    """Not with a question word: "What", "How", "Whether" …"""
    opened = [
        f"{path.relative_to(ROOT)}:{body.lineno}: {body.value.splitlines()[0]}"
        for path in SOURCES
        for body in _bodies(syntax_tree(path))
        if body.value.strip() and re.split(r"\W", body.value.strip())[0].lower() in OPENINGS
    ]
    assert opened == []


def test_no_public_class_name_occurs_twice() -> None:
    places = defaultdict(list)
    for path in MUG:
        for node in ast.walk(syntax_tree(path)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert len(places) > 300
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
