"""Hypothesis strategies for whole beatmaps that the `.osu` format can hold."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu.text import section_name
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint

ids = st.integers(-(2**31) + 1, 2**31 - 1)
_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\r\n")
_words = st.text(_characters, max_size=12).map(str.strip)
_keys = st.text(_characters, min_size=1, max_size=8).map(lambda s: s.replace(":", "").strip())


def times() -> st.SearchStrategy[float]:
    """Whole and fractional times in ms, also before the song."""
    whole = st.integers(-(2**30), 2**30).map(float)
    return whole | st.floats(-(2.0**30), 2.0**30, allow_subnormal=False)


def field_sections(*, slashes: bool = False, **fixed: str) -> st.SearchStrategy[dict[str, str]]:
    """Sections of `key: value` lines; `fixed` come first; with `slashes`, `//` is no comment."""
    names = _keys.filter(
        lambda k: (
            k
            and not k.startswith(("//", "[", "﻿"))
            and k not in ("Mode", "CircleSize", "SliderMultiplier")
        )
    )
    if not slashes:
        names = names.filter(lambda key: "/" not in key)
    words = _words if slashes else _words.map(lambda text: text.replace("//", "/").lstrip("/"))
    return st.dictionaries(names, words, max_size=4).map(lambda extra: {**fixed, **extra})


def written_lines() -> st.SearchStrategy[tuple[str, ...]]:
    """Lines of [Events] and of unknown sections, storyboard indents included."""
    lines = st.text(_characters, min_size=1, max_size=20).filter(
        lambda s: bool(s.strip()) and section_name(s) is None
    )
    return st.lists(lines, max_size=4).map(tuple)


def comments() -> st.SearchStrategy[dict[str, tuple[str, ...]]]:
    """Comment lines by section."""
    names = ("", "General", "Editor", "Metadata", "Difficulty", "TimingPoints", "HitObjects")
    lines = st.lists(_words.map(lambda s: f"//{s}"), min_size=1, max_size=2).map(tuple)
    return st.dictionaries(st.sampled_from(names), lines, max_size=3)


def timing_points() -> st.SearchStrategy[TimingPoint | ScrollPoint]:
    """Red and green lines."""
    rest = {
        "meter": st.integers(1, 99),
        "sample_set": st.integers(0, 3),
        "sample_index": ids,
        "volume": st.integers(0, 100),
        "effects": st.integers(0, 9),
    }
    positive = st.floats(1e-6, 1e9)
    return st.builds(TimingPoint, times(), positive, **rest) | st.builds(
        ScrollPoint, times(), positive, **rest
    )


def hit_objects(keys: int) -> st.SearchStrategy[HitObject]:
    """Taps and holds of a chart with so many columns."""
    samples = st.sampled_from(["", "0:0:0:0:", "1:2:3:70:clap, loud.wav", "0:0"])
    combos = st.integers(0, 31).map(lambda bits: bits << 2 & (4 | 112))
    columns, sounds = st.integers(0, keys - 1), st.integers(0, 15)
    return st.builds(Rice, columns, times(), sounds, samples, combos) | st.builds(
        lambda column, ends, *rest: LongNote(column, min(ends), max(ends), *rest),
        columns,
        st.tuples(times(), times()),
        sounds,
        samples,
        combos,
    )


@st.composite
def beatmaps(draw: st.DrawFn) -> Beatmap:
    """Whole beatmaps of 1 to 18 columns and any version of the file format."""
    keys = draw(st.integers(1, 18))
    others = st.sampled_from(["Colours", "Fonts", "Ünknown [x", "CatchTheBeat"])
    arguments = {
        "keys": keys,
        "hit_objects": tuple(draw(st.lists(hit_objects(keys), max_size=8))),
        "timing": tuple(draw(st.lists(timing_points(), max_size=5))),
        "general": draw(field_sections(Mode="3")),
        "editor": draw(field_sections()),
        "metadata": draw(field_sections(slashes=True)),
        "difficulty": draw(field_sections(CircleSize=str(keys))),
        "events": draw(written_lines()),
        "other": draw(st.dictionaries(others, written_lines(), max_size=2)),
        "comments": draw(comments()),
        "file_format": draw(st.sampled_from([3, 4, 5, 9, 14, 128])),
    }
    # The run-time type checker picks the element of a tuple that it checks by `random`, which
    # Hypothesis forbids in strategies.
    state = random.getstate()
    beatmap = Beatmap(**arguments)
    random.setstate(state)
    return beatmap
