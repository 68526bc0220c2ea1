"""Errors and rules of lint in the visitor's language, without the server's folders."""

from __future__ import annotations

import re
from pathlib import Path

from mug.errors import MugError, printable
from mug.messages.message import catalogue

_FOLDERS = re.compile(r"(?<![\w.:/])(?:/[^\s/'\"]+)+/(?=[^\s/])")  # /some/folder/ before a name


def sentence(error: MugError, language: str = "en") -> str:
    """Return an error for people.

    Args:
        error: what went wrong.
        language: `en` or `zh`.
    """
    name = None if error.file is None else Path(error.file).name
    if language == "zh":
        text = _chinese(error, name)
    else:
        text = str(
            MugError(error.what, file=name, line=error.line, value=error.value, remedy=error.remedy)
        )
    return without_folders(text)


def without_folders(text: str) -> str:
    """Return a text without control characters, with paths cut down to their last name."""
    return _FOLDERS.sub("", printable(text))


def rule(name: str, language: str) -> str:
    """Return the name of a rule of lint; that of an extension's rule is its own."""
    return catalogue(language).get(f"rule.{name}", name.replace("_", " "))


def _chinese(error: MugError, name: str | None) -> str:
    place = name or ""
    if error.line is not None:
        place = f"{place}第 {error.line} 行" if not name else f"{name}，第 {error.line} 行"
    text = error.what.text("zh")
    if place:
        text = f"{place}：{text}"
    if error.value is not None:
        text += f"：{error.value!r}"
    return f"{text}。{error.remedy.text('zh')}" if error.remedy else text
