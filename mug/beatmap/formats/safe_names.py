"""File names that every system accepts, from text that anybody may have written."""

from __future__ import annotations

import re
import unicodedata

MAX_BYTES = 200  # file systems allow 255; a temporary file's prefix and suffix need some of them
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, direction marks, surrogates …
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\..*)?",
    re.IGNORECASE | re.DOTALL,
)
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}$")


def sanitise_name(text: str, *, max_bytes: int = MAX_BYTES) -> str:
    """One safe name for a file or folder, as close to the text as possible.

    No separators, drive letters, control or direction characters; no name that Windows reserves,
    no blank or dot at the end; never empty, `.` or `..`; at most `max_bytes` of UTF-8 (16 or
    more), the suffix kept. Unchanged for a name that is safe already.
    """
    name = unicodedata.normalize("NFC", text)
    name = "".join("_" if unicodedata.category(c) in _INVISIBLE else c for c in name)
    name = _trimmed(re.sub(r"\s", " ", _FORBIDDEN.sub("_", name)))
    name = _shortened(name, max_bytes - 1)  # one byte is kept for the underscore below
    if not name:
        return "untitled"
    return f"_{name}" if _RESERVED.fullmatch(name) else name


def _trimmed(name: str) -> str:
    return name.lstrip(" ").rstrip(" .")


def _shortened(name: str, max_bytes: int) -> str:
    data = name.encode("utf-8")
    if len(data) <= max_bytes:
        return name
    found = _SUFFIX.search(name)
    suffix = found[0] if found else ""
    stem = data[: max_bytes - len(suffix)].decode("utf-8", errors="ignore")
    return _trimmed(stem) + suffix
