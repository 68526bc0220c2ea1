"""Markdown: whatever a song is called, a table keeps its columns."""

from __future__ import annotations

import csv
import io
import re

import pytest
from markdown_it import MarkdownIt
from repository import ROOT

from mug.evaluation.markdown.parts import head, line
from mug.render.csv_text import csv_text
from mug.render.markdown import Markup, cell, header, row

EVIL = "a | b\n| --- |\r\n# c"


def test_a_value_stays_in_its_cell() -> None:
    assert cell(EVIL) == "a \\| b \\| --- \\| # c"
    assert row([EVIL, 1.5]) == "| a \\| b \\| --- \\| # c | 1.5 |"
    assert header(["a|b", "c"]) == ["| a\\|b | c |", "|---|---|"]


def test_tables_of_the_benchmark_keep_their_columns() -> None:
    for text in (line(EVIL, [EVIL]), head(EVIL, [EVIL])[0]):
        assert text.replace("\\|", "").count("|") == 3
        assert "\n" not in text


ACTIVE = (
    "<script>alert(1)</script>",
    "<!-- x",
    "[link](javascript:x)",
    "![image](http://x/y.png)",
    "[a][b]",
    "[a]: http://x",
    "`code`",
    "**strong**",
    "_weak_",
    "~~gone~~",
    "&lt;b&gt;",
    "a\\|b",
    "a\\",
)


@pytest.mark.parametrize("name", ACTIVE)
def test_names_are_text_as_in_html(name: str) -> None:
    """Read by a Markdown parser, a cell holds the name as it is and no tag but its paragraph."""
    shown = MarkdownIt("commonmark").enable(["strikethrough", "table"])
    tokens = shown.parse(f"| a | b |\n|---|---|\n{row([name, 'end'])}\n")
    cells = [token for token in tokens if token.type == "inline"]
    kinds = {child.type for token in cells for child in token.children or ()}
    assert kinds <= {"text", "text_special"}
    texts = ["".join(child.content for child in token.children or ()) for token in cells]
    assert texts[2:] == [name, "end"]


@pytest.mark.parametrize("text", ["0.5 [0.4, 0.6]", "sr_ett", "a < b & c", "2 * 3", "1 ~ 2"])
def test_signs_that_only_stand_there_stay(text: str) -> None:
    assert cell(text) == text


def test_markdown_that_was_made_on_purpose_is_taken_as_it_is() -> None:
    assert cell(Markup("`a_b`")) == "`a_b`"


def test_no_cell_of_a_csv_starts_a_formula() -> None:
    evil = ["=1+1", "+1", "-1+cmd", "@SUM(A1)", "\t=1", " =1", "|x", "plain", "a=b"]
    text = csv_text(["=name", "value"], [{"=name": one, "value": -0.5} for one in evil])
    names, *rows = list(csv.reader(io.StringIO(text)))
    assert names == ["'=name", "value"]
    assert [found[0] for found in rows] == [*(f"'{one}" for one in evil[:7]), *evil[7:]]
    assert {found[1] for found in rows} == {"-0.5"}


def test_no_other_module_writes_csv() -> None:
    found = [p for p in (ROOT / "mug").rglob("*.py") if "csv." in p.read_text(encoding="utf-8")]
    writers = [p.name for p in found if re.search(r"csv\.\w*[wW]riter", p.read_text("utf-8"))]
    assert writers == ["csv_text.py"]
