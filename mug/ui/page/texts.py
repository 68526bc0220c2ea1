"""The page's texts, the section `page` of the catalogues."""

from __future__ import annotations

from mug.beatmap.formats.registry import FORMATS, OFFERED
from mug.errors import ConfigError
from mug.messages.message import LANGUAGES, catalogue


class Texts:
    """The page's texts in one language.

    Args:
        language: `en` or `zh`.

    Raises:
        ConfigError: for another language.
    """

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ConfigError(
                "ui.no_such_language", value=language, remedy="remedy.choose_en_or_zh"
            )
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """A text, with its `{values}` filled in."""
        text = catalogue(self.language)[f"page.{key}"]
        return text.format(**values) if values else text

    def file_kind(self, kind: str) -> str:
        """Name of a kind of file: `osz`, `report` … or a format's suffix without its dot."""
        suffix = f".{kind}"
        return FORMATS[suffix].game if suffix in OFFERED else self(f"kind_{kind}")

    def choices(self, *keys: str) -> list[tuple[str, str]]:
        """Shown text and value of each, as Gradio takes them."""
        return [(self(key), key) for key in keys]
