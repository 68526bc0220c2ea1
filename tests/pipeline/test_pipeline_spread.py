"""Spreads: rhythms that nest, measured and by construction."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.data.difficulty import star_rating
from mug.errors import ConfigError, GenerationError
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.checkpoint import LoadedModel
from mug.pipeline.finish_options import FinishOptions
from mug.pipeline.nesting import nest, nesting_share
from mug.pipeline.package import Plan, make_package
from mug.pipeline.request import GenerationRequest
from mug.pipeline.spread import (
    TIERS,
    Tier,
    describe_spread,
    make_spread,
    parse_tiers,
)

notes = st.lists(
    st.builds(
        lambda column, start, length: (
            LongNote(column, float(start), float(start + length))
            if length
            else Rice(column, float(start))
        ),
        st.integers(0, 3),
        st.integers(0, 3000),
        st.sampled_from([0, 0, 50, 400]),
    ),
    max_size=40,
)


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
    assert parse_tiers("my own=3.2,easy=1.2") == (Tier("Easy", 1.2), Tier("my own", 3.2))
    for text, said in (("hardd", "hard"), ("easy,easy", "different"), ("x=a", "number")):
        with pytest.raises(GenerationError, match=said):
            parse_tiers(text)
    with pytest.raises(GenerationError, match="above 0"):
        parse_tiers("x=0")


def test_a_spread_of_a_model_nests(tiny_model: LoadedModel, song: Path, tmp_path: Path) -> None:
    generator = ChartGenerator(tiny_model)
    request = GenerationRequest(
        audio=song, steps=3, seed=3, finish=FinishOptions(snapping="none"), batch_size=2
    )
    tiers = parse_tiers("easy,normal,hard")
    spread = make_spread(generator, request, tiers)
    assert [chart.version for chart in spread.result.beatmaps] == ["Easy", "Normal", "Hard"]
    assert sorted(asked["sr"] for asked in spread.result.asked) == [1.6, 2.4, 3.4]
    assert [meant["sr"] for meant in spread.result.meant] == [1.6, 2.4, 3.4]
    assert [rung.asked for rung in spread.rungs] == [a["sr"] for a in spread.result.asked]
    assert [rung.reached for rung in spread.rungs] == [
        star_rating(chart) for chart in spread.result.beatmaps
    ]
    assert [rung.made for rung in spread.rungs] == sorted(rung.made for rung in spread.rungs)
    assert len(spread.nesting) == 2
    for entry, (easier, harder) in zip(
        spread.nesting, itertools.pairwise(spread.result.beatmaps), strict=True
    ):
        assert easier.hit_objects
        assert entry.share == nesting_share(easier.hit_objects, harder.hit_objects) >= 0.99
    assert make_spread(generator, request, tiers) == spread
    report = make_package(generator, request, tmp_path / "made.osz", Plan(tiers=tiers))
    assert {name: report[name] for name in ("spread", "nesting")} == describe_spread(spread)
    assert [chart["asked"]["sr"] for chart in report["charts"]] == [1.6, 2.4, 3.4]
    said = (tmp_path / "made.md").read_text()
    assert "## Spread" in said
    assert ("in the order asked for" in said) is not spread.reordered
    assert [chart["difficulty"] for chart in report["charts"]] == ["Easy", "Normal", "Hard"]
    with pytest.raises(ConfigError, match="star"):
        make_spread(generator, replace(request, prompt={"star": 1}), tiers)
    with pytest.raises(GenerationError, match="tiers"):
        make_spread(generator, request, ())
