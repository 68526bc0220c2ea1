import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import rosu_pp_py
from hypothesis import given
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.stars import (
    StarRater,
    linear_rate_star_rating,
    ln_classes,
    ln_ratio,
    rated_text,
    sr_algorithm,
    star_rating,
)
from mug.errors import BeatmapError, DataError


def chart(objects, keys=4):
    return Beatmap(
        keys=keys,
        hit_objects=tuple(objects),
        timing=(TimingPoint(0, 400.0),),
        general={"AudioFilename": "a: b.mp3", "Mode": "3"},
        metadata={"Title": "T", "Version": "V"},
        difficulty={"CircleSize": str(keys), "OverallDifficulty": "8"},
    )


def stream(count=200, gap=90, keys=4):
    return [Rice(i * 7 % keys, i * gap) for i in range(count)]


def chords(count=120, keys=4):
    rng = random.Random(0)
    return [Rice(c, i * 120) for i in range(count) for c in sorted(rng.sample(range(keys), 2))]


def test_equals_the_calculator_on_the_same_text():
    beatmap = chart(stream())
    direct = (
        rosu_pp_py.Difficulty().calculate(rosu_pp_py.Beatmap(content=osu.format(beatmap))).stars
    )
    assert star_rating(beatmap) == direct
    assert star_rating(osu.format(beatmap)) == direct


@pytest.mark.parametrize("keys", [1, 4, 7, 18])
def test_the_rated_text_is_that_of_the_chart_without_sounds(keys):
    notes = [*stream(keys=keys), LongNote(0, 30_000, 30_500), LongNote(keys - 1, -2_000, -1_000)]
    plain = chart(sorted(notes, key=lambda n: (n.start_ms, n.column)), keys)
    text = osu.format(replace(plain, general={"Mode": "3"}, metadata={}))
    loud = [replace(note, hitsound=8, sample="1:2:3:40:x.wav") for note in notes[::-1]]
    assert (
        rated_text(chart(loud, keys)).split("[TimingPoints]")[1]
        == (text.split("[TimingPoints]")[1])
    )


def test_sounds_decide_nothing():
    odd = [replace(note, sample="0:0", hitsound=2, new_combo=4) for note in stream()]
    assert star_rating(chart(odd)) == star_rating(chart(stream()))


def test_charts_rated_one_after_the_other_have_the_stars_that_they_have_alone():
    held = [LongNote(0, 20_000.0, 20_500.0), LongNote(3, 20_100.5, 21_000.0)]
    rated = StarRater(chart(stream()))
    assert rated([]) == 0
    between = [replace(note, start_ms=note.start_ms + 0.25) for note in stream()]
    for notes in (
        stream(),
        between,
        chords(),
        [*chords(), *held],
        [*stream()[::-1], *held],
        stream()[:30],
    ):
        odd = [replace(note, hitsound=2, new_combo=4) for note in notes]
        assert rated(notes) == rated(odd) == star_rating(chart(notes))


@pytest.mark.parametrize("shift_ms", [0.0, 0.25])
def test_some_notes_of_a_chart_have_the_stars_that_they_have_alone(shift_ms):
    notes = [replace(note, start_ms=note.start_ms + shift_ms) for note in [*chords(), *stream()]]
    random.Random(1).shuffle(notes)
    rated = StarRater(chart(())).parts(notes)
    assert rated(lambda _: False) == 0
    for part in (1, 2, 3):
        assert rated(lambda i, part=part: i % part == 0) == star_rating(chart(notes[::part]))


def test_the_order_of_objects_in_the_file_decides_nothing():
    objects = chords()
    mixed = objects[:]
    random.Random(3).shuffle(mixed)
    raw = {
        rosu_pp_py.Difficulty()
        .calculate(rosu_pp_py.Beatmap(content=osu.format(chart(order))))
        .stars
        for order in (objects, sorted(objects, key=lambda n: (n.start_ms, -n.column)))
    }
    assert len(raw) == 2  # which is why the order must be fixed
    assert star_rating(chart(mixed)) == star_rating(chart(objects))


def test_faster_is_harder_and_equals_squeezed_times():
    ratings = [star_rating(chart(stream()), rate) for rate in (0.75, 1.0, 1.25, 1.5)]
    assert ratings == sorted(ratings)
    assert ratings[0] < ratings[-1]
    squeezed = chart([Rice(n.column, n.start_ms / 1.5) for n in stream()])
    assert star_rating(squeezed) == pytest.approx(ratings[-1], abs=1e-3)


def test_other_columns_are_rated_too():
    assert star_rating(chart(stream(keys=7), keys=7)) > 0.5


@pytest.mark.parametrize("rate", [0.0, -1.0, 1000.0])
def test_wrong_rates_are_refused(rate):
    with pytest.raises(DataError, match="rate"):
        star_rating(chart(stream()), rate)


def test_what_the_calculator_would_rate_silently_is_refused():
    with pytest.raises(DataError, match="without objects"):
        star_rating(chart([]))
    for text in ("", "hello", osu.format(chart(stream())).replace("Mode: 3", "Mode: 0")):
        with pytest.raises(BeatmapError):
            star_rating(text)


def test_a_chart_made_to_break_calculators_is_refused():
    objects = [Rice(i % 4, 1000 + i // 400) for i in range(8000)]
    with pytest.raises(DataError, match="made to break"):
        star_rating(chart(objects))


def test_a_disagreement_about_the_chart_is_an_error(monkeypatch):
    monkeypatch.setattr(osu, "format", lambda _: "osu file format v14\n\n[General]\nMode: 3\n")
    with pytest.raises(DataError, match="another chart"):
        star_rating(chart(stream()))


def test_the_algorithm_names_the_installed_version():
    assert sr_algorithm() == "rosu-4.0"


def test_the_linear_rate_rule():
    assert linear_rate_star_rating(4.0, 1.0) == 4.0
    assert linear_rate_star_rating(4.0, 1.5) == pytest.approx(4.0 * 1.4092)
    assert linear_rate_star_rating(4.0, 0.8) == pytest.approx(4.0 / 1.2046)
    for rate in (0.5, 0.7, 1.2, 1.9):
        there = linear_rate_star_rating(3.0, rate)
        assert linear_rate_star_rating(there, 1 / rate) == pytest.approx(3.0)
    with pytest.raises(DataError):
        linear_rate_star_rating(3.0, 0.0)


@given(st.integers(0, 20), st.integers(0, 20))
def test_ln_ratio_counts(rice, long):
    objects = [Rice(0, i) for i in range(rice)] + [LongNote(1, i, i + 5) for i in range(long)]
    if not objects:
        with pytest.raises(DataError):
            ln_ratio(objects)
    else:
        assert ln_ratio(objects) * len(objects) == pytest.approx(long)


@pytest.mark.parametrize(
    ("ratio", "classes"),
    [
        (0.0, "rc"),
        (0.0999, "rc"),
        (0.1, "hb"),
        (0.399, "hb"),
        (0.4, "hb ln"),
        (0.7, "hb ln"),
        (0.701, "ln"),
        (1.0, "ln"),
    ],
)
def test_ln_classes(ratio, classes):
    assert {name for name, on in ln_classes(ratio).items() if on} == set(classes.split())
    page = ln_classes(ratio, hybrid_top=0.4)
    assert page["hb"] == (0.1 <= ratio <= 0.4)


@pytest.mark.real_data
def test_golden_star_ratings(real_data):
    golden = json.loads((real_data / "golden.json").read_text(encoding="utf-8"))
    checked = 0
    for name, expected in golden["computed"]["star_rating_rosu_pp_py_4_0_2"].items():
        if expected["mode"] != "GameMode.Mania":
            with pytest.raises(BeatmapError):
                osu.read(real_data / Path(name))
            continue
        beatmap = osu.read(real_data / Path(name), strict=False)
        assert len(beatmap.hit_objects) == expected["n_objects"]
        # The numbers were made with the objects in the order of the file.
        in_order = beatmap.hit_objects == beatmap.sorted_objects()
        close = {"rel": 1e-9} if in_order else {"rel": 0.05}
        assert star_rating(beatmap) == pytest.approx(expected["stars_NM"], **close)
        assert star_rating(beatmap, 1.5) == pytest.approx(expected["stars_DT"], **close)
        checked += in_order
    assert checked == 26  # the others differ in order, or hold another mode
