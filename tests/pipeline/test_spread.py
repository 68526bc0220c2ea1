"""Spreads: rhythms that nest, measured and by construction."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import note_strategies
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.difficulty.stars import star_rating
from mug.errors import ConfigError, GenerationError
from mug.lint.rules import lint
from mug.pipeline.arrange.nest import nest, nesting_share
from mug.pipeline.arrange.reach_stars import stars_of
from mug.pipeline.arrange.sources import ONSET_MS, OnsetTimes
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.finish.chart import finish_chart
from mug.pipeline.finish.cleanup import Changes, Surroundings, snap_notes
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.make import make
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.output.package import make_package
from mug.pipeline.plan import TIERS, Plan, Search, SpreadTier
from mug.pipeline.request import GenerationRequest, GenerationResult
from mug.pipeline.sample import chart_seed
from mug.pipeline.spread import (
    TOLERANCE,
    Rung,
    Spread,
    describe_spread,
    nearest_in_order,
    nest_charts,
    parse_tiers,
)
from mug.timing.estimate import TimingEstimate

notes = note_strategies.notes(3000, 40)


@settings(max_examples=100, deadline=None)
@given(notes, notes, st.sampled_from([0.0, 50.0, 250.0]))
def test_every_onset_of_a_nested_chart_is_one_of_the_harder(
    easier: list[HitObject], harder: list[HitObject], reach_ms: float
) -> None:
    nested = nest(easier, harder, reach_ms)
    assert nesting_share(nested.notes, harder) == 1.0
    assert len(nested.notes) + nested.left_out == len(easier)
    assert 0 <= nested.moved <= len(nested.notes)
    for column in range(4):
        mine = [n for n in nested.notes if n.column == column]
        assert all(a.last_ms < b.start_ms for a, b in itertools.pairwise(mine))
    again = nest(nested.notes, harder, reach_ms)
    assert again.notes == nested.notes
    assert again.moved == again.left_out == 0


def test_rows_go_together_to_the_nearest_onset_within_reach() -> None:
    harder = [Rice(0, 0.0), Rice(1, 250.0), Rice(2, 500.0), Rice(3, 1000.0)]
    easier = [
        Rice(0, 20.0),
        Rice(1, 20.0),  # one chord, to 0
        Rice(2, 240.0),
        Rice(3, 290.0),  # both want 250: the nearer gets it
        LongNote(0, 480.0, 900.0),  # keeps its end
        Rice(1, 760.0),  # 240 from 1000, 260 from 500
        Rice(2, 1400.0),  # nothing within reach
    ]
    nested = nest(easier, harder, 245.0)
    assert nested.notes == (
        Rice(0, 0.0),
        Rice(1, 0.0),
        Rice(2, 250.0),
        LongNote(0, 500.0, 900.0),
        Rice(1, 1000.0),
    )
    assert (nested.moved, nested.left_out) == (5, 2)


def test_shares_count_onsets_not_notes() -> None:
    harder = [Rice(0, 0.0), Rice(0, 500.0)]
    chord = [Rice(0, 0.0), Rice(1, 0.0), Rice(2, 501.0), Rice(3, 700.0)]
    assert nesting_share(chord, harder) == pytest.approx(2 / 3)
    assert nesting_share([], harder) == 1.0
    assert nesting_share(chord, []) == 0.0


def test_tiers_from_text() -> None:
    assert parse_tiers("all") == TIERS
    assert parse_tiers("hard, Easy") == (TIERS[0], TIERS[2])
    assert parse_tiers("my own=3.2,easy=1.2") == (
        SpreadTier("Easy", 1.2),
        SpreadTier("my own", 3.2),
    )
    for text, said in (("hardd", "hard"), ("easy,easy", "different"), ("x=a", "number")):
        with pytest.raises(GenerationError, match=said):
            parse_tiers(text)
    with pytest.raises(GenerationError, match="above 0"):
        parse_tiers("x=0")


FINISH = FinishOptions(snapping="none", fixes="none")


def stream(gap_ms: float, count: int) -> tuple[HitObject, ...]:
    return tuple(Rice(i % 4, gap_ms * i) for i in range(count))


def made_of(
    raw: list[tuple[HitObject, ...]],
    tiers: tuple[SpreadTier, ...],
    onsets: OnsetTimes | None = None,
    how: FinishOptions = FINISH,
) -> Spread:
    """The spread of a model that made these notes when asked for these tiers."""
    timing = TimingEstimate(120.0, 0.0, 1.0, ())
    finishes = [replace(how, version=tier.name, star_rating=tier.star_rating) for tier in tiers]
    times = len(raw) // len(tiers)
    finished = [
        finish_chart(notes, finish, keys=4, index=0, timing=timing, duration_ms=60_000.0)
        for notes, finish in zip(raw, finishes * times, strict=True)
    ]
    result = GenerationResult(
        beatmaps=tuple(chart for chart, _ in finished),
        raw=tuple(raw),
        timing=timing,
        changes=tuple(changes for _, changes in finished),
        asked=tuple({"sr": tier.star_rating} for tier in tiers) * times,
        seeds=(5,) * len(raw),
        indices=tuple(range(len(raw))),
    )
    return nest_charts(result, 60_000.0, finishes, tiers, onsets)


def test_a_model_that_does_not_obey_still_gives_rising_stars() -> None:
    slow, middle, fast = stream(500.0, 20), stream(250.0, 40), stream(125.0, 80)
    tiers = (SpreadTier("Easy", 1.6), SpreadTier("Normal", 2.4), SpreadTier("Hard", 3.4))
    spread = made_of([fast, slow, middle], tiers)
    assert spread.reordered
    assert spread.rising
    assert spread.result.raw == (slow, middle, fast)
    assert [rung.asked for rung in spread.rungs] == [2.4, 3.4, 1.6]
    assert [rung.tier for rung in spread.rungs] == list(tiers)
    assert [chart.version for chart in spread.result.beatmaps] == ["Easy", "Normal", "Hard"]
    assert [fit.share for fit in spread.nesting] == [1.0, 1.0]


def test_charts_that_are_alike_lose_notes_to_fit_their_tiers() -> None:
    tiers = tuple(SpreadTier(name, stars) for name, stars in (("a", 1.2), ("b", 1.6), ("c", 1.85)))
    spread = made_of([stream(125.0, 80)] * 3, tiers)
    easy, normal, hard = spread.rungs
    assert not spread.reordered
    assert spread.rising
    assert easy.made == normal.made == hard.made <= hard.reached
    assert hard.dropped == 0
    counts = [len(chart.hit_objects) for chart in spread.result.beatmaps]
    assert 0 < counts[0] < counts[1] < counts[2] == 80 + hard.added
    assert 1.1 < easy.reached <= 1.2
    assert 1.5 < normal.reached <= 1.6
    for a, b in itertools.pairwise(spread.result.beatmaps):
        assert nesting_share(a.hit_objects, b.hit_objects) == 1.0


def test_a_spread_that_cannot_rise_says_so() -> None:
    nothing: tuple[HitObject, ...] = ()
    spread = made_of([nothing, nothing], (SpreadTier("a", 1.0), SpreadTier("b", 2.0)))
    assert not spread.rising
    described = describe_spread(spread)["spread"]
    assert described["rising"] is False
    assert [tier["missed"] for tier in described["tiers"]] == [True, True]


def test_tiers_get_their_stars_from_the_other_charts_and_from_the_sound() -> None:
    tiers = (SpreadTier("Easy", 1.0), SpreadTier("Hard", 2.6))
    slow = stream(500.0, 16)
    clicks = OnsetTimes(np.arange(0.0, 8000.0, 125.0), np.ones(64))
    (easy, hard), charts = _rungs(made_of([slow, slow], tiers, clicks, FinishOptions()))
    assert not easy.missed
    assert not hard.missed
    assert hard.from_sound > 20
    assert {note.start_ms % 125 for chart in charts for note in chart.hit_objects} == {0.0}
    (_, without_sound), _ = _rungs(made_of([slow, slow], tiers, None, FinishOptions()))
    assert without_sound.missed
    assert without_sound.from_sound == 0
    (_, helped), charts = _rungs(
        made_of([slow, slow, stream(250.0, 32), slow], tiers, None, FinishOptions())
    )
    assert without_sound.reached < helped.reached
    assert {note.start_ms % 250 for note in charts[1].hit_objects} == {0.0}


def _rungs(spread: Spread) -> tuple[tuple[Rung, ...], tuple[Beatmap, ...]]:
    return spread.rungs, spread.result.beatmaps


some_notes = note_strategies.notes(4000, 16)


@settings(max_examples=5, deadline=None)
@given(st.lists(some_notes, min_size=4, max_size=4), st.sets(st.integers(0, 4000), max_size=16))
def test_spreads_nest_rise_keep_the_rules_and_invent_nothing(
    raw: list[list[HitObject]], onsets: set[int]
) -> None:
    tiers = (SpreadTier("Easy", 1.0), SpreadTier("Hard", 3.0))
    song_onsets = OnsetTimes(np.array(sorted(onsets), np.float64), np.ones(len(onsets)))
    how = FinishOptions()
    spread = made_of([tuple(notes) for notes in raw], tiers, song_onsets, how)
    easy, hard = spread.result.beatmaps
    assert nesting_share(easy.hit_objects, hard.hit_objects) == 1.0
    where = Surroundings(4, hard.red_lines, 60_000.0)
    there = {
        note.start_ms
        for notes in raw
        for stars in (1.0, 3.0)
        for note in snap_notes(notes, replace(how, star_rating=stars), where, Changes())
    }
    for note in hard.hit_objects:
        near = min((abs(note.start_ms - onset) for onset in onsets), default=99)
        assert note.start_ms in there or near <= ONSET_MS + 1
    for chart, rung in zip((easy, hard), spread.rungs, strict=True):
        assert rung.reached == stars_of(chart) <= rung.tier.star_rating
        assert rung.from_sound <= rung.added <= len(chart.hit_objects)
        found = lint(chart, star_rating=rung.tier.star_rating, audio_ms=60_000.0)
        errors = {finding.rule for finding in found if finding.severity == "error"}
        assert errors <= {"empty_column"}  # nobody can fill what nothing was made for


@given(
    st.lists(st.floats(0, 9), min_size=1, max_size=6),
    st.lists(st.floats(0, 9), min_size=1, max_size=4),
)
def test_each_tier_gets_the_nearest_chart_in_rising_order(
    stars: list[float], goals: list[float]
) -> None:
    goals = sorted(goals)[: len(stars)]
    chosen = nearest_in_order(stars, goals)
    assert len(set(chosen)) == len(goals)
    got = [stars[index] for index in chosen]
    assert got == sorted(got)
    least = min(
        sum(abs(one - goal) for one, goal in zip(some, goals, strict=True))
        for some in itertools.combinations(sorted(stars), len(goals))
    )
    assert sum(abs(a - b) for a, b in zip(got, goals, strict=True)) == pytest.approx(least)


def test_a_spread_of_a_model_nests(tiny_model: LoadedModel, song: Path, tmp_path: Path) -> None:
    generator = ChartGenerator(tiny_model)
    request = GenerationRequest(
        audio=song, steps=3, seed=3, finish=FinishOptions(snapping="none"), batch_size=2
    )
    tiers = parse_tiers("easy,normal,hard")
    plan = Plan(tiers=tiers)
    made = make(generator, request, plan)
    result, spread = made.result, made.report["spread"]
    assert [chart.version for chart in result.beatmaps] == ["Easy", "Normal", "Hard"]
    assert sorted(asked["sr"] for asked in result.asked) == [1.6, 2.4, 3.4]
    assert [meant["sr"] for meant in result.meant] == [1.6, 2.4, 3.4]
    assert [tier["asked"] for tier in spread["tiers"]] == [a["sr"] for a in result.asked]
    assert [tier["reached"] for tier in spread["tiers"]] == [
        round(star_rating(chart), 4) for chart in result.beatmaps
    ]
    stars = [tier["made"] for tier in spread["tiers"]]
    assert stars == sorted(stars)
    assert len(made.report["nesting"]) == 2
    for entry, (easier, harder) in zip(
        made.report["nesting"], itertools.pairwise(result.beatmaps), strict=True
    ):
        assert easier.hit_objects
        share = nesting_share(easier.hit_objects, harder.hit_objects)
        assert entry["share"] == round(share, 4) >= 0.99
    again = make(generator, request, Plan(tiers=tiers[::-1]))
    assert again.result == replace(result, beatmaps=again.result.beatmaps)
    assert [chart.hit_objects for chart in again.result.beatmaps] == [
        chart.hit_objects for chart in result.beatmaps
    ]
    report = make_package(generator, request, tmp_path / "made.osz", plan)
    assert {name: report[name] for name in made.report} == made.report
    assert [chart["asked"]["sr"] for chart in report["charts"]] == [1.6, 2.4, 3.4]
    said = (tmp_path / "made.md").read_text()
    assert "## Spread" in said
    assert ("in the order asked for" in said) is not spread["reordered"]
    assert [chart["difficulty"] for chart in report["charts"]] == ["Easy", "Normal", "Hard"]
    with pytest.raises(ConfigError, match="star"):
        make(generator, replace(request, prompt={"star": 1}), plan)
    with pytest.raises(GenerationError, match="tiers"):
        Plan(tiers=tiers * 22)


def test_each_tier_chooses_among_its_candidates(tiny_model: LoadedModel, song: Path) -> None:
    generator = ChartGenerator(tiny_model)
    request = GenerationRequest(audio=song, steps=1, seed=3)
    tiers = (SpreadTier("Easy", 0.6), SpreadTier("Hard", 1.2))
    made = make(generator, request, Plan(Search(candidates=2), tiers))
    assert set(made.result.indices) <= {0, 1}
    assert made.result.seeds == tuple(chart_seed(3, number) for number in made.result.indices)
    assert len(made.spare) == 2
    for entry in made.report["spread"]["tiers"]:
        assert entry["reached"] <= entry["star_rating"]
        missed = abs(entry["reached"] - entry["star_rating"]) > TOLERANCE
        assert entry["missed"] is missed
        assert {"added", "heard", "thinned"} <= set(entry)
