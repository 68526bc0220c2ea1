"""Two states of a file, byte by byte: what changed beside the notes that were free to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

from mug.beatmap.exact.files import ExactFile
from mug.beatmap.hit_objects import HitObject

_BREAKS = b"\r\n\0"


def bytes_changed_beside(
    before: ExactFile, after: ExactFile, chart: int, free: Callable[[HitObject], bool]
) -> int:
    """Count bytes that differ in units without a free note, and around all units.

    Args:
        before: the file before edits of a chart.
        after: the file after them.
        chart: number of the chart.
        free: says of a note that it may appear, change or vanish.
    """
    found = sum(
        _differing(_texts(before, n), _texts(after, n))
        for n in range(max(len(before.charts), len(after.charts)))
        if n != chart
    )
    old, new = (_units(file, chart, free) for file in (before, after))
    if any(len(notes) != 1 for _, notes in before.units(chart)):  # measures hold any number
        pairs = [(a, b) for a, b in zip(old, new, strict=False) if None not in (a, b)]
        found += _differing([a or b"" for a, _ in pairs], [b or b"" for _, b in pairs])
    else:
        found += _differing(
            [text for text in old if text is not None], [text for text in new if text is not None]
        )
    return found + _differing(_around(before), _around(after))


def _texts(file: ExactFile, chart: int) -> list[bytes]:
    if chart >= len(file.charts):
        return []
    return [file.view.raw(*span) for span, _ in file.units(chart)]


def _units(file: ExactFile, chart: int, free: Callable[[HitObject], bool]) -> list[bytes | None]:
    """Bytes of each unit without its line break; None for one with a free note."""
    notes = file.charts[chart].hit_objects
    return [
        None if any(free(notes[i]) for i in here) else file.view.raw(*span).strip(_BREAKS)
        for span, here in file.units(chart)
    ]


def _around(file: ExactFile) -> list[bytes]:
    """Text before the first unit and behind the last one."""
    spans = [span for n in range(len(file.charts)) for span, _ in file.units(n)]
    if not spans:
        return []
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    behind = file.view.raw(last, len(file.view.text)).strip(_BREAKS)
    return [file.view.data[: file.view.byte(first)], behind]


def _differing(one: Sequence[bytes], two: Sequence[bytes]) -> int:
    if not one or not two:
        return 0 if one == two or not (one or two) else sum(map(len, [*one, *two]))
    pairs = zip_longest(one, two, fillvalue=b"")
    return sum(
        sum(a != b for a, b in zip(x, y, strict=False)) + abs(len(x) - len(y))
        for x, y in pairs
        if x != y
    )
