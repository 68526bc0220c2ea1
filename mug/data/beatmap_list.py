"""Lists of charts: one `.osu` path a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mug.errors import DataError


def read_beatmap_list(file: str | Path) -> list[Path]:
    """Charts of a `beatmap.txt` in its order; blank lines and lines with `#` are comments.

    A path is absolute, or relative to the folder of the list, or to the working directory.

    Raises:
        DataError: names the list, the line and the path that does not exist, or the missing list.
    """
    listing = Path(file)
    if not listing.is_file():
        raise DataError(
            "no such list of charts", file=listing, remedy="Make it with scripts/prepare_beatmap.py"
        )
    charts = []
    for number, line in enumerate(listing.read_text(encoding="utf-8-sig").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = [path for path in (listing.parent / text, Path(text)) if path.is_file()]
        if not found:
            raise DataError(
                "no such chart",
                file=listing,
                line=number,
                value=text,
                remedy="Write paths relative to the list, or make the list anew",
            )
        charts.append(found[0])
    if not charts:
        raise DataError("the list names no charts", file=listing)
    return charts


def read_beatmap_lists(files: str | Path | Sequence[str | Path]) -> list[Path]:
    """Charts of one list or of several, each once."""
    names = [files] if isinstance(files, str | Path) else list(files)
    return list(dict.fromkeys(chart for name in names for chart in read_beatmap_list(name)))
