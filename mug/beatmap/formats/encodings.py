"""Text encodings of chart files."""

from __future__ import annotations

import codecs
import re

from mug.errors import BeatmapError

_JAPANESE = re.compile("[\u3040-\u30ff]|[\u3000-\u303f\u4e00-\u9fff]{2}")
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(data: bytes) -> str:
    """Text of a chart in whichever encoding: a byte-order mark, else UTF-8, else an old code page.

    Without a mark, bytes that are not UTF-8 are read as Shift-JIS (cp932) when that gives
    Japanese words, and as Latin-1, which never fails and loses nothing, otherwise.

    Raises:
        BeatmapError: when a file with a byte-order mark does not hold to it.
    """
    try:
        if data.startswith(_WIDE_BOMS):
            return data.decode("utf-16")
        if data.startswith(codecs.BOM_UTF8):
            return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BeatmapError(
            "chart.byte_order_mark_promises_another_encoding",
            value=str(error),
            remedy="remedy.save_as_utf8",
        ) from error
    found = guess(data)
    return data.decode("latin-1") if found is None else found


def guess(data: bytes) -> str | None:
    """Text of bytes that are UTF-8, or Shift-JIS with Japanese words; None for any other."""
    for encoding in ("utf-8", "cp932"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _JAPANESE.search(text):
            return text
    return None
