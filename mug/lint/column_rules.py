"""Rules about one column: what a single finger is asked to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from mug.beatmap.hit_objects import HitObject, LongNote
from mug.lint.findings import Finding, Fix, Severity
from mug.lint.view import ChartView, struck_between
from mug.messages.message import Message
from mug.tiers import Tier, TierLimits

SAME_MS = 1.0  # starts closer than this are one time
UNHITTABLE_MS = 40.0  # no finger repeats so fast
NO_HOLD_MS = 20.0  # a hold so short is a tap
NO_RELEASE_MS = 10.0  # a key released for less than this was not released


def pair_rule(earlier: HitObject, later: HitObject, limits: TierLimits) -> str | None:
    """The first rule that two notes of a column break, None where they get along."""
    gap = later.start_ms - earlier.start_ms
    held = isinstance(earlier, LongNote)
    if gap < SAME_MS:
        return "same_time"
    if held and later.start_ms < earlier.last_ms:
        return "inside_hold"
    if gap < limits.mini_jack_ms:
        return "mini_jack"
    if held and later.start_ms - earlier.last_ms < limits.release_ms:
        return "release_gap"
    if not held and isinstance(later, LongNote) and gap < limits.shield_ms:
        return "shield"
    return None


@lru_cache(maxsize=1)
def _clashes(chart: ChartView) -> dict[str, list[tuple[HitObject, HitObject]]]:
    """Pairs of notes by the rule they break; all rules about pairs look at the same chart."""
    found: dict[str, list[tuple[HitObject, HitObject]]] = {}
    limits = chart.limits
    for column in chart.columns:
        longest: HitObject | None = None
        for earlier, later in pairwise(column):
            if longest is None or earlier.last_ms >= longest.last_ms:
                longest = earlier
            first = pair_rule(earlier, later, limits)
            if first is not None:
                found.setdefault(first, []).append((earlier, later))
            if longest is not earlier:
                second = pair_rule(longest, later, limits)
                if second is not None and second != first:
                    found.setdefault(second, []).append((longest, later))
    return found


def _broken(chart: ChartView, rule: str) -> list[tuple[HitObject, HitObject]]:
    """Notes that break a rule with the one before them in their column, or the longest hold."""
    return _clashes(chart).get(rule, [])


def _moved(
    rule: str, severity: Severity, span_ms: tuple[float, float], note: HitObject, message: Message
) -> Finding:
    """A finding in one column that moving a note fixes."""
    column = note.column
    return Finding(*span_ms, (column,), rule, severity, message, Fix("move", note.start_ms, column))


def same_time(chart: ChartView) -> Iterator[Finding]:
    """Two notes in one column at one time."""
    for _, later in _broken(chart, "same_time"):
        span = later.start_ms, later.start_ms
        yield _moved("same_time", "error", span, later, Message("finding.two_notes_at_one_time"))


def inside_hold(chart: ChartView) -> Iterator[Finding]:
    """A note in a column that is held."""
    for earlier, later in _broken(chart, "inside_hold"):
        span = later.start_ms, later.start_ms
        message = Message("finding.inside_hold", start=earlier.start_ms, end=earlier.last_ms)
        yield _moved("inside_hold", "error", span, later, message)


def mini_jack(chart: ChartView) -> Iterator[Finding]:
    """Two notes of a column closer than the tier allows."""
    for earlier, later in _broken(chart, "mini_jack"):
        gap = later.start_ms - earlier.start_ms
        span = earlier.start_ms, later.start_ms
        message = Message("finding.repeated_after", gap=gap, least=chart.limits.mini_jack_ms)
        yield _moved(
            "mini_jack", "error" if gap < UNHITTABLE_MS else "warning", span, later, message
        )


def short_hold(chart: ChartView) -> Iterator[Finding]:
    """A hold too short to be distinct from a tap."""
    for note in chart.notes:
        if isinstance(note, LongNote) and note.end_ms - note.start_ms < chart.limits.hold_ms:
            length = note.end_ms - note.start_ms
            yield Finding(
                note.start_ms,
                max(note.start_ms, note.end_ms),
                (note.column,),
                "short_hold",
                "error" if length < NO_HOLD_MS else "warning",
                Message("finding.held_for", length=length, least=chart.limits.hold_ms),
                Fix("shorten", note.start_ms, note.column),
            )


def release_gap(chart: ChartView) -> Iterator[Finding]:
    """Too little time between the end of a hold and the next note of its column."""
    for earlier, later in _broken(chart, "release_gap"):
        gap = later.start_ms - earlier.last_ms
        span = earlier.last_ms, later.start_ms
        message = Message("finding.released_for", gap=gap, least=chart.limits.release_ms)
        yield _moved(
            "release_gap", "error" if gap < NO_RELEASE_MS else "warning", span, later, message
        )


def shield(chart: ChartView) -> Iterator[Finding]:
    """A tap right before the head of a hold in its column."""
    for earlier, later in _broken(chart, "shield"):
        gap = later.start_ms - earlier.start_ms
        span = earlier.start_ms, later.start_ms
        message = Message("finding.tap_before_hold", gap=gap, least=chart.limits.shield_ms)
        yield _moved("shield", "warning", span, earlier, message)


def jack(chart: ChartView) -> Iterator[Finding]:
    """One column again and again with nothing between."""
    # From Insane on, jacks are a skill that charts ask for on purpose.
    limits = chart.limits
    severity: Severity = "warning" if chart.tier < Tier.INSANE else "note"
    for column in chart.columns:
        for run in runs(column, chart.starts, limits.jack_ms, jacks=True):
            if len(run) > limits.jack_notes:
                message = _too_long(run, "finding.times_in_a_row", limits.jack_notes)
                span = run[0].start_ms, run[-1].start_ms
                yield _moved("jack", severity, span, run[limits.jack_notes], message)


def anchor(chart: ChartView) -> Iterator[Finding]:
    """One column again and again within a stream."""
    limits = chart.limits
    for column in chart.columns:
        for run in runs(column, chart.starts, limits.anchor_ms, jacks=False):
            if len(run) > limits.anchor_notes:
                message = _too_long(run, "finding.times_within_a_stream", limits.anchor_notes)
                span = run[0].start_ms, run[-1].start_ms
                yield Finding(*span, (run[0].column,), "anchor", "warning", message)


def _too_long(run: Sequence[HitObject], code: str, most: int) -> Message:
    gap = (run[-1].start_ms - run[0].start_ms) / (len(run) - 1)
    return Message(code, count=len(run), gap=gap, most=most)


def runs(
    column: Sequence[HitObject], starts: Sequence[float], limit_ms: float, *, jacks: bool
) -> Iterator[list[HitObject]]:
    """Longest stretches of a column in which each note is a jack, or an anchor, of the last.

    Args:
        column: its notes, by start.
        starts: of all notes of the chart, ascending.
        limit_ms: how far apart two notes of a stretch may be.
        jacks: whether nothing, or something, must be struck between them.
    """
    run: list[HitObject] = []
    for note in column:
        if run:
            gap = note.start_ms - run[-1].start_ms
            if gap > limit_ms or struck_between(starts, run[-1].start_ms, note.start_ms) is jacks:
                yield run
                run = []
        run.append(note)
    if run:
        yield run
