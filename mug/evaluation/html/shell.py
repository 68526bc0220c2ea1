"""Common parts of the benchmark's pages: head, style, tables, addresses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from mug.evaluation.rows import ResultRow
from mug.lint.rules import NOTICE
from mug.prepare.report import page as report_page

SONGS = "pages"
"""Folder of the songs' pages, beside the page."""

_STYLES = (
    Path(report_page.__file__).with_name("report.css"),
    Path(__file__).with_name("page.css"),
)
# A browser that keeps to this asks no server for anything, whatever a song's title says.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

Section = tuple[str, str, str]


def document(
    eyebrow: str, title: str, sections: Sequence[Section], head: str = "", foot: str = ""
) -> str:
    """A page as text.

    Args:
        eyebrow: HTML above the title.
        title: plain text.
        sections: name, title (plain text) and HTML of each.
        head: HTML below the title.
        foot: HTML at the end.
    """
    style = "".join(path.read_text(encoding="utf-8") for path in _STYLES)
    links = "".join(f'<a href="#{name}">{escape(said)}</a>' for name, said, _ in sections if said)
    body = "".join(
        f'<section id="{name}">{f"<h2>{escape(said)}</h2>" if said else ""}{content}</section>'
        for name, said, content in sections
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)} · benchmark</title>
<style>{style}</style></head>
<body><header><p class="eyebrow">{eyebrow}</p><h1>{escape(title)}</h1>
<nav>{links}</nav>{head}</header>
<main>{body}<footer>{foot}<p>Charts that a program made are tagged as such. {escape(NOTICE)}</p>
</footer></main></body></html>
"""


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
    return f'<a href="{up}{quote(row.file)}" download>.osu</a>'


def grid(cards: Sequence[str], kind: str) -> str:
    """Cards side by side; the class says how wide they are."""
    return f'<div class="grid {kind}">{"".join(cards)}</div>'


def chips(texts: Iterable[tuple[str, str]]) -> str:
    """Short facts in a line: text and class of each."""
    inner = "".join(f'<span class="{kind}">{escape(text)}</span>' for text, kind in texts)
    return f'<div class="chips">{inner}</div>'


def plain_table(head: Sequence[str], rows: Iterable[Sequence[str]], name: str) -> str:
    """A table that scrolls on its own where it is too wide.

    Args:
        head: plain text.
        rows: cells of HTML.
        name: for those who cannot see it.
    """
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for cells in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(name)}">'
        f'<table class="plain"><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'
    )
