"""Variations written into charts of other games."""

from __future__ import annotations

from pathlib import Path

from mug.beatmap.exact.document import open_chart
from mug.beatmap.hit_objects import LongNote, Rice
from mug.pipeline.edit import Dropped, Variation
from mug.pipeline.exact_edit import NOT_HELD, apply_variation, changed_outside
from mug.pipeline.request import Edit, Region

CHART = (
    b"#TITLE:t;#OFFSET:0;#BPMS:0=120;#NOTES:dance-single::Hard:1:0:\n"
    b"1000\n0M00\n0010\n0001\n,\n1000\n2000\n0000\n3000\n;"
)


def test_notes_that_the_format_cannot_hold_are_dropped_and_named() -> None:
    document = open_chart(CHART, path=Path("song.sm"))
    mine, taken, within = Rice(1, 500.0), Rice(2, 1000.0), Rice(0, 3000.0)
    fine = (Rice(3, 500.0), Rice(2, 750.0), LongNote(1, 1000.0, 1250.0))
    variation = Variation(removed=(2,), added=(*fine[:1], mine, *fine[1:], taken, within))
    done, written = apply_variation(document, 0, variation)
    assert written.added == fine
    assert written.dropped == tuple(Dropped(note, NOT_HELD) for note in (mine, taken, within))
    notes = done.document.charts[0].beatmap.hit_objects
    assert set(fine) < set(notes)
    assert Rice(3, 1500.0) not in notes
    edit = Edit(Region(400.0, 1600.0))
    assert changed_outside(document, done.document, 0, edit) == 0
    assert changed_outside(document, done.document, 0, Edit(Region(4000.0, 5000.0))) > 0
    assert done.document.data.endswith(b",\n1000\n2000\n0000\n3000\n;")
