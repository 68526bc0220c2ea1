"""Markdown whose values stay text, within their line and cell.

As in HTML (`mug.render.html`), plain values are escaped and `Markup` is taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# What begins or ends code, strong text, HTML, an entity or a link. Signs that only stand there, as
# in `a_b`, `2 * 3`, `< 5` and `[1, 2]`, stay as they are.
_ACTIVE = re.compile(
    r"[\\|`]"
    r"|(?<=\S)[*~]|[*~](?=\S)"
    r"|(?<![^\W_])_|_(?![^\W_])"
    r"|<(?=[A-Za-z/!?])"
    r"|&(?=#?\w+;)"
    r"|!(?=\[)|\](?=[(\[:])"
)
_ENTITIES = {"<": "&lt;", "&": "&amp;"}


class Markup(str):
    """Markdown that was made on purpose."""

    __slots__ = ()


def cell(value: object) -> str:
    """Return a value as text of one line in which nothing is Markdown or HTML."""
    if isinstance(value, Markup):
        return " ".join(value.split()).replace("|", "\\|")
    line = " ".join(str(value).split())
    return _ACTIVE.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), line)


def row(cells: Iterable[object]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(map(cell, cells))} |"


def header(titles: Iterable[object]) -> list[str]:
    """Return the first two lines of a table."""
    named = list(titles)
    return [row(named), "|---" * len(named) + "|"]
