"""Sentences as data: a code, values, and the text of each language from its catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from string import Formatter
from types import MappingProxyType
from typing import Any

import yaml

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "zh": "中文"})
PLAIN = "common.plain"
"""Code of a text from elsewhere, e.g. of another library's error, which no catalogue holds."""


class Message(str):
    """An English sentence that knows its code and values, so that other languages can say it.

    It is a string in everything, so that it can be logged, compared and written as JSON. A code
    without an entry stands for itself, so that extensions can raise errors with texts of their own.

    Args:
        code: key of the text in the catalogues, e.g. `audio.no_such_file`.
        values: the values of its placeholders; a value can be a message itself.
    """

    code: str
    values: Mapping[str, object]

    def __new__(cls, code: str, /, **values: object) -> Message:
        """Fill in the English text."""
        made = super().__new__(cls, _filled(code, values, "en"))
        made.code, made.values = code, values
        return made

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as code and values."""
        return _again, (self.code, dict(self.values))

    def text(self, language: str = "en") -> str:
        """Return the sentence in a language; its English where that has no entry for the code."""
        return _filled(self.code, self.values, language)

    def to_plain(self) -> dict[str, Any]:
        """Return code, values and English text, as JSON keeps them for every language."""
        return {"code": self.code, "values": dict(self.values), "text": str(self)}

    @classmethod
    def from_plain(cls, kept: Mapping[str, Any]) -> Message:
        """Return the message that `to_plain` kept."""
        return cls(kept["code"], **kept["values"])


def plain(text: str) -> Message:
    """Return a text from elsewhere as a message; it is the same in every language."""
    return text if isinstance(text, Message) else Message(PLAIN, text=text)


def message_of(error: Exception) -> Message:
    """Return the message that an exception carries, or its text as a plain one."""
    return plain(error.args[0] if error.args and isinstance(error.args[0], Message) else str(error))


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return the texts of a language by code.

    Args:
        language: `en` or `zh`.

    Raises:
        FileNotFoundError: for another language.
    """
    file = resources.files("mug.messages").joinpath(f"{language}.yaml")
    # libyaml's parser reads a catalogue in a tenth of the time, where PyYAML was built with it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    sections: dict[str, dict[str, str]] = yaml.load(file.read_text(encoding="utf-8"), loader)
    return MappingProxyType({
        f"{section}.{name}": text
        for section, texts in sections.items()
        for name, text in texts.items()
    })  # fmt: skip


def placeholders(text: str) -> frozenset[str]:
    """Return the names that a text of a catalogue has values for."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def _filled(code: str, values: Mapping[str, object], language: str) -> str:
    text = catalogue(language).get(code) or catalogue("en").get(code)
    if text is None:
        return code
    return text.format(**{name: _said(value, language) for name, value in values.items()})


def _said(value: object, language: str) -> Any:
    return value.text(language) if isinstance(value, Message) else value


def _again(code: str, values: dict[str, object]) -> Message:
    return Message(code, **values)
