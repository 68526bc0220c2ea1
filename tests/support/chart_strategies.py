"""Charts that every format can hold, and what of two charts must be equal."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint

words = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12)


def played(beatmap: Beatmap) -> list[tuple]:
    """What a player has to do, in order."""
    return sorted(
        (note.column, note.start_ms, note.last_ms, isinstance(note, LongNote))
        for note in beatmap.hit_objects
    )


def worst_ms(one: Beatmap, two: Beatmap) -> float:
    """The largest difference of a time; infinite where the notes differ otherwise."""
    first, second = played(one), played(two)
    if [(n[0], n[3]) for n in first] != [(n[0], n[3]) for n in second]:
        return float("inf")
    pairs = zip(first, second, strict=True)
    return max((max(abs(a[1] - b[1]), abs(a[2] - b[2])) for a, b in pairs), default=0.0)


@st.composite
def whole_ms_charts(draw: st.DrawFn, max_keys: int = 10) -> Beatmap:
    """Charts with times in whole ms and no two objects of a column that touch."""
    keys = draw(st.integers(1, max_keys))
    notes: list[HitObject] = []
    for column in range(keys):
        now = draw(st.integers(0, 3000))
        for gap, length in draw(
            st.lists(st.tuples(st.integers(40, 2500), st.integers(0, 900)), max_size=5)
        ):
            now += gap
            hold = length >= 40
            notes.append(
                LongNote(column, float(now), float(now + length))
                if hold
                else Rice(column, float(now))
            )
            now += length if hold else 0
    reds = [TimingPoint(float(draw(st.integers(0, 500))), 60000 / draw(st.integers(60, 300)))]
    if draw(st.booleans()):
        at = reds[0].time_ms + draw(st.integers(100, 9000))
        reds.append(TimingPoint(at, 60000 / draw(st.integers(60, 300)), draw(st.integers(1, 7))))
    velocities = st.sampled_from([0.25, 0.5, 1.0, 2.0, 7.5])
    greens = [
        ScrollPoint(float(time), draw(velocities))
        for time in draw(st.lists(st.integers(0, 12000), max_size=4, unique=True))
    ]
    state = random.getstate()  # the run-time type checker draws from `random`
    beatmap = Beatmap(
        keys=keys,
        hit_objects=tuple(sorted(notes, key=lambda n: (n.start_ms, n.column))),
        timing=tuple(sorted([*reds, *greens], key=lambda p: p.time_ms)),
        general={"AudioFilename": "song.ogg", "PreviewTime": "1200", "Mode": "3"},
        metadata={"Title": draw(words), "Artist": draw(words), "Creator": "me", "Version": "Hard"},
    )
    random.setstate(state)
    return beatmap
