"""Summaries as JSON has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from mug.evaluation.rows import ResultRow, finite
from mug.metrics.statistics import Summary, summarise


def plain(summary: Summary) -> dict[str, float | None]:
    """A summary as JSON has it."""
    return finite(asdict(summary))


def over_songs(rows: Sequence[ResultRow], name: str) -> Summary:
    """A figure over the rows that have it."""
    having = [row for row in rows if name in row.figures]
    return summarise(
        [row.figures[name] for row in having],
        [row.song for row in having],
        np.random.default_rng(0),
    )
