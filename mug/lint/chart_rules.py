"""Rules about the chart as a whole: its ends, its rests, its columns and its hands."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate

from mug.lint.findings import Finding, Fix
from mug.lint.view import ChartView, hand
from mug.messages.message import Message
from mug.tiers import Tier

EARLY_MS = 500.0  # who starts a song needs a moment
REST_BEATS = 4.0
AFTER_MS = 10.0  # decoders disagree by less about where a song ends

WHOLE_SHARE, WHOLE_NOTES = 0.35, 50
PART_SHARE, PART_NOTES, PART_MS = 0.2, 40, 15000.0


def after_audio(chart: ChartView) -> Iterator[Finding]:
    """A note that begins or ends after the song."""
    if chart.audio_ms is None:
        return
    for note in chart.notes:
        if note.last_ms > chart.audio_ms + AFTER_MS:
            begins = note.start_ms > chart.audio_ms + AFTER_MS
            yield Finding(
                note.start_ms,
                note.last_ms,
                (note.column,),
                "after_audio",
                "error" if begins else "warning",
                Message(
                    "finding.begins_after_song" if begins else "finding.ends_after_song",
                    gap=note.last_ms - chart.audio_ms,
                ),
                Fix("remove" if begins else "shorten", note.start_ms, note.column),
            )


def early_start(chart: ChartView) -> Iterator[Finding]:
    """The first note comes before the song, or before anyone can be ready."""
    if not chart.notes or chart.notes[0].start_ms >= EARLY_MS:
        return
    first = chart.notes[0]
    yield Finding(
        first.start_ms,
        first.start_ms,
        (first.column,),
        "early_start",
        "error" if first.start_ms < 0 else "note",
        Message("finding.first_note_is_at", time=first.start_ms, least=EARLY_MS),
    )


def empty_column(chart: ChartView) -> Iterator[Finding]:
    """A column without notes."""
    empty = tuple(c for c, notes in enumerate(chart.columns) if not notes)
    if empty:
        first = chart.notes[0].start_ms if chart.notes else 0.0
        last = max((note.last_ms for note in chart.notes), default=0.0)
        yield Finding(
            first,
            max(first, last),
            empty,
            "empty_column",
            "error",
            Message(
                "finding.column_without_notes"
                if len(empty) < chart.keys
                else "finding.chart_without_notes"
            ),
            _spare(chart),
        )


def _spare(chart: ChartView) -> Fix | None:
    """To move a note of the fullest column, where there is one with several."""
    fullest = max(chart.columns, key=len)
    return Fix("move", fullest[0].start_ms, fullest[0].column) if len(fullest) > 1 else None


def long_break(chart: ChartView) -> Iterator[Finding]:
    """Too long without a note."""
    for start, end in _gaps(chart):
        if end - start > 1000 * chart.limits.break_s:
            yield Finding(
                start,
                end,
                chart.all_columns,
                "long_break",
                "warning",
                Message(
                    "finding.nothing_to_play_for",
                    seconds=(end - start) / 1000,
                    most=chart.limits.break_s,
                ),
            )


def missing_rest(chart: ChartView) -> Iterator[Finding]:
    """An Easy chart without a moment to breathe."""
    if chart.tier is not Tier.EASY or not chart.notes:
        return
    since = chart.notes[0].start_ms
    ends = (*_gaps(chart), (max(n.last_ms for n in chart.notes), None))
    for start, end in ends:
        if end is not None and end - start < REST_BEATS * chart.beat_ms(start):
            continue
        if start - since > 1000 * chart.limits.rest_s:
            yield Finding(
                since,
                start,
                chart.all_columns,
                "missing_rest",
                "note",
                Message(
                    "finding.without_a_rest",
                    seconds=(start - since) / 1000,
                    beats=REST_BEATS,
                    most=chart.limits.rest_s,
                ),
            )
        since = start if end is None else end


def _gaps(chart: ChartView) -> list[tuple[float, float]]:
    """Times in which nothing is struck or held, between notes."""
    found: list[tuple[float, float]] = []
    until = chart.notes[0].last_ms if chart.notes else 0.0
    for note in chart.notes:
        if note.start_ms > until:
            found.append((until, note.start_ms))
        until = max(until, note.last_ms)
    return found


def hand_balance(chart: ChartView) -> Iterator[Finding]:
    """One hand plays far more than the other, over the chart or for a quarter of a minute."""
    notes = [note for note in chart.notes if hand(note.column, chart.keys) is not None]
    if len(notes) < WHOLE_NOTES:
        return
    starts = [note.start_ms for note in notes]
    right = [0, *accumulate(hand(note.column, chart.keys) or 0 for note in notes)]
    whole = right[-1] / len(notes)
    if not WHOLE_SHARE <= whole <= 1 - WHOLE_SHARE:
        yield _unbalanced(chart, (starts[0], starts[-1]), whole, whole=True)
        return
    for first, last in _one_sided(starts, right):
        share = (right[last] - right[first]) / (last - first)
        yield _unbalanced(chart, (starts[first], starts[last - 1]), share, whole=False)


def _one_sided(starts: Sequence[float], right: Sequence[int]) -> list[tuple[int, int]]:
    """Stretches, as indices, in which one hand has nearly everything; they do not overlap."""
    found: list[tuple[int, int]] = []
    for first, start in enumerate(starts):
        if found and first < found[-1][1]:
            continue
        last = bisect.bisect_left(starts, start + PART_MS)
        if last - first < PART_NOTES:
            continue
        share = (right[last] - right[first]) / (last - first)
        if not PART_SHARE <= share <= 1 - PART_SHARE:
            found.append((first, last))
    return found


def _unbalanced(
    chart: ChartView, span_ms: tuple[float, float], share: float, *, whole: bool
) -> Finding:
    side, of_notes = (1, share) if share > 0.5 else (0, 1 - share)
    least = WHOLE_SHARE if whole else PART_SHARE
    return Finding(
        *span_ms,
        tuple(c for c in chart.all_columns if hand(c, chart.keys) == side),
        "hand_balance",
        "warning" if whole else "note",
        Message(
            ("finding.left_hand_has", "finding.right_hand_has")[side],
            share=of_notes,
            most=1 - least,
        ),
    )
