"""Charts for the tests of lint and fixes: short notations, random dense ones, and mirrors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint


def tap(column: int, start: float) -> Rice:
    return Rice(column, float(start))


def hold(column: int, start: float, end: float) -> LongNote:
    return LongNote(column, float(start), float(end))


def chart(notes: Sequence[HitObject], keys: int = 4, bpm: float = 180.0) -> Beatmap:
    return Beatmap(keys, tuple(notes), (TimingPoint(0.0, 60000.0 / bpm),))


def mirror(notes: Sequence[HitObject], keys: int) -> tuple[HitObject, ...]:
    return tuple(replace(note, column=keys - 1 - note.column) for note in notes)


@st.composite
def dense_notes(draw: st.DrawFn, keys: int, most: int = 40) -> list[HitObject]:
    """Notes as a bad network would write them: many, on a fine grid, on top of each other."""
    raw = draw(
        st.lists(
            st.tuples(
                st.integers(0, keys - 1),
                st.integers(0, 100),
                st.sampled_from([None, None, None, 0, 5, 30, 60, 100, 250, 900]),
            ),
            max_size=most,
        )
    )
    step = draw(st.sampled_from([7.5, 20.0, 41.0]))
    return [
        tap(column, 500 + step * place)
        if length is None
        else hold(column, 500 + step * place, 500 + step * place + length)
        for column, place, length in raw
    ]
