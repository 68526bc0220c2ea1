"""The benchmark's results as one mapping: `results.json`, which docs/benchmark.md describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mug.difficulty.stars import ln_ratio
from mug.evaluation.cost import cost_summary, threads_of
from mug.evaluation.distances import distances
from mug.evaluation.editing import editing_summary
from mug.evaluation.listening import with_gains
from mug.evaluation.markdown.summary import plain
from mug.evaluation.markdown.tables import (
    FIGURES,
    PAIRED_FIGURE,
    columns_of,
    comparisons,
    kinds_to_beat,
    summaries,
)
from mug.evaluation.rows import ResultRow, as_json, write_chart
from mug.evaluation.songs import HumanSong, load_sound
from mug.evaluation.sweep import sweep_summary, switch_summary

VERSION = 3
"""Of the structure; raise it when a key changes its meaning."""

LEFT_OUT: tuple[tuple[str, str], ...] = ()
"""Figures that failed their damage probes, and how."""


def results(
    rows: Sequence[ResultRow],
    songs: Sequence[HumanSong],
    command: Mapping[str, Any],
    out: Path,
    others: Sequence[HumanSong] = (),
) -> dict[str, Any]:
    """Everything that a run found, as plain containers; writes the human charts beside the others.

    Args:
        rows: of all pieces.
        songs: those that were judged.
        command: the options of the run.
        out: folder of the results.
        others: songs by people that distances are measured from.
    """
    rows = with_gains(rows)
    return {
        "version": VERSION,
        "command": dict(command),
        "songs": _described(songs, out),
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
        "audio_blind": {column.label: kinds_to_beat(rows, column) for column in columns_of(rows)},
        "distances": distances(rows, songs, others),
        "sweep": sweep_summary(rows),
        "switches": switch_summary(rows),
        "editing": {
            region: {name: plain(summary) for name, summary in figures.items()}
            for region, figures in editing_summary(rows).items()
        },
        "cost": {
            **{name: plain(summary) for name, summary in cost_summary(rows).items()},
            **({"threads": threads} if (threads := threads_of(rows)) is not None else {}),
        },
        "left_out": [{"figure": figure, "why": why} for figure, why in LEFT_OUT],
        "rows": [as_json(row) for row in rows],
    }


def _described(songs: Sequence[HumanSong], out: Path) -> list[dict[str, Any]]:
    """Describe the songs and their human charts; write those beside the judged ones."""
    return [
        {
            "song": song.name,
            "audio": str(song.audio.resolve()),
            "duration_ms": load_sound(song.audio).duration_ms,
            "charts": [
                {
                    "chart": number,
                    "difficulty": chart.version,
                    "stars": stars,
                    "ln_ratio": ln_ratio(chart.hit_objects),
                    "notes": len(chart.hit_objects),
                    "file": write_chart(chart, out, song.name, f"{number} {chart.version}, human"),
                }
                for number, (chart, stars) in enumerate(zip(song.charts, song.stars, strict=True))
            ],
        }
        for song in songs
    ]
