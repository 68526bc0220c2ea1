"""Conformance suite of the lint rules: it runs over the registry."""

from __future__ import annotations

import pytest
from lint_charts import chart, mirror

from mug.lint.findings import SEVERITIES
from mug.lint.rules import RULES, Rule, lint
from mug.messages.message import LANGUAGES

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def found(rule: Rule, notes, shift_ms: float = 0.0):
    audio_ms = None if rule.audio_ms is None else rule.audio_ms + shift_ms
    return lint(chart(notes), tier=rule.tier, audio_ms=audio_ms, rules=[rule.name])


@every_rule
def test_the_one_chart_breaks_it_and_the_other_does_not(rule: Rule) -> None:
    assert found(rule, rule.broken)
    assert found(rule, rule.kept) == ()


@every_rule
def test_findings_name_the_rule_and_places_within_the_chart(rule: Rule) -> None:
    last = max(note.last_ms for note in rule.broken)
    for finding in found(rule, rule.broken):
        assert finding.rule == rule.name
        assert finding.severity in SEVERITIES
        assert finding.time_ms <= finding.end_ms <= last
        assert finding.columns == tuple(sorted(set(finding.columns)))
        assert set(finding.columns) <= {0, 1, 2, 3}
        for language in LANGUAGES:
            assert finding.message.text(language).strip()


@every_rule
def test_left_and_right_are_the_same(rule: Rule) -> None:
    mirrored = found(rule, mirror(rule.broken, 4))
    expected = [tuple(sorted(3 - c for c in f.columns)) for f in found(rule, rule.broken)]
    assert [f.columns for f in mirrored] == expected


@every_rule
def test_the_order_of_the_notes_does_not_matter(rule: Rule) -> None:
    assert found(rule, rule.broken[::-1]) == found(rule, rule.broken)


@every_rule
def test_it_is_named_and_described(rule: Rule) -> None:
    assert rule.name.isidentifier()
    assert rule.what
    assert not rule.what.endswith(".")


def test_names_are_different() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
