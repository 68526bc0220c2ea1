"""Titles in ASCII, beside the true ones."""

from __future__ import annotations

from collections.abc import Mapping

UNNAMED = "untitled"


def latin(text: str) -> str:
    """Return a text in printable ASCII: transliterated, on one line, never empty unless it was.

    Source: https://github.com/anyascii/anyascii, letter by letter and without a language.
    """
    if text.isascii() and text.isprintable():
        return text
    from anyascii import anyascii

    # A symbol gives its name between colons, which are not in the title.
    letters = (one if one.isascii() else anyascii(one).removeprefix(":") for one in text)
    plain = "".join(
        one.removesuffix(":").replace("_", " ") if len(one) > 1 else one for one in letters
    )
    plain = "".join(letter if letter.isprintable() else " " for letter in plain)
    plain = " ".join(plain.split())
    return plain or (UNNAMED if text.strip() else "")


def with_latin(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata whose title and artist are ASCII, with the true ones in `…Unicode`."""
    found = dict(metadata)
    for key in ("Title", "Artist"):
        text = found.get(key, "")
        if not text.isascii():
            found[key] = latin(text)
            found[f"{key}Unicode"] = found.get(f"{key}Unicode") or text
    return found
