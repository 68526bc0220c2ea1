"""Lists of charts: one `.osu` path a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mug.errors import DataError


def iter_beatmap_list(file: str | Path) -> Iterator[Path]:
    """Charts of a `beatmap.txt`, in its order, one by one; rules and errors as for the whole."""
    listing, found_any = Path(file), False
    if not listing.is_file():
        raise DataError(
            "data.no_such_list_of_charts", file=listing, remedy="remedy.make_with_prepare_beatmap"
        )
    with listing.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            found = next((p for p in (listing.parent / text, Path(text)) if p.is_file()), None)
            if found is None:
                raise DataError(
                    "common.no_such_chart",
                    file=listing,
                    line=number,
                    value=text,
                    remedy="remedy.write_paths_relative_to_list",
                )
            found_any = True
            yield found
    if not found_any:
        raise DataError("data.list_names_no_charts", file=listing)


def read_beatmap_list(file: str | Path) -> list[Path]:
    """Charts of a `beatmap.txt` in its order; blank lines and lines with `#` are comments.

    A path is absolute, or relative to the folder of the list, or to the working directory.

    Raises:
        DataError: names the list, the line and the path that does not exist, or the missing list.
    """
    return list(iter_beatmap_list(file))


def read_beatmap_lists(files: str | Path | Sequence[str | Path]) -> list[Path]:
    """Charts of one list or of several, each once."""
    names = [files] if isinstance(files, str | Path) else list(files)
    return list(dict.fromkeys(chart for name in names for chart in read_beatmap_list(name)))
