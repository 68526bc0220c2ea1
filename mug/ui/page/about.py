"""The tab that says what this is, what may be done with it, and under which licences."""

from __future__ import annotations

from markupsafe import Markup

from mug.render.html import fragment
from mug.ui.page.texts import Texts

_PARTS = ("what", "machine_made", "songs", "licences")


def about(t: Texts) -> Markup:
    """The tab's text as HTML."""
    parts = [(t(f"about_{part}_head"), t(f"about_{part}_body")) for part in _PARTS]
    return fragment("mug.ui.page/fragments.html", "about", parts=parts)
