"""Damage probes: what is printed must move the right way, and with the dose."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from composed import SEEDS, composed, composed_chart

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.compose.sound import SAMPLE_RATE, render
from mug.difficulty.msd import SKILL_SETS, estimate_msd
from mug.difficulty.stars import ln_ratio, star_rating
from mug.lint.rules import lint
from mug.metrics import damage
from mug.metrics.baselines import grid_chart
from mug.metrics.grid import Grid, grid_sync
from mug.metrics.memory import chart_distance, mean_distance, shared_run
from mug.metrics.onsets import column_score, onset_score, tail_score
from mug.metrics.patterns import (
    beyond_band,
    divergences,
    hand_imbalance,
    pattern_counts,
    row_information,
)
from mug.metrics.self_similarity import audio_bars, self_similarity
from mug.metrics.structure import bar_energy, density_energy
from mug.metrics.tempo import tempo_score
from mug.metrics.validity import violations
from mug.tiers import Tier

Notes = Sequence[HitObject]
Metric = Callable[["Piece", Notes], float]
Damage = Callable[["Piece", float, np.random.Generator], Notes]


class Piece:
    """A composed song with a chart, its bars and their energy."""

    def __init__(self, seed: int) -> None:
        self.chart = composed_chart(seed)
        self.stars = star_rating(self.chart)
        self.notes = self.chart.hit_objects
        self.red = self.chart.red_lines
        wave = render(composed(seed))
        self.edges, self.energy = bar_energy(wave, SAMPLE_RATE, self.red)
        self.sound = audio_bars(wave, SAMPLE_RATE, self.edges)
        self.people = [row_information(composed_chart(s).hit_objects, 4) for s in SEEDS]
        self.reference = pattern_counts(self.notes, 4, self.red)


@cache
def piece(seed: int) -> Piece:
    return Piece(seed)


def pattern(name: str) -> Metric:
    return lambda p, n: divergences(pattern_counts(n, 4, p.red), p.reference)[name]


def lint_rate(*rules: str) -> Metric:
    def rate(p: Piece, notes: Notes) -> float:
        return len(lint(p.chart.with_objects(notes), tier=Tier.EXPERT, rules=rules))

    return rate


def skill(name: str) -> Metric:
    def distance(p: Piece, notes: Notes) -> float:
        ours, theirs = (
            getattr(estimate_msd([n.start_ms for n in ns], [n.column for n in ns]), name)
            for ns in (notes, p.chart.hit_objects)
        )
        return abs(ours - theirs)

    return distance


def lint_severity(severity: str) -> Metric:
    def rate(p: Piece, notes: Notes) -> float:
        found = lint(p.chart.with_objects(notes), tier=Tier.EXPERT)
        return float(sum(finding.severity == severity for finding in found))

    return rate


METRICS: dict[str, Metric] = {
    "star rating": lambda p, n: abs(star_rating(p.chart.with_objects(n)) - p.stars),
    "long notes": lambda p, n: abs(ln_ratio(n) - ln_ratio(p.chart.hit_objects)),
    "MSD": skill("overall"),
    **{f"MSD {name}": skill(name) for name in SKILL_SETS},
    "clean rate": lambda p, n: grid_sync(n, p.red).clean_rate,
    "mean from the grid": lambda p, n: abs(grid_sync(n, p.red).mean_ms),
    "notes": lambda p, n: len(n) / len(p.notes),
    "phase": lambda p, n: abs(grid_sync(n, p.red).phase_ms),
    "phase, unwrapped": lambda p, n: abs(grid_sync(n, p.red, p.notes).phase_ms),
    "F1 10": lambda p, n: onset_score(n, p.notes, 10).f1,
    "F1 20": lambda p, n: onset_score(n, p.notes, 20).f1,
    "F1 50": lambda p, n: onset_score(n, p.notes, 50).f1,
    "tail F1 20": lambda p, n: tail_score(n, p.notes, 20).f1,
    "column F1 20": lambda p, n: column_score(n, p.notes, 20).f1,
    "violations": lambda p, n: float(violations(p.chart.with_objects(n), p.red).total),
    "snap": pattern("snap"),
    "interval": pattern("interval"),
    "chord": pattern("chord"),
    "column": pattern("column"),
    "jack": pattern("jack"),
    "hold": pattern("hold"),
    "transition": pattern("transition"),
    "information": lambda p, n: row_information(n, 4),
    "outside the band": lambda p, n: beyond_band(row_information(n, 4), p.people),
    "hands": lambda p, n: hand_imbalance(n, 4),
    "density and energy": lambda p, n: density_energy(n, p.edges, p.energy),
    "self-similarity": lambda p, n: self_similarity(n, 4, p.edges, p.sound),
    "seeds": lambda p, n: mean_distance([n, p.notes, damage.shift(p.notes, 0.0)]),
    "distance": lambda p, n: chart_distance(n, p.notes),
    "shared run": lambda p, n: float(shared_run(p.chart.with_objects(n), p.chart)),
    "lint mini-jacks": lint_rate("mini_jack"),
    "lint errors": lint_severity("error"),
    "lint warnings": lint_severity("warning"),
    "lint jacks": lint_rate("jack", "anchor", "mini_jack"),
}

DAMAGES: dict[str, Damage] = {
    "jitter": lambda p, d, r: damage.jitter(p.notes, d, r),
    "shift": lambda p, d, r: damage.shift(p.notes, d),
    "outliers": lambda p, d, r: damage.outliers(p.notes, d, 60.0, r),
    "columns": lambda p, d, r: damage.shuffle_columns(p.notes, 4, d, r),
    "loop": lambda p, d, r: damage.loop_bar(p.notes, p.edges, 5, d),
    "common row": lambda p, d, r: damage.commonest_row(p.notes, d, r),
    "thin": lambda p, d, r: damage.drop_notes(p.notes, 1 - d, r),
    "bursts": lambda p, d, r: damage.bursts(p.notes, d, r),
    "bars": lambda p, d, r: damage.shuffle_bars(p.notes, p.edges, d, r),
    "tails": lambda p, d, r: damage.jitter_tails(p.notes, d, r),
    "cut": lambda p, d, r: damage.cut_holds(p.notes, d, r),
    "hand": lambda p, d, r: damage.favour_hand(p.notes, 4, d, r),
    "jacks": lambda p, d, r: damage.inject_jacks(p.notes, d, 70.0, r),
}


DRAWS = 2


def mean(metric: str, harm: str, dose: float) -> float:
    """Over songs and draws of the damage; what cannot be said of one of them is left out."""
    values = [
        METRICS[metric](piece(seed), DAMAGES[harm](piece(seed), dose, np.random.default_rng(draw)))
        for seed in SEEDS
        for draw in range(DRAWS)
    ]
    return float(np.mean([value for value in values if np.isfinite(value)]))


UP, DOWN = 1, -1
TENTHS = (0.0, 0.3, 0.6, 1.0)

# metric, damage, doses, direction: strictly the right way at every step of the dose.
PROBES: list[tuple[str, str, tuple[float, ...], int]] = [
    ("clean rate", "jitter", (0, 10, 20, 30), DOWN),
    ("clean rate", "outliers", (0, 0.1, 0.25, 0.5), DOWN),
    ("clean rate", "jacks", (0, 0.1, 0.2, 0.4), DOWN),
    ("phase", "shift", (0, 15, 30, 58), UP),
    ("phase, unwrapped", "shift", (0, 30, 70, 150, 400, 900), UP),
    ("mean from the grid", "shift", (0, 3, 6, 9), UP),
    ("notes", "thin", (0, 0.25, 0.5, 0.75), DOWN),
    ("notes", "bursts", (0, 0.25, 0.5, 1), UP),
    ("notes", "jacks", (0, 0.1, 0.2, 0.4), UP),
    ("F1 10", "jitter", (0, 10, 20, 30), DOWN),
    ("F1 20", "jitter", (0, 10, 20, 30), DOWN),
    ("F1 50", "jitter", (0, 20, 30, 60), DOWN),
    ("F1 20", "outliers", (0, 0.1, 0.25, 0.5), DOWN),
    ("F1 20", "thin", (0, 0.25, 0.5, 0.75), DOWN),
    ("F1 20", "bursts", (0, 0.25, 0.5, 1), DOWN),
    ("F1 20", "jacks", (0, 0.1, 0.2, 0.4), DOWN),
    ("F1 20", "bars", TENTHS, DOWN),
    ("F1 20", "loop", TENTHS, DOWN),
    ("tail F1 20", "tails", (0, 10, 30, 60), DOWN),
    ("tail F1 20", "cut", TENTHS, DOWN),
    ("column F1 20", "columns", (0, 0.25, 0.5, 1), DOWN),
    ("column F1 20", "common row", TENTHS, DOWN),
    ("column F1 20", "hand", TENTHS, DOWN),
    ("violations", "columns", (0, 0.25, 0.5, 1), UP),
    ("violations", "hand", TENTHS, UP),
    ("snap", "jitter", (0, 10, 20, 30), UP),
    ("snap", "outliers", (0, 0.1, 0.25, 0.5), UP),
    ("interval", "thin", (0, 0.25, 0.5, 0.75), UP),
    ("interval", "bursts", (0, 0.25, 0.5, 1), UP),
    ("interval", "jitter", (0, 10, 20, 30), UP),
    ("chord", "common row", TENTHS, UP),
    ("chord", "bursts", (0, 0.25, 0.5, 1), UP),
    ("column", "common row", TENTHS, UP),
    ("jack", "columns", (0, 0.25, 0.5, 1), UP),
    ("jack", "common row", TENTHS, UP),
    ("jack", "jacks", (0, 0.1, 0.2, 0.4), UP),
    ("hold", "cut", TENTHS, UP),
    ("hold", "tails", (0, 10, 30, 60), UP),
    ("transition", "columns", (0, 0.25, 0.5, 1), UP),
    ("transition", "loop", TENTHS, UP),
    ("information", "loop", TENTHS, DOWN),
    ("information", "common row", TENTHS, DOWN),
    ("information", "columns", (0, 0.25, 0.5, 1), UP),
    # The band has two sides: a little of this damage brings a chart that tells more into it.
    ("outside the band", "common row", (0.4, 0.6, 0.8, 1.0), UP),
    ("outside the band", "columns", (0.1, 0.4, 0.7, 1.0), UP),
    ("hands", "hand", TENTHS, UP),
    ("density and energy", "bars", TENTHS, DOWN),
    ("self-similarity", "bars", TENTHS, DOWN),
    ("self-similarity", "loop", TENTHS, DOWN),
    ("seeds", "columns", (0, 0.25, 0.5, 1), UP),
    ("seeds", "thin", (0, 0.25, 0.5, 0.75), UP),
    ("star rating", "thin", (0, 0.25, 0.5, 0.75), UP),
    ("star rating", "bursts", (0, 0.25, 0.5, 1), UP),
    ("long notes", "cut", TENTHS, UP),
    ("MSD", "thin", (0, 0.25, 0.5, 0.75), UP),
    ("MSD", "bursts", (0, 0.25, 0.5, 1), UP),
    *((f"MSD {name}", "thin", (0, 0.25, 0.5, 0.75), UP) for name in SKILL_SETS),
    ("MSD jackspeed", "jacks", (0, 0.1, 0.2, 0.4), UP),
    ("lint errors", "columns", (0, 0.25, 0.5, 1), UP),
    ("lint warnings", "jacks", (0, 0.1, 0.2, 0.4), UP),
    ("distance", "columns", (0, 0.25, 0.5, 1), UP),
    ("distance", "thin", (0, 0.25, 0.5, 0.75), UP),
    ("shared run", "columns", (0, 0.25, 0.5, 1), DOWN),
    ("shared run", "bars", TENTHS, DOWN),
    ("lint jacks", "jacks", (0, 0.1, 0.2, 0.4), UP),
    ("lint mini-jacks", "jacks", (0, 0.1, 0.2, 0.4), UP),
]


@pytest.mark.parametrize(("metric", "harm", "doses", "way"), PROBES)
def test_a_metric_grows_with_the_dose(
    metric: str, harm: str, doses: tuple[float, ...], way: int
) -> None:
    values = [mean(metric, harm, dose) for dose in doses]
    steps = way * np.diff(values)
    assert (steps > 0).all(), values


def test_every_metric_is_probed() -> None:
    assert {metric for metric, *_ in PROBES} == set(METRICS)
    assert {harm for _, harm, *_ in PROBES} == set(DAMAGES)


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_no_damage_moves_nothing(metric: str) -> None:
    p = piece(SEEDS[0])
    before = METRICS[metric](p, p.notes)
    for harm, act in DAMAGES.items():
        if harm == "jacks":
            continue
        same = act(p, 0.0, np.random.default_rng(0))
        assert sorted(same, key=repr) == sorted(p.notes, key=repr), harm
        assert METRICS[metric](p, same) == before, harm


# Both cut time into pieces that begin at 0, so that a shift moves notes between pieces.
SLACK = {"star rating": 0.002, "MSD": 0.1, **{f"MSD {name}": 0.15 for name in SKILL_SETS}}


@pytest.mark.parametrize("metric", sorted(METRICS))
@pytest.mark.parametrize("by_ms", [-400.0, 12_345.0])
def test_moving_song_and_chart_together_moves_nothing(metric: str, by_ms: float) -> None:
    p = piece(SEEDS[1])
    hurt = damage.jitter(p.notes, 8.0, np.random.default_rng(0))
    other = copy.copy(p)
    other.red = tuple(replace(line, time_ms=line.time_ms + by_ms) for line in p.red)
    other.notes = tuple(damage.shift(p.notes, by_ms))
    other.chart = replace(p.chart, hit_objects=other.notes, timing=other.red)
    other.edges = p.edges + by_ms
    assert METRICS[metric](other, damage.shift(hurt, by_ms)) == pytest.approx(
        METRICS[metric](p, hurt), abs=SLACK.get(metric, 1e-9)
    )


COMPARING_COLUMNS = ("column F1 20", "distance", "seeds")


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_a_mirror_moves_nothing(metric: str) -> None:
    p = piece(SEEDS[2])
    hurt = damage.jitter(p.notes, 8.0, np.random.default_rng(0))
    other = p
    if metric in COMPARING_COLUMNS:  # the reference turns, too
        other = copy.copy(p)
        other.notes = tuple(damage.mirror(p.notes, 4))
    assert METRICS[metric](other, damage.mirror(hurt, 4)) == pytest.approx(
        METRICS[metric](p, hurt), abs=SLACK.get(metric, 1e-9)
    )


def test_timing_that_is_off_shows_in_the_tempo_score() -> None:
    truth = [TimingPoint(500.0, 400.0)]

    def score(bpm: float, by_ms: float) -> tuple[bool, bool, float, float]:
        found = tempo_score([TimingPoint(500.0 + by_ms, 60000 / bpm)], truth, 0.0, 60_000.0)
        return found.exact, found.octave, round(found.offset_ms, 6), round(found.integrated, 6)

    assert score(150.0, 0.0) == (True, True, 0.0, 0.0)
    assert [score(150.0, by)[2] for by in (-20.0, 5.0, 60.0)] == [-20.0, 5.0, 60.0]
    assert score(300.0, 0.0)[:3] == (False, True, 0.0)
    assert score(75.0, 0.0)[:3] == (False, True, 0.0)
    assert score(100.0, 0.0)[:2] == (False, False)
    errors = [score(bpm, 0.0)[3] for bpm in (150.0, 150.3, 152.0, 160.0)]
    assert errors == pytest.approx([0.0, 0.3 / 150, 2 / 150, 10 / 150], abs=1e-6)


def test_a_tempo_that_drifts_is_right_by_its_tempo_and_wrong_by_its_beats() -> None:
    truth = [TimingPoint(0.0, 400.0)]
    drifts = [TimingPoint(0.0, 400.0 * (1 + 0.0009))]  # within 0.1 %: 108 ms after two minutes
    found = tempo_score(drifts, truth, 0.0, 120_000.0)
    assert found.exact
    assert found.beats_5 == pytest.approx(5 / 108, abs=0.01)
    assert found.beats_10 == pytest.approx(10 / 108, abs=0.01)
    shares = [
        tempo_score([TimingPoint(by, 400.0)], truth, 0.0, 60_000.0) for by in (0.0, 4.0, 9.0, 11.0)
    ]
    assert [found.beats_5 for found in shares] == [1.0, 1.0, 0.0, 0.0]
    assert [found.beats_10 for found in shares] == [1.0, 1.0, 1.0, 0.0]
    # Half and double time have the beats of the song; half a beat off has none of them.
    for beat_ms in (200.0, 800.0):
        assert tempo_score([TimingPoint(0.0, beat_ms)], truth, 0.0, 60_000.0).beats_5 == 1.0
    assert tempo_score([TimingPoint(200.0, 400.0)], truth, 0.0, 60_000.0).beats_10 == 0.0


def test_a_tempo_change_that_is_missed_costs_its_share_of_the_time() -> None:
    truth = [TimingPoint(0.0, 500.0), TimingPoint(40_000.0, 400.0)]
    found = tempo_score([TimingPoint(0.0, 500.0)], truth, 0.0, 80_000.0)
    assert found.integrated == pytest.approx(0.5 * 0.2, abs=0.01)


def test_each_violation_is_counted_by_its_name() -> None:
    red = (TimingPoint(0.0, 600.0),)
    notes = (
        Rice(0, 1000.0),
        Rice(0, 1000.0),
        LongNote(1, 1000.0, 2000.0),
        Rice(1, 1500.0),
        LongNote(2, 1000.0, 1020.0),
        Rice(2, 9000.0),
        Rice(5, 1000.0),
    )
    found = violations(Beatmap(4, notes, red, {"Mode": "3"}), red, keys=7, audio_ms=8000.0)
    assert found.same_time == 1
    assert found.inside_hold == 1
    assert found.short_hold == 1
    assert found.empty_column == 1
    assert found.after_audio == 1
    assert found.beside == 1
    assert found.wrong_kind == 1
    assert found.total == 7


def test_a_hold_is_short_alike_in_half_and_in_double_time() -> None:
    notes = [LongNote(0, 1000.0, 1030.0), LongNote(1, 1000.0, 1041.0)]
    for beat_ms in (250.001, 500.0, 1000.0):
        red = (TimingPoint(0.0, beat_ms),)
        found = violations(Beatmap(2, tuple(notes), red, {"Mode": "3"}), red)
        assert found.short_hold == (beat_ms != 250.001)


@pytest.mark.parametrize("by_ms", [-700.0, -150.0, -82.0, 0.0, 40.0, 75.0, 300.0, 600.0])
@pytest.mark.parametrize("tier", [0, 3])
def test_a_phase_is_told_from_one_of_a_quarter_less(by_ms: float, tier: int) -> None:
    human = composed_chart(SEEDS[0], tier)
    moved = damage.shift(human.hit_objects, by_ms)
    found = grid_sync(moved, human.red_lines, human.hit_objects).phase_ms
    assert found == pytest.approx(by_ms, abs=0.5)


def test_a_chart_of_other_rows_has_the_phase_of_its_grid() -> None:
    human = composed_chart(SEEDS[0])
    rng = np.random.default_rng(0)
    for _ in range(5):
        made = grid_chart(human, 150, rng)
        assert grid_sync(made.hit_objects, human.red_lines, human.hit_objects).phase_ms == 0.0
    one = [Rice(0, float(human.hit_objects[3].start_ms))]
    assert grid_sync(one, human.red_lines, one).phase_ms == 0.0


def test_notes_strewn_evenly_have_the_clean_rate_of_chance() -> None:
    red = (TimingPoint(0.0, 500.0),)
    notes = [Rice(0, t + 0.5) for t in range(0, 60_000, 7)]
    found = grid_sync(notes, red)
    assert found.clean_rate == pytest.approx(found.chance, abs=0.02)


def test_lines_and_bars_begin_again_at_a_red_line() -> None:
    grid = Grid([TimingPoint(0.0, 500.0, 4), TimingPoint(4100.0, 250.0, 3)])
    assert grid.bars(6000.0).tolist() == [0.0, 2000.0, 4000.0, 4100.0, 4850.0, 5600.0]
    assert grid.lines(3400.0, 4700.0, 1).tolist() == [3500.0, 4000.0, 4100.0, 4350.0, 4600.0]
    assert grid.error(np.array([4098.0, 4101.0]), (1,)).tolist() == [-2.0, 1.0]
