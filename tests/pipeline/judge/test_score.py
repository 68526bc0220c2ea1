"""The score of a candidate: bounds, monotone in every part, explained."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.lint.findings import SEVERITIES, Finding, Severity
from mug.lint.rules import lint
from mug.messages.message import Message
from mug.pipeline.judge.measures import Measured, measure
from mug.pipeline.judge.score import SEVERITY_WEIGHTS, WEIGHTS, Score, closeness, rank, score_chart
from mug.pipeline.prompt import Prompt


def found_of(rule: str, severity: Severity) -> Finding:
    """A finding of lint, of which only rule and severity matter here."""
    return Finding(0.0, 0.0, (0,), rule, severity, Message("somewhere"))


LINE = (TimingPoint(0.0, 500.0),)
NOTES: tuple[HitObject, ...] = tuple(Rice(i * 3 % 4, 125.0 * i) for i in range(100))
CHART = Beatmap(4, NOTES, LINE)
MEASURED = measure(CHART)
REACHED = dict(MEASURED.features)
JACKS = [found_of("jack", severity) for severity in SEVERITIES]
findings = st.lists(st.sampled_from(JACKS), max_size=30)


def score(asked: dict[str, object], found: list[Finding] | None = None) -> Score:
    return score_chart(CHART, asked, LINE, found, measured=MEASURED)


def part(made: Score, name: str) -> float:
    (value,) = (p.value for p in made.parts if p.name == name)
    assert value is not None
    return value


def test_a_chart_that_is_all_that_was_asked_for_has_the_full_score() -> None:
    made = score(dict(REACHED), [])
    assert made.total == pytest.approx(1.0)
    assert [p.name for p in made.parts] == [name for name in WEIGHTS if name != "listens"]
    assert sum(part.weight for part in made.parts) == pytest.approx(1.0)
    assert all(p.sentence for p in made.parts)


@settings(max_examples=25, deadline=None)
@given(findings, st.sampled_from(SEVERITIES))
def test_more_findings_always_lower_it(found: list[Finding], severity: Severity) -> None:
    assert score({}, [*found, found_of("x", severity)]).total < score({}, found).total


@settings(max_examples=25, deadline=None)
@given(findings, st.integers(0, 29), st.sampled_from(SEVERITIES))
def test_worse_findings_never_raise_it(found: list[Finding], at: int, severity: Severity) -> None:
    if at >= len(found):
        return
    worse = [*found]
    worse[at] = replace(found[at], severity=severity)
    heavier = SEVERITY_WEIGHTS[severity] - SEVERITY_WEIGHTS[found[at].severity]
    change = score({}, worse).total - score({}, found).total
    assert change * heavier <= 0


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["sr", "ett", "stream_ett", "ln_ratio"]),
    st.floats(0, 5),
    st.floats(0, 5),
    st.sampled_from([-1, 1]),
)
def test_nearer_to_what_was_asked_never_lowers_it(
    name: str, one: float, other: float, sign: int
) -> None:
    near, far = sorted((one, other))
    reached = float(REACHED[name])
    assert score({name: reached + sign * near}).total >= score({name: reached + sign * far}).total


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 99)), st.integers(0, 99))
def test_notes_off_the_grid_lower_it(moved: set[int], another: int) -> None:
    def chart(off: set[int]) -> Beatmap:
        return CHART.with_objects(
            [replace(n, start_ms=n.start_ms + 11.0 * (i in off)) for i, n in enumerate(NOTES)]
        )

    scores = [
        score_chart(chart(off), {}, LINE, measured=MEASURED) for off in (moved, moved | {another})
    ]
    assert part(scores[0], "on_grid") == pytest.approx(1 - len(moved) / 100)
    assert scores[1].total <= scores[0].total


@settings(max_examples=25, deadline=None)
@given(findings, st.dictionaries(st.sampled_from(sorted(REACHED)), st.floats(0, 40)))
def test_it_is_the_weighted_mean_of_its_parts(
    found: list[Finding], asked: dict[str, object]
) -> None:
    made = score(asked, found)
    assert 0 <= made.total <= 1
    assert sum(p.weight for p in made.parts) == pytest.approx(1.0)
    mean = sum((p.value or 0.0) * p.weight for p in made.parts)
    assert made.total == pytest.approx(mean)
    assert all((p.value is None) == (p.weight == 0) for p in made.parts)
    assert score(asked, found) == made


def test_half_of_a_part_is_lost_where_the_formula_says() -> None:
    assert part(score({"sr": float(REACHED["sr"]) + 0.5}), "difficulty") == pytest.approx(0.5)
    assert part(score({"ln_ratio": 0.1}), "patterns") == pytest.approx(0.5)
    assert part(score({"ett": float(REACHED["ett"]) - 2}), "patterns") == pytest.approx(0.5)
    assert part(score({}, [found_of("x", "error")] * 5), "lint") == pytest.approx(0.5)
    assert closeness(0, 3) == 1
    mixed = score({"rc": True, "ln": True, "ln_ratio": 0.1})
    assert part(mixed, "patterns") == pytest.approx((1 + 0 + 0.5) / 3)


def test_a_skill_that_nearly_leads_counts_nearly() -> None:
    msd = dict.fromkeys([n for n in REACHED if n.endswith("_ett")], 10.0) | {"stream_ett": 20.0}
    made = {
        value: score_chart(
            CHART,
            {"jackspeed": True},
            LINE,
            measured=Measured({**msd, "jackspeed_ett": value, "jackspeed": value >= 19}, {}),
        )
        for value in (5.0, 12.0, 17.0, 19.0)
    }
    fits = [part(s, "patterns") for s in made.values()]
    assert fits == sorted(fits)
    assert fits == pytest.approx([1 / 8, 1 / 4.5, 0.5, 1.0])


def test_what_cannot_be_reached_counts_nothing_and_is_said() -> None:
    seven = Beatmap(7, NOTES, LINE)
    made = score_chart(seven, {"ett": 20.0, "rank_status": "ranked"}, LINE)
    assert part(made, "patterns") == 0
    assert "ett unknown" in made.parts[3].sentence
    only_rank = score({"rank_status": "ranked"})
    assert [p.value for p in only_rank.parts][1:] == [None, None, None]
    assert only_rank.total == 1.0
    empty = score_chart(Beatmap(4), {"sr": 3.0}, LINE, [])
    assert part(empty, "on_grid") == 0
    assert part(empty, "difficulty") == 0
    assert "without objects" in empty.parts[2].sentence
    assert part(score_chart(CHART, {}, (), measured=MEASURED), "on_grid") == 0


def test_of_a_prompt_the_positive_half_counts() -> None:
    prompt = Prompt({"sr": 3.0}, {"ln": True})
    assert score_chart(CHART, prompt, LINE) == score_chart(CHART, {"sr": 3.0, "ett": None}, LINE)


def test_findings_of_lint_are_understood() -> None:
    assert set(SEVERITY_WEIGHTS) == set(SEVERITIES)
    jacks = CHART.with_objects([Rice(0, 60.0 * i) for i in range(50)])
    found = lint(jacks)
    assert found
    assert part(score_chart(jacks, {}, LINE, found), "lint") < 0.5
    misspelt = found_of("x", "warning")
    object.__setattr__(misspelt, "severity", "warnin")
    with pytest.raises(DataError, match="'warning'"):
        score({}, [misspelt])


def test_rank_puts_the_best_first_and_keeps_order_among_equals() -> None:
    made = [score({"sr": stars}) for stars in (9.0, 5.0, 1.0, 5.0)]
    order = rank(made)
    assert sorted(order) == [0, 1, 2, 3]
    totals = [made[index].total for index in order]
    assert totals == sorted(totals, reverse=True)
    assert order.index(1) + 1 == order.index(3)
    assert rank([]) == ()


def test_it_can_be_written_as_json() -> None:
    written = json.loads(json.dumps(score({"sr": 4.0}).to_dict(), allow_nan=False))
    assert written["parts"][1] == {
        "name": "lint",
        "value": None,
        "weight": 0.0,
        "sentence": "lint was not asked",
    }
