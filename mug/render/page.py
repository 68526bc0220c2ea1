"""Pages that stand alone: no script, no request, so that they work from a folder or a mail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from markupsafe import Markup

from mug.render.html import render, style

NOTHING = Markup("")


class PageSection(NamedTuple):
    """A part of a page.

    Args:
        name: what links to it say.
        title: plain text; empty for none.
        content: HTML.
    """

    name: str
    title: str
    content: Markup


class Heading(NamedTuple):
    """Heading above a page's sections.

    Args:
        title: plain text.
        kind: of the page, in the window's title.
        eyebrow: above the title; plain text or HTML.
        below: HTML below the links to the sections.
    """

    title: str
    kind: str
    eyebrow: str
    below: Markup = NOTHING


def document(
    heading: Heading,
    sections: Iterable[PageSection],
    foot: str,
    further_style: Markup = NOTHING,
) -> Markup:
    """Return a page as text.

    Args:
        heading: above the sections.
        sections: from the top.
        foot: at the end; plain text or HTML.
        further_style: style sheet after the one that all pages have.
    """
    return render(
        "mug.render/document.html",
        title=heading.title,
        kind=heading.kind,
        eyebrow=heading.eyebrow,
        head=heading.below,
        sections=list(sections),
        foot=foot,
        style=style("mug.render", "page.css") + further_style,
    ) + Markup("\n")
