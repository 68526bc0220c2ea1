"""The player's own arithmetic, module by module, run by the browser that will run it."""

from __future__ import annotations

import numpy as np
import pytest
from player_pages import Shown

pytestmark = pytest.mark.browser

REDS = [
    {"time_ms": 1000.0, "beat_ms": 400.0, "meter": 4},
    {"time_ms": 9000.0, "beat_ms": 500.0, "meter": 3},
]
BARS = [1000.0, 2600.0, 4200.0, 5800.0, 7400.0, 9000.0, 10500.0, 12000.0]
GRID = f"const g = new m.TimingGrid({REDS}, {BARS});"


def test_seeking_by_bars_lands_on_bars(empty: Shown) -> None:
    asked = [(2600, 1), (2600, -1), (3000, -1), (2700, -1), (3000, 2), (0, -1), (0, 1), (11999, 5)]
    found = empty.logic("timing", f"{GRID} return a.map(([ms, n]) => g.seekBar(ms, n));", asked)
    assert found == [4200, 1000, 2600, 1000, 5800, 0, 1000, 12000]
    # Going on bar by bar visits every bar once, and back again.
    walk = empty.logic(
        "timing",
        f"{GRID} let t = 0; const on = [], back = [];"
        "for (let i = 0; i < 8; i += 1) on.push((t = g.seekBar(t, 1)));"
        "for (let i = 0; i < 7; i += 1) back.push((t = g.seekBar(t, -1))); return [on, back];",
    )
    assert walk == [BARS, BARS[-2::-1]]


def test_snaps_follow_the_red_line_that_rules(empty: Shown) -> None:
    times = [1000, 1190, 1210, 640, 8999, 9240, 9260, 8900]
    assert empty.logic("timing", f"{GRID} return a.map((ms) => g.snap(ms));", times) == [
        1000, 1000, 1400, 600, 9000, 9000, 9500, 9000,
    ]  # fmt: skip
    assert empty.logic("timing", f"{GRID} return g.snap(1120, 4);") == 1100
    divisors = {1000: 1, 1200: 2, 1400 / 3 + 1000 - 200 / 3 * 5: 3, 1100: 4, 1050: 8, 1025: 16}
    found = empty.logic("timing", f"{GRID} return a.map((ms) => g.divisorOf(ms));", list(divisors))
    assert found == list(divisors.values())
    assert empty.logic("timing", f"{GRID} return g.divisorOf(1037);") == 0
    assert empty.logic("timing", "return new m.TimingGrid([], []).snap(123);") == 123


def test_grid_lines_are_those_of_the_beats(empty: Shown) -> None:
    lines = empty.logic("timing", f"{GRID} return g.lines(8500, 10600, 2);")
    times = sorted(line["ms"] for line in lines)
    assert times == [8600, 8800, *range(9000, 10501, 250)]
    assert {line["ms"] for line in lines if line["bar"] >= 0} == {9000, 10500}
    assert {line["ms"] for line in lines if line["divisor"] == 1} == {
        8600,
        9000,
        9500,
        10000,
        10500,
    }
    # Lines nearer to each other than 150 ms are left out, beats are kept.
    few = empty.logic("timing", f"{GRID} return g.lines(9000, 10000, 16, 150);")
    assert [line["ms"] for line in few] == [9000, 9250, 9500, 9750, 10000]


def test_clock_text(empty: Shown) -> None:
    asked = [(0, False), (59_999, True), (61_250, True), (-1500, True), (3_599_600, False)]
    found = empty.logic("timing", "return a.map(([ms, t]) => m.clockText(ms, t));", asked)
    assert found == ["0:00", "1:00.0", "1:01.3", "−0:01.5", "60:00"]


@pytest.mark.parametrize("up", [False, True])
def test_rows_and_times_are_inverse(empty: Shown, up: bool) -> None:
    found = empty.logic(
        "layout",
        "const l = m.laneLayout({width: 400, height: 600, keys: 4, up: a});"
        "const at = (ms) => m.yOf(l, ms, 5000, 800);"
        "return {hit: at(5000) - l.hitY, far: at(5800), near: at(4900) - l.hitY, travel: l.travel,"
        " back: m.timeAt(l, at(5321), 5000, 800),"
        " columns: [0, 99, 199, 399].map((x) => m.columnAt(l, x))};",
        up,
    )
    assert found["hit"] == 0
    assert found["far"] == (600 if up else 0)
    assert found["near"] == pytest.approx(found["travel"] / 8 * (-1 if up else 1))
    assert found["back"] == pytest.approx(5321)
    assert found["columns"] == [0, 0, 1, 3]


@pytest.mark.parametrize("width", [320, 440, 760])
def test_lanes_of_any_key_count_fit_the_stage(empty: Shown, width: int) -> None:
    layouts = empty.logic(
        "layout",
        "return Array.from({length: 18}, (_, i) =>"
        " m.laneLayout({width: a, height: 500, keys: i + 1, up: false}));",
        width,
    )
    for layout in layouts:
        assert 0 <= layout["left"] < layout["right"] <= width
        assert layout["right"] - layout["left"] == layout["lane"] * layout["keys"]


def test_the_shown_notes_are_found_by_search(empty: Shown) -> None:
    rng = np.random.default_rng(3)
    starts = np.sort(rng.uniform(0, 180_000, 5000))
    ends = starts + np.where(rng.random(5000) < 0.2, rng.exponential(2000, 5000), 0)
    spans = [(float(at), float(at + 900)) for at in rng.uniform(-1000, 181_000, 60)]
    found = empty.logic(
        "layout",
        "let most = -Infinity; const latest = a.ends.map((e) => (most = Math.max(most, e)));"
        "return a.spans.map(([from, to]) => {"
        "  const [first, end] = m.visibleRange(a.starts, latest, from, to); const list = [];"
        "  for (let i = first; i < end; i += 1) if (a.ends[i] >= from) list.push(i);"
        "  return list; });",
        {"starts": starts.tolist(), "ends": ends.tolist(), "spans": spans},
    )
    for (begin, end), indices in zip(spans, found, strict=True):
        assert indices == np.flatnonzero((starts <= end) & (ends >= begin)).tolist()


def test_every_key_count_has_its_own_keys(empty: Shown) -> None:
    lists = empty.logic("keys", "return Array.from({length: 18}, (_, i) => m.bindings(i + 1));")
    for count, codes in enumerate(lists, start=1):
        assert len(codes) == count == len(set(codes))
    assert lists[3] == ["KeyD", "KeyF", "KeyJ", "KeyK"]
    own = ["KeyZ", "KeyX", "Comma", "Period"]
    assert empty.logic("keys", "return m.bindings(4, {4: a});", own) == own
    assert (
        empty.logic("keys", "return m.bindings(4, {4: ['KeyZ', 'KeyZ', 'KeyX', 'KeyC']});")
        == lists[3]
    )


JUDGE = (
    "const chart = {keys: 2, columns: [{starts: [1000, 2000], ends: [1000, 2600]},"
    " {starts: [1000], ends: [1000]}]}; const j = new m.Judge(chart, 8);"
)


def test_windows_are_those_of_the_game(empty: Shown) -> None:
    assert empty.logic("judge", "return m.windowsFor(8);") == {
        "max": 16, "300": 40, "200": 73, "100": 103, "50": 127, "miss": 164,
    }  # fmt: skip
    grades = empty.logic(
        "judge",
        "return a.map((e) => m.gradeOf(m.windowsFor(8), e));",
        [0, 16, -16.1, 40, 40.1, -73, 103, 127, -127.1, -164, -165],
    )
    assert grades == ["max", "max", "300", "300", "200", "200", "100", "50", "miss", "miss", None]


def test_perfect_play_is_perfect(empty: Shown) -> None:
    found = empty.logic(
        "judge",
        f"{JUDGE} j.press(0, 1000); j.press(1, 1000); j.release(0, 1050); j.press(0, 2000);"
        "j.release(0, 2600); j.advance(9999);"
        "return [j.accuracy, j.counts.max, j.maxCombo, j.unstableRate];",
    )
    assert found == [1, 4, 4, 0]


def test_no_play_is_no_points(empty: Shown) -> None:
    found = empty.logic(
        "judge",
        f"{JUDGE} j.advance(9999); return [j.accuracy, j.counts.miss, j.total, j.errors.length];",
    )
    assert found == [0, 4, 4, 0]


def test_accuracy_weighs_the_grades(empty: Shown) -> None:
    found = empty.logic(
        "judge",
        f"{JUDGE} j.press(0, 1050); j.press(1, 1090); j.press(0, 1880); j.release(0, 2640);"
        "return [j.accuracy, j.counts, j.meanError, j.combo];",
    )
    accuracy, counts, mean, combo = found
    assert counts == {"max": 0, "300": 1, "200": 1, "100": 1, "50": 1, "miss": 0}
    assert accuracy == pytest.approx((200 + 100 + 50 + 300) / 1200)
    assert mean == pytest.approx((50 + 90 - 120 + 40) / 4)
    assert combo == 4


@pytest.mark.parametrize(
    ("play", "misses"),
    [
        ("j.press(0, 2000); j.release(0, 2200); j.advance(9999);", 1),  # let go too early
        ("j.press(0, 2000); j.advance(9999);", 1),  # never let go
        ("j.press(0, 1850); j.release(0, 2600);", 2),  # pressed far too early: both ends are lost
        ("j.press(0, 2000); j.release(0, 2600 - 190);", 0),  # the windows of a release are wider
        ("j.press(0, 2000); j.release(0, 2600 + 190);", 0),
    ],
)
def test_holds_are_judged_at_both_ends(empty: Shown, play: str, misses: int) -> None:
    found = empty.logic("judge", f"{JUDGE} j.reset(1500); {play} return [j.counts.miss, j.total];")
    assert found == [misses, 2]


def test_a_key_without_a_note_is_no_judgement(empty: Shown) -> None:
    found = empty.logic(
        "judge",
        f"{JUDGE} return [j.press(0, 500), j.release(0, 500), j.press(1, 3000), j.counts.miss];",
    )
    assert found[:3] == [None, None, None]
    assert found[3] == 4  # time passed over all of them


def test_both_languages_say_the_same_things(empty: Shown) -> None:
    texts = empty.logic("texts", "return m.TEXTS;")
    assert texts["en"].keys() == texts["zh"].keys()
    for key in texts["en"]:
        holes = [
            sorted(part.split("}")[0] for part in texts[lang][key].split("{")[1:]) for lang in texts
        ]
        assert holes[0] == holes[1], key
    assert empty.logic("texts", "return m.translator('zh-CN')('play');") == texts["zh"]["play"]
    assert empty.logic("texts", "return m.translator('fr')('play');") == texts["en"]["play"]
    assert empty.logic("texts", "return m.translator('en', {en: {play: 'Go'}})('play');") == "Go"


def test_the_overview_maps_places_to_times(empty: Shown) -> None:
    found = empty.logic(
        "overview",
        "const l = m.overviewLayout({width: 500, height: 100, startMs: 0, endMs: 60000});"
        "return [m.xOf(l, 30000), m.msAt(l, 250), m.msAt(l, -9), m.msAt(l, 999),"
        " m.markAt(l, [{time_ms: 6000}, {time_ms: 6600}], 54, l.waveHeight + 5),"
        " m.markAt(l, [{time_ms: 0}], 0, 5)];",
    )
    assert found == [250, 30000, 0, 60000, 1, None]
