"""Variations of a part, written into a chart of any format with every other byte as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mug.beatmap.exact.changes import NoteChange
from mug.beatmap.exact.compare import bytes_changed_beside
from mug.beatmap.exact.document import Applied, Document
from mug.beatmap.exact.operations import replacement
from mug.beatmap.hit_objects import HitObject
from mug.errors import BeatmapError
from mug.pipeline.edit import Dropped, Variation
from mug.pipeline.request import Edit

NOT_HELD = "the format of the file cannot hold it there"


def apply_variation(
    document: Document, chart: int, variation: Variation
) -> tuple[Applied, Variation]:
    """Write a variation into a document.

    New notes that its format cannot hold where they are, e.g. on the row of a mine, are dropped.

    Args:
        document: the file.
        chart: number of the chart in it.
        variation: of this chart.

    Returns:
        The document with its way back, and the variation as it was written.
    """
    gone = [NoteChange(index, None) for index in variation.removed]
    held = _held(document, chart, gone, variation.added)
    done = document.apply([_edit(chart, gone, held)])
    taken = set(held)
    dropped = [Dropped(note, NOT_HELD) for note in variation.added if note not in taken]
    written = replace(variation, added=tuple(held), dropped=(*variation.dropped, *dropped))
    return done, written


def _edit(chart: int, gone: Sequence[NoteChange], added: Sequence[HitObject]) -> dict[str, object]:
    return replacement([*gone, *(NoteChange(None, note) for note in added)], chart)


def _held(
    document: Document, chart: int, gone: Sequence[NoteChange], added: Sequence[HitObject]
) -> list[HitObject]:
    """Return new notes that the format can hold together: halves are tried until all fit."""
    held: list[HitObject] = []
    waiting = [list(added)]
    while waiting:
        some = waiting.pop()
        try:
            document.apply([_edit(chart, gone, [*held, *some])])
        except BeatmapError:
            half = len(some) // 2
            if half:
                waiting += [some[half:], some[:half]]
            continue
        held += some
    return held


def changed_outside(before: Document, after: Document, chart: int, edit: Edit) -> int:
    """Count bytes of the chart's file that changed beside the notes which may change."""
    place = before.place(chart)
    old, new = before.files[place.member], after.files[place.member]
    return bytes_changed_beside(old, new, place.number, edit.free)
