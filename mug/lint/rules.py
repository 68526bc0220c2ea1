"""Playability: what a modder would say about a chart.

The rules are our own wording and numbers of what osu!mania's public ranking criteria and common
modding practice ask for; `docs/lint.md` lists them. A chart without findings is playable by its
tier's measure, no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mug.beatmap.beatmap import Beatmap
from mug.errors import DataError
from mug.lint import chart_rules as lint_whole
from mug.lint import column_rules as lint_columns
from mug.lint import pattern_rules as lint_patterns
from mug.lint.findings import SEVERITIES, Finding
from mug.lint.view import ChartView, check_notes
from mug.tiers import Tier, estimated_stars, tier_of
from mug.util import nearest

NOTICE = (
    "osu! does not accept machine-made content in ranked maps, whatever is found or not found here."
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        name: as findings call it.
        what: what breaks it, for people.
        check: the findings in a chart.
    """

    name: str
    what: str
    check: Callable[[ChartView], Iterator[Finding]]


def _rule(check: Callable[[ChartView], Iterator[Finding]]) -> Rule:
    """A rule from its function: its name, and the first line of its docstring."""
    return Rule(check.__name__, (check.__doc__ or "").splitlines()[0].rstrip("."), check)


RULES: tuple[Rule, ...] = tuple(
    map(
        _rule,
        (
            lint_columns.same_time,
            lint_columns.inside_hold,
            lint_columns.mini_jack,
            lint_columns.short_hold,
            lint_columns.release_gap,
            lint_columns.shield,
            lint_columns.jack,
            lint_columns.anchor,
            lint_patterns.chord_size,
            lint_patterns.one_hand_trill,
            lint_patterns.density_spike,
            lint_whole.after_audio,
            lint_whole.early_start,
            lint_whole.empty_column,
            lint_whole.long_break,
            lint_whole.missing_rest,
            lint_whole.hand_balance,
        ),
    )
)


def lint(
    beatmap: Beatmap,
    *,
    star_rating: float | None = None,
    audio_ms: float | None = None,
    tier: Tier | None = None,
    rules: Iterable[str] | None = None,
) -> tuple[Finding, ...]:
    """Find the places where a chart breaks the rules, by time.

    Args:
        beatmap: any chart, by people or machines.
        star_rating: gives the tier where none is named; without both, density does, roughly.
        audio_ms: length of the song; without it nothing is said about notes after its end.
        tier: whose limits hold.
        rules: names of the rules to apply, all by default.

    Raises:
        DataError: for an unknown rule, and for notes that no rule can be applied to.
    """
    chart = chart_of(beatmap, tier_for(beatmap, star_rating) if tier is None else tier, audio_ms)
    found = [finding for rule in _chosen(rules) for finding in rule.check(chart)]
    order = {rule.name: place for place, rule in enumerate(RULES)}
    return tuple(sorted(found, key=lambda f: (f.time_ms, order[f.rule], f.columns, f.end_ms)))


def chart_of(beatmap: Beatmap, tier: Tier, audio_ms: float | None = None) -> ChartView:
    """A beatmap as the rules see it.

    Raises:
        DataError: for notes that no rule can be applied to.
    """
    check_notes(beatmap.hit_objects, beatmap.keys)
    notes = sorted(beatmap.hit_objects, key=lambda n: (n.start_ms, n.column, n.last_ms))
    return ChartView(beatmap.keys, tuple(notes), tier, beatmap.red_lines, audio_ms)


def tier_for(beatmap: Beatmap, star_rating: float | None = None) -> Tier:
    """The tier of a star rating; without one, of the rating that the density suggests."""
    if star_rating is None:
        star_rating = estimated_stars(beatmap.hit_objects)
    return tier_of(star_rating)


def _chosen(names: Iterable[str] | None) -> Sequence[Rule]:
    if names is None:
        return RULES
    known = {rule.name: rule for rule in RULES}
    wanted = list(names)
    for name in wanted:
        if name not in known:
            raise DataError("lint.no_such_rule", value=name, remedy=nearest(name, list(known)))
    return [rule for rule in RULES if rule.name in wanted]


def count_by_severity(findings: Iterable[Finding]) -> dict[str, int]:
    """Number of errors, warnings and notes."""
    counts: dict[str, int] = dict.fromkeys(SEVERITIES, 0)
    for finding in findings:
        counts[finding.severity] += 1
    return counts
