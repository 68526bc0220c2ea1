"""Playability: what a modder would say about a chart.

The rules are our own wording and numbers of what osu!mania's public ranking criteria and common
modding practice ask for; `docs/lint.md` lists them. A chart without findings is playable by its
tier's measure, no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.errors import DataError
from mug.lint import chart_rules, column_rules, pattern_rules
from mug.lint.findings import SEVERITIES, Finding
from mug.lint.view import ChartView, check_notes
from mug.tiers import Tier, estimated_stars, tier_of
from mug.util import nearest

NOTICE = (
    "osu! does not accept machine-made content in ranked maps, whatever is found or not found here."
)


@dataclass(frozen=True)
class Rule:
    """One rule, with a chart that breaks it and one that just does not.

    Args:
        check: the findings in a chart; its name is the rule's, the first line of its docstring
            says what breaks it.
        broken: notes that break the rule.
        kept: notes that keep it.
        tier: whose limits hold in both charts.
        audio_ms: length of their song; None where the rule does not look at it.
    """

    check: Callable[[ChartView], Iterator[Finding]]
    broken: Sequence[HitObject]
    kept: Sequence[HitObject]
    tier: Tier = Tier.HARD
    audio_ms: float | None = None

    @property
    def name(self) -> str:
        """Name as findings have it."""
        return self.check.__name__

    @property
    def what(self) -> str:
        """Description of what breaks it, for people."""
        return (self.check.__doc__ or "").splitlines()[0].rstrip(".")


def _taps(columns: str, step_ms: float, start_ms: float = 1000.0) -> list[HitObject]:
    """Taps one after the other; each digit is a column."""
    return [Rice(int(c), start_ms + step_ms * i) for i, c in enumerate(columns)]


def _hold(column: int, start_ms: float, end_ms: float) -> list[HitObject]:
    return [LongNote(column, start_ms, end_ms)]


RULES: tuple[Rule, ...] = (
    Rule(column_rules.same_time, _taps("11", 0), _taps("10", 0)),
    Rule(
        column_rules.inside_hold,
        _hold(1, 900, 1500) + _taps("1", 0),
        _hold(1, 900, 1500) + _taps("0", 0),
    ),
    Rule(column_rules.mini_jack, _taps("22", 89), _taps("22", 90)),
    Rule(column_rules.short_hold, _hold(0, 1000, 1059), _hold(0, 1000, 1060)),
    Rule(
        column_rules.release_gap,
        _hold(0, 500, 931) + _taps("0", 0),
        _hold(0, 500, 930) + _taps("0", 0),
    ),
    Rule(
        column_rules.shield,
        _taps("0", 0) + _hold(0, 1124, 2000),
        _taps("0", 0) + _hold(0, 1125, 2000),
    ),
    Rule(column_rules.jack, _taps("00000", 160), _taps("0000", 160)),
    Rule(column_rules.anchor, _taps("0102030102030", 90), _taps("01020301020", 90)),
    Rule(pattern_rules.chord_size, _taps("0123", 0), _taps("012", 0)),
    Rule(pattern_rules.one_hand_trill, _taps("01010101", 100), _taps("0101010", 100)),
    Rule(
        pattern_rules.density_spike,
        _taps("0123" * 50, 333) + _taps("0123" * 8, 41, 30000),
        _taps("0123" * 50, 333),
    ),
    Rule(chart_rules.after_audio, _taps("01", 3011), _taps("01", 3000), audio_ms=4000.0),
    Rule(chart_rules.early_start, _taps("0", 0, 499), _taps("0", 0, 500)),
    Rule(chart_rules.empty_column, _taps("012", 500), _taps("0123", 500)),
    Rule(chart_rules.long_break, _taps("01", 6001), _taps("01", 6000)),
    Rule(
        chart_rules.missing_rest,
        _taps("0123" * 40, 500),
        _taps("0123" * 20, 500) + _taps("0123" * 20, 500, 45000),
        Tier.EASY,
    ),
    Rule(chart_rules.hand_balance, _taps("01" * 50, 100), _taps("0123" * 25, 100)),
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
