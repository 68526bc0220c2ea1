"""Quaver: recorded counts, the game's own conversions, its two kinds of scroll speeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chart_strategies import played, whole_ms_charts
from hypothesis import given, settings

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.quaver import read as quaver
from mug.beatmap.formats.quaver import write as quaver_write
from mug.beatmap.formats.quaver import yaml_subset as quaver_yaml
from mug.beatmap.formats.quaver.scroll import common_bpm, normalised
from mug.beatmap.formats.scroll import green_lines, velocity_steps
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError

SMALL = """\
Mode: Keys7
Title: 'No: 1'
Artist: ~
DifficultyName: 2.10
AudioFile: a.mp3
BackgroundFile: bg.jpg
SongPreviewTime: 500
MapId: 77
CustomAudioSamples:
- Path: kick.wav
SoundEffects:
- StartTime: 40
  Sample: 1
TimingPoints:
- Bpm: 120
- StartTime: 2000
  Bpm: 60
  Signature: 3
SliderVelocities:
- StartTime: 500
  Multiplier: 0.5
HitObjects:
- Lane: 7
- StartTime: 250
  Lane: 1
  EndTime: 750
  HitSound: Whistle, Clap
- StartTime: 500
  Lane: 2
  EndTime: 0
  KeySounds:
  - Sample: 1
    Volume: 40
"""


def test_defaults_are_left_out() -> None:
    chart = quaver.parse(SMALL)
    assert chart.keys == 7
    assert chart.hit_objects == (
        Rice(6, 0.0),
        LongNote(0, 250.0, 750.0, hitsound=2 | 8),
        Rice(1, 500.0, sample="0:0:0:40:kick.wav"),
    )
    assert chart.timing == (
        TimingPoint(0.0, 500.0),
        ScrollPoint(500.0, 0.5),
        TimingPoint(2000.0, 1000.0, 3),
    )
    assert (chart.title, chart.artist, chart.version) == ("No: 1", "~", "2.10")
    assert chart.events == ('0,0,"bg.jpg",0,0', 'Sample,40,0,"kick.wav",100')
    assert osu.parse(osu.format(chart)) == chart


def test_all_of_it_comes_back() -> None:
    chart, losses = quaver.parse(SMALL), LossReport()
    assert quaver.parse(quaver_write.format(chart, losses=losses)).hit_objects == chart.hit_objects
    again = quaver.parse(quaver_write.format(chart))
    assert (again.timing, again.events, again.metadata) == (
        chart.timing,
        chart.events,
        chart.metadata,
    )
    assert "MapId:77" in again.other["Quaver"]
    assert not losses


@settings(max_examples=30, deadline=None)
@given(whole_ms_charts())
def test_notes_tempo_and_speeds_survive(chart: Beatmap) -> None:
    losses = LossReport()
    again = quaver.parse(quaver_write.format(chart, losses=losses))
    assert played(again) == played(chart)
    assert velocity_steps(again.timing) == velocity_steps(chart.timing)
    assert [p.meter for p in again.red_lines] == [p.meter for p in chart.red_lines]
    for new, old in zip(again.red_lines, chart.red_lines, strict=True):
        assert new.time_ms == old.time_ms
        assert new.beat_ms == pytest.approx(old.beat_ms, rel=1e-12)
    assert (again.title, again.artist, again.version) == (chart.title, chart.artist, chart.version)
    assert not losses


def test_losses_are_counted() -> None:
    chart = Beatmap(
        keys=4,
        hit_objects=(Rice(0, 0.4), LongNote(1, -50.0, -5.0), Rice(2, 7.0, 0, "1:2:0:0:", 4)),
        metadata={"TitleUnicode": "夜", "BeatmapID": "12"},
        events=("2,100,900",),
        other={"Colours": ("Combo1 : 1,2,3",)},
    )
    losses = LossReport()
    quaver_write.format(chart, losses=losses)
    assert {loss.what: loss.count for loss in losses} == {
        quaver_write.ROUNDED: 1,
        "holds that end before the song begins, written as taps": 1,
        "hit samples": 1,
        "combo marks": 1,
        "titles in their own script": 1,
        "ids": 1,
        "storyboard, video and break lines": 1,
        "further sections": 1,
    }
    assert losses.entries[quaver_write.ROUNDED].worst_ms == pytest.approx(0.4)


def test_what_a_chart_has_no_place_for_is_counted() -> None:
    losses = LossReport()
    quaver.parse(
        "Mode: Keys4\nBookmarks:\n- StartTime: 1\n- StartTime: 2\nTimingPoints:\n- Bpm: 0\n"
        "HitObjects:\n- Lane: 5\n- Lane: 1\n  EditorLayer: 2\n"
        "- StartTime: 9\n  EndTime: 5\n  Lane: 1\n",
        losses=losses,
    )
    assert {loss.what: loss.count for loss in losses} == {
        "Bookmarks": 2,
        "timing points without a tempo": 1,
        quaver.OFF_FIELD: 1,
        "EditorLayer of HitObjects": 1,
        "holds that end before they start, read as taps": 1,
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Mode: Keys19", "Keys1 ... Keys10"),
        ("Mode: Keys4\nHitObjects:\n- Lane: 0", "Lane"),
        ("Mode: Keys4\nHitObjects:\n- Lane: 1\n  StartTime: .nan", "StartTime is not a finite"),
        ("Mode: Keys4\nHitObjects:\n- Lane: 1\n  StartTime: 1e99", "StartTime is beyond"),
        ("Mode: Keys4\nHitObjects: 5", "HitObjects is not a list"),
        ("Mode: Keys4\nMode: Keys19", "written twice|Keys1 ... Keys10"),
        ("a: &x [1]\nb: *x", "anchors"),
        ("[" * 50, "nested more than"),
        ("- a\n- b", "one map"),
        ("a: [", "not YAML|one map"),
        ("a: \x00\n- b", "control characters|not YAML|one map"),
    ],
)
def test_mistakes_are_named(text: str, says: str) -> None:
    for strict in (True, False):
        with pytest.raises(BeatmapError, match=says):
            quaver.parse(text, losses=LossReport(), strict=strict)


@pytest.mark.parametrize(
    "bad",
    [
        "- Lane: 0\n",
        "- Lane: 1.5\n",
        "- Lane: 1\n  StartTime: .nan\n",
        "- Lane: 1\n  StartTime: -2147483649\n",
        "- Lane: 1\n  EndTime: soon\n",
        "- Lane: [1]\n",
        "- 7\n",
    ],
)
def test_one_bad_note_is_left_out(bad: str) -> None:
    text = f"Mode: Keys4\nHitObjects:\n- StartTime: 5\n  Lane: 2\n{bad}"
    losses = LossReport()
    chart = quaver.parse(text, losses=losses, path=Path("a.qua"))
    assert chart.hit_objects == (Rice(1, 5.0),)
    (loss,) = losses
    assert loss.count == 1
    assert loss.places[0].startswith("a.qua")
    if bad != "- 7\n":
        assert loss.places[0].startswith("a.qua:5 ")
    with pytest.raises(BeatmapError):
        quaver.parse(text, losses=LossReport(), strict=True)


@pytest.mark.parametrize(
    "line", ["  Lane: @2", "  Lane: 'x", "\tLane: 1", "  - : [", "  Lane: 1: 2"]
)
def test_a_line_that_is_no_yaml_is_left_out(line: str) -> None:
    notes = f"- StartTime: 5\n  Lane: 2\n- StartTime: 9\n{line}\n- StartTime: 12\n  Lane: 3\n"
    losses = LossReport()
    chart = quaver.parse(f"Mode: Keys4\nHitObjects:\n{notes}", losses=losses)
    assert {(n.column, n.start_ms) for n in chart.hit_objects} >= {(1, 5.0), (2, 12.0)}
    assert losses.count("left out: this is not YAML") >= 1
    with pytest.raises(BeatmapError):
        quaver.parse(f"Mode: Keys4\nHitObjects:\n{notes}", losses=LossReport(), strict=True)


def test_of_a_key_written_twice_the_last_value_counts() -> None:
    text = "Mode: Keys4\nTitle: a\nMode: Keys7\nHitObjects:\n- Lane: 7\n  Lane: 6\n"
    losses = LossReport()
    chart = quaver.parse(text, losses=losses)
    assert (chart.keys, chart.hit_objects) == (7, (Rice(5, 0.0),))
    (loss,) = losses
    assert loss.count == 2
    with pytest.raises(BeatmapError, match="twice"):
        quaver.parse(text, losses=LossReport(), strict=True)


def test_eleven_columns_are_refused() -> None:
    with pytest.raises(BeatmapError, match="1 to 10 columns"):
        quaver_write.format(Beatmap(keys=11))


def test_speeds_without_tempo_look_the_same() -> None:
    """The file says that players see 1x before 1 s and 2x after it, whatever the tempo."""
    chart = quaver.parse(
        "BPMDoesNotAffectScrollVelocity: true\nTimingPoints:\n- Bpm: 100\n- StartTime: 500\n"
        "  Bpm: 200\nSliderVelocities:\n- StartTime: 1000\n  Multiplier: 2\n"
        "HitObjects:\n- Lane: 1\n  StartTime: 3000\n"
    )
    assert velocity_steps(chart.timing) == [(0.0, 2.0), (500.0, 1.0), (1000.0, 2.0)]


def test_green_lines_say_what_they_should() -> None:
    reds = [TimingPoint(0.0, 500.0), TimingPoint(100.0, 500.0), TimingPoint(200.0, 500.0)]
    steps = [(50.0, 2.0), (200.0, 1.0), (250.0, 0.5)]
    greens = green_lines(steps, reds)
    assert greens == [ScrollPoint(50.0, 2.0), ScrollPoint(100.0, 2.0), ScrollPoint(250.0, 0.5)]
    assert velocity_steps([*reds, *greens]) == steps


# ---------------------------------------------------------------------- outside data


def _raw_speeds(path: Path) -> tuple[list, list, float, bool]:
    tree = quaver_yaml.load(path.read_text("utf-8-sig"), path=path)
    as_float = lambda text: float(text.replace(".inf", "inf"))  # noqa: E731
    tempi = [(as_float(e.get("StartTime", "0")), as_float(e["Bpm"])) for e in tree["TimingPoints"]]
    speeds = [
        (as_float(e.get("StartTime", "0")), as_float(e.get("Multiplier", "0")))
        for e in tree["SliderVelocities"]
    ]
    free = tree["BPMDoesNotAffectScrollVelocity"] == "true"
    return sorted(tempi), speeds, float(tree["InitialScrollVelocity"]), free


@pytest.mark.real_data
def test_speeds_become_the_published_normalised_ones(real_data: Path) -> None:
    """Pairs of charts that the game's own tests hold: before and after."""
    folder = real_data / "corpus/qua/quaver-api"
    names = [path.stem.removesuffix("-normalized") for path in folder.glob("*-normalized.qua")]
    assert len(names) >= 14
    for name in names:
        tempi, speeds, _, free = _raw_speeds(folder / f"{name}.qua")
        _, expected, initial, now_free = _raw_speeds(folder / f"{name}-normalized.qua")
        assert (free, now_free) == (False, True)
        notes = quaver.read(folder / f"{name}.qua", losses=LossReport()).hit_objects
        last = max((note.last_ms for note in notes), default=None)
        base = common_bpm(tempi, last)
        first, steps = normalised(tempi, sorted(speeds, key=lambda s: s[0]), base)
        assert first == pytest.approx(initial, rel=1e-5), name
        assert len(steps) == len(expected), name
        for (time_ms, value), (expected_ms, multiplier) in zip(steps, expected, strict=True):
            assert time_ms == pytest.approx(expected_ms, abs=1e-3), name
            assert value == pytest.approx(multiplier, rel=1e-5), name


@pytest.mark.real_data
def test_recorded_counts(real_data: Path) -> None:
    """Equal, but for files whose lists are indented, which the recording counted as empty."""
    everything = json.loads((real_data / "golden.json").read_text(encoding="utf-8"))
    recorded = {k: v for k, v in everything["computed"]["parse"].items() if k.endswith(".qua")}
    assert len(recorded) > 90
    indented = 0
    for name, expected in recorded.items():
        losses = LossReport()
        chart = quaver.read(real_data / name, losses=losses)
        assert (f"Keys{chart.keys}", chart.keys) == (expected["type"], expected["keys"]), name
        assert (chart.title, chart.version) == (expected["title"], expected["version"]), name
        text = (real_data / name).read_text("utf-8-sig")
        count = len(chart.hit_objects) + losses.count(quaver.OFF_FIELD)
        if "\n    Lane:" in text:
            assert expected["n_objects"] == 0
            assert count == text.count("\n    Lane:"), name
            indented += 1
            continue
        first = min((note.start_ms for note in chart.hit_objects), default=None)
        found = (count, len(chart.long_notes), first)
        assert found == (expected["n_objects"], expected["n_ln"], expected["first_ms"]), name
    assert indented < 20


@pytest.mark.real_data
def test_conversions_from_osu_equal_the_games_own(real_data: Path) -> None:
    folder = real_data / "corpus/osu/quaver-api"
    compared = 0
    for path in sorted(folder.glob("*.osu")):
        if not path.with_suffix(".qua").exists() or path.stem == "Glide":
            continue
        expected = quaver.read(path.with_suffix(".qua"))
        found = quaver.parse(quaver_write.format(osu.read(path)))
        assert found.hit_objects == expected.hit_objects, path
        steps = zip(velocity_steps(found.timing), velocity_steps(expected.timing), strict=True)
        for (time_ms, value), (expected_ms, velocity) in steps:  # in single precision
            assert time_ms == pytest.approx(expected_ms, rel=1e-6)
            assert min(value, 10.0) == pytest.approx(velocity, rel=1e-6)  # osu! plays no more
        if path.stem != "keysound-zero-volume":  # that .qua has no head and leaves equal tempi out
            assert found.metadata == expected.metadata
            assert found.general == expected.general
            pairs = zip(found.red_lines, expected.red_lines, strict=True)
            for new, old in pairs:
                assert new.time_ms == pytest.approx(old.time_ms, rel=1e-6)
                assert new.bpm == pytest.approx(old.bpm, rel=1e-6)
        compared += len(found.hit_objects)
    assert compared == 2311 + 1795 + 8 + 4


@pytest.mark.real_data
def test_published_counts_and_tempi(real_data: Path) -> None:
    everything = json.loads((real_data / "golden.json").read_text(encoding="utf-8"))
    checked = 0
    for entry in everything["published"]["quaver"]:
        path = real_data / "corpus" / entry.get("file", "")
        if "objects" in entry:
            assert quaver_write.format(osu.read(path)).count("  Lane: ") == entry["objects"]
            checked += 1
        if "common_bpm" in entry:
            chart = osu.read(path)
            tempi = [(p.time_ms, p.bpm) for p in chart.red_lines]
            assert common_bpm(tempi, chart.last_ms) == pytest.approx(entry["common_bpm"])
            checked += 1
        if "title" in entry:
            assert quaver.parse(quaver_write.format(osu.read(path))).title == entry["title"]
            checked += 1
    assert checked == 4


@pytest.mark.real_data
def test_sound_effects_equal_the_games_own(real_data: Path) -> None:
    folder = real_data / "corpus/osu/quaver-api"
    expected = quaver.read(folder / "Glide-sound-effects.qua").events
    assert len(expected) == 17
    assert quaver.parse(quaver_write.format(osu.read(folder / "Glide.osu"))).events[1:] == expected


@pytest.mark.real_data
def test_real_charts_survive(real_data: Path) -> None:
    paths = sorted((real_data / "raw").rglob("*.qua"))[::3]
    assert len(paths) >= 8
    for path in paths:
        chart = quaver.read(path, losses=LossReport())
        losses = LossReport()
        again = quaver.parse(quaver_write.format(chart, losses=losses))
        assert (again.hit_objects, again.metadata) == (chart.hit_objects, chart.metadata), path
        assert velocity_steps(again.timing) == velocity_steps(chart.timing)
        assert not losses, path
