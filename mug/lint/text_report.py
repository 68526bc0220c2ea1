"""Findings as text: a table for people, plain containers for programs, rates for many charts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mug.lint.findings import SEVERITIES, Finding
from mug.lint.rules import RULES
from mug.tiers import Tier

_HEADER = ("time", "columns", "rule", "severity", "message")
_MS_PER_MINUTE = 60000.0


def timestamp(time_ms: float) -> str:
    """A time as the game's editor writes and takes it, e.g. `01:02:345`."""
    whole = round(abs(time_ms))
    minutes, rest = divmod(whole, 60000)
    return f"{'-' * (time_ms < 0)}{minutes:02d}:{rest // 1000:02d}:{rest % 1000:03d}"


def column_list(columns: Sequence[int], keys: int) -> str:
    """Columns for people, counted from 1; `all` for all of them."""
    if len(columns) == keys and keys > 1:
        return "all"
    return " ".join(str(column + 1) for column in columns)


def table(findings: Iterable[Finding], keys: int) -> str:
    """One line a finding, in columns; empty without findings."""
    lines = [
        (timestamp(f.time_ms), column_list(f.columns, keys), f.rule, f.severity, f.message)
        for f in findings
    ]
    return columns_of_text([_HEADER, *lines]) if lines else ""


def columns_of_text(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells, aligned."""
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def as_containers(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings for JSON; columns are counted from 0."""
    return [asdict(finding) for finding in findings]


@dataclass(frozen=True)
class Linted:
    """Findings of one chart, for rates.

    Args:
        tier: whose limits held.
        minutes: from the first note to the end of the last.
        findings: all of them.
    """

    tier: Tier
    minutes: float
    findings: tuple[Finding, ...]


def played_minutes(span_ms: float) -> float:
    """Minutes of a chart from its span in ms; never 0, so that there is a rate."""
    return max(span_ms, 1.0) / _MS_PER_MINUTE


def rates(charts: Sequence[Linted]) -> dict[str, dict[str, float]]:
    """Findings a minute by `rule severity`, in each tier that occurs and in `all`.

    The key `charts` beside the tiers is the number of charts with such a finding. A rule that
    found nothing has one row of zeros, with `none` for its severity.
    """
    minutes: defaultdict[str, float] = defaultdict(float)
    counts: Counter[tuple[str, str]] = Counter()
    having: Counter[str] = Counter()
    for chart in charts:
        tiers = (chart.tier.title, "all")
        for tier in tiers:
            minutes[tier] += chart.minutes
        names = [f"{finding.rule} {finding.severity}" for finding in chart.findings]
        counts.update((name, tier) for name in names for tier in tiers)
        having.update(set(names))
    found: dict[str, dict[str, float]] = {}
    for rule in RULES:
        rows = [name for s in SEVERITIES if having[name := f"{rule.name} {s}"]]
        for name in rows or [f"{rule.name} none"]:
            row = {t: counts[name, t] / (minutes[t] or 1.0) for t in (*_present(charts), "all")}
            found[name] = row | {"charts": having[name]}
    return found


def rates_table(charts: Sequence[Linted]) -> str:
    """The rates as a Markdown table, with the number of charts and of minutes below."""
    tiers = [*_present(charts), "all"]
    lines = [["rule", "severity", *tiers, "charts"], ["---"] * (len(tiers) + 3)]
    for name, row in rates(charts).items():
        cells = (f"{row[tier]:.2f}" for tier in tiers)
        lines.append([*name.split(), *cells, f"{row['charts']:.0f}"])
    counted = [[c for c in charts if tier in (c.tier.title, "all")] for tier in tiers]
    lines.append(["charts", "", *(str(len(group)) for group in counted), ""])
    lines.append(["minutes", "", *(f"{sum(c.minutes for c in g):.0f}" for g in counted), ""])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _present(charts: Sequence[Linted]) -> list[str]:
    return [tier.title for tier in sorted({chart.tier for chart in charts})]
