"""The benchmark's results as one mapping: `results.json`, which docs/benchmark.md describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mug.data.difficulty import ln_ratio
from mug.metrics.statistics import Summary
from mug.pipeline.evaluation import HumanSong, hear
from mug.pipeline.evaluation_rows import Row, as_json, finite, write_chart
from mug.pipeline.evaluation_tables import (
    BASELINES,
    FIGURES,
    Column,
    columns_of,
    paired,
    summaries,
)

VERSION = 2
"""Of the structure; raise it when a key changes its meaning."""

PAIRED_FIGURE = "f1_20"


def results(
    rows: Sequence[Row], songs: Sequence[Mapping[str, Any]], command: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that a run found, as plain containers.

    Args:
        rows: of all pieces.
        songs: from `described`.
        command: the options of the run.
    """
    return {
        "version": VERSION,
        "command": dict(command),
        "songs": list(songs),
        "figures": [{**asdict(figure), "title": figure.title} for figure in FIGURES],
        "columns": [
            {"label": column.label, **asdict(column), "kind": column.kind}
            for column in columns_of(rows)
        ],
        "summary": {
            label: {name: plain(summary) for name, summary in figures.items()}
            for label, figures in summaries(rows).items()
        },
        "paired": [
            {"column": column.label, "base": base, "figure": PAIRED_FIGURE, **plain(difference)}
            for column, base, difference in comparisons(rows)
        ],
        "rows": [as_json(row) for row in rows],
    }


def comparisons(rows: Sequence[Row]) -> list[tuple[Column, str, Summary]]:
    """F1 of each column minus that of each baseline, chart by chart."""
    return [
        (column, base, paired(rows, column, PAIRED_FIGURE, base))
        for column in columns_of(rows)
        for base in BASELINES
        if column.name not in BASELINES
    ]


def plain(summary: Summary) -> dict[str, float | None]:
    """A summary as JSON has it."""
    return finite(asdict(summary))


def described(songs: Sequence[HumanSong], out: Path) -> list[dict[str, Any]]:
    """What the songs and their human charts are; writes those beside the judged ones."""
    return [
        {
            "song": song.name,
            "audio": str(song.audio.resolve()),
            "duration_ms": hear(song.audio).duration_ms,
            "charts": [
                {
                    "chart": number,
                    "difficulty": chart.version,
                    "stars": stars,
                    "ln_ratio": ln_ratio(chart.hit_objects),
                    "notes": len(chart.hit_objects),
                    "file": write_chart(chart, out, song.name, f"{chart.version}, human"),
                }
                for number, (chart, stars) in enumerate(zip(song.charts, song.stars, strict=True))
            ],
        }
        for song in songs
    ]
