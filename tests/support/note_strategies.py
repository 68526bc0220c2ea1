"""Random notes for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mug.beatmap.hit_objects import HitObject, LongNote, Rice


def notes(latest_ms: int, most: int, *, unique: bool = False) -> SearchStrategy[list[HitObject]]:
    """Up to `most` taps and holds of four columns that start up to `latest_ms`, in any order."""
    one = st.builds(
        lambda column, start, length: (
            LongNote(column, float(start), float(start + length))
            if length
            else Rice(column, float(start))
        ),
        st.integers(0, 3),
        st.integers(0, latest_ms),
        st.sampled_from([0, 0, 50, 400]),
    )
    return st.lists(one, max_size=most, unique=unique)
