"""The tab that says what this is, what may be done with it, and under which licences."""

from __future__ import annotations

from html import escape

from mug.ui.page.texts import Texts

_PARTS = ("what", "machine_made", "songs", "licences")


def about(t: Texts) -> str:
    """The tab's text as HTML."""
    parts = "".join(
        f"<h2>{escape(t(f'about_{part}_head'))}</h2><p>{escape(t(f'about_{part}_body'))}</p>"
        for part in _PARTS
    )
    return f'<article class="mug-prose">{parts}</article>'
