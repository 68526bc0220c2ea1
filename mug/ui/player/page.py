"""The player as one HTML file that needs nothing else: style, modules and document inside."""

from __future__ import annotations

import base64
import json
import mimetypes
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mug.errors import ConfigError
from mug.render.html import render, style

PLAYER_FOLDER = Path(__file__).parent
"""Files that a page serves as they are: the modules, the style sheet."""

_ENTRY = "mug-player.js"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:class|function|const) (\w+))", re.MULTILINE)


def player_page(document: Mapping[str, Any], *, theme: str | None = None) -> str:
    """A page with one player, whole in itself when the document's sound is a `data:` URL.

    Args:
        document: of `mug.ui.player.page.player_document`.
        theme: `dark` or `light`; as the system has it when None.

    Raises:
        ConfigError: for another theme.
    """
    if theme not in (None, "dark", "light"):
        raise ConfigError("ui.no_such_theme", value=theme, remedy="remedy.choose_dark_or_light")
    text = json.dumps(document, allow_nan=False)
    return render(
        "mug.ui.player/player.html",
        language=str(document["language"]),
        theme=theme,
        title=str(document["title"]),
        style=style("mug.ui.player", "player.css"),
        # "<" would let a title close the script element.
        document=Markup(text.replace("<", "\\u003c")),
        modules=Markup(joined_modules()),
    )


def joined_modules() -> str:
    """All modules in one, each in a scope of its own, after those that it imports."""
    order: list[str] = []
    _visit(_ENTRY, order)
    return "\n".join(_scoped(name) for name in order)


def audio_data_url(path: Path) -> str:
    """A sound file as a `data:` URL."""
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _source(name: str) -> str:
    return (PLAYER_FOLDER / name).read_text(encoding="utf-8")


def _visit(name: str, order: list[str]) -> None:
    if name in order:
        return
    for match in _IMPORT.finditer(_source(name)):
        _visit(match[2], order)
    order.append(name)


def _scope(name: str) -> str:
    return "$" + name.removesuffix(".js").replace("-", "_")


def _scoped(name: str) -> str:
    text = _IMPORT.sub(lambda match: f"const {{{match[1]}}} = {_scope(match[2])};\n", _source(name))
    exported = [match[2] for match in _EXPORT.finditer(text)]
    body = _EXPORT.sub(r"\1", text)
    return f"const {_scope(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();"
