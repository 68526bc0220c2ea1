"""Markdown: whatever a song is called, a table keeps its columns."""

from __future__ import annotations

from mug.evaluation.markdown.parts import head, line
from mug.render.markdown import cell, header, row

EVIL = "a | b\n| --- |\r\n# c"


def test_a_value_stays_in_its_cell() -> None:
    assert cell(EVIL) == "a \\| b \\| --- \\| # c"
    assert row([EVIL, 1.5]) == "| a \\| b \\| --- \\| # c | 1.5 |"
    assert header(["a|b", "c"]) == ["| a\\|b | c |", "|---|---|"]


def test_tables_of_the_benchmark_keep_their_columns() -> None:
    for text in (line(EVIL, [EVIL]), head(EVIL, [EVIL])[0]):
        assert text.replace("\\|", "").count("|") == 3
        assert "\n" not in text
