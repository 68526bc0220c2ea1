"""StepMania: published timing tables and counts, warps old and new, several charts a file."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import astuple, replace
from fractions import Fraction
from pathlib import Path

import pytest
from chart_strategies import whole_ms_charts, worst_ms
from hypothesis import given, settings
from radar import Radar, radar

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.beats import lay_beats
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.reading import Reading
from mug.beatmap.formats.scroll import velocity_steps
from mug.beatmap.formats.stepmania import read as stepmania
from mug.beatmap.formats.stepmania import write as stepmania_write
from mug.beatmap.formats.stepmania.notes import HEADS, KEYS, cells
from mug.beatmap.formats.stepmania.text import escaped, tags
from mug.beatmap.formats.stepmania.timing import StepTiming
from mug.beatmap.formats.stepmania.timing_tags import Dialect, step_timing
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError

SM = """\
// a comment: with signs; and #tags
#TITLE:One\\: two;
#ARTIST:A;
#MUSIC:a.ogg;
#OFFSET:-0.500;
#SAMPLESTART:12.5;
#BPMS:0.000=120.000,4.000=60.000;
#STOPS:5.000=0.250;
#NOTES:
     dance-single:
     Someone:
     Hard:
     7:
     0,0,0,0,0:
1000
0204
00M0
L003
,  // measure 1
0001
03F0
0030
1000
;
#NOTES:
     pump-single:
     :
     Easy:
     2:
     0,0,0,0,0:
10000
00001
;
"""


def _timing(text: str) -> StepTiming:
    found = {tag.name: tag.text for tag in tags(text)}
    newer = "WARPS" in found or "FAKES" in found
    return step_timing(found, Dialect(ssc=newer), Reading())


def test_a_file_by_hand() -> None:
    losses = LossReport()
    first, second = stepmania.parse(SM, losses=losses)
    # Beats last 0.5 s until beat 4 at 2.5 s, then 1 s; beat 5 stands for 0.25 s after its notes.
    assert first.hit_objects == (
        Rice(0, 500.0),
        LongNote(1, 1000.0, 3500.0),
        LongNote(3, 1000.0, 2000.0),
        Rice(0, 2000.0),
        Rice(3, 2500.0),
        Rice(0, 5750.0),
    )
    assert [(p.time_ms, p.beat_ms) for p in first.red_lines] == [
        (500.0, 500.0),
        (2500.0, 1000.0),
        (3750.0, 1000.0),
    ]
    assert (first.title, first.audio_filename, first.version) == ("One: two", "a.ogg", "Hard")
    assert (first.creator, first.general["PreviewTime"]) == ("Someone", "12500")
    assert (second.keys, second.version) == (5, "pump-single Easy")
    assert second.hit_objects == (Rice(0, 500.0), Rice(4, 1500.0))
    assert {loss.what: loss.count for loss in losses} == {
        "rolls, read as holds": 1,
        "mines": 1,
        "lifts, read as taps": 1,
        "fake notes": 1,
        "ends of holds that never began": 1,
        "stops and delays: the pause of the scroll": 2,
    }
    assert all(osu.parse(osu.format(chart)) == chart for chart in (first, second))


@pytest.mark.parametrize(
    "timing",
    [
        "#BPMS:0=60,4=-60,6=60;",  # back by two seconds, which beats 6 to 8 pay back
        "#BPMS:0=60;#STOPS:4=-4;",
        "#BPMS:0=60;#WARPS:4=4;",
        "#BPMS:0=60,4=9999999,8=60;",
    ],
)
def test_four_ways_to_write_a_warp(timing: str) -> None:
    """Beats 4 to 8 take no time and cannot be hit; beat 8 is where beat 4 would be."""
    clock = _timing(timing)
    assert [clock.time_s(Fraction(beat)) for beat in (3, 4, 6, 8, 9)] == [3, 4, 4, 4, 5]
    hittable = [beat for beat in range(10) if clock.hittable(Fraction(beat))]
    assert hittable == [0, 1, 2, 3, 8, 9]


def test_a_stop_pays_a_debt_of_time() -> None:
    clock = _timing("#BPMS:0=60;#STOPS:2=-3,4=2;")
    assert [clock.time_s(Fraction(beat)) for beat in (2, 4, 5, 6)] == [2.0, 2.0, 4.0, 5.0]


def test_fakes_cannot_be_hit() -> None:
    clock = _timing("#BPMS:0=60;#FAKES:2=1.5,3=1;")
    assert [b for b in range(6) if clock.hittable(Fraction(b))] == [0, 1, 4, 5]


def test_rows_in_warps_are_counted_not_played() -> None:
    rows = "1000\n1000\n1000\n1000\n"
    text = f"#BPMS:0=60;#WARPS:1=1;#NOTEDATA:;#STEPSTYPE:dance-single;#NOTES:{rows};"
    losses = LossReport()
    (chart,) = stepmania.parse(text, losses=losses)
    assert [note.start_ms for note in chart.hit_objects] == [0.0, 1000.0, 2000.0]
    assert losses.count("notes in warps and fakes, which cannot be hit") == 1


def _starts(text: str, losses: LossReport | None = None, path: Path | None = None) -> list[float]:
    (chart,) = stepmania.parse(text, losses=LossReport() if losses is None else losses, path=path)
    return [note.start_ms for note in chart.hit_objects]


ROWS = "1000\n0100\n0010\n0001\n"
NOTES = f"#NOTES:dance-single:::1::\n{ROWS};\n"
BESIDE = f"#NOTEDATA:;\n#STEPSTYPE:dance-single;\n#NOTES:\n{ROWS};\n"


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        (f"#BPMS:0=120;\n{NOTES}#STOPS:1=0.5;\n#OFFSET:-1;", [1000, 1500, 2500, 3000]),
        (f"{NOTES}#BPMS:0=120;", [0, 500, 1000, 1500]),
        (f"#OFFSET:0;\n#BPMS:0=60;\n{NOTES}#BPMS:0=120;\n#OFFSET:-1;", [1000, 1500, 2000, 2500]),
        (f"#BPMS:0=120;\n#STOPS:1=1;\n#FREEZES:;\n{NOTES}", [0, 500, 1000, 1500]),
        (f"#BPMS:0=120;\n#STOPS:1=1;\n#STOPS:2=0.5;\n{NOTES}", [0, 500, 1000, 2000]),
        (f"#BPMS:0=120;\n#DELAYS:1=1;\n#DELAYS:2=0.5;\n{NOTES}", [0, 1500, 2500, 3000]),
        (f"#BPMS:0=120;\n#STOPS:1=1,1=0.25;\n{NOTES}", [0, 500, 1250, 1750]),
        (f"#BPMS:0=120;\n#STOPS:1.004=0.25,1=1;\n{NOTES}", [0, 500, 1250, 1750]),
        (f"#BPMS:0=120;\n#STOPS:-4=0.5,-1=0.25;\n{NOTES}", [750, 1250, 1750, 2250]),
        (f"#BPMS:0=120;\n#STOPS:-4=-0.5;\n{NOTES}", [-500, 0, 500, 1000]),
        (f"#BPMS:0=120;\n#WARPS:1=1;\n{NOTES}", [0, 500, 1000, 1500]),
        (f"#BPMS:2=120;\n{NOTES}", [0, 500, 1000, 1500]),
        (f"#BPMS:0=120,x,2,3=,4=60;\n{NOTES}", [0, 500, 1000, 1500]),
        (f"#BPMS:0=120bpm;\n{NOTES}", [0, 500, 1000, 1500]),
        (f"#BPMS:0=120:1=60;\n{NOTES}", [0, 500, 1000, 1500]),
        (f"#BPMS:0=120;\n#OFFSET:later;\n{NOTES}", [0, 500, 1000, 1500]),
        (f"#OFFSET:0;\n{NOTES}", [0, 1000, 2000, 3000]),
        (f"#BPMS:0=120;\n#STOPS:1=0.5;\n{BESIDE}#BPMS:3=60;", [0, 500, 1500, 2000]),
        (f"#BPMS:0=120;\n#STOPS:1=-0.25,2=0;\n{BESIDE}", [0, 500, 1000, 1500]),
        (f"#BPMS:0=120,1=-120;\n{BESIDE}", [0, 500, 1000, 1500]),
        (f"#VERSION:0.6;\n#BPMS:0=120;\n#WARPS:1=2;\n{BESIDE}", [0, 500, 1000]),
        (f"#VERSION:0.7;\n#BPMS:0=120;\n#WARPS:1=2;\n{BESIDE}", [0, 500]),
    ],
)
def test_tags_count_as_in_the_game(text: str, starts: list[float]) -> None:
    """Timing is made of all tags once the file is read, by the rules of its dialect."""
    assert _starts(text) == starts


OWN = "#NOTEDATA:;\n#STEPSTYPE:dance-single;\n{}\n#NOTES:\n" + ROWS + ";\n"


@pytest.mark.parametrize(
    ("version", "own", "starts"),
    [
        ("0.83", "#BPMS:0=60;", [1000, 2000, 3000, 4000]),
        ("0.7", "#BPMS:0=60;", [1000, 2000, 3000, 4000]),
        ("0.69", "#BPMS:0=60;", [1000, 1500, 2000, 2500]),
        ("0.53", "#STOPS:1=1;", [1000, 1500, 2000, 2500]),
        ("0.83", "#OFFSET:0;", [1000, 1500, 2000, 2500]),
        ("0.83", "#BPMS:;\n#STOPS:;", [1000, 1500, 2000, 2500]),
        ("0.83", "#STOPS:1=1;", [1000, 2000, 4000, 5000]),
        ("0.83", "#OFFSET:-2;\n#BPMS:0=60;", [2000, 3000, 4000, 5000]),
    ],
)
def test_timing_of_a_chart_by_version(version: str, own: str, starts: list[float]) -> None:
    head = f"#VERSION:{version};\n#OFFSET:-1;\n#BPMS:0=120;\n"
    assert _starts(head + OWN.format(own)) == starts


@pytest.mark.parametrize(
    ("rows", "beats"),
    [
        ("1000\n1000\n" + "0000\n" * 18, [0, 10 / 48]),
        ("1000\n" * 2 + "0000\n" * 5, [0, 27 / 48]),
        ("0000\n" * 255 + "1000\n", [191 / 48]),
        ("1000\n,,\n1000\n", [0, 4]),
        ("1000\n,\n,\n1000\n", [0, 8]),
        ("1000\n, // measure 1\n,\n1000\n", [0, 8]),
        (",,1000\n", [0]),
        ("10000\n0000\n100\n0000\n", [0, 2]),
        ("1x0{a:1}0[3]0\n", [0]),
        ("1000 0100\n", [0]),
    ],
)
def test_rows_lie_where_the_game_puts_them(rows: str, beats: list[float]) -> None:
    starts = _starts(f"#BPMS:0=60;#NOTES:dance-single:::1::{rows};")
    assert starts == pytest.approx([1000.0 * beat for beat in beats])


def test_rows_too_near_for_the_game_lose_notes_and_it_is_said() -> None:
    rows = "".join(f"{'1' if i in (0, 1, 2, 3) else '0'}000\n" for i in range(768))
    losses = LossReport()
    starts = _starts(f"#BPMS:0=60;#NOTES:dance-single:::1::{rows};", losses)
    assert starts == pytest.approx([0.0, 1000 / 48])
    assert losses.count("notes that share a row (1/48 beat) with a later one of their column") == 2


@pytest.mark.parametrize("between", ["1", "M", "L", "F", "2"])
def test_a_hold_that_something_comes_into_has_no_end(between: str) -> None:
    """As in the game: the end finds no beginning, and a beginning without an end is no note."""
    rows = f"2001\n{between}000\n3000\n0000\n"
    losses = LossReport()
    (chart,) = stepmania.parse(f"#BPMS:0=60;#NOTES:dance-single:::1::{rows};", losses=losses)
    kept = {"1": 1, "L": 1, "2": 1}.get(between, 0)
    assert len(chart.hit_objects) == 1 + kept
    assert losses.count("holds without an end, left out as in the game") == 1
    through = rows.replace(f"{between}000", "K000")
    (whole,) = stepmania.parse(f"#BPMS:0=60;#NOTES:dance-single:::1::{through};", losses=losses)
    assert LongNote(0, 0.0, 2000.0) in whole.hit_objects


def test_charts_that_cannot_be_played_leave_the_others_alone() -> None:
    lights = "#NOTES:lights-cabinet::Easy:1:0:100000\n;\n"
    broken = "#NOTES:dance-single:d:Hard:8:1000\n;\n"
    wide = f"#NOTES:unheard-of::Easy:1:0:{'1' * 40};\n"
    losses = LossReport()
    text = f"#BPMS:0=120;\n{lights}{broken}{NOTES}{wide}"
    (chart,) = stepmania.parse(text, losses=losses, path=Path("a.sm"))
    assert len(chart.hit_objects) == 4
    assert sum(loss.count for loss in losses) == 3
    places = [place for loss in losses for place in loss.places]
    assert {place.split()[0] for place in places} == {"a.sm:2", "a.sm:4", "a.sm:12"}


def test_charts_of_ssc_have_their_own_timing() -> None:
    text = (
        "#VERSION:0.83;\n#OFFSET:1;\n#BPMS:0=60;\n#STOPS:1=1;\n"
        "#NOTEDATA:;\n#STEPSTYPE:dance-single;\n#BPMS:0=120;\n#SCROLLS:0=1,1=0.5;\n#NOTES:\n"
        "1000\n1000\n1000\n1000\n;\n"
        "#NOTEDATA:;\n#STEPSTYPE:dance-single;\n#NOTES:\n1000\n0000\n1000\n0000\n;\n"
    )
    own, songs = stepmania.parse(text, losses=LossReport())
    assert [note.start_ms for note in own.hit_objects] == [-1000.0, -500.0, 0.0, 500.0]
    assert velocity_steps(own.timing) == [(-500.0, 0.5)]
    assert [note.start_ms for note in songs.hit_objects] == [-1000.0, 2000.0]


def test_a_forgotten_semicolon_is_made_up_for() -> None:
    found = [(tag.name, tag.text) for tag in tags("#TITLE:a#b\n#ARTIST:c;junk #X:y")]
    assert found == [("TITLE", "a#b"), ("ARTIST", "c"), ("X", "y")]


@pytest.mark.parametrize("text", ["a:b;c#d\\e//f", "夜 // x", "plain"])
def test_escapes(text: str) -> None:
    (tag,) = tags(f"#T:{escaped(text)};")
    assert tag.parts == (text,)


def test_radar_counts() -> None:
    rows = "1100\n2000\n0M11\n3000\n,\n0L00\n0000\n4111\n3000\n"
    assert radar(list(cells(rows, 4))) == Radar(10, 5, 3, 1, 1, 2)


def test_rows_with_key_sounds_and_attacks() -> None:
    found = [(cell.column, cell.symbol) for cell in cells("K[6]1[0]0{x:y}2<3|1>\n", 4)]
    assert found == [(0, "K"), (1, "1"), (3, "2")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("#BPMS:0=120;#NOTES:dance-single:::1::100;", "not 4 columns"),
        ("#BPMS:0=120;#NOTES:dance-single:1000;", "not six"),
        ("#NOTES:dance-single:::1::1000;", "no tempo"),
        ("#BPMS:0=0;#NOTES:dance-single:::1::1000;", "no tempo"),
        ("#BPMS:0=nan;#NOTES:dance-single:::1::1000;", "not a finite number"),
        ("#BPMS:0=1e308;#NOTES:dance-single:::1::1000;", "beyond"),
        ("#BPMS:1e300=120;#NOTES:dance-single:::1::1000;", "beyond"),
        ("#BPMS:0=1;#OFFSET:-inf;#NOTES:dance-single:::1::1000;", "OFFSET"),
        ("#BPMS:0;#NOTES:dance-single:::1::1000;", "beat=value"),
        (f"#BPMS:0=1;#NOTES:x:::1::{'0' * 19};", "1 to 18 columns"),
        ("hello", "no StepMania file"),
    ],
)
def test_mistakes_are_named(text: str, says: str) -> None:
    with pytest.raises(BeatmapError, match=says):
        stepmania.parse(text, losses=LossReport(), strict=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("#BPMS:0=120;#NOTES:dance-single:1000;", "six"),
        ("#BPMS:0=120;#NOTES:lights-cabinet:::1::100000;", "lights"),
        (f"#BPMS:0=1;#NOTES:x:::1::{'0' * 19};", "1 to 18 columns"),
        ("#BPMS:0=120;#NOTES:dance-single:::1::2000;", "without an end"),
        ("hello", "no StepMania file"),
    ],
)
def test_files_of_which_no_note_is_left_are_refused(text: str, says: str) -> None:
    with pytest.raises(BeatmapError, match=says):
        stepmania.parse(text, losses=LossReport())


# ----------------------------------------------------------------------------- writing


def _on_rows(chart: Beatmap) -> Beatmap:
    """The same notes on rows of its own beats, which the format can hold."""
    clock = lay_beats(chart.red_lines, 0.0, decimals=6).clock

    def near(time_ms: float) -> float:
        return clock.time_ms(Fraction(round(clock.beat_at(time_ms) * 48), 48))

    notes = [
        LongNote(n.column, near(n.start_ms), near(n.end_ms))
        if isinstance(n, LongNote)
        else Rice(n.column, near(n.start_ms))
        for n in chart.hit_objects
    ]
    return chart.with_objects(notes)


@settings(max_examples=30, deadline=None)
@given(whole_ms_charts())
def test_notes_on_rows_survive(chart: Beatmap) -> None:
    if chart.keys < 3:
        chart = replace(chart, keys=4)
    chart, losses = _on_rows(chart), LossReport()
    (again,) = stepmania.parse(stepmania_write.format([chart], ssc=True, losses=losses))
    assert worst_ms(again, chart) < 0.01
    assert losses.count(stepmania_write.MOVED) == losses.count(stepmania_write.CROWDED) == 0
    assert (again.title, again.artist) == (chart.title, chart.artist)


@settings(max_examples=30, deadline=None)
@given(whole_ms_charts())
def test_any_other_note_moves_by_half_a_row_and_is_counted(chart: Beatmap) -> None:
    if chart.keys < 3:
        chart = replace(chart, keys=4)
    losses = LossReport()
    (again,) = stepmania.parse(
        stepmania_write.format([chart], ssc=False, losses=losses), losses=LossReport()
    )
    lost = losses.count(stepmania_write.CROWDED)
    assert len(again.hit_objects) == len(chart.hit_objects) - lost
    shortened = losses.count(stepmania_write.CUT) + losses.count(stepmania_write.SHORT)
    if not lost + shortened:
        longest = max(1000.0, *(1.5 * red.beat_ms for red in chart.red_lines))
        worst = worst_ms(again, chart)
        assert worst <= longest / 48 / 2 + 0.01
        moved = losses.entries.get(stepmania_write.MOVED)
        assert (worst > 1.01) <= (moved is not None)
        if moved is not None:
            assert moved.worst_ms == pytest.approx(worst, abs=0.01)


def test_rows_that_two_notes_share() -> None:
    notes = (Rice(0, 0.0), Rice(0, 1.0), LongNote(1, 0.0, 2.0), LongNote(2, 0.0, 500.0))
    chart = Beatmap(4, (*notes, Rice(2, 500.0)), (TimingPoint(0.0, 500.0),))
    losses = LossReport()
    (again,) = stepmania.parse(stepmania_write.format([chart], ssc=True, losses=losses))
    assert losses.count(stepmania_write.CROWDED) == 1
    assert losses.count(stepmania_write.SHORT) == 1
    assert losses.count(stepmania_write.CUT) == 1
    assert [(n.column, n.start_ms) for n in again.hit_objects] == [(0, 0), (1, 0), (2, 0), (2, 500)]


def test_a_tempo_change_within_a_beat_begins_one() -> None:
    reds = (TimingPoint(0.0, 500.0), TimingPoint(1300.0, 400.0), TimingPoint(1310.0, 300.0))
    chart = Beatmap(4, (Rice(0, 1300.0), Rice(1, 1310.0), Rice(2, 1610.0)), reds)
    losses = LossReport()
    (again,) = stepmania.parse(stepmania_write.format([chart], ssc=True, losses=losses))
    assert worst_ms(again, chart) < 0.01
    assert losses.count(stepmania_write.BENT) == 2
    grid = lay_beats(reds, 0.0)
    for beat, red in zip(grid.red_beats, reds, strict=True):
        assert grid.clock.time_ms(Fraction(beat)) == pytest.approx(red.time_ms)


def test_steps_types_difficulties_and_edits() -> None:
    charts = stepmania.parse(SM, losses=LossReport())
    for ssc in (False, True):
        again = stepmania.parse(
            stepmania_write.format([*charts, charts[0]], ssc=ssc), losses=LossReport()
        )
        assert [b.other["StepMania"][:3] for b in again] == [
            ("StepsType:dance-single", "Difficulty:Hard", "Meter:7"),
            ("StepsType:pump-single", "Difficulty:Easy", "Meter:2"),
            ("StepsType:dance-single", "Difficulty:Edit", "Meter:7"),
        ]
        # The stop ends in the middle of a beat, and a hold ends before it on a row of its own.
        assert max(map(worst_ms, again[:2], charts)) < 0.01


def test_refusals_of_the_writer() -> None:
    with pytest.raises(BeatmapError, match="so many columns"):
        stepmania_write.format([Beatmap(keys=18)], ssc=True)
    with pytest.raises(BeatmapError, match="at least one"):
        stepmania_write.format([], ssc=True)
    far = Beatmap(4, (Rice(0, 2e9),), (TimingPoint(0.0, 1e-3),))
    with pytest.raises(BeatmapError, match="measures"):
        stepmania_write.format([far], ssc=True)


def test_every_steps_type_has_columns_that_a_chart_can_have() -> None:
    assert all(1 <= keys <= 18 for keys in KEYS.values())


# ------------------------------------------------------------------------ outside data

_NAMES = {
    "1": "TAP",
    "2": "HOLD_HEAD",
    "3": "TAIL",
    "4": "ROLL_HEAD",
    "M": "MINE",
    "L": "LIFT",
    "F": "FAKE",
    "K": "KEYSOUND",
}


@pytest.fixture(scope="module")
def everything(real_data: Path) -> dict:
    return json.loads((real_data / "golden.json").read_text(encoding="utf-8"))


@pytest.mark.real_data
def test_recorded_counts_and_times(real_data: Path, everything: dict) -> None:
    recorded = {
        name: value
        for name, value in everything["computed"]["parse"].items()
        if name.endswith((".sm", ".ssc"))
    }
    assert len(recorded) == 13
    seen: dict[str, dict] = {}
    for name, expected in recorded.items():
        text = (real_data / name).read_text("utf-8-sig")
        if text in seen:  # the same file lies in several places
            assert seen[text] == expected
            continue
        seen[text] = expected
        charts = stepmania.parse_charts(text)
        beatmaps = stepmania.parse(text, losses=LossReport())
        assert len(charts) == len(beatmaps) == len(expected["charts"]), name
        for chart, beatmap, entry in zip(charts, beatmaps, expected["charts"], strict=True):
            heads = [chart.timing.time_s(c.beat) for c in chart.cells if c.symbol in HEADS]
            counts = radar(chart.cells)
            found = {
                "type": chart.fields["STEPSTYPE"],
                "difficulty": chart.fields["DIFFICULTY"],
                "meter": chart.fields["METER"],
                "keys": beatmap.keys,
                "n_heads": counts.notes,
                "n_rows": counts.rows,
                "counts": Counter(_NAMES[cell.symbol] for cell in chart.cells),
                "first_s": pytest.approx(min(heads), abs=2e-6),
                "last_s": pytest.approx(max(heads), abs=2e-6),
            }
            assert found == entry, name
            written = beatmap.metadata.get("TitleUnicode", beatmap.title)
            assert written == expected["title"]
            assert len(beatmap.hit_objects) == entry["n_heads"]  # none of them is in a warp


@pytest.mark.real_data
def test_published_radar_values(real_data: Path, everything: dict) -> None:
    compared = 0
    for name, expected in everything["published"]["sm_radar"]["values"].items():
        charts = stepmania.parse_charts((real_data / name).read_text("utf-8-sig"))
        found = {
            chart.fields["DIFFICULTY"]: list(astuple(radar(chart.cells)))
            for chart in charts
            if chart.fields["STEPSTYPE"] == "dance-single"
        }
        assert found == expected
        compared += len(found)
    assert compared == 10


@pytest.mark.real_data
def test_published_timing_tables(everything: dict) -> None:
    tables = everything["published"]["sm_timing"]
    compared = 0
    for table in tables[:2]:
        clock = _timing(table["ssc"])
        times = table.get("time_at_beat") or table["time_at_beat_note"]
        for beat, expected in times.items():
            assert clock.time_s(Fraction(beat)) == pytest.approx(expected, abs=1e-9), beat
            compared += 1
        for beat, expected in table.get("hittable", {}).items():
            assert clock.hittable(Fraction(beat)) is expected, beat
            compared += 1
    assert compared > 60
    clock, third = _timing("#BPMS:0=60,4=120;#STOPS:6=1;"), tables[2]
    beats = {"first_note_s": "4", "second_note_s": "9/2", "last_note_s": "12"}
    assert {k: clock.time_s(Fraction(v)) for k, v in beats.items()} == {k: third[k] for k in beats}


@pytest.mark.real_data
def test_real_charts_survive(real_data: Path) -> None:
    for name in ("tangent-tectonics/Tangent Tectonics.sm", "goin-under/Goin' Under.ssc"):
        charts = stepmania.read(real_data / "raw" / name, losses=LossReport())
        for ssc in (False, True):
            losses = LossReport()
            again = stepmania.parse(stepmania_write.format(charts, ssc=ssc, losses=losses))
            assert max(map(worst_ms, again, charts)) < 0.01
            assert [b.version for b in again] == [b.version for b in charts]
            assert losses.count(stepmania_write.MOVED) == 0


def test_what_is_written_is_read() -> None:
    """Texts beyond all bounds, and tempi that a reader of `.sm` takes for warps."""
    reds = (TimingPoint(0.0, 500.0), TimingPoint(2000.0, 1e-3), TimingPoint(2001.0, 500.0))
    chart = Beatmap(
        4,
        (Rice(0, 500.0), Rice(1, 2001.0), Rice(2, 2501.0)),
        reds,
        metadata={"Title": "x" * 20_000, "Tags": "y " * 9000},
    )
    for ssc in (False, True):
        losses = LossReport()
        text = stepmania_write.format([chart], ssc=ssc, losses=losses)
        (again,) = stepmania.parse(text, losses=losses, strict=True, path=Path(f"a.s{'s' * ssc}c"))
        assert len(again.hit_objects) == 3
        assert losses.count("texts cut to 10000 letters") == 2
        assert losses.count(stepmania_write.TOO_FAST) == (not ssc)
