"""The measures of the source tree, on a tree whose counts are known."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import _structure, structure

REPEATED = "\n".join(f"    value += {number}" for number in range(7))
FILES = {
    "mug/__init__.py": '"""A package."""\n',
    "mug/errors.py": '"""Errors of the package."""\n\n\nclass MugError(Exception):\n    pass\n',
    "mug/a/__init__.py": '"""One package."""\n',
    "mug/a/one.py": f'''"""What this module does."""

from mug.errors import MugError
from mug.b import two


class Row:
    """Whether there is a row."""

    def __init__(self, a, b, /, c, *, d=1):
        self.page = f"<div>{{a}}</div>"  # why this is so
        self.text = f"{{a}} < b"


def add(value):  # noqa: ANN001
{REPEATED}
    return value
''',
    "mug/b/__init__.py": '"""Other package."""\n',
    "mug/b/two.py": f'''"""Return rows; how does not matter."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    a: int
    b: int


def subtract(value):
    from ..a import one

    # these lines stand in the other module, too
{REPEATED}
    return one.add(-value)
''',
    "main.py": '"""The program."""\n\nimport mug.a.one\n',
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def sources(tree: Path) -> list[_structure.Source]:
    return _structure.read_sources(tree)


def test_modules_are_counted_by_folder_without_packages(sources):
    assert _structure.count_modules_by_folder(sources) == {"mug": 1, "mug/a": 1, "mug/b": 1, ".": 1}


def test_lengths_arguments_and_fields(sources):
    assert _structure.function_lengths(sources) == {
        "mug/a/one.py:10 Row.__init__": 3,
        "mug/a/one.py:15 add": 9,
        "mug/b/two.py:12 subtract": 12,
    }
    assert _structure.argument_counts(sources) == {
        "mug/a/one.py:10 Row.__init__": 4,
        "mug/a/one.py:15 add": 1,
        "mug/b/two.py:12 subtract": 1,
    }
    assert _structure.dataclass_fields(sources) == {"mug/b/two.py:7 Row": 2}


def test_words(sources):
    texts = _structure.docstrings(sources)
    assert len(texts) == 8
    assert [text for text in texts if _structure.opens_with_question(text)] == [
        "What this module does.",
        "Whether there is a row.",
    ]
    assert _structure.repeated_class_names(sources) == {"Row": ["mug.a.one", "mug.b.two"]}
    assert {str(s.path): _structure.comment_lines(s) for s in sources if "/" in str(s.path)} == {
        **{name: 0 for name in FILES if "/" in name},
        "mug/a/one.py": 1,  # the mark for the linter is none
        "mug/b/two.py": 1,
    }
    assert sum(map(_structure.html_lines, sources)) == 1


def test_arrows(sources):
    assert _structure.import_edges(sources) == {
        ("mug.a.one", "mug.errors"),
        ("mug.a.one", "mug.b.two"),
        ("mug.b.two", "mug.a.one"),
    }
    edges = _structure.import_edges(sources)
    assert _structure.package_edges(edges) == {("a", "errors"), ("a", "b"), ("b", "a")}
    assert _structure.folder_edges(sources) == {
        ("mug/a", "mug"),
        ("mug/a", "mug/b"),
        ("mug/b", "mug/a"),
    }


def test_a_repeated_run_is_one_pair_however_long(sources):
    assert _structure.duplicates(sources) == [("mug/a/one.py:16", "mug/b/two.py:16", 7)]
    assert _structure.duplicates(sources, run=8) == []


def test_equal_lines_in_a_row_are_no_overlapping_pairs():
    path = _structure.PurePosixPath("mug/x.py")
    eleven = _structure.Source(path, "call()\n" * 11)
    twelve = _structure.Source(path, "call()\n" * 12)
    assert _structure.duplicates([eleven]) == []
    assert _structure.duplicates([twelve]) == [("mug/x.py:1", "mug/x.py:7", 6)]


def test_the_table_shows_both_checkouts(tree, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["structure.py", "--root", str(tree), str(tree), "--markdown"])
    assert structure.main() == 0
    header, rule, *rows = capsys.readouterr().out.splitlines()
    assert (header, rule) == ("| measure | before | after |", "| --- | --- | --- |")
    before = dict(row.strip("| ").split(" | ")[:2] for row in rows)
    assert before["folders of `mug`"] == "3"
    assert before["folders of `mug` that import each other"] == "1"
    assert before["lines of a function, mean"] == "8.0"
    assert before["public class names that `mug` has more than once"] == "1: Row"
    assert before["pairs of places with 6 or more equal lines"] == "1"


def test_a_folder_that_is_no_checkout_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["structure.py", "--root", str(tmp_path)])
    with pytest.raises(SystemExit):
        structure.main()
    assert "there is no folder mug" in capsys.readouterr().err
