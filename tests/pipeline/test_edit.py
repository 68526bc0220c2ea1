"""Editing a chart: what may change, what stays to the byte, and the seams between them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu import patch as osu_patch
from mug.beatmap.formats.osu.patch import ChartFile
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.clock import FrameClock
from mug.diffusion.samplers.registry import SAMPLERS
from mug.errors import Cancelled, GenerationError
from mug.pipeline.arrange.bars import bar_start_ms
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.edit import (
    KEPT_IN_THE_WAY,
    LEFT_REGION,
    NEW_IN_THE_WAY,
    Variation,
    bytes_changed_outside,
    edit_chart,
    kept_frames,
    merge,
)
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.request import Edit, GenerationRequest, Region

HEAD = """\ufeffosu file format v14\r
// a comment of the author\r
[General]\r
AudioFilename:  audio.wav \r
Mode: 3\r
\r
[Metadata]\r
Title:夏\r
Version:Hard\r
\r
[Difficulty]\r
CircleSize:4\r
\r
[Events]\r
0,0,"bg.jpg",0,0\r
\r
[TimingPoints]\r
0,500,4,1,0,70,1,0\r
1000,-50.0000001,4,1,0,70,0,1\r
\r
[Colours]\r
Combo1 : 255,0,0\r
\r
[HitObjects]\r
"""


@cache
def _chart() -> ChartFile:
    """A chart of five seconds with odd spaces, hit sounds, a comment and a line without meaning."""
    rng = np.random.default_rng(3)
    lines = []
    for index, time in enumerate(range(0, 4750, 125)):
        x = (64, 192, 320, 448)[int(rng.integers(4))] + index % 3  # not the editor's own position
        if index % 5 == 0:
            lines.append(f"{x},192,{time},128,{index % 4},{time + 100}:0:0:0:30:hit.wav")
        else:
            lines.append(f" {x},192,{time},1,{index % 4},0:0:0:0:")
    lines[7] += " // nice"
    lines.insert(10, "nonsense")
    return osu_patch.of((HEAD + "\r\n".join(lines)).encode())


def _parts(edit: Edit, before: ChartFile, after: ChartFile) -> None:
    """What every edit promises."""
    assert bytes_changed_outside(before, after, edit) == 0
    kept = [n for n in before.beatmap.hit_objects if not edit.replaceable(n)]
    left = [n for n in after.beatmap.hit_objects if n in kept or not edit.free(n)]
    assert left == kept
    # A comment behind a note goes when the note does.
    bare = [
        replace(one.beatmap, hit_objects=(), comments={**one.beatmap.comments, "HitObjects": ()})
        for one in (before, after)
    ]
    assert bare[0] == bare[1]
    starts: dict[int, list[HitObject]] = {}
    for note in after.beatmap.sorted_objects():
        starts.setdefault(note.column, []).append(note)
    old = set(before.beatmap.hit_objects)
    for notes in starts.values():
        for one, two in pairwise(notes):
            if one not in old or two not in old:
                assert one.last_ms < two.start_ms, (one, two)


# Plain values: the type checks of the hook draw from `random`, which strategies must not.
times = st.floats(-500, 6000)
raw_regions = st.tuples(
    times, times, st.none() | st.lists(st.integers(0, 3), min_size=1, unique=True)
)
raw_edits = st.tuples(
    st.none() | raw_regions,
    st.lists(raw_regions, max_size=2),
    st.booleans(),
    st.sampled_from([0.0, 60.0]),
)
RawRegion = tuple[float, float, "list[int] | None"]


def _region(raw: RawRegion) -> Region:
    first, second, columns = raw
    return Region(
        min(first, second),
        max(first, second) + 1,
        None if columns is None else frozenset(columns),
    )


def _edit(raw: tuple[RawRegion | None, list[RawRegion], bool, float]) -> Edit:
    region, locks, lock_beats, seam_ms = raw
    return Edit(
        Region() if region is None else _region(region),
        tuple(map(_region, locks)),
        (lambda note: note.start_ms % 500 == 0) if lock_beats else None,
        seam_ms=seam_ms,
    )


fresh_notes = st.lists(
    st.builds(
        lambda column, start, length: (
            LongNote(column, float(start), float(start + length))
            if length > 30
            else Rice(column, float(start))
        ),
        st.integers(0, 3),
        st.integers(0, 5000) | st.integers(0, 40).map(lambda i: 125 * i),
        st.integers(0, 900),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(raw_edits, fresh_notes)
def test_whatever_is_put_in_the_rest_stays_to_the_byte(raw: Any, fresh: list[HitObject]) -> None:
    before, edit = _chart(), _edit(raw)
    made = merge(before.beatmap, fresh, edit)
    after = made.apply_to_file(before)
    _parts(edit, before, after)
    assert sorted(map(repr, made.apply(before.beatmap).hit_objects)) == sorted(
        map(repr, after.beatmap.hit_objects)
    )
    assert all(edit.free(note) for note in made.added)
    times_of = [n.start_ms for n in after.beatmap.hit_objects]
    assert times_of == sorted(times_of)


@settings(max_examples=40, deadline=None)
@given(raw_edits)
def test_the_same_notes_again_change_nothing(raw: Any) -> None:
    before, edit = _chart(), _edit(raw)
    plain = [_plain(note) for note in before.beatmap.hit_objects]
    made = merge(before.beatmap, plain, replace(edit, seam_ms=0.0))
    assert made.added == made.removed == ()
    assert made.apply_to_file(before).data == before.data


def _plain(note: HitObject) -> HitObject:
    """Without hit sounds, as the network makes it."""
    if isinstance(note, LongNote):
        return LongNote(note.column, note.start_ms, note.end_ms)
    return Rice(note.column, note.start_ms)


def test_a_hold_that_crosses_the_border_stays_and_wins() -> None:
    chart = Beatmap(4, (LongNote(0, 500.0, 1500.0), Rice(1, 1200.0), LongNote(2, 1800.0, 2200.0)))
    fresh = [
        Rice(0, 1400.0),  # within the hold that stays
        Rice(0, 1540.0),  # 40 ms after it
        Rice(0, 1600.0),
        Rice(1, 1250.0),
        Rice(1, 1250.0),  # twice
        LongNote(3, 1900.0, 2500.0),  # leaves the region
        Rice(3, 2000.0),  # outside
    ]
    made = merge(chart, fresh, Edit(Region(1000.0, 2000.0)))
    assert made.removed == (1,)
    assert made.added == (Rice(1, 1250.0), Rice(0, 1600.0), Rice(3, 1900.0))
    assert [(d.note, d.reason) for d in made.dropped] == [
        (Rice(1, 1250.0), NEW_IN_THE_WAY),
        (Rice(0, 1400.0), KEPT_IN_THE_WAY),
        (Rice(0, 1540.0), KEPT_IN_THE_WAY),
        (LongNote(3, 1900.0, 2500.0), LEFT_REGION),
    ]
    assert made.apply(chart).hit_objects[0] == LongNote(0, 500.0, 1500.0)


def test_locks_by_time_column_and_object() -> None:
    chart = Beatmap(4, tuple(Rice(column, 100.0 * column + 1000) for column in range(4)))
    nothing: list[HitObject] = []
    assert merge(chart, nothing, Edit()).removed == (0, 1, 2, 3)
    assert merge(chart, nothing, Edit(locks=(Region(1050, 1250),))).removed == (0, 3)
    by_column = Edit(locks=(Region(columns=frozenset({0, 3})),))
    assert merge(chart, nothing, by_column).removed == (1, 2)
    assert merge(chart, [Rice(0, 2000.0)], by_column).added == ()
    by_object = Edit(locked=lambda note: note == chart.hit_objects[2])
    assert merge(chart, nothing, by_object).removed == (0, 1, 3)
    assert merge(chart, [Rice(2, 2000.0)], by_object).added == (Rice(2, 2000.0),)


def test_a_file_without_a_last_line_break_or_without_objects_takes_notes() -> None:
    later = Variation(added=(Rice(0, 9000.0), Rice(1, 9100.0)))
    before = _chart()
    assert not before.data.endswith(b"\n")
    after = later.apply_to_file(before)
    assert after.data.startswith(before.data + b"\r\n64,192,9000,1,0,0:0:0:0:\r\n")
    assert bytes_changed_outside(before, after, Edit(Region(8000.0))) == 0
    empty = osu_patch.of(HEAD.replace("\r\n", "\n").encode())
    assert later.apply_to_file(empty).data == empty.data + (
        b"64,192,9000,1,0,0:0:0:0:\n192,192,9100,1,0,0:0:0:0:\n"
    )


def test_latent_frames_stay_where_no_part_of_them_may_change() -> None:
    clock = FrameClock()
    length = clock.latent_frame_ms
    edit = Edit(Region(2 * length, 4.5 * length))
    assert kept_frames(clock, 8, edit).tolist() == [1, 1, 0, 0, 0, 1, 1, 1]
    one = replace(edit, locks=(Region(2.5 * length, 4.1 * length),))
    assert kept_frames(clock, 8, one).tolist() == [1, 1, 0, 1, 0, 1, 1, 1]
    columns = replace(edit, locks=(Region(columns=frozenset({0})),))
    assert torch_equal(kept_frames(clock, 8, columns), kept_frames(clock, 8, edit))


def torch_equal(one: object, two: object) -> bool:
    return np.array_equal(np.asarray(one), np.asarray(two))


def test_bars_are_counted_from_one_and_begin_again_at_red_lines() -> None:
    lines = [TimingPoint(5000.0, 400.0, meter=3), TimingPoint(1000.0, 500.0)]
    assert [bar_start_ms(lines, bar) for bar in (1, 2, 3, 4)] == [1000.0, 3000.0, 5000.0, 6200.0]
    short = [TimingPoint(0.0, 500.0), TimingPoint(3000.0, 500.0)]  # a bar and a half
    assert [bar_start_ms(short, bar) for bar in (2, 3, 4)] == [2000.0, 3000.0, 5000.0]
    with pytest.raises(GenerationError, match="from 1"):
        bar_start_ms(lines, 0)
    with pytest.raises(GenerationError, match="no red line"):
        bar_start_ms([], 1)


# ----------------------------------------------------------------- with a model


@pytest.fixture(scope="module")
def generator(tiny_model: LoadedModel) -> ChartGenerator:
    return ChartGenerator(tiny_model)


@pytest.fixture(scope="module")
def request_(song: Path) -> GenerationRequest:
    return GenerationRequest(audio=song, count=2, steps=3, seed=7)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(
    "edit",
    [
        Edit(Region(1200.0, 3100.0)),
        Edit(Region(columns=frozenset({1, 2}))),
        Edit(Region(1200.0, 3100.0, frozenset({0})), strength=0.5),
        Edit(Region(2000.0), locks=(Region(2500.0, 3000.0),)),
    ],
    ids=["time", "columns", "both", "continued"],
)
def test_bytes_outside_the_region_do_not_change(
    generator: ChartGenerator, request_: GenerationRequest, edit: Edit, sampler: str
) -> None:
    before = _chart()
    made = edit_chart(generator, before.beatmap, replace(request_, sampler=sampler), edit)
    assert len(made) == 2
    for one in made:
        after = one.apply_to_file(before)
        _parts(edit, before, after)
        assert one.added
    assert made[0].added != made[1].added
    again = edit_chart(generator, before.beatmap, replace(request_, sampler=sampler), edit)
    assert again == made


def test_strength_0_is_the_chart_and_1_ignores_what_was_there(
    generator: ChartGenerator, request_: GenerationRequest
) -> None:
    chart = _chart()
    assert edit_chart(generator, chart.beatmap, request_, Edit(strength=0.0)) == (
        Variation(),
        Variation(),
    )
    other = chart.beatmap.with_objects([Rice(3, 100.0 * i) for i in range(1, 40)])
    full = Edit()
    one, two = (edit_chart(generator, b, request_, full)[0] for b in (chart.beatmap, other))
    plain = [
        [_plain(note) for note in v.apply(b).hit_objects]
        for v, b in ((one, chart.beatmap), (two, other))
    ]
    assert plain[0] == plain[1]
    part = Edit(strength=0.5)
    one, two = (edit_chart(generator, b, request_, part)[0] for b in (chart.beatmap, other))
    assert one.apply(chart.beatmap).hit_objects != two.apply(other).hit_objects


def test_the_kept_part_reaches_the_network(
    generator: ChartGenerator, request_: GenerationRequest
) -> None:
    chart = _chart().beatmap
    edit = Edit(Region(2000.0, 3000.0))
    moved = chart.with_objects([n for n in chart.hit_objects if n.start_ms < 3000.0])
    one, two = (edit_chart(generator, b, request_, edit)[0] for b in (chart, moved))
    assert one.added != two.added


def test_wrong_edits_are_refused_in_a_sentence(
    generator: ChartGenerator, request_: GenerationRequest
) -> None:
    chart = _chart().beatmap
    with pytest.raises(GenerationError, match="4 columns"):
        edit_chart(generator, replace(chart, keys=7), request_, Edit())
    with pytest.raises(GenerationError, match="0 to 3"):
        edit_chart(generator, chart, request_, Edit(Region(columns=frozenset({4}))))
    with pytest.raises(GenerationError, match="strength"):
        Edit(strength=1.5)
    with pytest.raises(GenerationError, match="seam"):
        Edit(seam_ms=-1.0)
    with pytest.raises(GenerationError, match="end after"):
        Region(5.0, 5.0)
    with pytest.raises(Cancelled):
        edit_chart(generator, chart, request_, Edit(), should_stop=lambda: True)


def test_an_edited_file_is_read_as_what_was_meant(tmp_path: Path) -> None:
    before = _chart()
    made = Variation(removed=(0, 3), added=(LongNote(2, 60.0, 90.0),))
    path = tmp_path / "chart.osu"
    path.write_bytes(made.apply_to_file(before).data)
    losses = LossReport()
    read = osu.read(path, losses=losses)
    assert read == made.apply_to_file(before).beatmap
    places = [place for loss in losses for place in loss.places]
    assert len(places) == 1
    assert "nonsense" in places[0]
    assert osu_patch.read(path).beatmap == read
