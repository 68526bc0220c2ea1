"""Markdown whose values stay within their line and cell."""

from __future__ import annotations

from collections.abc import Iterable


def cell(value: object) -> str:
    """Return a value as text of one line in which `|` ends no cell."""
    return " ".join(str(value).split()).replace("|", "\\|")


def row(cells: Iterable[object]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(map(cell, cells))} |"


def header(titles: Iterable[object]) -> list[str]:
    """Return the first two lines of a table."""
    named = list(titles)
    return [row(named), "|---" * len(named) + "|"]
