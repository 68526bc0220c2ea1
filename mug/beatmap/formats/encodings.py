"""Text encodings of chart files: a mark, else UTF-8, else a code page by evidence."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from mug.beatmap.formats.code_pages import PAGES, likeliest
from mug.beatmap.sound_file import look_for
from mug.errors import BeatmapError

_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEAD = 512
_MANY = 0.4  # of the letters of a chart in UTF-16, so many have a NUL beside them at least
_SOUND = re.compile(
    rb'^\s*(?:AudioFilename|AudioFile)\s*:\s*([^\r\n]+)|#MUSIC\s*:([^;\r\n]+)|"sound"\s*:\s*"([^"]+)"',
    re.MULTILINE | re.IGNORECASE,
)
_EVIDENT = (
    *PAGES, "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp874", "cp866", "koi8_r", "euc_jp",
    "cp437", "cp850", "johab",
)  # fmt: skip
"""Code pages that count where a sound is there under them; letters alone do not tell so many."""
_FIT = 4  # whole letters of UTF-8 for each broken one, in a file that is UTF-8 but for damage


def decode(data: bytes, folder: Path | None = None) -> str:
    """Text of a chart in whichever encoding.

    Args:
        data: the file.
        folder: where it lies: the code page in which its sound is there is the right one.

    Raises:
        BeatmapError: when a file with a byte-order mark does not hold to it.
    """
    encoding = detect(data, folder)
    try:
        if encoding in ("utf-16", "utf-8-sig"):
            return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise BeatmapError(
            "chart.byte_order_mark_promises_another_encoding",
            value=str(error),
            remedy="remedy.save_as_utf8",
        ) from error
    return data.decode(encoding, "replace")


def detect(data: bytes, folder: Path | None = None) -> str:
    """Name of the encoding of a chart; see `decode`."""
    if data.startswith(_WIDE_BOMS):
        return "utf-16"
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    wide = _wide_without_mark(data[:_HEAD])
    if wide is not None:
        return wide
    return "utf-8" if _is_utf8(data) else _by_sound(data, folder) or likeliest(data, PAGES)


def is_wide(data: bytes) -> bool:
    """Return whether this is UTF-16, with a mark or without."""
    return detect(data[:_HEAD]).startswith("utf-16")


def decode_names(names: Sequence[bytes], sounds: Iterable[str] = ()) -> list[str]:
    """File names of an old archive, which all have one encoding.

    Those of DOS are among its candidates: the format's own is one of them.

    Args:
        names: as they stand in the archive.
        sounds: names of sounds in the archive's charts: the code page that gives one is the right
            one.
    """
    wanted = {_last_part(sound) for sound in sounds if not sound.isascii()}
    for evident in _EVIDENT if wanted else ():
        found = [_decoded(name, evident) for name in names]
        if wanted & {_last_part(name) for name in found if name is not None}:
            return [name.decode(evident, "replace") for name in names]
    joined = b"\n".join(names)
    page = "utf-8" if _is_utf8(joined) else likeliest(joined, (*PAGES, "cp437", "cp866"))
    return [name.decode(page, "replace") for name in names]


def sound_named(data: bytes) -> str | None:
    """Name of the sound in a chart that is Unicode; None for others."""
    encoding = detect(data)
    found = _SOUND.search(decode(data).encode() if encoding.startswith("utf-16") else data)
    name = b"" if found is None else next(filter(None, found.groups())).strip()
    return _decoded(name, "utf-8") or None


def _decoded(data: bytes, page: str) -> str | None:
    try:
        return data.decode(page)
    except UnicodeDecodeError:
        return None


def _last_part(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2].casefold())


def _wide_without_mark(head: bytes) -> str | None:
    """UTF-16 by its NULs: one beside each ASCII letter, always on the same side."""
    pairs = len(head) // 2
    if pairs < 4:
        return None
    first, second = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if min(first, second) * 10 > pairs or max(first, second) < _MANY * pairs:
        return None
    return "utf-16-le" if second > first else "utf-16-be"


def _is_utf8(data: bytes) -> bool:
    """Return whether these bytes are UTF-8, but for a few that are damaged."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        whole = sum(letter > "\x7f" for letter in text) - broken
        return whole >= _FIT * broken
    return True


def _by_sound(data: bytes, folder: Path | None) -> str | None:
    """The code page under which the sound that the chart names lies beside it."""
    found = None if folder is None else _SOUND.search(data)
    name = b"" if found is None else next(filter(None, found.groups())).strip()
    if folder is None or name.isascii():
        return None
    for page in _EVIDENT:
        text = _decoded(name, page)
        if text is not None and look_for(folder, text) is not None:
            return page
    return None
