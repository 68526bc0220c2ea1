"""Plots and pictures of the benchmark's pages: what is drawn lies where the numbers are."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Sequence

import pytest
from html_page import Page
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.evaluation.html.chart_compare import (
    PART_MS,
    STRIPS,
    agreement_strip,
    chart_image,
    compare,
    excerpt_drawing,
)
from mug.lint.findings import Finding
from mug.messages.message import plain
from mug.metrics.damage import shift
from mug.metrics.onsets import onset_score
from mug.render.chart_image import render_chart
from mug.render.svg import (
    HEIGHT,
    WIDTH,
    Axes,
    Dot,
    DotRow,
    Pair,
    Point,
    Scale,
    Series,
    dot_plot,
    drawing,
    paired_bars,
    scale_of,
    track,
)

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)
EVIL = '<b>"x"</b>'


@given(VALUES, st.booleans())
def test_a_scale_holds_its_values_and_a_few_round_ticks(values: list[float], zero: bool) -> None:
    scale = scale_of([*values, math.nan], zero=zero)
    assert scale.low < scale.high
    span = scale.high - scale.low
    for value in [*values, *([0.0] if zero else [])]:
        assert scale.low - 1e-6 * span <= value <= scale.high + 1e-6 * span
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= 8
    assert all(scale.low - 1e-6 * span <= tick <= scale.high + 1e-6 * span for tick in ticks)
    assert scale.share(scale.low) == 0.0
    assert scale.share(scale.high) == 1.0
    shares = [scale.share(value) for value in sorted(values)]
    assert shares == sorted(shares)


def test_dots_intervals_and_goals_lie_where_they_belong() -> None:
    html = track([Dot(3.0, 2.0, 4.0, EVIL)], Scale(0.0, 10.0), goal=5.0, band=(1.0, 2.0))
    Page(html)
    assert 'class="band" style="left:10.00%;width:10.00%"' in html
    assert 'class="goal" style="left:50.00%"' in html
    assert 'style="left:20.00%;width:20.00%"' in html
    assert 'style="left:30.00%"' in html
    assert EVIL not in html
    assert "goal" not in track([Dot(3.0)], Scale(0.0, 10.0), goal=11.0)
    assert "<b" not in track([Dot(3.0)], Scale(0.0, 10.0))
    assert "<u" not in track([Dot(math.nan, 0.0, 1.0)], Scale(0.0, 10.0))


def test_a_dot_plot_has_a_row_for_everyone() -> None:
    rows = [DotRow(f"{EVIL}{n}", "ours", (Dot(float(n)),), str(n)) for n in range(4)]
    html = dot_plot("a title", "about it", rows, goal=2.0)
    page = Page(html)
    assert all(f"{EVIL}{n}" in page.text for n in range(4))
    assert html.count('class="goal"') == 4
    assert EVIL not in html


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=12))
def test_points_stay_within_the_drawing(places: list[tuple[float, float]]) -> None:
    points = tuple(Point(x, y, EVIL, y - 1, y + 1) for x, y in places)
    series = Series("ours", (*points, Point(math.nan, 0.0)), joined=True)
    scale = scale_of(value for place in places for value in place)
    html = drawing([series], Axes(scale, scale, "x", "y"), EVIL, 0.25)
    Page(html)
    assert html.count("<circle") == len(places)
    for name, most in (("cx", WIDTH), ("cy", HEIGHT), ("x1", WIDTH), ("y2", HEIGHT)):
        assert all(0 <= float(v) <= most for v in re.findall(rf' {name}="([-\d.]+)"', html))
    for pair in re.findall(r"([-\d.]+),([-\d.]+)", html):
        assert 0 <= float(pair[0]) <= WIDTH
        assert 0 <= float(pair[1]) <= HEIGHT


def test_bars_are_as_long_as_their_shares() -> None:
    html = paired_bars([Pair("a", 0.8, 0.2), Pair(EVIL, 0.2, 0.8)])
    Page(html)
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", html)]
    assert widths == pytest.approx([100.0, 25.0, 25.0, 100.0])
    assert EVIL not in html
    assert paired_bars([]) == ""


def chart(notes: Sequence[HitObject], keys: int = 4) -> Beatmap:
    return Beatmap(keys=keys, hit_objects=tuple(notes), timing=(TimingPoint(0.0, 500.0),))


NOTES: tuple[HitObject, ...] = (
    *(Rice(index % 4, 250.0 * index) for index in range(160)),
    LongNote(0, 41000.0, 43000.0),
)


def test_parts_add_up_to_the_whole() -> None:
    human = chart(NOTES)
    judged = chart([*shift(NOTES[:80], 15.0), *shift(NOTES[80:], 60.0)])
    found = compare(human, judged, ())
    parts = found.parts
    score = onset_score(judged.hit_objects, human.hit_objects, 20.0)
    assert sum(part.human for part in parts) == score.reference
    assert sum(part.judged for part in parts) == score.predicted
    assert sum(part.matched for part in parts) == score.matched == 80
    assert parts[0].f1 > 0.9
    assert parts[-1].f1 == 0.0
    assert found.worst_start() >= 16000.0
    assert agreement_strip(found).count("<i ") == len(parts)


@pytest.mark.parametrize("notes", [(), NOTES[:1], NOTES[-1:]])
def test_short_and_empty_charts_are_drawn(notes: tuple[HitObject, ...]) -> None:
    for human, judged in ((NOTES, notes), (notes, NOTES), (notes, notes)):
        found = compare(chart(human), chart(judged), ())
        Page(agreement_strip(found) + excerpt_drawing(found, found.worst_start()))
        assert all(not part.f1 > 1 for part in found.parts)


def test_an_excerpt_shows_its_notes_whether_they_match_and_what_is_found() -> None:
    finding = Finding(1000.0, 1500.0, (1, 2), "jack", "warning", plain(EVIL))
    note = Finding(1000.0, 1500.0, (1,), "balance", "note", plain("not drawn"))
    found = compare(chart(NOTES), chart(shift(NOTES, 30.0)), (finding, note))
    html = excerpt_drawing(found, 0.0)
    Page(html)
    shown = sum(n.start_ms < STRIPS * PART_MS for n in NOTES)
    later = sum(n.start_ms + 30 < STRIPS * PART_MS for n in NOTES)
    assert html.count('class="lone') == shown + later
    assert html.count('class="found') == 1
    assert EVIL not in html
    same = excerpt_drawing(compare(chart(NOTES), chart(NOTES), ()), 0.0)
    assert 'class="lone' not in same
    assert same.count('class="hit') == 2 * shown


def test_the_picture_frames_what_is_found() -> None:
    finding = Finding(2000.0, 2500.0, (1, 2), "jack", "error", plain("two"))
    beatmap = chart(NOTES)

    def red(html: str) -> int:
        data = re.search(r"base64,([^\"]+)", html)
        assert data
        with Image.open(io.BytesIO(base64.b64decode(data[1]))) as opened:
            colours = opened.convert("RGB").getcolors(1 << 16)
        return sum(n for n, (r, g, b) in colours or () if r > 220 and g < 120 and b < 120)

    assert red(chart_image(beatmap)) == 0
    assert red(chart_image(beatmap, [finding])) > 40
    assert render_chart(beatmap).size  # the picture's own checks hold for the same chart
