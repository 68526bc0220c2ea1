"""The split of a data set as files: `train.txt`, `val.txt` and `test.txt` beside its charts.

Lists of charts as any other, so that they can be read, compared and put under version control.
Datasets use them when they are there (mug.data.collection).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from mug.data.split import PARTS, Split
from mug.errors import DataError
from mug.files import atomic_write

_HEADER = "# Made by scripts/filter_beatmap.py. Songs stay in their part when others are added.\n"


def write_split(folder: Path, split: Split) -> None:
    """Write the three lists, paths as in the split's entries (relative to the folder).

    A crash between two of them leaves lists that are still disjoint: charts never change parts.
    """
    for part in PARTS:
        lines = "".join(f"{entry.path.as_posix()}\n" for entry in getattr(split, part))
        file = folder / f"{part}.txt"
        if file.is_file() and file.read_text(encoding="utf-8") == _HEADER + lines:
            continue
        with atomic_write(file, "w", encoding="utf-8") as handle:
            handle.write(_HEADER + lines)


def is_own_part(file: Path) -> bool:
    """Tell a list that `write_split` wrote."""
    with file.open("rb") as handle:
        return handle.read(len(_HEADER)) == _HEADER.encode()


def read_split(folder: Path) -> dict[str, str]:
    """Parts by chart (as written in the lists); empty where there are no lists.

    Raises:
        DataError: for a chart that is in two lists.
    """
    files = [folder / f"{part}.txt" for part in PARTS]
    stamps = tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files)
    return dict(_read(folder, stamps)) if any(stamps) else {}


@lru_cache(16)
def _read(folder: Path, _: tuple[int, ...]) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in PARTS:
        file = folder / f"{part}.txt"
        for number, chart in _charts(file):
            if parts.setdefault(chart, part) != part:
                raise DataError(
                    "data.chart_is_in_other_part_too",
                    part=parts[chart],
                    file=file,
                    line=number,
                    value=chart,
                    remedy="remedy.remove_from_one_of_them",
                )
    return parts


def _charts(file: Path) -> Iterable[tuple[int, str]]:
    if not file.is_file():
        return
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield number, text
