"""Rules about several columns at once, and about how many notes there are."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence

from mug.lint.findings import Finding, Fix
from mug.lint.view import ChartView, NoteRow, hand
from mug.messages.message import Message

LEAST_TRILL_KEYS = 4
SPIKE_BEATS = 4.0
SPIKE_TIMES = 2.0
SPIKE_NOTES = 12  # fewer in a window are no spike, whatever the rest is like
_USUAL = 0.9


def chord_size(chart: ChartView) -> Iterator[Finding]:
    """More notes at once than the tier allows."""
    most = chart.limits.chord_notes(chart.keys)
    for row in chart.rows:
        if len(row.notes) > most:
            yield Finding(
                row.start_ms,
                row.start_ms,
                row.columns,
                "chord_size",
                "warning",
                Message(
                    "finding.notes_at_once", count=len(row.notes), most=most, tier=chart.tier.title
                ),
                Fix("remove", row.start_ms, row.columns[0]),
            )


def one_hand_trill(chart: ChartView) -> Iterator[Finding]:
    """Two columns of one hand in turn, faster and longer than the tier allows."""
    if chart.keys < LEAST_TRILL_KEYS:
        return
    for side in (0, 1):
        rows = _singles(chart, side)
        for run in alternations(rows, chart.limits.trill_ms):
            if len(run) > chart.limits.trill_notes:
                gap = (run[-1].start_ms - run[0].start_ms) / (len(run) - 1)
                columns = tuple(sorted({column for row in run for column in row.columns}))
                yield Finding(
                    run[0].start_ms,
                    run[-1].start_ms,
                    columns,
                    "one_hand_trill",
                    "warning",
                    Message(
                        ("finding.left_hand_trill", "finding.right_hand_trill")[side],
                        count=len(run),
                        gap=gap,
                        most=chart.limits.trill_notes,
                    ),
                )


def _singles(chart: ChartView, side: int) -> list[NoteRow]:
    """Notes of one hand, row by row."""
    found: list[NoteRow] = []
    own = {column for column in chart.all_columns if hand(column, chart.keys) == side}
    for row in chart.rows:
        notes = tuple([note for note in row.notes if note.column in own])
        if notes:
            found.append(NoteRow(row.start_ms, notes))
    return found


def alternations(rows: Sequence[NoteRow], limit_ms: float) -> Iterator[list[NoteRow]]:
    """Longest stretches of single notes in two columns in turn."""
    run: list[NoteRow] = []
    for row in rows:
        fast = bool(run) and row.start_ms - run[-1].start_ms <= limit_ms
        other = bool(run) and row.columns != run[-1].columns
        back = len(run) < 2 or row.columns == run[-2].columns
        if not (fast and other and len(row.columns) == 1):
            yield run
            run = []
        elif not back:
            yield run
            run = run[-1:]
        if len(row.columns) == 1:
            run.append(row)
    yield run


def density_spike(chart: ChartView) -> Iterator[Finding]:
    """A bar with far more notes than the chart usually has."""
    counts = _counts(chart)
    if not counts:
        return
    ordered = sorted(count for _, _, count in counts)
    usual = ordered[min(int(_USUAL * len(ordered)), len(ordered) - 1)]
    spikes = [c for c in counts if c[2] >= SPIKE_NOTES and c[2] > SPIKE_TIMES * usual]
    merged: list[tuple[float, float, int]] = []
    for start, end, count in spikes:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], end, max(merged[-1][2], count))
        else:
            merged.append((start, end, count))
    for start, end, count in merged:
        yield Finding(
            start,
            end,
            chart.all_columns,
            "density_spike",
            "warning",
            Message("finding.density_spike", count=count, beats=SPIKE_BEATS, usual=usual),
        )


def _counts(chart: ChartView) -> list[tuple[float, float, int]]:
    """Start, end and notes of windows of one bar, half a bar apart, that have notes."""
    found: list[tuple[float, float, int]] = []
    starts = chart.starts
    at = starts[0] if starts else 0.0
    while starts and at <= starts[-1]:
        width = SPIKE_BEATS * chart.beat_ms(at)
        first = bisect.bisect_left(starts, at)
        count = bisect.bisect_left(starts, at + width) - first
        if count:
            found.append((at, at + width, count))
            at += width / 2
        else:
            at = starts[first]  # there is one, for `at` is not after the last
    return found
