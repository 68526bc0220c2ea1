"""Chart pictures: notes lie where time and column say, for any chart, the same every time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repository import ROOT

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError
from mug.render import chart_image as picture
from mug.render.chart_image import (
    BACKGROUND,
    BAR,
    BEAT,
    LANE,
    NO_SNAP,
    SNAPS,
    clock_text,
    column_colour,
    render_chart,
    snap_colour,
    summary,
)
from mug.render.chart_layout import GUTTER, HEADER, MARGIN, NOTE, plan_layout

CHART = Beatmap(
    keys=4,
    hit_objects=(Rice(0, 250.0), Rice(2, 1250.0), LongNote(3, 1500.0, 2000.0)),
    metadata={"Title": "Title", "Artist": "Artist", "Version": "Hard"},
)
LANE_WIDTH = 18  # of four columns


def centre(column: int) -> int:
    """Middle of a column of the first strip, by hand."""
    return MARGIN + GUTTER + column * LANE_WIDTH + LANE_WIDTH // 2


def test_notes_lie_where_time_and_column_say() -> None:
    image = render_chart(CHART, pixels_per_second=100.0)
    foot = image.height - MARGIN - 1  # row of 0 ms
    for column, ms in ((0, 250), (2, 1250), (3, 1500)):
        x, row = centre(column), foot - ms // 10
        colour = column_colour(column, 4)
        assert image.getpixel((x, row)) == colour
        assert image.getpixel((x, row - NOTE + 1)) == colour
        assert image.getpixel((x, row + 1)) == LANE[column % 2]
        if column != 3:
            assert image.getpixel((x, row - NOTE)) == LANE[column % 2]
        assert image.getpixel((x - 8, row)) == colour
        assert image.getpixel((x + 7, row)) == colour
        assert image.getpixel((x - 9, row)) != colour
        assert image.getpixel((x + 8, row)) != colour
    assert image.getpixel((centre(1), foot - 25)) == LANE[1]


def test_a_hold_reaches_from_its_head_to_its_end() -> None:
    image = render_chart(CHART, pixels_per_second=100.0)
    foot = image.height - MARGIN - 1
    column = [image.getpixel((centre(3), row)) for row in range(image.height)]
    head, end = foot - 150, foot - 200
    body = {column[row] for row in range(end + 2, head - NOTE + 1)}
    assert len(body) == 1
    assert body.isdisjoint({LANE[1], BACKGROUND, column_colour(3, 4)})
    assert column[end] == column_colour(3, 4)
    assert column[end - 1] == LANE[1]
    assert image.getpixel((centre(3) - 8, (head + end) // 2)) == LANE[1]  # narrower than a head


def test_bars_and_beats_come_from_the_red_lines() -> None:
    chart = replace(CHART, hit_objects=(Rice(0, 4000.0),), timing=(TimingPoint(100.0, 400.0, 3),))
    image = render_chart(chart, pixels_per_second=100.0)
    layout = plan_layout(chart, 100.0, 4000, 2400)
    assert layout.start_ms == 100.0 - 1200.0 - 50.0  # strips begin an eighth before a bar
    assert layout.strip_ms % 1200.0 == 0
    foot = image.height - MARGIN - 1
    lines = {
        foot - row: image.getpixel((centre(1), row))
        for row in range(HEADER, foot + 1)
        if image.getpixel((centre(1), row)) != LANE[1]
    }
    rows = range(5, layout.height, 40)
    assert lines == {row: BAR if row % 120 == 5 else BEAT for row in rows}


def test_a_second_red_line_takes_over() -> None:
    timing = (TimingPoint(1000.0, 300.0, 2), TimingPoint(0.0, 500.0, 4))  # in any order
    chart = replace(CHART, hit_objects=(Rice(0, 1800.0),), timing=timing)
    image = render_chart(chart, pixels_per_second=100.0)
    foot = image.height - MARGIN - 1
    found = {
        (foot - row) * 10: image.getpixel((centre(1), row))
        for row in range(foot - 199, foot + 1)
        if image.getpixel((centre(1), row)) != LANE[1]
    }
    assert found == {0: BAR, 500: BEAT, 1000: BAR, 1300: BEAT, 1600: BAR, 1900: BEAT}


def test_a_long_song_is_folded_into_strips() -> None:
    notes = tuple(Rice(i % 4, i * 1000.0) for i in range(120))
    chart = CHART.with_objects([*notes, LongNote(1, 500.0, 119_500.0)])
    image = render_chart(chart)
    layout = plan_layout(chart, 150.0, 4000, 2400)
    assert layout.strips > 4
    assert image.size == layout.size
    for note in notes:
        strip = int(note.start_ms // layout.strip_ms)
        x = centre(note.column) + strip * (GUTTER + 4 * LANE_WIDTH + MARGIN)
        within = note.start_ms - strip * layout.strip_ms
        row = image.height - MARGIN - 1 - int(within * 0.15 + 1e-6)
        assert image.getpixel((x, row)) == column_colour(note.column, 4)
    for strip in range(1, layout.strips - 1):  # the hold goes through all strips between
        x = centre(1) + strip * layout.strip_width
        column = {image.getpixel((x, row)) for row in range(HEADER, layout.foot + 1)}
        assert LANE[1] not in column


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 18),
    st.lists(st.tuples(st.integers(0, 17), st.floats(-5000, 4e6), st.floats(0, 1e6)), max_size=30),
    st.sampled_from(
        [(), (TimingPoint(0.0, 500.0),), (TimingPoint(5.5, 1e-3), TimingPoint(9.0, 1e9))]
    ),
    st.floats(1, 2000),
)
def test_every_chart_fits_and_shows_every_head(keys, raw, timing, scale) -> None:
    notes = [LongNote(c % keys, start, start + length) for c, start, length in raw]
    chart = Beatmap(keys=keys, hit_objects=tuple(notes), timing=timing)
    image = render_chart(chart, pixels_per_second=scale, max_width=900, max_height=500)
    assert image.width <= 900
    assert image.height <= 500
    layout = plan_layout(chart, scale, 900, 500)
    for note in notes:
        strip = layout.strip_of(note.start_ms)
        x = layout.x(strip, note.column) + layout.lane // 2
        row = layout.y(strip, note.start_ms)
        assert HEADER <= row <= layout.foot
        assert image.getpixel((x, row)) == column_colour(note.column, keys)


def test_ten_hours_still_give_a_picture() -> None:
    image = render_chart(CHART.with_objects([Rice(0, 36_000_000.0)]))
    assert image.width <= 4000
    assert image.height <= 2400


def test_an_empty_chart_gives_a_clear_picture() -> None:
    empty = render_chart(CHART.with_objects([]))
    middle = (empty.width // 2, HEADER + (empty.height - HEADER - MARGIN) // 2)
    around = empty.crop((middle[0] - 50, middle[1] - 12, middle[0] + 50, middle[1] + 12))
    assert len(around.getcolors(10_000)) > 5  # the words "no notes"


def test_the_same_chart_gives_the_same_picture(tmp_path: Path) -> None:
    first = render_chart(CHART, tmp_path / "a.png")
    render_chart(CHART, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]
    assert first.tobytes() != render_chart(CHART, title="Other").tobytes()
    moved = CHART.with_objects([replace(n, start_ms=n.start_ms - 20) for n in CHART.hit_objects])
    assert first.tobytes() != render_chart(moved).tobytes()


def test_a_title_of_any_length_stays_inside() -> None:
    image = render_chart(CHART, title="Word " * 500)
    right = image.crop((image.width - MARGIN, 0, image.width, HEADER))
    assert right.getcolors() == [(MARGIN * HEADER, BACKGROUND)]


def test_column_colours_are_symmetric_and_neighbours_differ() -> None:
    for keys in range(2, 19):
        colours = [column_colour(column, keys) for column in range(keys)]
        assert colours == colours[::-1]
        half = colours[: (keys + 1) // 2]
        assert all(a != b for a, b in pairwise(half))


def test_snap_colours_name_the_place_within_the_beat() -> None:
    reds = (TimingPoint(100.0, 480.0), TimingPoint(10_000.0, 240.0))
    for divisor in SNAPS:
        assert snap_colour(100.0 + 480.0 * (3 + 1 / divisor), reds) == SNAPS[divisor]
    assert snap_colour(100.0 - 480.0 / 4, reds) == SNAPS[4]
    assert snap_colour(10_060.0, reds) == SNAPS[4]
    assert snap_colour(100.0 + 480.0 / 3 + 8.0, reds) == NO_SNAP
    assert snap_colour(0.0, ()) == NO_SNAP
    chart = replace(CHART, timing=(TimingPoint(0.0, 500.0),), hit_objects=(Rice(0, 250.0),))
    image = render_chart(chart, pixels_per_second=80.0, colour_by="snap")
    foot = image.height - MARGIN - 1
    assert image.getpixel((centre(0), foot - 25)) == SNAPS[2]  # 62.5 ms come before the bar


def test_summary_says_what_the_chart_is() -> None:
    words = summary(replace(CHART, timing=(TimingPoint(0.0, 500.0), TimingPoint(9.0, 400.0))))
    for part in ("[Hard]", "4K", "3 notes", "33 % long", "0:02", "1.7 notes/s", "120-150 BPM"):
        assert part in words
    assert summary(Beatmap(keys=7)) == "7K  ·  0 notes"
    assert [clock_text(ms) for ms in (0.0, 65_000.0, -2000.0, -1.0)] == [
        "0:00",
        "1:05",
        "-0:02",
        "0:00",
    ]


@pytest.mark.parametrize(
    ("chart", "options"),
    [
        (CHART.with_objects([Rice(4, 0.0)]), {}),
        (CHART.with_objects([Rice(0, float("nan"))]), {}),
        (CHART.with_objects([LongNote(0, 0.0, float("inf"))]), {}),
        (CHART, {"colour_by": "mood"}),
        (CHART, {"pixels_per_second": 0.0}),
    ],
)
def test_nonsense_is_refused(chart: Beatmap, options: dict) -> None:
    with pytest.raises(BeatmapError):
        render_chart(chart, **options)


def test_pillow_is_needed_only_for_drawing() -> None:
    code = f"import sys, {picture.__name__}; assert 'PIL' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.real_data
def test_real_charts_are_drawn(real_data: Path) -> None:
    paths = sorted((real_data / "songs").rglob("*.osu"))[::6]
    assert len(paths) >= 5
    for path in paths:
        chart = osu.read(path)
        layout = plan_layout(chart, 150.0, 4000, 2400)
        image = render_chart(chart)
        for note in chart.hit_objects:
            strip = layout.strip_of(note.start_ms)
            x = layout.x(strip, note.column) + layout.lane // 2
            assert image.getpixel((x, layout.y(strip, note.start_ms))) == column_colour(
                note.column, chart.keys
            )
