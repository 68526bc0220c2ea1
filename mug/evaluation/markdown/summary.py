"""Summaries as JSON has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from mug.evaluation.rows import ResultRow, finite
from mug.metrics.statistics import Summary, summarise


def plain(summary: Summary) -> dict[str, float | None]:
    """A summary as JSON has it."""
    return finite(asdict(summary))


def over_songs(rows: Sequence[ResultRow], name: str) -> Summary:
    """A figure over the rows that have it; failed charts that lack it are counted."""
    having = [row for row in rows if name in row.figures]
    if having:
        having += [row for row in rows if row.failed and name not in row.figures]
    return summarise(
        [row.figures.get(name, math.nan) for row in having],
        [row.song for row in having],
        [row.failed for row in having],
        [row.chart for row in having],
    )
