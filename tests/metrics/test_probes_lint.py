"""Damage probes of the findings a minute: each rule of lint finds more when there is more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from composed import SEEDS, composed_chart

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, Rice
from mug.lint.rules import RULES, lint
from mug.metrics import damage
from mug.metrics.grid import Grid
from mug.tiers import Tier

Notes = Sequence[HitObject]
Damage = Callable[[Beatmap, float, np.random.Generator], Notes]

TENTHS = (0.0, 0.3, 0.6, 1.0)


def some_bars(chart: Beatmap, count: float, apart: int = 2) -> list[int]:
    """Bars to be replaced: so many, from the third on."""
    return [2 + apart * index for index in range(int(count))]


def edges(chart: Beatmap) -> np.ndarray:
    return Grid(chart.red_lines).bars(chart.last_ms)


def bars_of(pattern: Sequence[Sequence[int]], gap_ms: float) -> Damage:
    def act(chart: Beatmap, count: float, rng: np.random.Generator) -> Notes:
        return damage.replace_bars(
            chart.hit_objects, edges(chart), some_bars(chart, count), pattern, gap_ms
        )

    return act


def breaks(chart: Beatmap, count: float, rng: np.random.Generator) -> Notes:
    """So many holes of five bars."""
    bars = [6 * hole + bar for hole in range(int(count)) for bar in range(1, 6)]
    return damage.replace_bars(chart.hit_objects, edges(chart), bars, (), 100.0)


BARS = (0, 1, 2, 4)

# rule: tier, damage, rising doses; a dose of 0 leaves the chart as it is.
PROBES: dict[str, tuple[Tier, Damage, tuple[float, ...]]] = {
    "same_time": (Tier.EXPERT, lambda c, d, r: damage.double(c.hit_objects, d, r), TENTHS),
    "inside_hold": (
        Tier.EXPERT,
        lambda c, d, r: damage.beside_holds(c.hit_objects, d, r),
        TENTHS,
    ),
    "mini_jack": (
        Tier.EXPERT,
        lambda c, d, r: damage.inject_jacks(c.hit_objects, d, 50.0, r),
        (0, 0.1, 0.2, 0.4),
    ),
    "short_hold": (
        Tier.EXPERT,
        lambda c, d, r: damage.shorten_holds(c.hit_objects, d, 15.0, r),
        TENTHS,
    ),
    "release_gap": (
        Tier.EXPERT,
        lambda c, d, r: damage.beside_holds(c.hit_objects, d, r, after_ms=15.0),
        TENTHS,
    ),
    "shield": (
        Tier.EXPERT,
        lambda c, d, r: damage.beside_holds(c.hit_objects, d, r, before_ms=70.0),
        TENTHS,
    ),
    "jack": (Tier.EXPERT, bars_of(((0,),), 100.0), BARS),
    "anchor": (Tier.EXPERT, bars_of(((0,), (2,), (0,), (3,)), 65.0), BARS),
    "chord_size": (Tier.HARD, bars_of(((0, 1, 2, 3),), 250.0), BARS),
    "one_hand_trill": (Tier.EXPERT, bars_of(((0,), (1,)), 80.0), BARS),
    "density_spike": (
        Tier.EXPERT,
        lambda c, d, r: damage.replace_bars(
            c.hit_objects, edges(c), some_bars(c, d, 6), ((0, 2), (1, 3)), 40.0
        ),
        (0, 1, 2),
    ),
    "long_break": (Tier.EXPERT, breaks, (0, 1, 2)),
    "early_start": (
        Tier.EXPERT,
        lambda c, d, r: damage.shift(c.hit_objects, -d * (c.hit_objects[0].start_ms + 100.0)),
        (0, 1),
    ),
    "empty_column": (
        Tier.EXPERT,
        lambda c, d, r: damage.without_columns(c.hit_objects, int(d)),
        (0, 1),
    ),
    "hand_balance": (
        Tier.EXPERT,
        lambda c, d, r: damage.favour_hand(c.hit_objects, 4, d, r),
        (0, 1),
    ),
}

ELSEWHERE = {"after_audio", "missing_rest"}  # below: they need another length of song


def found(rule: str, tier: Tier, chart: Beatmap, notes: Notes) -> int:
    return len(lint(chart.with_objects(notes), tier=tier, rules=[rule]))


@pytest.mark.parametrize("rule", sorted(PROBES))
def test_a_rule_finds_more_with_the_dose(rule: str) -> None:
    tier, act, doses = PROBES[rule]
    counts = []
    for dose in doses:
        charts = [composed_chart(seed) for seed in SEEDS]
        counts.append(
            sum(found(rule, tier, c, act(c, dose, np.random.default_rng(0))) for c in charts)
        )
    assert (np.diff(counts) > 0).all(), counts


def test_every_rule_is_probed() -> None:
    assert {*PROBES, *ELSEWHERE} == {rule.name for rule in RULES}


def test_notes_after_the_sound_are_counted_one_by_one() -> None:
    chart = composed_chart(SEEDS[0])
    counts = [
        len(
            lint(
                chart.with_objects(damage.shift(chart.hit_objects, by)),
                tier=Tier.EXPERT,
                audio_ms=chart.last_ms + 1.0,
                rules=["after_audio"],
            )
        )
        for by in (0.0, 1000.0, 3000.0, 9000.0)
    ]
    assert counts[0] == 0
    assert (np.diff(counts) > 0).all(), counts


def test_a_rest_is_missed_only_where_there_is_none_for_long() -> None:
    chart = composed_chart(SEEDS[0])
    beat = chart.red_lines[0].beat_ms
    every = [Rice(i % 4, 1000.0 + i * beat) for i in range(int(200_000 / beat))]
    third = len(every) // 3

    def count(notes: Notes) -> int:
        return found("missing_rest", Tier.EASY, chart, notes)

    rests = [n for i, n in enumerate(every) if i % third > 6]  # a rest before each 67 seconds
    assert count(every) == 1
    assert count(rests) == 0
    assert count(every[: third // 2]) == 0


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_a_mirror_changes_no_count(rule: str) -> None:
    for seed in SEEDS:
        chart = composed_chart(seed)
        hurt = damage.inject_jacks(chart.hit_objects, 0.2, 50.0, np.random.default_rng(0))
        for tier in Tier:
            assert found(rule, tier, chart, hurt) == found(
                rule, tier, chart, damage.mirror(hurt, chart.keys)
            )
