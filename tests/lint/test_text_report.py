"""Findings as text and rates."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path

from lint_charts import chart, hold, tap

from mug.lint.rules import RULES, lint
from mug.lint.text_report import (
    Linted,
    as_containers,
    column_list,
    played_minutes,
    rates,
    rates_table,
    table,
    timestamp,
)
from mug.tiers import LIMITS, Tier, TierLimits

NOTES = [tap(0, 62345), tap(0, 62360), hold(1, 63000, 63050), tap(2, 64000), tap(3, 65000)]


def test_timestamps_are_the_editors():
    assert timestamp(62345.4) == "01:02:345"
    assert timestamp(59999.6) == "01:00:000"
    assert timestamp(-1500) == "-00:01:500"


def test_columns_are_counted_from_one():
    assert column_list((0, 2), 4) == "1 3"
    assert column_list((0, 1, 2, 3), 4) == "all"
    assert column_list((0,), 1) == "1"


def test_table():
    lines = table(lint(chart(NOTES), tier=Tier.HARD), 4).splitlines()
    assert lines[0].split() == ["time", "columns", "rule", "severity", "message"]
    assert lines[1].split()[:4] == ["01:02:345", "1", "mini_jack", "error"]
    assert lines[2].split()[:4] == ["01:03:000", "2", "short_hold", "warning"]
    assert lines[1].index("error") == lines[2].index("warning")
    assert table([], 4) == ""


def test_containers_are_json():
    (first, _) = json.loads(json.dumps(as_containers(lint(chart(NOTES), tier=Tier.HARD))))
    assert first["columns"] == [0]
    assert first["fix"] == {"action": "move", "time_ms": 62360.0, "column": 0}


def test_rates_are_findings_a_minute():
    findings = lint(chart(NOTES), tier=Tier.HARD)
    charts = [
        Linted(Tier.HARD, 2.0, findings),
        Linted(Tier.HARD, 2.0, ()),
        Linted(Tier.EASY, 4.0, findings + findings),
    ]
    found = rates(charts)
    assert found["mini_jack error"] == {"Easy": 0.5, "Hard": 0.25, "all": 0.375, "charts": 2}
    assert found["anchor none"] == {"Easy": 0, "Hard": 0, "all": 0, "charts": 0}
    assert {name.split()[0] for name in found} == {rule.name for rule in RULES}
    lines = rates_table(charts).splitlines()
    assert lines[0] == "| rule | severity | Easy | Hard | all | charts |"
    assert "| mini_jack | error | 0.50 | 0.25 | 0.38 | 2 |" in lines
    assert lines[-1] == "| minutes |  | 4 | 4 | 8 |  |"
    assert len({line.count("|") for line in lines}) == 1


def test_no_charts_have_no_rates():
    assert all(row == {"all": 0, "charts": 0} for row in rates([]).values())
    assert "| charts |  | 0 |  |" in rates_table([])
    assert played_minutes(0.0) > 0


def test_the_documentation_has_every_rule_and_limit(root: Path):
    page = (root / "docs" / "lint.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"| `{rule.name}` |" in page
    for field in fields(TierLimits):
        values = [getattr(LIMITS[tier], field.name) for tier in Tier]
        if field.name == "chord_share":
            assert "0.4, 0.55, 0.75, 0.85 or all" in page
            assert values == [0.4, 0.55, 0.75, 0.85, 1.0]
        else:
            cells = " | ".join("–" if v == math.inf else f"{v:g}" for v in values)
            assert any(
                line.startswith(f"| `{field.name}` |") and line.endswith(f"| {cells} |")
                for line in page.splitlines()
            ), field.name
