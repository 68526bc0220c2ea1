"""What lint and errors say, in the visitor's language and without the server's folders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from mug.errors import MugError
from mug.ui.page.sentences_zh import ERRORS, FINDINGS, REMEDIES, RULES

_FOLDERS = re.compile(r"(?<![\w.:/])(?:/[^\s/'\"]+)+/(?=[^\s/])")  # /some/folder/ before a name


def sentence(error: MugError, language: str = "en") -> str:
    """An error for people.

    Args:
        error: what went wrong; what is not in the tables stays English.
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
    """A text in which paths are cut down to their last name."""
    return _FOLDERS.sub("", text)


def finding(message: str, language: str) -> str:
    """What lint says of a place."""
    return message if language == "en" else in_chinese(message, FINDINGS)


def rule(name: str, language: str) -> str:
    """The name of a rule of lint."""
    return name.replace("_", " ") if language == "en" else RULES.get(name, name.replace("_", " "))


def in_chinese(text: str, table: Mapping[str, str]) -> str:
    """The Chinese sentence with the same values; the text itself where the table has none."""
    if text in table:
        return table[text]
    for pattern, chinese in _patterns(tuple(table.items())):
        match = pattern.fullmatch(text)
        if match:
            return chinese.format(*match.groups())
    return text


def _chinese(error: MugError, name: str | None) -> str:
    place = name or ""
    if error.line is not None:
        place = f"{place}第 {error.line} 行" if not name else f"{name}，第 {error.line} 行"
    text = in_chinese(error.what, ERRORS)
    if place:
        text = f"{place}：{text}"
    if error.value is not None:
        text += f"：{error.value!r}"
    return f"{text}。{in_chinese(error.remedy, REMEDIES)}" if error.remedy else text


@cache
def _patterns(table: tuple[tuple[str, str], ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Templates with values, as patterns; the longest first, so that the most exact one wins."""
    found = sorted((entry for entry in table if "{}" in entry[0]), key=lambda e: -len(e[0]))
    return tuple((re.compile(re.escape(one).replace(r"\{\}", "(.+?)")), zh) for one, zh in found)
