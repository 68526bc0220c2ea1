"""Findings of lint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mug.messages.message import Message

Severity = Literal["error", "warning", "note"]
Action = Literal["move", "shorten", "remove"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Fix:
    """First attempt of `fix.fix` at a finding.

    Args:
        action: to another column, to an earlier end, or away.
        time_ms: start of the note.
        column: its column.
    """

    action: Action
    time_ms: float
    column: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a chart breaks a rule.

    Args:
        time_ms: where it begins.
        end_ms: where it is over; `time_ms` or later.
        columns: the columns it is about, ascending; all of them where it is about the chart.
        rule: name of the rule.
        severity: `error` for what cannot be played as written, `warning` for what a modder would
            point out, `note` for what is worth a look.
        message: what is wrong, as a code with the value and the limit.
        fix: None where only a person can fix it.
    """

    time_ms: float
    end_ms: float
    columns: tuple[int, ...]
    rule: str
    severity: Severity
    message: Message
    fix: Fix | None = None
