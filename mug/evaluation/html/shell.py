"""Common parts of the benchmark's pages: head, style, tables, addresses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from markupsafe import Markup

from mug.evaluation.rows import ResultRow
from mug.lint.rules import NOTICE
from mug.render.html import fragment, style
from mug.render.page import NOTHING, Heading, PageSection, document

SONGS = "pages"
"""Folder of the songs' pages, beside the page."""

_SHELL = "mug.evaluation.html/shell.html"


def benchmark_page(
    eyebrow: str, title: str, sections: Sequence[PageSection], below: Markup = NOTHING
) -> Markup:
    """Return a page of the benchmark as text.

    Args:
        eyebrow: above the title; plain text or HTML.
        title: plain text.
        sections: from the top.
        below: HTML below the title.
    """
    return document(
        Heading(title, "benchmark", eyebrow, below),
        sections,
        fragment(_SHELL, "foot", notice=NOTICE),
        style("mug.evaluation.html", "page.css"),
    )


def page_name(song: str) -> str:
    """File name of a song's page: readable, the same for the same song, and another for others."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", song).strip("-").lower()[:60]
    digest = hashlib.sha256(song.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain}-{digest}.html" if plain else f"{digest}.html"


def chart_anchor(index: int) -> str:
    """Anchor of a human chart on its song's page."""
    return f"chart-{index}"


def file_link(row: ResultRow, up: str = "") -> str:
    """A link to a judged chart; plain words where none was kept.

    Args:
        row: of the chart.
        up: from the page to the folder of results, e.g. `../`.
    """
    if not row.file:
        return "not kept"
    return fragment(_SHELL, "file_link", address=f"{up}{quote(row.file)}")


def grid(cards: Sequence[Markup], kind: str) -> Markup:
    """Cards side by side; the class says how wide they are."""
    return fragment(_SHELL, "grid", cards=cards, kind=kind)


def chips(texts: Iterable[tuple[str, str]]) -> Markup:
    """Short facts in a line: text and class of each."""
    return fragment(_SHELL, "chips", texts=list(texts))


def plain_table(head: Sequence[str], rows: Iterable[Sequence[str]], name: str) -> Markup:
    """A table that scrolls on its own where it is too wide.

    Args:
        head: plain text.
        rows: cells, plain text or HTML.
        name: for those who cannot see it.
    """
    return fragment(_SHELL, "plain_table", head=head, rows=list(rows), name=name)
