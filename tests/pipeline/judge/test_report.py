"""The report: what was asked for, what was reached, and whether that is close enough."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.stars import star_rating
from mug.errors import ConfigError
from mug.lint.findings import Finding, Severity
from mug.lint.rules import lint
from mug.messages.message import Message
from mug.pipeline.judge.measures import measurable
from mug.pipeline.judge.report import (
    TOLERANCES,
    misses,
    other_misses,
    reached,
    render_report_markdown,
    within_tolerance,
)
from mug.pipeline.judge.score import score_chart
from mug.pipeline.prompt import Prompt


def found_of(rule: str, severity: Severity) -> Finding:
    """A finding of lint, of which only rule and severity matter here."""
    return Finding(0.0, 0.0, (0,), rule, severity, Message("somewhere"))


def chart(keys: int = 4, version: str = "Hard") -> Beatmap:
    notes: list[HitObject] = [Rice(i * 3 % keys, 1000.0 + 125 * i) for i in range(96)]
    notes[::4] = [LongNote(n.column, n.start_ms, n.start_ms + 250) for n in notes[::4]]
    notes.append(Rice(0, 14020.0))
    return Beatmap(
        keys=keys,
        hit_objects=tuple(notes),
        timing=(TimingPoint(0.0, 500.0),),
        metadata={"Version": version},
    )


PROMPT = Prompt(
    {"sr": 3.0, "ln_ratio": 0.25, "stream": True, "rank_status": "ranked"}, {"ln": True}
)


def test_the_numbers_are_those_of_the_chart() -> None:
    beatmap = chart()
    report = reached(beatmap, PROMPT, [found_of("jack", "warning")] * 2 + [found_of("x", "note")])
    numbers = report["reached"]
    assert report["difficulty"] == "Hard"
    assert report["asked"] == dict(PROMPT.positive)
    assert report["avoided"] == {"ln": True}
    assert (numbers["notes"], numbers["long_notes"], numbers["keys"]) == (97, 24, 4)
    assert numbers["sr"] == pytest.approx(star_rating(beatmap), abs=1e-4)
    assert numbers["ln_ratio"] == pytest.approx(24 / 97, abs=1e-4)
    assert sum(numbers["per_column"]) == 97
    assert numbers["hand_balance"]["left"] + numbers["hand_balance"]["right"] == 1
    assert numbers["snaps"] == {"1/1": 24, "1/2": 48, "1/4": 48}
    assert numbers["off_grid"] == 1
    assert (numbers["first_s"], numbers["last_s"]) == (1.0, 14.02)
    assert numbers["notes_per_second"]["values"] == [8.0] * 12 + [0.0, 1.0]
    assert numbers["notes_per_second"]["peak"] == 8
    assert set(measurable()) <= set(numbers)
    assert numbers["skill_sets"] == [s for s in numbers["skill_sets"] if numbers[s] is True]
    assert numbers["skill_sets"]
    assert report["findings"]["by_severity"] == {"warning": 2, "note": 1}
    assert report["findings"]["by_rule"] == {"jack": 2, "x": 1}


def test_asked_and_reached_stand_side_by_side() -> None:
    report = reached(chart(), PROMPT)
    entries = {entry["feature"]: entry for entry in report["compared"]}
    assert list(entries) == list(PROMPT.positive)
    sr = entries["sr"]
    assert sr["difference"] == pytest.approx(sr["reached"] - 3.0, abs=1e-9)
    assert entries["stream"]["agrees"] is report["reached"]["stream"]
    assert entries["rank_status"]["reached"] is None
    assert "difference" not in entries["rank_status"]


@pytest.mark.parametrize("keys", [1, 4, 7])
@pytest.mark.parametrize("empty", [False, True])
def test_every_report_is_json_and_prose(keys: int, empty: bool) -> None:
    beatmap = chart(keys) if not empty else Beatmap(keys, metadata={"Version": "a|b"})
    found = () if empty else lint(beatmap)
    for findings in (None, found):
        report = reached(beatmap, PROMPT, findings, changes={"minijacks": 3})
        again = json.loads(json.dumps(report, allow_nan=False))
        assert render_report_markdown(again) == render_report_markdown(report)
        assert set(report["unknown"]) == {n for n in measurable() if report["reached"][n] is None}


def test_the_prose_says_it_all() -> None:
    text = render_report_markdown(reached(chart(), PROMPT, lint(chart()), changes={"minijacks": 3}))
    for said in (
        "## Hard",
        "| sr | 3.00 stars |",
        "| stream | yes |",
        "To be avoided: ln yes.",
        "1/4: 48; off the grid: 1",
        "24 of 97 notes",
        "minijacks: 3",
        "█",
    ):
        assert said in text
    bare = render_report_markdown(reached(chart(7, "a|b\nc"), {}))
    assert "Nothing was asked for." in bare
    assert "## a\\|b c" in bare
    assert "7 keys" in bare
    assert "not looked for" in bare


def test_findings_are_listed_with_their_places() -> None:
    jacks = chart().with_objects([Rice(0, 60.0 * i) for i in range(600)])
    found = lint(jacks)
    listed = reached(jacks, {}, found)["findings"]
    assert listed["total"] == len(found) > 500
    assert len(listed["list"]) == 500
    assert listed["not_listed"] == len(found) - 500
    assert listed["list"][0]["time_ms"] == found[0].time_ms
    assert listed["list"][0]["message"] == found[0].message
    assert listed["list"][0]["columns"] == list(found[0].columns)


def test_the_prose_names_the_gravest_findings_and_the_score() -> None:
    notes = [Rice(0, 60.0 * i) for i in range(40)]
    jacks = chart().with_objects([*notes, LongNote(1, 61_000.0, 65_432.0), Rice(1, 62_000.0)])
    found = lint(jacks)
    report = reached(jacks, {"sr": 3.0}, found)
    score = score_chart(jacks, {"sr": 3.0}, jacks.red_lines, found)
    text = render_report_markdown({**report, "score": score.to_dict()})
    errors = [one for one in found if one.severity == "error"]
    assert errors
    assert len(found) > 20
    for one in errors:
        at = round(one.time_ms)
        clock = f"{at // 60000:02d}:{at // 1000 % 60:02d}:{at % 1000:03d}"
        assert f"- {clock} error, {one.rule}: {one.message}" in text
    assert text.count(", mini_jack:") < 20
    assert f"- and {len(found) - 20} more" in text
    assert f"Score {score.total:.2f}:" in text
    assert "- difficulty " in text
    assert "- patterns " not in text  # nothing of the kind was asked for


def _report(**differences: float) -> dict[str, Any]:
    rows = [
        {"feature": name, "asked": 1.0, "reached": 1.0 + value, "difference": value}
        for name, value in differences.items()
    ]
    return {"compared": rows, "unknown": {}}


@pytest.mark.parametrize(("name", "tolerance"), sorted(TOLERANCES.items()))
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_default_tolerances(name: str, tolerance: float, sign: int) -> None:
    assert dict(TOLERANCES) == {"sr": 0.25, "ln_ratio": 0.05, "ett": 1.0}
    assert within_tolerance(_report(**{name: sign * tolerance}))
    far = _report(**{name: sign * (tolerance + 0.001)})
    assert not within_tolerance(far)
    (sentence,) = misses(far)
    assert sentence.startswith(name)
    assert within_tolerance(far, {})


@settings(max_examples=25, deadline=None)
@given(st.floats(-3, 3), st.floats(0, 3), st.floats(0, 3))
def test_a_wider_tolerance_never_refuses_more(apart: float, one: float, other: float) -> None:
    narrow, wide = sorted((one, other))
    report = _report(sr=apart)
    assert within_tolerance(report, {"sr": wide}) >= within_tolerance(report, {"sr": narrow})


def test_a_real_chart_is_within_reach_of_itself() -> None:
    numbers = reached(chart(), {})["reached"]
    asked = {name: numbers[name] for name in ("sr", "ln_ratio", "ett")}
    assert within_tolerance(reached(chart(), asked))
    assert not within_tolerance(reached(chart(), {**asked, "sr": asked["sr"] + 0.3}))
    assert within_tolerance(reached(chart(), {"stream": True, "rank_status": "ranked"}))


def test_all_but_the_stars_is_said_where_it_is_missed() -> None:
    measured = reached(chart(), Prompt())["reached"]
    asked = {
        "sr": 9.0,
        "density": measured["density"] + 1.0,
        "ln_ratio": measured["ln_ratio"] + 0.04,
        "ln": True,
        "rc": measured["rc"],
    }
    said = other_misses(reached(chart(), Prompt(asked)))
    assert [message.values["feature"] for message in said] == ["density", "ln"]
    assert "density" in said[0]
    assert Message.from_plain(json.loads(json.dumps(said[0].to_plain()))) == said[0]
    wider = other_misses(reached(chart(), Prompt(asked)), {"ln_ratio": 0.01})
    assert [message.values["feature"] for message in wider] == ["density", "ln_ratio", "ln"]
    assert other_misses(reached(chart(7), Prompt({"ett": 20.0}))) == []


def test_what_cannot_be_measured_is_a_miss() -> None:
    (sentence,) = misses(reached(chart(7), {"ett": 20.0}))
    assert "7 keys" in sentence
    assert not within_tolerance(reached(Beatmap(4), {"sr": 3.0}))


@pytest.mark.parametrize(
    ("tolerances", "said"),
    [({"srs": 0.1}, "'sr'"), ({"stream": 0.1}, "stream"), ({"sr": -1.0}, "0 or more")],
)
def test_wrong_tolerances_are_refused(tolerances: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        within_tolerance(_report(sr=0.0), tolerances)
